//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNeverListens: the client is let go at StartTimeout=, the socket lives, and the next request tries with a new container.
func TestNeverListens(t *testing.T) {
	t.Parallel()
	a := start(t, plain+`StartTimeout=2s
[Container]
Exec=-never
`)
	starts := map[string]bool{}
	for i := range 2 {
		r := a.get("/")
		if r.err == nil {
			t.Fatal("answered by an application that does not listen")
		}
		record(t, fmt.Sprintf("never listens, StartTimeout=2s, request %d", i+1), "let go after 2.0 to 4 s", ms(r.took))
		if r.took < 2*time.Second || r.took > slack*4*time.Second {
			t.Errorf("request %d was let go after %v", i+1, r.took)
		}
		// Failed where podman itself took longer; then the proxy refuses for a second, and that is no try.
		eventually(t, 15*time.Second, "the container and the proxy stop", func() bool { return a.isDown(a.container()) && a.isDown(a.proxy()) })
		starts[host.show(t, a.container(), "ExecMainStartTimestampMonotonic")] = true
	}
	if len(starts) != 2 {
		t.Error("the second request started no container")
	}
	if s := a.state(a.socket()); s != "active" {
		t.Errorf("the socket is %s", s)
	}
}

// TestImageMissing: a container that cannot start must not cost the port. Pull=never, because podman asks a registry that does not answer
// three times more, a second each; that is not the time that is measured here.
func TestImageMissing(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "localhost/testapp", "localhost/missing-NAME\nPull=never", 1))
	var replies []reply
	for range 50 {
		r := a.get("/")
		if r.err == nil {
			t.Fatal("answered without an image")
		}
		replies = append(replies, r)
		time.Sleep(200 * time.Millisecond)
	}
	record(t, "image missing: 50 requests closed", "each <= 3 s", fmt.Sprintf("slowest %s, median %s", ms(slowest(replies)), ms(median(replies))))
	if slowest(replies) > slack*3*time.Second {
		t.Errorf("one was closed only after %v", slowest(replies))
	}
	if !listens(t, a.port) || a.state(a.socket()) != "active" {
		t.Fatal("the socket is gone")
	}
	host.run(t, "podman", "tag", "localhost/testapp", "localhost/missing-"+a.name)
	t.Cleanup(func() { host.try("podman", "untag", "localhost/testapp", "localhost/missing-"+a.name) })
	took := eventually(t, 31*time.Second, "an answer, now that the image is there", func() bool { return a.get("/").err == nil })
	record(t, "image missing, then there: next answer", "<= 30 s", ms(took))
}

// killAndWait ends the container's process as the kernel's out-of-memory killer would. A killed process still takes connections for
// a moment; the next request is the one after that, when conmon has collected it.
const killAndWait = `
pid=$(cat "$XDG_RUNTIME_DIR/podman-ondemand/$1/container.pid")
kill -9 "$pid"
while [ -e "/proc/$pid" ]; do :; done`

// TestKilledWithIdleConnections: the proxy must notice although nobody says a word on its connections.
func TestKilledWithIdleConnections(t *testing.T) {
	for _, kill := range []struct {
		name    string
		command func(*app) []string
	}{
		{"podman kill", func(a *app) []string { return []string{"podman", "kill", "systemd-" + a.name} }},
		{"kill -9", func(a *app) []string { return []string{"sh", "-c", killAndWait, "sh", a.name} }},
	} {
		t.Run(kill.name, func(t *testing.T) {
			a := start(t, strings.Replace(plain, "500ms", "1min", 1))
			var replies []reply
			for range 5 {
				before := a.mustGet("/").instance()
				for range 5 {
					a.idleConnection()
				}
				host.run(t, kill.command(a)...)
				r := a.get("/")
				if r.err == nil && r.instance() == before {
					t.Error("the killed container answered")
				}
				replies = append(replies, r)
			}
			n, errors := answered(replies)
			record(t, kill.name+" with 5 idle connections, 5 times", "next request: 5 answers", fmt.Sprintf("%d answers, slowest %s", n, ms(slowest(replies))))
			if n != len(replies) {
				t.Errorf("%d of %d answered:%s", n, len(replies), errors)
			}
		})
	}
}

// TestProxyAborts: a proxy that ends itself before it serves (proxy/stuck.go) costs its client time, and not its request.
func TestProxyAborts(t *testing.T) {
	t.Parallel()
	a := start(t, plain+"[Container]\nExec=-delay 5s\n")
	answer := make(chan reply, 1)
	go func() { answer <- a.get("/") }()
	eventually(t, 30*time.Second, "a proxy that waits for the application", func() bool {
		return strings.Contains(host.show(t, a.proxy(), "StatusText"), "Waiting for the application")
	})
	host.run(t, "systemctl", "--user", "kill", "--kill-whom=main", "-s", "ABRT", a.proxy())
	if r := <-answer; r.err != nil {
		t.Errorf("not answered: %v", r.err)
	}
}

// TestCrashLoop: an application that dies as soon as it is up costs a request, not the port.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	a := start(t, plain+"[Container]\nExec=-never -exit-after 100ms\n")
	for range 10 {
		if r := a.get("/"); r.err == nil || r.took > slack*10*time.Second {
			t.Errorf("want a quick end, got %v after %v", r.err, r.took)
		}
	}
	if !listens(t, a.port) {
		t.Error("the socket is gone")
	}
}

// TestConditionNotMet: systemd does not call that a failure, so somebody has to say it.
func TestConditionNotMet(t *testing.T) {
	t.Parallel()
	a := start(t, "[Unit]\nConditionPathExists=/nonexistent\n"+plain)
	a.mustRefuse("a Condition…= or Assert…= of it is not met: the next connection tries again; see systemctl --user status "+a.container(), 2*time.Second)
}

// TestUnitOfThatName: one that a person wrote comes before a generated one, and has no container of ours.
func TestUnitOfThatName(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	file := a.foreignUnit()
	a.write(plain)
	host.reload(t)
	a.mustListen(a.port)
	a.mustRefuse(a.container()+" is not ours: it was loaded from "+file, 4*time.Second)

	host.run(t, "rm", file)
	host.reload(t)
	host.systemctl(t, "stop", a.container())
	eventually(t, 10*time.Second, "an answer without the other unit", func() bool { return a.get("/").err == nil })
}

// TestSocketsWithoutTarget: a listening socket that the proxy knows nothing of costs neither the port nor a restart each millisecond.
func TestSocketsWithoutTarget(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	name := ".config/systemd/user/" + a.socket() + ".d/more.conf"
	host.write(t, name, "[Socket]\nListenStream="+strconv.Itoa(a.port+1)+"\n")
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(host.home(name))) })
	a.write(plain)
	host.reload(t)
	a.mustListen(a.port)
	for range 40 {
		if r := a.get("/"); r.err == nil || r.took > slack*3*time.Second {
			t.Fatalf("want a quick end, got %v after %v", r.err, r.took)
		}
	}
	a.mustRefuse("systemd passed 2 listening sockets for 1 target", 3*time.Second)
}

// mustRefuse wants a request to be let go within a time, the reason in the journal, and the socket alive.
func (a *app) mustRefuse(reason string, within time.Duration) {
	a.t.Helper()
	r := a.get("/")
	record(a.t, a.name, "let go in "+ms(within), ms(r.took))
	if r.err == nil || r.took > slack*within {
		a.t.Errorf("want an end within %v, got %v after %v", within, r.err, r.took)
	}
	// The journal takes its time to write down what was said, and may not know the unit of a process that has ended meanwhile.
	eventually(a.t, 5*time.Second, "the journal says: "+reason, func() bool {
		return strings.Contains(host.journal(a.t, a.mark, "-t", strings.TrimSuffix(a.proxy(), ".service")), reason)
	})
	if s := a.state(a.socket()); s != "active" {
		a.t.Errorf("the socket is %s", s)
	}
}

// TestNotAllowedToRead: what the user may not read is said, and costs nothing else anything.
func TestNotAllowedToRead(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	closed := unitDir + a.name
	host.write(t, closed+"/dir/x.ondemand", "")
	host.write(t, closed+"/file.ondemand", "")
	host.run(t, "chmod", "0", closed+"/dir", closed+"/file.ondemand")
	t.Cleanup(func() { os.RemoveAll(host.home(closed)) })
	a.write(plain)
	host.reload(t)
	a.mustListen(a.port)
	for _, want := range []string{closed + "/dir: warning: permission denied", closed + "/file.ondemand: error: permission denied"} {
		eventually(t, 5*time.Second, "the journal says: "+want, func() bool {
			return strings.Contains(host.journal(t, a.mark, "-t", "podman-ondemand-generator"), want)
		})
	}
}
