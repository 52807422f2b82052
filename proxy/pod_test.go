package proxy

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"podman-ondemand/manager"
)

func podConfig(t *testing.T, target string) config {
	cfg := testConfig(t, target)
	cfg.unit, cfg.pod = "pad.service", true
	return cfg
}

// TestPodStopsBeforeItAnswers: a pod of which a container cannot start is stopped; its clients are let go, not left to start
// it anew.
func TestPodStopsBeforeItAnswers(t *testing.T) {
	r := serveOn(t, podConfig(t, freePort(t)), openDoor(t, "tcp"))
	client := r.dial(0)
	r.s.stop("Asked to stop")
	r.exits(1)
	wantReset(t, client)
	if !strings.Contains(r.logged(), "<4>The waiting connections are closed: pad.service was stopped before the application answered") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// TestPodStops: once it has answered, who comes at the moment of the stop stays in the queue for the next round.
func TestPodStops(t *testing.T) {
	d := openDoor(t, "tcp")
	r := serveOn(t, podConfig(t, application(t, "", echo)), d)
	exchange(t, r.dial(0))
	r.s.stop("Asked to stop")
	r.exits(0)
	r.dial(0)
	if !waiting(d.fd) {
		t.Error("a connection after the end is not in the queue")
	}
}

// TestPodLosesApplication: where nobody is connected and the application has gone for as long as a start may take, the next
// connection shall start the pod anew. Somebody who is connected is not cut off.
func TestPodLosesApplication(t *testing.T) {
	for _, busy := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					echo(c)
				}()
			}
		}()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		cfg := podConfig(t, port)
		cfg.startTimeout = 300 * time.Millisecond
		r := serveOn(t, cfg, openDoor(t, "tcp"))
		first := r.dial(0)
		exchange(t, first)
		l.Close()
		if !busy {
			first.Close()
			eventually(t, "the connection has ended", func() bool { return inLoop(r, func() int { return r.s.conns }) == 0 })
		}
		wantReset(t, r.dial(0))
		if busy {
			exchange(t, first)
		} else {
			r.exits(1)
		}
	}
}

func TestUnsettled(t *testing.T) {
	for _, c := range []struct{ active, sub, want string }{
		{"active", "running", ""},
		{"inactive", "dead", ""},
		{"failed", "failed", ""},
		{"activating", "auto-restart", ""},
		{"activating", "start", "app.service is activating"},
		{"deactivating", "stop", "app.service is deactivating"},
	} {
		o := outside{query: func(name string) (unitState, error) {
			if name == "gone.service" {
				return unitState{}, errors.New("no such unit")
			}
			return state(c.active, c.sub, "success"), nil
		}}
		err := unsettled(active(manager.Unit{BoundBy: []string{"gone.service", "app.service"}}), o)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, errNoContainer) || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s/%s: %v", c.active, c.sub, err)
		}
	}
}
