//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// kept is an awake application that does not go to sleep during a test.
func kept(t *testing.T, more string) (*app, reply) {
	t.Helper()
	a := start(t, awake+more)
	return a, a.mustGet("/")
}

// TestRestartUnderConnections: what "podman auto-update" does. A request that is there is answered by the old container, what comes
// meanwhile by the new one, and a connection that is kept for the next request does not cost the whole time.
func TestRestartUnderConnections(t *testing.T) {
	t.Parallel()
	a, first := kept(t, "")
	rest := a.idleConnection()
	slow, meanwhile := make(chan reply, 1), make(chan []reply, 1)
	var slowDone time.Time
	go func() {
		r := a.get("/sleep?ms=3500")
		slowDone = time.Now()
		slow <- r
	}()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	restarted := make(chan error, 1)
	go func() {
		_, err := host.try("systemctl", "--user", "restart", a.container())
		restarted <- err
	}()
	eventually(t, 5*time.Second, "a status", func() bool {
		status := host.show(t, a.proxy(), "StatusText")
		return strings.HasPrefix(status, "Stopping: ") && strings.Contains(status, " may end within ")
	})
	go func() { meanwhile <- a.atOnce(20) }()
	if n, err := io.Copy(io.Discard, rest); err != nil {
		t.Errorf("the connection at rest: %d bytes, %v", n, err)
	}
	closed := time.Since(began)
	if r := <-slow; r.err != nil || r.body != "slept\nhello\n" {
		t.Errorf("the request that was there: %q, %v", r.body, r.err)
	}
	if err := <-restarted; err != nil {
		t.Error(err)
	}
	took := time.Since(began)
	all := <-meanwhile
	n, errors := answered(all)
	record(t, "restart under a request of 3.5 s", "answered, 20 of 20 new", fmt.Sprintf("answered, %d of 20 new, restarted in %s", n, ms(took)))
	record(t, "a connection at rest meanwhile", "closed after 0.9 s, before that request", ms(closed))
	if n != len(all) {
		t.Error(errors)
	}
	for _, r := range all {
		if r.err == nil && r.instance() == first.instance() {
			t.Error("answered by the old container")
		}
	}
	if closed < 900*time.Millisecond || began.Add(closed).After(slowDone) {
		t.Errorf("the connection at rest ended after %v", closed)
	}
}

// TestStopsWithAnother: a unit that the application is part of, or requires, is stopped or restarted. The request that is there is
// answered first.
func TestStopsWithAnother(t *testing.T) {
	for _, c := range []struct{ key, verb string }{
		{"PartOf", "stop"}, {"PartOf", "restart"}, {"Requires", "stop"}, {"BindsTo", "stop"},
	} {
		t.Run(c.key+" "+c.verb, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			other := a.name + "-other.service"
			file := ".config/systemd/user/" + other
			host.write(t, file, "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n")
			t.Cleanup(func() {
				host.try("systemctl", "--user", "stop", other)
				os.Remove(host.home(file))
			})
			a.write("[Unit]\n" + c.key + "=" + other + "\nAfter=" + other + "\n" + awake)
			host.reload(t)
			a.mustListen(a.port)
			host.systemctl(t, "start", other)
			first := a.mustGet("/")
			slow := make(chan reply, 1)
			go func() { slow <- a.get("/sleep?ms=2000") }()
			time.Sleep(300 * time.Millisecond)
			host.systemctl(t, c.verb, other)
			r := <-slow
			record(t, c.key+"=, a request of 2 s at the "+c.verb, "answered", fmt.Sprintf("%q", strings.TrimSpace(r.body)))
			if r.err != nil || r.body != "slept\nhello\n" {
				t.Errorf("the request that was there: %q, %v", r.body, r.err)
			}
			if again := a.mustGet("/"); again.instance() == first.instance() {
				t.Error("the old container answers")
			}
		})
	}
}

// TestDrainTimeoutIsOver: a request that takes longer is cut off, and DrainTimeout=0 gives it no time.
func TestDrainTimeoutIsOver(t *testing.T) {
	for name, want := range map[string]time.Duration{"0": 0, "2s": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := kept(t, "DrainTimeout="+name+"\n[Container]\nStopTimeout=1\n")
			slow := make(chan reply, 1)
			go func() { slow <- a.get("/sleep?ms=20000") }()
			time.Sleep(300 * time.Millisecond)
			began := time.Now()
			host.systemctl(t, "stop", "--no-block", a.container())
			r := <-slow
			took := time.Since(began)
			record(t, "DrainTimeout="+name+", a request of 20 s", "cut after "+name, ms(took))
			if r.err == nil || took < want || took > want+slack*1500*time.Millisecond {
				t.Errorf("%v after %v", r.err, took)
			}
			a.mustSleep(10 * time.Second)
			if result := host.show(t, a.proxy(), "Result"); result != "success" {
				t.Errorf("Result=%s", result)
			}
			a.mustGet("/")
		})
	}
}
