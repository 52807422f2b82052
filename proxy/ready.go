package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	// httpTry bounds one try of the HTTP probe.
	httpTry = 5 * time.Second
	// httpFirstPause doubles up to httpLongestPause between two tries.
	httpFirstPause   = 10 * time.Millisecond
	httpLongestPause = 250 * time.Millisecond
)

// readiness is --ready: a connect that succeeds is enough, or something must come first: an HTTP answer below 500 on path, or
// a connection that stays open.
type readiness struct {
	http   bool
	stays  bool
	target *target
	path   string
	hello  []byte // what a connection to the application begins with
}

// probed tells whether the application is asked before the first client is served.
func (r readiness) probed() bool { return r.http || r.stays }

func (r readiness) String() string {
	if r.stays {
		return r.target.name
	}
	return r.path + " of " + r.target.name
}

// wanted is what the application must do to count as ready.
func (r readiness) wanted() string {
	if r.stays {
		return "keep a connection open"
	}
	return "answer " + r.String() + " with a status below 500"
}

// parseReady reads "tcp", "open", "http:/path" or "http:PORT/path"; first is the first target of the command line.
func parseReady(s, first string) (readiness, error) {
	switch s {
	case "tcp":
		return readiness{}, nil
	case "open":
		t, err := parseTarget(first)
		return readiness{stays: true, target: t}, err
	}
	rest, isHTTP := strings.CutPrefix(s, "http:")
	slash := strings.IndexByte(rest, '/')
	if !isHTTP || slash < 0 {
		return readiness{}, fmt.Errorf("--ready=%s: must be tcp, http:/path or http:PORT/path", s)
	}
	where, path := rest[:slash], rest[slash:]
	if strings.IndexFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) >= 0 {
		return readiness{}, fmt.Errorf("--ready=%q: a blank or control character in the path must be written as %%20", s)
	}
	if where == "" {
		where = first
	}
	t, err := parseTarget(where)
	return readiness{http: true, target: t, path: path}, err
}

// startProbe asks the application until the answer is good or the start timeout is over. The returned function stops it.
func (s *server) startProbe() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if s.cfg.startTimeout != infinity {
		ctx, cancel = context.WithTimeout(context.Background(), s.cfg.startTimeout-s.cfg.waited)
	}
	go func() {
		err := s.cfg.ready.await(ctx)
		if errors.Is(err, context.Canceled) {
			return
		}
		s.loop.post(func() { s.probed(err) })
	}()
	return cancel
}

// probed opens the gate, or lets everybody go.
func (s *server) probed(err error) {
	if err != nil {
		s.giveUpAll(fmt.Sprintf("the application does not %s after %s (%v)", s.cfg.ready.wanted(), spanText(s.cfg.startTimeout), err))
		return
	}
	s.gated = false
	s.answered()
	s.updateListeners()
}

// await tries until a try succeeds, and returns the last error when ctx is over.
func (r readiness) await(ctx context.Context) error { return retry(ctx, r.try) }

// retry calls try until it succeeds, and returns its last error when ctx is over.
func retry(ctx context.Context, try func(context.Context) error) error {
	pause := httpFirstPause
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return err
		case <-time.After(pause):
			pause = min(2*pause, httpLongestPause)
		}
	}
}

// try asks once, at the first of the target's addresses that takes the connection.
func (r readiness) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, httpTry)
	defer cancel()
	conn, _, err := r.target.reach(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if len(r.hello) > 0 {
		if _, err := conn.Write(r.hello); err != nil {
			return err
		}
	}
	if r.stays {
		return staysOpen(conn)
	}
	return r.ask(conn)
}

// reach connects to the first of the target's addresses that takes the connection. The error is that of the first address.
func (t *target) reach(ctx context.Context) (conn net.Conn, at *address, err error) {
	var d net.Dialer
	for i := range t.addrs {
		conn, e := d.DialContext(ctx, t.addrs[i].network, t.addrs[i].text)
		if e == nil {
			return conn, &t.addrs[i], nil
		}
		if err == nil {
			err = e
		}
	}
	return nil, nil, err
}

// staying is how long a connection must stay open to count.
const staying = 100 * time.Millisecond

// staysOpen tells whether somebody behind conn has really taken it: rootlessport and pasta accept for a container's published
// port before they try the application, and reset the connection when that does not listen.
func staysOpen(conn net.Conn) error {
	conn.SetReadDeadline(time.Now().Add(staying))
	n, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if n > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return errors.New("a connection is closed at once")
}

// ask sends the request and judges the status line (RFC 9112, section 4). No net/http: it is 4 MB.
func (r readiness) ask(conn net.Conn) error {
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: podman-ondemand\r\nAccept: */*\r\nConnection: close\r\n\r\n", r.path)
	if err != nil {
		return err
	}
	line, err := firstLine(conn)
	if err != nil {
		return err
	}
	var major, minor, code int
	if _, err := fmt.Sscanf(line, "HTTP/%d.%d %3d", &major, &minor, &code); err != nil || code < 100 {
		return fmt.Errorf("%.40q is no HTTP answer", line)
	}
	if code >= 500 {
		return fmt.Errorf("the status is %d", code)
	}
	return nil
}

// firstLine reads up to the first line feed, or 1 KiB.
func firstLine(conn net.Conn) (string, error) {
	buf := make([]byte, 1024)
	for n := 0; n < len(buf); {
		m, err := conn.Read(buf[n:])
		n += m
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return strings.TrimRight(string(buf[:i]), "\r"), nil
		}
		if err != nil {
			return "", err
		}
	}
	return string(buf), nil
}
