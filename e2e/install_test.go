//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInstallForOneUser takes the system's link away, so that only what the user installs counts. It runs alone.
func TestInstallForOneUser(t *testing.T) {
	link := filepath.Join(host.root, "usr/lib/systemd/user-generators/podman-ondemand")
	away := filepath.Join(host.root, "usr/lib/podman-ondemand.away")
	if err := os.Rename(link, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(away, link); err != nil {
			t.Fatal(err)
		}
		host.reload(t)
	})
	a := newApp(t)
	a.write(plain)
	host.reload(t)
	time.Sleep(500 * time.Millisecond)
	if listens(t, a.port) {
		t.Fatal("something generates although nothing is installed")
	}
	host.run(t, "mkdir", "-p", ".local/bin")
	t.Log(host.run(t, "podman-ondemand", "install"))
	if page := host.run(t, "sh", "-c", "PATH=$HOME/.local/bin:$PATH man --where podman-ondemand.unit"); page != "/home/demo/.local/share/man/man5/podman-ondemand.unit.5\n" {
		t.Errorf("man finds %q", page)
	}
	a.mustListen(a.port)
	a.mustGet("/")
	record(t, "podman-ondemand install, as the user", "the port listens", "listens, answers")
	a.mustSleep(10 * time.Second)
	a.failSocket()
	t.Log(host.run(t, "podman-ondemand", "uninstall"))
	host.reload(t)
	if state := host.show(t, "podman-ondemand-apply@any.service", "LoadState"); state != "not-found" {
		t.Error("the generator is still called after uninstall")
	}
	if left, _ := host.try("sh", "-c", "ls ~/.config/systemd/user-generators/* ~/.config/systemd/user.conf.d/* ~/.local/share/*/*/* 2>/dev/null"); strings.Contains(left, "podman-ondemand") {
		t.Errorf("left over: %s", left)
	}
	if failed := host.systemctl(t, "list-units", "--all", "--plain", "--no-legend", a.name+"*", "podman-ondemand*"); strings.TrimSpace(failed) != "" {
		t.Errorf("systemd still has %s", failed)
	}
	if left, _ := filepath.Glob(host.path(t, "/run/user/1000/podman-ondemand*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if _, err := os.Stat(host.home(".local/bin")); err != nil {
		t.Error("uninstall removed a directory that was there before: ", err)
	}
}

// failSocket leaves the socket failed: something else has its port.
func (a *app) failSocket() {
	a.t.Helper()
	host.systemctl(a.t, "stop", a.socket())
	foreign, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", a.port))
	if err != nil {
		a.t.Fatal(err)
	}
	defer foreign.Close()
	if _, err := host.try("systemctl", "--user", "start", a.socket()); err == nil || a.state(a.socket()) != "failed" {
		a.t.Errorf("the socket is %s: %v", a.state(a.socket()), err)
	}
}
