package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// resets counts the connections that were ended by a reset from the other side.
var resets atomic.Int64

// site answers HTTP/1.1 requests.
type site struct {
	message  string
	instance string // another one after each start
	started  time.Time
	header   bool
}

// request is what the paths need to know of one.
type request struct {
	method, path string
	query        url.Values
	length       int64 // of the body
	body         io.Reader
	peer         string
	close        bool
}

// answer is a status and a body.
type answer struct {
	status int
	body   []byte
}

// serve answers the requests of one connection in turn until the client closes it or asks for the end.
func (s site) serve(c net.Conn) {
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	peer := c.RemoteAddr().String()
	if s.header {
		var err error
		if peer, err = readHeader(r); err != nil {
			log.Printf("no PROXY protocol header: %v", err)
			return
		}
	}
	for {
		q, err := readRequest(r)
		if err != nil {
			if errors.Is(err, syscall.ECONNRESET) {
				resets.Add(1)
			}
			return
		}
		if q.path == "/reset" {
			c.(*net.TCPConn).SetLinger(0)
			return
		}
		q.peer = peer
		writeAnswer(w, s.answer(q), q.close)
		io.Copy(io.Discard, q.body)
		// Requests that came in one piece are answered in one.
		if r.Buffered() == 0 || q.close {
			if w.Flush() != nil || q.close {
				return
			}
		}
	}
}

// readRequest reads up to the body. A body must have a Content-Length.
func readRequest(r *bufio.Reader) (request, error) {
	line, err := readLine(r)
	if err != nil {
		return request{}, err
	}
	method, rest, ok := strings.Cut(line, " ")
	target, protocol, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 {
		return request{}, errors.New("not a request line: " + line)
	}
	path, query, _ := strings.Cut(target, "?")
	q := request{method: method, path: path, close: protocol == "HTTP/1.0"}
	if query != "" {
		q.query, _ = url.ParseQuery(query)
	}
	err = q.readHeaders(r)
	q.body = io.LimitReader(r, q.length)
	return q, err
}

func (q *request) readHeaders(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil || line == "" {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.EqualFold(name, "Content-Length"):
			if q.length, err = strconv.ParseInt(value, 10, 64); err != nil {
				return err
			}
		case strings.EqualFold(name, "Connection"):
			q.close = strings.EqualFold(value, "close")
		}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func writeAnswer(w *bufio.Writer, a answer, last bool) {
	fmt.Fprintf(w, "HTTP/1.1 %d Status\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n", a.status, len(a.body))
	if last {
		w.WriteString("Connection: close\r\n")
	}
	w.WriteString("\r\n")
	w.Write(a.body)
}

func (s site) answer(q request) answer {
	switch q.path {
	case "/":
		return text("%s\ninstance: %s\nstarted: %s\npid: %d\n", s.message, s.instance, s.started.Format(time.RFC3339Nano), os.Getpid())
	case "/hello":
		return text("%s\n", s.message)
	case "/peer":
		return text("%s\n", q.peer)
	case "/resets":
		return text("resets: %d\n", resets.Load())
	case "/bytes":
		return answer{200, bytes.Repeat([]byte{'x'}, q.number("n"))}
	case "/sleep":
		time.Sleep(time.Duration(q.number("ms")) * time.Millisecond)
		return text("slept\n%s\n", s.message)
	case "/status":
		return answer{q.number("code"), nil}
	case "/hash":
		h := sha256.New()
		io.Copy(h, q.body)
		return text("%x\n", h.Sum(nil))
	case "/ask":
		return ask(q.query.Get("address"), cmp.Or(q.query.Get("path"), "/"))
	case "/busy":
		return beBusy(time.Duration(q.number("ms"))*time.Millisecond, q.number("code"))
	case "/die":
		os.Exit(q.number("code"))
	}
	return answer{404, []byte("no such path\n")}
}

// ask passes on what another site answers on a path.
func ask(address, path string) answer {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, address, 10*time.Second)
	if err != nil {
		return answer{502, []byte(err.Error())}
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", path)
	said, err := io.ReadAll(c)
	_, body, ok := bytes.Cut(said, []byte("\r\n\r\n"))
	if err != nil || !ok {
		return answer{502, fmt.Appendf(nil, "%q, %v", said, err)}
	}
	return answer{200, body}
}

func text(format string, args ...any) answer { return answer{200, fmt.Appendf(nil, format, args...)} }

// number is the value of a query field, 0 where there is none.
func (q request) number(name string) int {
	n, _ := strconv.Atoi(q.query.Get(name))
	return max(n, 0)
}

// echo sends everything back and passes the end of the client's side on.
func echo(c net.Conn) {
	io.Copy(c, c)
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
