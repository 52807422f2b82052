//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// finding is a line of "podman-ondemand doctor --format json".
type finding struct {
	Check, Level, Message string
	Commands              []string
}

// doctor asks it, and gives its findings of one check. The exit status must go with them.
func doctor(t *testing.T, check string, command ...string) []finding {
	t.Helper()
	if len(command) == 0 {
		command = []string{"podman-ondemand", "doctor"}
	}
	out, status := host.status(t, append(command, "--format=json")...)
	var all, found []finding
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wanted := 0
	for _, f := range all {
		if f.Level == "error" {
			wanted = 1
		}
		if f.Check == check {
			found = append(found, f)
		}
	}
	if status != wanted {
		t.Errorf("exit status %d: %s", status, out)
	}
	return found
}

// mustFind wants a finding of a check, with a part of its text.
func mustFind(t *testing.T, check, level, text string, command ...string) finding {
	t.Helper()
	found := doctor(t, check, command...)
	for _, f := range found {
		if f.Level == level && strings.Contains(f.Message, text) {
			return f
		}
	}
	t.Fatalf("%s: no %s with %q: %+v", check, level, text, found)
	return finding{}
}

// mustMend runs the commands that doctor has printed, with root's rights where they say so, and wants the check to be well.
func mustMend(t *testing.T, f finding, command ...string) {
	t.Helper()
	if len(f.Commands) == 0 {
		t.Fatalf("%s: no command mends: %s", f.Check, f.Message)
	}
	for _, c := range f.Commands {
		t.Logf("%s: %s: %s", f.Check, f.Message, c)
		user, args := "demo", []string(nil)
		rest, root := strings.CutPrefix(c, "sudo ")
		if root { // as a unit: logind does not talk to a process whose cgroup is not the test host's
			user, args = "root", []string{"systemd-run", "--quiet", "--wait", "--pipe"}
		}
		if out, err := host.inside(user, append(args, "sh", "-c", rest)...); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
	for _, f := range doctor(t, f.Check, command...) {
		if f.Level != "ok" {
			t.Errorf("not mended: %+v", f)
		}
	}
}

// asRoot runs a shell command as root in the test host.
func asRoot(t *testing.T, command string) {
	t.Helper()
	host.asRoot(t, "sh", "-c", command)
}

// TestDoctorIsContent: on a host where all is well there is no error.
func TestDoctorIsContent(t *testing.T) {
	out, status := host.status(t, "podman-ondemand", "doctor")
	t.Log(out)
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if !strings.HasPrefix(line, "ok ") && !strings.HasPrefix(line, "warning  cgroups") { // no controllers here
			t.Error(line)
		}
	}
	if status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// The tests below take something away from the test host, and run alone.

func TestDoctorLinger(t *testing.T) {
	file := filepath.Join(host.root, "var/lib/systemd/linger/demo")
	t.Cleanup(func() { _ = os.WriteFile(file, nil, 0o644) })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mustMend(t, mustFind(t, "linger", "warning", "only while demo is logged in"))
}

func TestDoctorInstallation(t *testing.T) {
	link := filepath.Join(host.root, "usr/lib/systemd/user-generators/podman-ondemand")
	away := filepath.Join(host.root, "usr/lib/podman-ondemand.away")
	if err := os.Rename(link, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Rename(away, link)
		host.try("podman-ondemand", "uninstall")
		host.reload(t)
	})
	mustMend(t, mustFind(t, "generator", "error", "will not after the next daemon-reload"))

	dropIn := host.home(".config/systemd/user.conf.d/50-podman-ondemand.conf")
	if err := os.Remove(dropIn); err != nil {
		t.Fatal(err)
	}
	mustMend(t, mustFind(t, "settings", "error", "50-podman-ondemand.conf is not there"))

	program := host.home(".config/systemd/user-generators/podman-ondemand")
	f, err := os.OpenFile(program, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("another")
	f.Close()
	mustMend(t, mustFind(t, "program", "warning", "is another version", "/usr/bin/podman-ondemand", "doctor"))

	if err := os.Rename(away, link); err != nil {
		t.Fatal(err)
	}
	mustMend(t, mustFind(t, "program", "warning", "there are two"))
	mustFind(t, "generator", "ok", "systemd calls it")

	if err := os.Rename(link, away); err != nil {
		t.Fatal(err)
	}
	host.reload(t)
	mustMend(t, mustFind(t, "generator", "error", "does not call the generator"))
}

// TestDoctorGenerator: what was installed after the last reload has not been called.
func TestDoctorGenerator(t *testing.T) {
	link := filepath.Join(host.root, "usr/lib/systemd/user-generators/podman-ondemand")
	away := filepath.Join(host.root, "usr/lib/podman-ondemand.away")
	if err := os.Rename(link, away); err != nil {
		t.Fatal(err)
	}
	host.reload(t)
	if err := os.Rename(away, link); err != nil {
		t.Fatal(err)
	}
	mustMend(t, mustFind(t, "generator", "error", "has not called"))
}

func TestDoctorProxies(t *testing.T) {
	a := start(t, strings.Replace(plain, "500ms", "5min", 1))
	a.mustGet("/")
	mustFind(t, "proxies", "ok", "running, of the installed program")
	asRoot(t, "cp /usr/bin/podman-ondemand /usr/bin/new && mv /usr/bin/new /usr/bin/podman-ondemand")
	f := mustFind(t, "proxies", "warning", a.container())
	mustMend(t, f)
	a.mustSleep(10 * time.Second)
	a.mustGet("/")
	mustFind(t, "proxies", "ok", "running")
}

func TestDoctorSubIDs(t *testing.T) {
	t.Cleanup(func() {
		asRoot(t, "echo demo:100000:65536 | tee /etc/subuid >/etc/subgid")
		host.run(t, "podman", "system", "migrate")
	})
	asRoot(t, "sed -i /demo/d /etc/subuid /etc/subgid")
	host.run(t, "podman", "system", "migrate")
	mustMend(t, mustFind(t, "sub-ids", "error", "has no sub-uids"))
}

func TestDoctorPorts(t *testing.T) {
	t.Cleanup(func() {
		asRoot(t, "sysctl -qw net.ipv4.ip_unprivileged_port_start=1024; rm -f /etc/sysctl.d/50-podman-ondemand.conf")
	})
	a := newApp(t)
	a.write("[Container]\nImage=localhost/testapp\nPublishPort=443:80\n")
	mustFind(t, "files", "error", "1 error")
	mustMend(t, mustFind(t, "ports", "error", a.name+": 443"))
	mustFind(t, "files", "ok", "nothing wrong")
	host.reload(t)
	a.mustListen(443)
}

func TestDoctorNetwork(t *testing.T) {
	quadlet := unitDir + "doctornetwork-db.container"
	t.Cleanup(func() {
		os.Remove(host.home(quadlet))
		asRoot(t, "rm -f /etc/systemd/system/multi-user.target.wants/network-online.target; systemctl daemon-reload; systemctl stop network-online.target")
	})
	host.write(t, quadlet, "[Container]\nImage=localhost/testapp\nPublishPort=127.0.0.1:28998:80\n")
	a := newApp(t)
	a.write("[OnDemand]\nUnit=doctornetwork-db.container\nTarget=28998\n[Socket]\nListenStream=PORT\n")
	host.reload(t)
	mustMend(t, mustFind(t, "network", "warning", "doctornetwork-db.service waits 90s"))
}

// TestDoctorFiles: the command that it prints says what is wrong.
func TestDoctorFiles(t *testing.T) {
	a := newApp(t)
	a.write(sound + "Volume=%h/doctorfiles:/data\n")
	f := mustFind(t, "files", "error", "1 error")
	if out, status := host.status(t, "sh", "-c", f.Commands[0]); status != 1 || !strings.Contains(out, "/home/demo/doctorfiles is not there") {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestDoctorForRoot: the system's manager.
func TestDoctorForRoot(t *testing.T) {
	asRoot(t, "rm -f /run/systemd/generator/podman-ondemand-apply@.service")
	out, err := host.inside("root", "podman-ondemand", "doctor")
	if err == nil || !strings.Contains(out, "error    generator   systemd has not called the generator\n                     sudo systemctl daemon-reload\n") {
		t.Errorf("%v: %s", err, out)
	}
	asRoot(t, "systemctl daemon-reload")
	if out, err := host.inside("root", "podman-ondemand", "doctor"); err != nil || !strings.Contains(out, "ok       generator") {
		t.Errorf("%v: %s", err, out)
	}
}
