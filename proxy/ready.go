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

// readiness is --ready: a connect that succeeds is enough, or an HTTP answer below 500 on path must come first.
type readiness struct {
	http   bool
	target *target
	path   string
}

func (r readiness) String() string { return r.path + " of " + r.target.name }

// parseReady reads "tcp", "http:/path" or "http:PORT/path"; first is the first target of the command line.
func parseReady(s, first string) (readiness, error) {
	if s == "tcp" {
		return readiness{}, nil
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

// startHTTPProbe asks for the path until the answer is good or the start timeout is over. The returned function stops it.
func (s *server) startHTTPProbe() (stop func()) {
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
		s.log(prioWarning, "The application does not answer %s with a status below 500 after %s (%v): the waiting connections are closed; see %s.",
			s.cfg.ready, spanText(s.cfg.startTimeout), err, s.cfg.journal())
		s.giveUpAll()
		return
	}
	s.gated = false
	s.answered()
	s.updateListeners()
}

// await tries until a try succeeds, and returns the last error when ctx is over.
func (r readiness) await(ctx context.Context) error {
	pause := httpFirstPause
	for {
		err := r.try(ctx)
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
func (r readiness) try(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, httpTry)
	defer cancel()
	var d net.Dialer
	for _, a := range r.target.addrs {
		conn, e := d.DialContext(ctx, a.network, a.text)
		if e == nil {
			defer conn.Close()
			deadline, _ := ctx.Deadline()
			conn.SetDeadline(deadline)
			return r.ask(conn)
		}
		if err == nil {
			err = e
		}
	}
	return err
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
