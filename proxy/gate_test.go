package proxy

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// gateRun is a gate under test, and then the serving stage behind it.
type gateRun struct {
	*run
	g    *gate
	cfg  config
	wake atomic.Bool // systemd says that it is awake
	open chan bool
}

func keepGateOn(t *testing.T, cfg config, doors ...door) *gateRun {
	t.Helper()
	r := &gateRun{run: &run{t: t, done: make(chan int, 1)}, cfg: cfg, open: make(chan bool, 1)}
	for _, d := range doors {
		r.fds, r.addrs = append(r.fds, d.fd), append(r.addrs, d.addr)
	}
	var err error
	if r.g, err = newGate(&r.cfg, r.fds, r.log); err != nil {
		t.Fatal(err)
	}
	r.g.why = func(context.Context) (bool, error) { return r.wake.Load(), nil }
	over := make(chan struct{})
	go func() {
		open, err := r.g.run()
		if err != nil {
			t.Error(err)
		}
		r.cfg.held = r.g.held
		r.open <- open
		close(over)
	}()
	t.Cleanup(func() {
		select {
		case <-over:
		default:
			r.g.loop.post(func() { r.g.loop.stopped = true })
			<-over
		}
	})
	return r
}

// opens waits until the gate is open, or closed for good.
func (r *gateRun) opens(want bool) {
	r.t.Helper()
	select {
	case open := <-r.open:
		if open != want {
			r.t.Fatalf("open: %v, want %v; log:\n%s", open, want, r.logged())
		}
	case <-time.After(2 * patience):
		r.t.Fatalf("it stays; log:\n%s", r.logged())
	}
}

// serve is the next stage, with what the gate hands it.
func (r *gateRun) serve() {
	r.t.Helper()
	held := r.cfg.held.String()
	r.cfg.held = nil
	if held != "" {
		if err := r.cfg.held.Set(held); err != nil {
			r.t.Fatal(err)
		}
	}
	var err error
	if r.s, err = newServer(r.cfg, r.fds, r.log, r.send); err != nil {
		r.t.Fatal(err)
	}
	r.start()
}

// TestWakeFrom: others are closed while it sleeps, who may wake it does and is served, and so are the others then.
func TestWakeFrom(t *testing.T) {
	cfg := testConfig(t, application(t, "", echo))
	cfg.rules.wakeFrom = only("127.0.0.2/32")
	r := keepGateOn(t, cfg, openDoor(t, "tcp"))
	for range 1000 {
		resetFrom(t, "127.0.0.3", r.addrs[0])
	}
	c := dialFrom(t, "127.0.0.2", r.addrs[0])
	r.opens(true)
	early := dialFrom(t, "127.0.0.3", r.addrs[0])
	r.serve()
	exchange(t, c)
	exchange(t, early)
	exchange(t, dialFrom(t, "127.0.0.3", r.addrs[0]))
	if want := "1,000 connections closed: WakeFrom= does not have who called; the last was from 127.0.0.3."; r.logged() != "<6>"+want {
		t.Errorf("the log is\n%s\nwant\n%s", r.logged(), want)
	}
}

// TestWakeOnData: who says nothing does not wake it, and is served once somebody else has.
func TestWakeOnData(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			cfg := testConfig(t, application(t, "", echo), application(t, "", echo))
			cfg.rules.wakeOnData = true
			r := keepGateOn(t, cfg, openDoor(t, network), openDoor(t, "tcp"))
			gone := r.dial(0)
			gone.Close()
			silent, silentToo := r.dial(0), r.dial(1)
			eventually(t, "both have been accepted", func() bool {
				got := make(chan int, 1)
				r.g.loop.post(func() { got <- len(r.g.screens[0].newcomers) + len(r.g.screens[1].newcomers) })
				return <-got == 2
			})
			talks := r.dial(1)
			fmt.Fprint(talks, "hello")
			r.opens(true)
			r.serve()
			got := make([]byte, 5)
			if _, err := talks.Read(got); err != nil || string(got) != "hello" {
				t.Errorf("got %q, %v", got, err)
			}
			exchange(t, silent)
			exchange(t, silentToo)
			exchange(t, r.dial(0))
		})
	}
}

func TestSilentClientsAreClosed(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, freePort(t))
	cfg.rules.wakeOnData = true
	r := keepGateOn(t, cfg, openDoor(t, "tcp"))
	wantReset(t, r.dial(0))
	r.opens(false) // after gateStays
	if want := "1 connection closed: nothing was said"; !strings.Contains(r.logged(), want) {
		t.Errorf("the log does not say %q:\n%s", want, r.logged())
	}
}

// TestGateAndBalancer: it is the balancer's client who may wake it or not, and what was read for that is not lost.
func TestGateAndBalancer(t *testing.T) {
	const line = "PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n"
	cfg := testConfig(t, greeter(t, nil))
	cfg.rules.balancers, cfg.rules.wakeFrom, cfg.rules.wakeOnData = only("127.0.0.2/32"), only("192.0.2.0/24"), true
	cfg.proxyProtocol = header1
	r := keepGateOn(t, cfg, openDoor(t, "tcp"))
	for _, bad := range []string{"hello", "PROXY UNKNOWN\r\nhello", "PROXY TCP4 203.0.113.1 198.51.100.7 1 2\r\nhello"} {
		c := dialFrom(t, "127.0.0.2", r.addrs[0])
		fmt.Fprint(c, bad)
		wantReset(t, c)
	}
	c := dialFrom(t, "127.0.0.2", r.addrs[0])
	fmt.Fprint(c, line) // says nothing itself
	time.Sleep(10 * time.Millisecond)
	select {
	case <-r.open:
		t.Fatal("a header alone has opened it")
	default:
	}
	fmt.Fprint(c, "hello\n")
	r.opens(true)
	r.serve()
	hears(t, c, "", line)
}

// TestAwakeAlready: what systemd says opens the gate as well, at the start or later.
func TestAwakeAlready(t *testing.T) {
	cfg := testConfig(t, application(t, "", echo))
	cfg.rules.wakeFrom = only("192.0.2.0/24")
	r := keepGateOn(t, cfg, openDoor(t, "tcp"))
	dialReset(t, r.addrs[0])
	r.wake.Store(true)
	r.opens(true)
	r.serve()
	exchange(t, r.dial(0))
}

// TestHeldClientsAreLetGo: a start that fails closes who is waiting.
func TestHeldClientsAreLetGo(t *testing.T) {
	cfg := testConfig(t, freePort(t))
	cfg.rules.wakeFrom, cfg.startTimeout = only("127.0.0.0/8"), 100*time.Millisecond
	r := keepGateOn(t, cfg, openDoor(t, "tcp"))
	c := r.dial(0)
	r.opens(true)
	r.serve()
	wantReset(t, c)
	r.exits(1)
}
