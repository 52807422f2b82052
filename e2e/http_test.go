//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// reply is what a request came to.
type reply struct {
	body string
	took time.Duration // from the first SYN to the last byte, or to the error
	err  error
}

// line is what the answer to / says after "name: ".
func (r reply) line(name string) string {
	_, rest, _ := strings.Cut(r.body, name+": ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// instance is another one after each start of the application.
func (r reply) instance() string { return r.line("instance") }

// started is when the application began to listen.
func (r reply) started(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, r.line("started"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// request asks once, over a connection of its own.
func request(network, address, path string) reply {
	return requestWithin(60*time.Second, network, address, path)
}

func requestWithin(timeout time.Duration, network, address, path string) reply {
	start := time.Now()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	client := http.Client{Timeout: timeout, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	r, err := client.Get("http://localhost" + path)
	if err != nil {
		return reply{took: time.Since(start), err: err}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != 200 {
		err = fmt.Errorf("%s", r.Status)
	}
	return reply{string(body), time.Since(start), err}
}

// get asks the application once.
func (a *app) get(path string) reply {
	return request("tcp", a.address(), path)
}

// mustGet is get for a request that has to be answered.
func (a *app) mustGet(path string) reply {
	a.t.Helper()
	return must(a.t, a.get(path))
}

// mustAnswer wants a message of the test application, as soon as its port listens.
func (a *app) mustAnswer(message string) reply {
	a.t.Helper()
	a.mustListen(a.port)
	r := a.mustGet("/")
	if !strings.HasPrefix(r.body, message+"\n") {
		a.t.Errorf("%s answers %q, not %q", a.name, r.body, message)
	}
	return r
}

func must(t *testing.T, r reply) reply {
	t.Helper()
	if r.err != nil {
		t.Fatalf("not answered (after %v): %v", r.took, r.err)
	}
	return r
}

// idleConnection opens a connection, has one request answered over it and leaves it open.
func (a *app) idleConnection() net.Conn {
	a.t.Helper()
	c, err := net.Dial("tcp", a.address())
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(slack * 30 * time.Second))
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		a.t.Fatal("idle connection: ", err)
	}
	c.SetDeadline(time.Now().Add(slack * 30 * time.Second))
	return c
}

// atOnce asks n times at the same moment.
func (a *app) atOnce(n int) []reply {
	replies := make(chan reply, n)
	for range n {
		go func() { replies <- a.get("/") }()
	}
	all := make([]reply, n)
	for i := range all {
		all[i] = <-replies
	}
	return all
}

// burst wakes the application by n connections at the same moment.
func (a *app) burst(n int) {
	a.t.Helper()
	replies := a.atOnce(n)
	ok, errors := answered(replies)
	record(a.t, fmt.Sprintf("%d connections at once, asleep", n), fmt.Sprintf("%d answers", n), fmt.Sprintf("%d answers, the last after %s", ok, ms(slowest(replies))))
	if ok != n {
		a.t.Errorf("%d of %d answered:%s", ok, n, errors)
	}
	for _, r := range replies {
		if r.err == nil && r.instance() != replies[0].instance() {
			a.t.Fatal("more than one start for them")
		}
	}
}

// answered counts the answers; the errors come as text, the first few.
func answered(replies []reply) (n int, errors string) {
	for _, r := range replies {
		if r.err == nil {
			n++
		} else if len(errors) < 1000 {
			errors += fmt.Sprintf("\n  after %v: %v", r.took.Round(time.Millisecond), r.err)
		}
	}
	return n, errors
}

func slowest(replies []reply) time.Duration {
	return slices.MaxFunc(replies, func(a, b reply) int { return int(a.took - b.took) }).took
}

func median(replies []reply) time.Duration {
	took := make([]time.Duration, len(replies))
	for i, r := range replies {
		took[i] = r.took
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// ms prints a duration in whole milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
