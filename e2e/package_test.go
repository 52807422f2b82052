//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packaging is a kind of package: how it is built and what installs and removes it.
type packaging struct {
	target  []string // of make
	pattern string   // of the file, with the version; it leaves out src.rpm
	install []string
	remove  []string
}

var packagings = map[string]packaging{
	"deb": {[]string{"deb", "DEBFLAGS=-Zgzip -z1"}, "podman-ondemand_%s-1_*.deb", []string{"dpkg", "-i"}, []string{"dpkg", "-r", "podman-ondemand"}},
	// The test host's rpm knows nothing of Debian's packages.
	"rpm": {[]string{"rpm", "RPMFLAGS=--nocheck"}, "podman-ondemand-%s-1.*[^c].rpm", []string{"rpm", "--nodeps", "-U"}, []string{"rpm", "-e", "podman-ondemand"}},
}

// TestPackage installs, upgrades and removes a package, in the place of what "make install" has installed. It runs alone. "make
// release-check" asks for the RPM in the environment, which takes longer to build; its scripts do the same.
func TestPackage(t *testing.T) {
	kind := os.Getenv("PODMAN_ONDEMAND_PACKAGE")
	if kind == "" {
		kind = "deb"
	}
	p := packagings[kind]
	old, now := p.build(t, "0.0.9"), p.build(t, "0.1.0")
	asRoot(t, "find /usr -name '*podman-ondemand*' -delete")
	t.Cleanup(func() {
		if out, err := output("make", "--no-print-directory", "-C", "..", "install", "DESTDIR="+host.root); err != nil {
			t.Fatal(out, err)
		}
		reloadAll(t)
	})
	reloadAll(t)
	a := newApp(t)
	a.write(strings.Replace(plain, "500ms", "5min", 1))
	b := newSystemApp(t)

	host.asRoot(t, append(p.install, old)...)
	mustVersion(t, "0.0.9")
	a.mustListen(a.port) // without another reload
	a.mustListen(b.port)
	a.upgraded(b, func() { host.asRoot(t, append(p.install, now)...) })
	mustVersion(t, "0.1.0")
	mustFind(t, "proxies", "ok", "of the installed program")

	twoInstallations(t, a, b, p, now)

	a.mustGet("/")
	b.mustGet("/")
	host.asRoot(t, p.remove...)
	a.mustBeGone()
	b.mustBeGone()
	mustLeaveNothing(t)
	record(t, "a ."+kind+" installed, upgraded, removed", "nothing disturbed or left", "so it was")
}

// build makes the package of a version and puts it into the test host.
func (p packaging) build(t *testing.T, version string) (inside string) {
	t.Helper()
	args := append([]string{"--no-print-directory", "-C", "..", "PACKAGE_VERSION=" + version}, p.target...)
	if out, err := exec.Command("make", args...).CombinedOutput(); err != nil {
		t.Fatalf("make %v: %v\n%s", args, err, out)
	}
	found, err := filepath.Glob(filepath.Join("../bin/packages", fmt.Sprintf(p.pattern, version)))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages: %v %v", found, err)
	}
	content, err := os.ReadFile(found[0])
	inside = "/var/lib/" + filepath.Base(found[0])
	if err == nil {
		err = os.WriteFile(host.root+inside, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(host.root + inside) })
	return inside
}

func reloadAll(t *testing.T) {
	t.Helper()
	asRoot(t, "systemctl daemon-reload")
	host.reload(t)
}

// newSystemApp is an application of the system's manager: a service that is there, woken on demand. The methods of app that ask the
// user's manager do not know it.
func newSystemApp(t *testing.T) *app {
	t.Helper()
	a := newApp(t)
	a.name += "-system"
	service, file := "etc/systemd/system/"+a.name+".service", "etc/containers/systemd/"+a.name+".ondemand"
	texts := map[string]string{
		service: fmt.Sprintf("[Service]\nExecStart=/home/demo/testapp/testapp -listen 127.0.0.1:%d\n", a.port+1),
		file:    fmt.Sprintf("[OnDemand]\nUnit=%s.service\nTarget=127.0.0.1:%d\n[Socket]\nListenStream=%d\n", a.name, a.port+1, a.port),
	}
	for _, name := range []string{service, file} {
		path := filepath.Join(host.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(texts[name]), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(path) })
	}
	return a
}

func mustVersion(t *testing.T, want string) {
	t.Helper()
	if got := host.run(t, "podman-ondemand", "version"); got != "podman-ondemand "+want+"\n" {
		t.Errorf("version %q, want %s", got, want)
	}
}

// upgraded looks that what is awake goes on, with its connections, and that the next start is one of the new program.
func (a *app) upgraded(b *app, upgrade func()) {
	a.t.Helper()
	before, beforeSystem := a.mustGet("/").instance(), b.mustGet("/").instance()
	pid, open := host.show(a.t, a.proxy(), "MainPID"), a.idleConnection()
	upgrade()
	fmt.Fprintf(open, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := open.Read(make([]byte, 4096)); err != nil {
		a.t.Error("an open connection does not outlive the upgrade: ", err)
	}
	open.Close()
	if now := host.show(a.t, a.proxy(), "MainPID"); now != pid {
		a.t.Error("the upgrade started the proxy again")
	}
	if a.mustGet("/").instance() != before || b.mustGet("/").instance() != beforeSystem {
		a.t.Error("the upgrade started the application again")
	}
	if exe := executable(a.t, pid); !strings.HasSuffix(exe, "(deleted)") {
		a.t.Errorf("before the upgrade the proxy ran %s", exe)
	}
	host.systemctl(a.t, "stop", a.container())
	a.mustSleep(10 * time.Second)
	a.mustGet("/")
	if exe := executable(a.t, host.show(a.t, a.proxy(), "MainPID")); exe != "/usr/bin/podman-ondemand" {
		a.t.Errorf("after the upgrade the proxy runs %s", exe)
	}
}

func executable(t *testing.T, pid string) string {
	t.Helper()
	out, err := host.inside("root", "readlink", "/proc/"+pid+"/exe")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// twoInstallations: the one in the home directory comes first, and neither's going is noticed by who uses the other.
func twoInstallations(t *testing.T, a, b *app, p packaging, file string) {
	t.Helper()
	const own, packaged = "/home/demo/.config/systemd/user-generators/podman-ondemand", "/usr/bin/podman-ondemand"
	awake := a.mustGet("/").instance()
	host.run(t, "podman-ondemand", "install")
	mustGenerate(t, own)
	mustFind(t, "program", "warning", "there are two: systemd takes "+own)
	if a.mustGet("/").instance() != awake {
		t.Error("a second installation started the application again")
	}

	host.asRoot(t, p.remove...)
	b.mustBeGone()
	mustGenerate(t, own)
	if a.mustGet("/").instance() != awake {
		t.Error("the removal of the package started the application of the other installation again")
	}
	host.asRoot(t, append(p.install, file)...)
	a.mustListen(b.port)
	mustGenerate(t, own)

	host.run(t, own, "uninstall")
	mustGenerate(t, packaged)
	mustFind(t, "program", "ok", "/usr/lib/systemd/user-generators/podman-ondemand")
	if a.mustGet("/").instance() != awake {
		t.Error("the end of the second installation started the application again")
	}
}

// mustGenerate expects each unit of the user's manager once, and that it calls that program.
func mustGenerate(t *testing.T, program string) {
	t.Helper()
	names := host.run(t, "sh", "-c", "cd $XDG_RUNTIME_DIR/systemd && find generator* -type f -name '*.s*' -printf '%f\n' | sort | uniq -d")
	if names != "" {
		t.Errorf("written more than once: %s", names)
	}
	unit := host.unitFiles(t, "podman-ondemand-apply@any.service")
	if !strings.Contains(unit, "ExecStart="+program+" ") {
		t.Errorf("the units do not call %s:\n%s", program, unit)
	}
}

func (a *app) mustBeGone() {
	a.t.Helper()
	a.mustNotListen(a.port)
	if a.get("/").err == nil {
		a.t.Errorf("%s still answers", a.name)
	}
}

// mustLeaveNothing looks for what a package could leave behind, except for the files that people have written.
func mustLeaveNothing(t *testing.T) {
	t.Helper()
	look := `find /usr /run /etc /var/lib/systemd -name '*podman-ondemand*' 2>/dev/null
		systemctl list-units --all --plain --no-legend 'podman-ondemand*' 'package*.socket' 'package*-proxy*'`
	if left, _ := host.inside("root", "sh", "-c", look); left != "" {
		t.Errorf("left over: %s", left)
	}
	look = "systemctl --user list-units --all --plain --no-legend 'podman-ondemand*' 'package*'; podman ps --all --format '{{.Names}} {{.Status}}'"
	if left := host.run(t, "sh", "-c", look); left != "" {
		t.Errorf("left over in the user's manager: %s", left)
	}
}
