//go:build e2e

package e2e

import (
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
	t.Log(host.run(t, "podman-ondemand", "install"))
	a.mustListen(a.port)
	a.mustGet("/")
	record(t, "podman-ondemand install, as the user", "the port listens", "listens, answers")
	a.mustSleep(10 * time.Second)
	t.Log(host.run(t, "podman-ondemand", "uninstall"))
	host.reload(t)
	if state := host.show(t, "podman-ondemand-apply@any.service", "LoadState"); state != "not-found" {
		t.Error("the generator is still called after uninstall")
	}
	if left, _ := host.try("sh", "-c", "ls ~/.config/systemd/user-generators/* ~/.config/systemd/user.conf.d/* 2>/dev/null"); strings.Contains(left, "podman-ondemand") {
		t.Errorf("left over: %s", left)
	}
}
