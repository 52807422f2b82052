//go:build e2e

package e2e

import (
	"fmt"
	"io"
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
	go func() { slow <- a.get("/sleep?ms=3500") }()
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
	record(t, "a connection at rest meanwhile", "closed in 0.9 to 2.5 s", ms(closed))
	if n != len(all) {
		t.Error(errors)
	}
	for _, r := range all {
		if r.err == nil && r.instance() == first.instance() {
			t.Error("answered by the old container")
		}
	}
	if closed < 900*time.Millisecond || closed > 2500*time.Millisecond {
		t.Errorf("the connection at rest ended after %v", closed)
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
