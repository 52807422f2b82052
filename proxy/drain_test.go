package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// drainOf serves app with a drain timeout, and one connection over which a line went there and back.
func drainOf(t *testing.T, app func(net.Conn), timeout time.Duration) (*run, door, net.Conn) {
	t.Helper()
	cfg := testConfig(t, application(t, "", app))
	cfg.drainTimeout = timeout
	d := openDoor(t, "tcp")
	r := serveOn(t, cfg, d)
	c := r.dial(0)
	exchange(t, c)
	return r, d, c
}

// endsAfter wants the end of the serving stage in that span from now, with one second to spare for a busy machine.
func (r *run) endsAfter(want time.Duration) {
	r.t.Helper()
	began := time.Now()
	r.exits(0)
	if took := time.Since(began); took < want || took > want+time.Second {
		r.t.Errorf("ended after %v, want %v; log:\n%s", took, want, r.logged())
	}
}

// TestDrainNothing: with nobody connected, or no time to give, it ends at once.
func TestDrainNothing(t *testing.T) {
	t.Parallel()
	r, _, c := drainOf(t, echo, patience)
	c.Close()
	eventually(t, "nobody is connected", func() bool { return inLoop(r, func() bool { return r.s.conns == 0 }) })
	r.s.stop("Asked to stop")
	r.endsAfter(0)
	r, _, _ = drainOf(t, echo, 0)
	r.s.stop("Asked to stop")
	r.endsAfter(0)
}

// TestDrainAtRest: a connection that is kept for the next request ends after a second with the end of the data, not with an error.
func TestDrainAtRest(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]bool{"answered": true, "never used": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d, c := drainOf(t, echo, patience)
			if !request {
				c.Close()
				c = r.dial(0)
				eventually(t, "the second connection", func() bool { return inLoop(r, func() bool { return r.s.total == 2 && r.s.conns == 1 }) })
			}
			r.s.stop("Asked to stop")
			eventually(t, "a status", func() bool {
				return strings.Contains(r.said(), "STOPPING=1\nSTATUS=Stopping: 1 connection may end within 10s")
			})
			r.dial(0)
			began := time.Now()
			if n, err := io.Copy(io.Discard, c); n != 0 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			if took := time.Since(began); took < 900*time.Millisecond {
				t.Errorf("closed after %v", took)
			}
			r.exits(0)
			if !waiting(d.fd) {
				t.Error("who came meanwhile is not in the queue")
			}
			if want := "Asked to stop: 1 connection may end within 10s.\n<6>Asked to stop, stopping: "; !strings.Contains(r.logged(), want) {
				t.Errorf("log:\n%s", r.logged())
			}
		})
	}
}

// TestDrainAnswer: a request that is there is answered, however long the application thinks or pauses while it answers.
func TestDrainAnswer(t *testing.T) {
	t.Parallel()
	for name, pieces := range map[string][]time.Duration{
		"late":      {2 * time.Second},
		"in pieces": {100 * time.Millisecond, 700 * time.Millisecond, 700 * time.Millisecond, 700 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, c := drainOf(t, func(c net.Conn) {
				in := bufio.NewReader(c)
				for line, err := in.ReadString('\n'); err == nil; line, err = in.ReadString('\n') {
					if line != "slow\n" {
						io.WriteString(c, line)
						continue
					}
					for _, pause := range pieces {
						time.Sleep(pause)
						io.WriteString(c, "piece ")
					}
				}
			}, patience)
			io.WriteString(c, "slow\n")
			eventually(t, "the request", func() bool { return inLoop(r, func() bool { return r.s.fw.in > 20 }) })
			r.s.stop("Asked to stop")
			got, err := io.ReadAll(c)
			if want := strings.Repeat("piece ", len(pieces)); string(got) != want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
			r.exits(0)
		})
	}
}

// TestDrainHalfClosed: a client that has said all it had to say waits for the end of the answer.
func TestDrainHalfClosed(t *testing.T) {
	t.Parallel()
	r, _, c := drainOf(t, func(c net.Conn) {
		io.Copy(c, c)
		io.WriteString(c, "first ")
		time.Sleep(2 * time.Second)
		io.WriteString(c, "last")
	}, patience)
	c.(*net.TCPConn).CloseWrite()
	eventually(t, "the end of the request", func() bool { return inLoop(r, func() bool { return r.s.fw.out > 30 }) })
	r.s.stop("Asked to stop")
	if got, err := io.ReadAll(c); string(got) != "first last" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	r.exits(0)
}

// TestDrainTimeout: what does not end is ended.
func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	r, _, c := drainOf(t, func(c net.Conn) {
		io.CopyN(c, c, int64(len("ping from 127.0.0.1:00000\n")))
		silent(c)
	}, 1500*time.Millisecond)
	io.WriteString(c, "a request without an answer")
	eventually(t, "the request", func() bool { return inLoop(r, func() bool { return r.s.fw.in > 30 }) })
	r.s.stop("Asked to stop")
	r.endsAfter(1500 * time.Millisecond)
	if want := "Asked to stop, and 1 connection did not end within 1.5s, stopping: "; !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
}

// TestDrainLateRequest: a request that comes after the application was told that there are no more is not half done: it never sees
// it. An application that does not end its side costs another second.
func TestDrainLateRequest(t *testing.T) {
	t.Parallel()
	told, saw := make(chan bool, 1), make(chan string, 1)
	r, _, c := drainOf(t, func(c net.Conn) {
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			return // the check whether it listens
		}
		io.WriteString(c, line)
		rest, _ := io.ReadAll(c)
		saw <- string(rest)
		told <- true
		time.Sleep(patience)
	}, patience)
	began := time.Now()
	r.s.stop("Asked to stop")
	<-told
	io.WriteString(c, "late\n")
	if n, err := io.Copy(io.Discard, c); n != 0 || err != nil && !isReset(err) {
		t.Errorf("%d bytes, %v", n, err)
	}
	r.exits(0)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	if rest := <-saw; rest != "" {
		t.Errorf("the application got %q", rest)
	}
}

// TestDrainContainerEnds: without an application there is nothing to wait for.
func TestDrainContainerEnds(t *testing.T) {
	t.Parallel()
	app, pidfd := containerProcess(t)
	cfg := testConfig(t, application(t, "", echo))
	cfg.pidfd, cfg.drainTimeout = pidfd, patience
	r := prepare(t, cfg, openDoor(t, "tcp"))
	if err := r.s.watchContainer(pidfd); err != nil {
		t.Fatal(err)
	}
	r.start()
	exchange(t, r.dial(0))
	r.s.stop("Asked to stop")
	r.s.stop("Asked again")
	app.Process.Kill()
	app.Wait()
	r.endsAfter(0)
	if !strings.Contains(r.logged(), "The container has ended, stopping: ") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// TestDrainHaltsDials: a client for whom the application is being dialled is not accepted any more.
func TestDrainHaltsDials(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, application(t, "", echo), freePort(t))
	cfg.drainTimeout = 1200 * time.Millisecond
	a, b := openDoor(t, "tcp"), openDoor(t, "tcp")
	r := serveOn(t, cfg, a, b)
	c := r.dial(0)
	exchange(t, c)
	r.dial(1)
	eventually(t, "a dial", func() bool { return inLoop(r, func() bool { return r.s.listeners[1].busy }) })
	r.s.stop("Asked to stop")
	if inLoop(r, func() bool { l := r.s.listeners[1]; return l.busy || l.on || l.timer.at != 0 || l.dialling >= 0 }) {
		t.Error("it still dials")
	}
	r.exits(0)
	if !waiting(b.fd) {
		t.Error("the client is not in the queue")
	}
}
