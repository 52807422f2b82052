//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// status runs a command inside as demo and returns what it prints to standard output, and its exit status.
func (l *lab) status(t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := l.try(args...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return out, exit.ExitCode()
	}
	return out, 0
}

// verified is what verify says of the application's file, without the file's name.
func (a *app) verified(options ...string) (string, int) {
	a.t.Helper()
	out, status := host.status(a.t, append(append([]string{"podman-ondemand", "verify"}, options...), a.file())...)
	return strings.ReplaceAll(out, a.file()+":", ""), status
}

// mustSay wants one error or warning, which ends with the hint, and the exit status that goes with it.
func (a *app) mustSay(want string) {
	a.t.Helper()
	said, status := a.verified()
	n, wanted := "1 error", 1
	if strings.Contains(want, "warning: ") {
		n, wanted = "1 warning", 0
	}
	if d := cmp.Diff(want+"\n1 file: "+n+"\n", said); d != "" || status != wanted {
		a.t.Errorf("status %d, -want +said:\n%s", status, d)
	}
}

func (a *app) mustBeFine() {
	a.t.Helper()
	if said, status := a.verified(); said != "1 file: nothing wrong\n" || status != 0 {
		a.t.Errorf("status %d: %s", status, said)
	}
}

// sound has nothing wrong in its four lines; more can be added to [Container].
const sound = "[Container]\nImage=localhost/testapp\nPublishPort=PORT:80\n"

// TestVerifyMachine produces each finding that only the machine can tell, and mends it with the hint, where that is a command.
func TestVerifyMachine(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(sound)
	a.mustBeFine()
	mend := func(command string) {
		t.Helper()
		host.run(t, "sh", "-c", command)
		a.mustBeFine()
	}

	const dir = "/home/demo/verify data"
	t.Cleanup(func() { os.RemoveAll(host.home("verify data")) })
	a.write(sound + "Volume=%h/verify data:/data\n")
	a.mustSay("4:8: error: " + dir + " is not there, and podman does not make it: the container cannot start (mkdir -p '" + dir + "')")
	mend("mkdir -p '" + dir + "'")

	a.write(sound + "EnvironmentFile=%h/verify\\x20data/env\n")
	a.mustSay("4:17: error: " + dir + "/env is not there: the container cannot start")
	mend("touch '" + dir + "/env'")

	a.write(sound + "AddDevice=/dev/verify -/dev/verify\n")
	a.mustSay("4:11: error: /dev/verify is not there: the container cannot start")

	t.Cleanup(func() { host.try("podman", "secret", "rm", "verify-secret") })
	a.write(sound + "Secret=verify-secret,type=env,target=X\n")
	a.mustSay("4:8: error: podman has no secret verify-secret: the container cannot start (podman secret create verify-secret FILE)")
	mend("echo x >file && podman secret create verify-secret file; rm file")

	t.Cleanup(func() { host.try("podman", "rmi", "quay.io/verify/app:1") })
	a.write(strings.Replace(sound, "localhost/testapp", "quay.io/verify/app:1", 1))
	a.mustSay("2:7: warning: there is no image quay.io/verify/app:1 here: the first connection waits while podman pulls it (podman pull quay.io/verify/app:1)")
	a.write(strings.Replace(sound, "localhost/testapp", "quay.io/verify/app:1", 1) + "Pull=never\n")
	a.mustSay("2:7: error: there is no image quay.io/verify/app:1 here, and Pull=never: the container cannot start (podman pull quay.io/verify/app:1)")
	mend("podman tag localhost/testapp quay.io/verify/app:1") // nothing can be pulled here

	a.write(strings.Replace(sound, "localhost/testapp", "localhost/verify-nothing", 1))
	a.mustSay("2:7: error: there is no image localhost/verify-nothing here, and localhost/ is for images that were built here: the container cannot start")
}

// TestVerifyShortName: podman completes a name by its list of aliases, or not at all.
func TestVerifyShortName(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for name, want := range map[string]string{
		"alpine:3":       "2:7: warning: there is no image alpine:3 here: the first connection waits while podman pulls docker.io/library/alpine:3 (podman pull alpine:3)",
		"verify-nothing": "2:7: error: there is no image verify-nothing here, and podman knows no registry for this short name: the container cannot start",
	} {
		a.write(strings.Replace(sound, "localhost/testapp", name, 1))
		if said, _ := a.verified(); !strings.Contains(said, want) {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// TestVerifyPorts: a port that another has is an error, one that the application's own socket has is not.
func TestVerifyPorts(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(sound)
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", a.port))
	if err != nil {
		t.Fatal(err)
	}
	a.mustSay(fmt.Sprintf("3:13: error: %d is taken by somebody else: the socket cannot listen (see who: ss -lntup 'sport = :%[1]d')", a.port))
	if said := host.run(t, "sh", "-c", fmt.Sprintf("ss -lntu 'sport = :%d' | tail -n1", a.port)); !strings.Contains(said, fmt.Sprint(a.port)) {
		t.Errorf("the command of the hint shows nothing: %q", said)
	}
	other.Close()
	a.mustBeFine()
	host.reload(t)
	a.mustListen(a.port)
	a.mustBeFine()
	a.mustGet("/")
	a.mustBeFine()
	a.write(strings.ReplaceAll(sound, "PORT:80", "443:80"))
	a.mustSay("3:13: error: port 443 cannot be listened on without root: those below 1024 cannot (take another port, or: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=443)")
}

// TestVerifySystemd: what systemd says is shown at the line of the file or its drop-in.
func TestVerifySystemd(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(sound + "[Unit]\nRequires=verify-nothing.service\n[Service]\nMemoryMax=much\nExecStartPre=/opt/nothing now\n")
	dropIn := a.file() + ".d/10.conf"
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(host.home(dropIn))) })
	host.write(t, dropIn, "[Socket]\nSocketMode=9\n")
	out, status := host.status(t, "podman-ondemand", "verify", unitDir+a.name+".ondemand")
	want := strings.ReplaceAll(`FILE:5:1: error: systemd: Failed to create NAME.service/start: Unit verify-nothing.service not found
FILE:7:1: warning: systemd: Invalid memory limit 'much', ignoring: Invalid argument
FILE:8:1: error: systemd: Command /opt/nothing is not executable: No such file or directory
`, "FILE", a.file()) + dropIn + ":2:1: warning: systemd: Failed to parse SocketMode=9, ignoring: Invalid argument\n1 file: 2 errors, 2 warnings\n"
	if d := cmp.Diff(strings.ReplaceAll(want, "NAME", a.name), out); d != "" || status != 1 {
		t.Errorf("status %d, -want +said:\n%s", status, d)
	}
}

// TestVerifyReferences: a file elsewhere is judged with what lies beside it; Quadlet's units are known to systemd.
func TestVerifyReferences(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { os.RemoveAll(host.home("verify-work")) })
	host.write(t, "verify-work/net.network", "[Network]\n")
	host.write(t, "verify-work/ref.ondemand", "[Container]\nImage=localhost/testapp\nPublishPort=28999:80\nNetwork=net.network\n")
	host.write(t, "verify-work/tmpl@.ondemand", "[Container]\nImage=localhost/testapp\nPublishPort=%i:80\n")
	host.write(t, "verify-work/broken.ondemand", "[Container]\nImage=localhost/testapp\n")
	for _, c := range []struct {
		args, want string
		status     int
	}{
		{"verify-work/ref.ondemand", "1 file: nothing wrong\n", 0},
		{"verify-work/tmpl@.ondemand verify-work/ref.ondemand", "2 files: nothing wrong\n", 0},
		{"verify-work", "verify-work/broken.ondemand:1:1: error: nothing to listen on (write PublishPort=HOSTPORT:PORT, or ListenStream= in [Socket] with ContainerPort= in [OnDemand])\n" +
			"verify-work/broken.ondemand: warning: broken is not generated\n3 files: 1 error, 1 warning\n", 1},
		{"verify-work/nothing.ondemand", "", 2},
		{"verify-work/net.network", "", 2},
		{"--format=yaml", "", 2},
	} {
		out, status := host.status(t, append([]string{"podman-ondemand", "verify"}, strings.Fields(c.args)...)...)
		if d := cmp.Diff(c.want, out); d != "" || status != c.status {
			t.Errorf("%s: status %d, -want +said:\n%s", c.args, status, d)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(host.path(t, "/tmp"), "podman-ondemand-verify-*")); len(left) > 0 {
		t.Log("left in /tmp (another verify may run now): ", left)
	}
}

// TestVerifyOutput: strict, JSON, and the lines themselves at a terminal.
func TestVerifyOutput(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(sound + "\tImgae=日本\n")
	if said, status := a.verified("--strict"); !strings.Contains(said, "4:2: error: unknown key Imgae=") || status != 1 {
		t.Errorf("status %d: %s", status, said)
	}
	out, status := a.verified("--format=json")
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := []map[string]any{{"file": a.file(), "line": 4.0, "column": 2.0, "severity": "warning",
		"message": "unknown key Imgae= in section [Container], ignored", "hint": "did you mean Image=?"}}
	if d := cmp.Diff(want, got); d != "" || status != 0 {
		t.Errorf("status %d, -want +got:\n%s", status, d)
	}
	seen := host.run(t, "script", "-qec", "stty cols 60 && TERM=xterm podman-ondemand verify "+a.file(), "/dev/null")
	line := "\x1b[2m    4 | \x1b[0m        Imgae=日本\r\n\x1b[2m      | \x1b[0m        \x1b[1;33m^\x1b[0m\r\n"
	if !strings.Contains(seen, line) {
		t.Errorf("%q", seen)
	}
	seen = host.run(t, "script", "-qec", "NO_COLOR=1 TERM=xterm podman-ondemand verify "+a.file(), "/dev/null")
	if strings.Contains(seen, "\x1b") || !strings.Contains(seen, "    4 |         Imgae=日本\r\n      |         ^\r\n") {
		t.Errorf("%q", seen)
	}
}
