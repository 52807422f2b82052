//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const awake = `
[Container]
Image=localhost/testapp
PublishPort=PORT:80
[OnDemand]
IdleTimeout=1min
`

// listed is what "list --format json" says of the application.
type listed struct {
	Name, State, Note, Image, File string
	Listen                         []string
	Connections, Total             *int
	BytesOut                       *int64
	IdleSince, StopsAt             *time.Time
	LastStart                      *struct{ Total, Podman, Application, Client int64 }
	Newer, Reload                  bool
}

func (a *app) listed() listed {
	a.t.Helper()
	var all []listed
	if err := json.Unmarshal([]byte(host.run(a.t, "podman-ondemand", "list", "--format=json", a.name)), &all); err != nil || len(all) != 1 {
		a.t.Fatalf("%v, %d applications", err, len(all))
	}
	return all[0]
}

// mustBe waits for a state.
func (a *app) mustBe(state string) listed {
	a.t.Helper()
	var l listed
	eventually(a.t, 15*time.Second, a.name+" is "+state, func() bool { l = a.listed(); return l.State == state })
	return l
}

// says runs a command about the application that ends with the exit status, and says the text on one of its outputs.
func (a *app) says(status int, text string, args ...string) string {
	a.t.Helper()
	out, err := host.try(append([]string{"sh", "-c", `podman-ondemand "$@" 2>&1; echo "exit status $?"`, "sh"}, args...)...)
	if err != nil {
		a.t.Fatal(err)
	}
	if !strings.Contains(out, text) || !strings.HasSuffix(out, fmt.Sprintf("exit status %d\n", status)) {
		a.t.Errorf("%q: want %q and exit status %d, got\n%s", args, text, status, out)
	}
	return out
}

// TestEveryState brings an application into each state, in the way in which people do. It runs alone: a reload by another test
// would load the file before its time.
func TestEveryState(t *testing.T) {
	a := newApp(t)
	a.write(awake + "[Container]\nExec=-delay 2s\n")
	if l := a.mustBe("not-loaded"); !strings.Contains(l.Note, "systemctl --user daemon-reload") {
		t.Errorf("note %q", l.Note)
	}
	a.says(3, "systemctl --user daemon-reload", "status", a.name)
	host.reload(t)
	l := a.mustBe("asleep")
	if l.Image != "localhost/testapp" || len(l.Listen) != 1 || l.Listen[0] != fmt.Sprintf("[::]:%d", a.port) || l.Connections != nil {
		t.Errorf("asleep: %+v", l)
	}
	answer := make(chan reply)
	go func() { answer <- a.get("/") }()
	a.mustBe("starting")
	must(t, <-answer)
	a.mustBe("awake")
	host.run(t, "podman-ondemand", "stop", a.name)
	if l := a.mustBe("stopped"); l.Note != "nothing listens until podman-ondemand start "+a.name {
		t.Errorf("note %q", l.Note)
	}
	a.staysStopped()
	a.says(3, "podman-ondemand start "+a.name, "status", a.name)
	a.says(1, "cannot be woken, it is stopped", "wake", a.name)
	host.run(t, "podman-ondemand", "start", a.name)
	a.mustBe("asleep")
	a.write(awake + "[Container]\nNotify=perhaps\n")
	host.reload(t)
	a.mustBe("broken")
	a.says(3, a.name+".ondemand:8:8: error:", "status", a.name)
	a.remove()
	if all := host.run(t, "podman-ondemand", "list"); !strings.Contains(all, a.name) || !strings.Contains(all, "its file is gone: run systemctl --user daemon-reload") {
		t.Errorf("a file that is gone:\n%s", all)
	}
}

// TestListFigures: what the proxy says of itself is what happens.
func TestListFigures(t *testing.T) {
	t.Parallel()
	a := start(t, awake)
	var open []net.Conn
	for range 3 {
		open = append(open, a.idleConnection())
	}
	var l listed
	took := eventually(t, 10*time.Second, "3 connections", func() bool {
		l = a.listed()
		return l.Connections != nil && *l.Connections == 3
	})
	record(t, "3 open connections in list", "3 within 2 s", fmt.Sprintf("%d after %s", *l.Connections, ms(took)))
	if *l.Total != 3 || *l.BytesOut == 0 || l.IdleSince != nil {
		t.Errorf("%+v", l)
	}
	if s := l.LastStart; s == nil || s.Podman <= 0 || s.Total != s.Podman+s.Application && s.Total != s.Podman+s.Application+1 || s.Client < s.Podman || s.Client > 20000 {
		t.Errorf("last start %+v", s)
	}
	for _, c := range open {
		c.Close()
	}
	closed := time.Now()
	eventually(t, 10*time.Second, "idle", func() bool { l = a.listed(); return l.IdleSince != nil })
	if d := l.IdleSince.Sub(closed).Abs(); d > 2*time.Second || l.StopsAt == nil || l.StopsAt.Sub(*l.IdleSince) != time.Minute || *l.Connections != 0 {
		t.Errorf("idle since %v, closed at %v, stops at %v", l.IdleSince, closed, l.StopsAt)
	}
	out := a.says(0, "0 connections, 3 since start", "status", a.name)
	if !strings.Contains(out, "FIRST CLIENT") {
		t.Errorf("no starts:\n%s", out)
	}
	for line := range strings.Lines(out) {
		if len([]rune(line)) > 81 && !strings.Contains(line, "/home/") {
			t.Errorf("over 80 columns: %s", line)
		}
	}
}

// TestNewerFile: what has been read waits for the next start, what has not for a reload. It runs alone, as TestEveryState.
func TestNewerFile(t *testing.T) {
	a := start(t, awake)
	before := a.mustGet("/")
	if l := a.mustBe("awake"); l.Newer || l.Reload || l.Note != "" {
		t.Errorf("nothing has changed: %+v", l)
	}
	a.write(awake + "[Container]\nEnvironment=A=B\n")
	if l := a.listed(); !l.Reload || !strings.Contains(l.Note, "daemon-reload") {
		t.Errorf("not read: %+v", l)
	}
	host.reload(t)
	if l := a.listed(); l.Reload || !l.Newer || l.State != "awake" || l.Note == "" {
		t.Errorf("read, not started: %+v", l)
	}
	a.says(0, a.name+" is awake after", "restart", a.name)
	if l := a.listed(); l.Newer || l.State != "awake" {
		t.Errorf("started: %+v", l)
	}
	if a.mustGet("/").instance() == before.instance() {
		t.Error("restart left the container")
	}
}

func TestWakeAndSleep(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	a.says(0, a.name+" is awake after", "wake", a.name+".service")
	a.mustSleep(10 * time.Second) // the connection of wake lets the idle timer run
	a.write(awake)
	host.reload(t)
	a.says(0, a.name+" is awake after", "wake", a.name+".ondemand")
	a.says(0, a.name+" is awake already", "wake", a.name)
	a.says(0, a.name+" sleeps; the next connection wakes it", "sleep", a.name)
	a.mustSleep(time.Second)
	a.says(0, a.name+" sleeps already", "sleep", a.name)
	a.says(0, "its next start is a new one", "restart", a.name)
	if s := a.state(a.container()); s != "inactive" {
		t.Errorf("restart woke it: %s", s)
	}
	a.mustGet("/")
	a.says(0, "Started "+a.container(), "logs", a.name)
	a.says(0, "# "+"/home/demo/"+a.file(), "cat", a.name)
}

// TestWakeUnixSocket: the first address need not be a port.
func TestWakeUnixSocket(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write("[Container]\nImage=localhost/testapp\n[Socket]\nListenStream=%t/NAME.sock\n[OnDemand]\nContainerPort=80\nIdleTimeout=1min\n")
	host.reload(t)
	if l := a.mustBe("asleep"); l.Listen[0] != "/run/user/1000/"+a.name+".sock" {
		t.Errorf("listens on %s", l.Listen)
	}
	a.says(0, a.name+" is awake after", "wake", a.name)
	a.mustBe("awake")
}

// TestFailedStart: state, status and wake say why, and what to do.
func TestFailedStart(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(awake, "localhost/testapp", "localhost/missing-NAME\nPull=never", 1))
	a.says(1, a.name+" did not wake: Error: localhost/missing-"+a.name+": image not known", "wake", a.name)
	if l := a.mustBe("failed"); l.Note == "" {
		t.Error("no word why")
	}
	// The journal takes its time to write down what was said.
	eventually(t, 5*time.Second, "status says why", func() bool {
		out, _ := host.try("sh", "-c", "podman-ondemand status "+a.name+" || true")
		return strings.Contains(strings.Join(strings.Fields(out), " "), "localhost/missing-"+a.name+": image not known") && strings.Contains(out, "podman-ondemand wake "+a.name)
	})
	a.says(3, "- container on demand", "status", a.name)
	host.run(t, "podman", "tag", "localhost/testapp", "localhost/missing-"+a.name)
	t.Cleanup(func() { host.try("podman", "untag", "localhost/testapp", "localhost/missing-"+a.name) })
	a.says(0, a.name+" is awake after", "wake", a.name)
	a.mustBe("awake")
}

// TestInstanceCommands: an instance of a template has a name like any other application.
func TestInstanceCommands(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.name = fmt.Sprintf("%s@%d", a.name, a.port)
	prefix, _, _ := strings.Cut(a.name, "@")
	host.write(t, unitDir+prefix+"@.ondemand", strings.Replace(awake, "PORT:", "%i:", 1))
	t.Cleanup(func() { os.Remove(host.home(unitDir + prefix + "@.ondemand")) })
	host.reload(t)
	a.says(3, "podman-ondemand start "+prefix+"@INSTANCE", "status", prefix+"@")
	a.says(1, "only its instances listen", "start", prefix+"@")
	a.says(0, "# /home/demo/"+unitDir+prefix+"@.ondemand", "cat", prefix+"@")
	a.says(0, a.name+" listens on ", "start", a.name)
	a.mustBe("asleep")
	a.says(0, a.name, "list", prefix+"*")
	a.says(0, a.name+" is awake after", "wake", a.name)
	a.mustBe("awake")
	a.says(0, a.name+" is stopped", "stop", a.name)
}

func TestNoSuchApplication(t *testing.T) {
	a := start(t, plain)
	a.says(4, "did you mean "+a.name+"?", "status", a.name+"x")
	a.says(4, "/home/demo/.config/containers/systemd", "wake", "nothing-near-it")
	if out := a.says(0, a.name+"\tasleep, [::]:", "__complete", "wake", ""); !strings.Contains(out, ":4") {
		t.Errorf("files are offered too:\n%s", out)
	}
}

// TestListWatch: what is no terminal gets what has changed, and Ctrl-C is a good end.
func TestListWatch(t *testing.T) {
	t.Parallel()
	a := start(t, awake)
	watched := make(chan string, 1)
	go func() {
		out, err := host.try("sh", "-c", `timeout --preserve-status -s INT 8 podman-ondemand list --watch --noheading "$1"; echo "exit status $?"`, "sh", a.name)
		watched <- out + fmt.Sprint(err)
	}()
	time.Sleep(2 * time.Second)
	a.mustGet("/")
	out := <-watched
	asleep, later, _ := strings.Cut(out, "\n")
	if !strings.Contains(asleep, "asleep") || !strings.Contains(later, "awake") || !strings.Contains(out, "exit status 0\n") {
		t.Errorf("watched:\n%s", out)
	}
}

// TestProgress: a person at a terminal sees what is waited for, a script does not.
func TestProgress(t *testing.T) {
	t.Parallel()
	a := start(t, awake+"[Container]\nExec=-delay 3s\n")
	if out := a.says(0, a.name+" is awake after", "wake", a.name); strings.Contains(out, "Waiting") {
		t.Errorf("progress for nobody:\n%s", out)
	}
	host.run(t, "podman-ondemand", "sleep", a.name)
	out := host.run(t, "script", "-qec", "podman-ondemand wake "+a.name, "/dev/null")
	if !strings.Contains(out, a.name+": Waiting for the application on port 80 (") || !strings.Contains(out, a.name+" is awake after") {
		t.Errorf("no progress:\n%q", out)
	}
	colored := host.run(t, "script", "-qec", "TERM=xterm podman-ondemand list "+a.name, "/dev/null")
	plain := host.run(t, "script", "-qec", "TERM=xterm NO_COLOR=1 podman-ondemand list "+a.name, "/dev/null")
	if !strings.Contains(colored, "\x1b[32mawake\x1b[0m") || strings.Contains(plain, "\x1b[") {
		t.Errorf("colors:\n%q\n%q", colored, plain)
	}
}

// TestCommandsOfOtherProxies: the units are others, and the commands the same.
func TestCommandsOfOtherProxies(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"none", strings.Replace(noProxy, " -exit-idle 500ms", "", 1)},
		{"systemd-socket-proxyd", strings.Replace(socketProxyd, "500ms", "1min", 1) + "[Container]\nExec=-listen 80 -listen 81\nPublishPort=PORT2:81\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, c.text)
			a.mustBe("asleep")
			a.says(0, a.name+" is awake after", "wake", a.name)
			if l := a.mustBe("awake"); l.Connections != nil || l.IdleSince != nil {
				t.Errorf("figures that nobody has told: %+v", l)
			}
			a.mustGet("/")
			a.says(0, "awake since", "status", a.name)
			a.says(0, "sleeps; the next connection wakes it", "sleep", a.name)
			a.mustBe("asleep")
			a.says(0, "nothing listens until", "stop", a.name)
			a.mustBe("stopped")
			a.mustNotListen(a.port)
			a.says(0, "listens on", "start", a.name)
			a.mustGet("/")
		})
	}
}

// TestCommandsOfEachConnection: with Accept=yes the application is awake while one of its connections is open.
func TestCommandsOfEachConnection(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(noProxy, " -exit-idle 500ms", "", 1)+"[Socket]\nAccept=yes\n")
	a.mustBe("asleep")
	c := a.idleConnection()
	a.mustBe("awake")
	a.says(0, "Started "+a.name+"@", "logs", a.name)
	c.Close()
	a.mustBe("asleep")
	a.idleConnection()
	a.mustBe("awake")
	a.says(0, "sleeps; the next connection wakes it", "sleep", a.name)
	a.mustBe("asleep")
}

// TestCommandsOfAPod: a pod is one application, with the units of all its containers.
func TestCommandsOfAPod(t *testing.T) {
	t.Parallel()
	a := start(t, `
[Pod]
PublishPort=PORT:80
[Container web]
Image=localhost/testapp
[Container more]
Image=localhost/testapp
Exec=-listen 81
[OnDemand]
IdleTimeout=1min
`)
	if l := a.mustBe("asleep"); l.Image != "localhost/testapp, localhost/testapp" {
		t.Errorf("images %s", l.Image)
	}
	a.says(0, a.name+" is awake after", "wake", a.name)
	a.mustBe("awake")
	a.says(0, a.name+"-more.service", "status", a.name)
	a.says(0, "sleeps; the next connection wakes it", "sleep", a.name+"-web.service")
	eventually(t, 20*time.Second, "asleep", func() bool { return a.listed().State == "asleep" })
	for _, unit := range []string{a.container(), a.name + "-web.service", a.name + "-more.service"} {
		if s := a.state(unit); s != "inactive" {
			t.Errorf("%s is %s", unit, s)
		}
	}
	a.mustGet("/")
}
