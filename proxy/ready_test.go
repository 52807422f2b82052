package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// webApp answers each request with the next status; the last one stays. It counts requests that are not probes.
func webApp(t *testing.T, visitors *atomic.Int32, statuses ...string) string {
	var asked atomic.Int32
	return application(t, "", func(c net.Conn) {
		r := bufio.NewReader(c)
		first, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if !strings.HasPrefix(first, "GET /healthz ") {
			visitors.Add(1)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			return
		}
		for line := ""; line != "\r\n" && err == nil; {
			line, err = r.ReadString('\n')
		}
		n := int(asked.Add(1))
		fmt.Fprintf(c, "%s\r\nContent-Length: 0\r\n\r\n", statuses[min(n, len(statuses))-1])
	})
}

func TestHTTPReadiness(t *testing.T) {
	var visitors atomic.Int32
	cfg := testConfig(t, webApp(t, &visitors, "HTTP/1.1 503 Warming Up", "nonsense", "HTTP/1.1 500 Oops", "HTTP/1.0 404 Not Found"))
	cfg.ready = readiness{http: true, target: cfg.targets[0], path: "/healthz"}
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	c := r.dial(0)
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	began := time.Now()
	got, err := io.ReadAll(c)
	if !strings.HasSuffix(string(got), "hi") {
		t.Fatalf("got %q, %v", got, err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if n := inLoop(r, func() int64 { return r.s.total }); n != 1 {
		t.Errorf("%d connections counted, the probes are none", n)
	}
}

func TestHTTPReadinessThatNeverComes(t *testing.T) {
	t.Parallel()
	var visitors atomic.Int32
	app := webApp(t, &visitors, "HTTP/1.1 503 Warming Up")
	cfg := testConfig(t, app)
	cfg.ready = readiness{http: true, target: cfg.targets[0], path: "/healthz"}
	cfg.startTimeout = 300 * time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	c := r.dial(0)
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	wantReset(t, c)
	r.exits(1)
	if want := "does not answer /healthz of port " + app + " with a status below 500 after 300ms (the status is 503)"; !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
	if visitors.Load() != 0 {
		t.Error("a request reached the application before it was ready")
	}
}

func TestIdleTimerDoesNotRunBeforeReady(t *testing.T) {
	var visitors atomic.Int32
	cfg := testConfig(t, webApp(t, &visitors, "HTTP/1.1 503 Warming Up"))
	cfg.ready = readiness{http: true, target: cfg.targets[0], path: "/healthz"}
	cfg.idleTimeout = 20 * time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	time.Sleep(200 * time.Millisecond)
	r.stillRuns()
}

// A published port of podman takes connections and resets them while nobody listens in the container.
func TestReadyOpenIsNotFooledByAPublishedPort(t *testing.T) {
	var listens atomic.Bool
	port := application(t, "", func(c net.Conn) {
		if listens.Load() {
			echo(c)
		}
		c.Close()
	})
	cfg := testConfig(t, port)
	cfg.ready, _ = parseReady("open", port)
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	client := r.dial(0)
	time.Sleep(150 * time.Millisecond)
	listens.Store(true)
	exchange(t, client)
}
