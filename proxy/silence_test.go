package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func silenceOf(t *testing.T, app func(net.Conn), timeout time.Duration) *run {
	cfg := testConfig(t, application(t, "", app))
	cfg.connectionIdleTimeout = timeout
	return serveOn(t, cfg, openDoor(t, "tcp"))
}

// TestSilentConnection is closed not before its time, and a busy one beside it is not.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	r := silenceOf(t, echo, timeout)
	busy, silent := r.dial(0), r.dial(0)
	exchange(t, silent)
	began := time.Now()
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, silent)
		closed <- err
	}()
	var err error
	for open := true; open; {
		exchange(t, busy)
		select {
		case err = <-closed:
			open = false
		case <-time.After(20 * time.Millisecond):
		}
	}
	if took := time.Since(began); err != nil || took < timeout-20*time.Millisecond || took > 2*timeout {
		t.Errorf("closed after %v: %v", took, err)
	}
	exchange(t, busy)
	if want := "<6>1 connection carried nothing for 400ms: closed."; r.logged() != want {
		t.Errorf("log:\n%s", r.logged())
	}
	busy.Close()
	eventually(t, "no timer without a connection", func() bool {
		return inLoop(r, func() bool { return r.s.conns == 0 && r.s.silence.at == 0 })
	})
	exchange(t, r.dial(0))
}

// TestSilenceOfOneSide: what goes one way only is no silence.
func TestSilenceOfOneSide(t *testing.T) {
	t.Parallel()
	for name, app := range map[string]func(net.Conn){
		"to the client": func(c net.Conn) {
			for range 20 {
				io.WriteString(c, "x")
				time.Sleep(50 * time.Millisecond)
			}
		},
		"to the application": silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := silenceOf(t, app, 300*time.Millisecond)
			c := r.dial(0)
			if name == "to the client" {
				if got, err := io.ReadAll(c); len(got) != 20 || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			for range 20 {
				if _, err := io.WriteString(c, "x"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Millisecond)
			}
			if n := inLoop(r, func() int64 { return r.s.fw.in }); n != 20 {
				t.Errorf("%d of 20 bytes came through", n)
			}
		})
	}
}

// TestSilenceOfWhoDoesNotRead: bytes that nobody takes do not move.
func TestSilenceOfWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	r := silenceOf(t, func(c net.Conn) { io.Copy(c, zeroes{}) }, 300*time.Millisecond)
	r.dial(0)
	eventually(t, "the end of it", func() bool { return strings.Contains(r.logged(), "1 connection carried nothing") })
}

// zeroes never end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }
