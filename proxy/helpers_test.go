package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be the program itself, an application, or a process that only lives.
func TestMain(m *testing.M) {
	switch os.Getenv("PROXY_TEST_AS") {
	case "program":
		os.Exit(Main(os.Args[2:])) // argv[1] is "proxy", as for the real program
	case "fenced":
		os.Exit(fencedMain())
	case "intruder":
		os.Exit(intruderMain())
	case "application":
		os.Exit(applicationMain())
	case "stuck":
		os.Exit(stuckMain())
	case "sleeper":
		select {}
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// run is a serving stage under test.
type run struct {
	t     *testing.T
	s     *server
	fds   []int
	addrs []net.Addr
	done  chan int

	mu       sync.Mutex
	lines    []string
	messages []string
}

// door is a listening socket as systemd would hold it.
type door struct {
	fd   int
	addr net.Addr
}

// openDoor listens on "tcp" or "unix". The descriptor is the test's: the proxy does not close it.
func openDoor(t *testing.T, network string) door {
	t.Helper()
	where := "127.0.0.1:0"
	if network == "unix" {
		where = filepath.Join(t.TempDir(), "door")
	}
	l, err := net.Listen(network, where)
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l.Close()
	t.Cleanup(func() { f.Close() })
	return door{int(f.Fd()), l.Addr()}
}

// testConfig is a command line with short times.
func testConfig(t *testing.T, targets ...string) config {
	t.Helper()
	c := config{unit: "web.service", userManager: true, idleTimeout: infinity, startTimeout: patience, flowTimeout: time.Minute, pidfd: -1}
	if err := c.setTargets(targets, "tcp"); err != nil {
		t.Fatal(err)
	}
	return c
}

// serveOn runs the serving stage on doors, to the end of the test at most.
func serveOn(t *testing.T, cfg config, doors ...door) *run {
	t.Helper()
	r := prepare(t, cfg, doors...)
	r.start()
	return r
}

func prepare(t *testing.T, cfg config, doors ...door) *run {
	t.Helper()
	r := &run{t: t, done: make(chan int, 1)}
	for _, d := range doors {
		r.fds, r.addrs = append(r.fds, d.fd), append(r.addrs, d.addr)
	}
	var err error
	if r.s, err = newServer(cfg, r.fds, r.log, r.send); err != nil {
		t.Fatal(err)
	}
	r.s.sleep = func(context.Context) (string, error) { return "", nil }
	return r
}

func (r *run) start() {
	finished := make(chan struct{})
	go func() {
		r.done <- r.s.run()
		close(finished)
	}()
	r.t.Cleanup(func() {
		select {
		case <-finished:
		default:
			r.s.stop("Test over")
			<-finished
		}
	})
}

func (r *run) log(p priority, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("<%d>", p)+fmt.Sprintf(format, args...))
}

func (r *run) send(m string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, m)
}

func (r *run) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func (r *run) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.messages, "\n")
}

// dial connects to the n-th door.
func (r *run) dial(n int) net.Conn {
	r.t.Helper()
	return dialAddr(r.t, r.addrs[n])
}

func dialAddr(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	return dialBy(t, &net.Dialer{}, a)
}

func dialBy(t *testing.T, d *net.Dialer, a net.Addr) net.Conn {
	t.Helper()
	c, err := d.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// exits waits for the exit status.
func (r *run) exits(want int) {
	r.t.Helper()
	select {
	case got := <-r.done:
		if got != want {
			r.t.Fatalf("exit status %d, want %d; log:\n%s", got, want, r.logged())
		}
	case <-time.After(patience):
		r.t.Fatalf("still running; log:\n%s", r.logged())
	}
}

func (r *run) stillRuns() {
	r.t.Helper()
	select {
	case got := <-r.done:
		r.t.Fatalf("ended with %d; log:\n%s", got, r.logged())
	default:
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// inLoop reads the server's state in its own goroutine.
func inLoop[T any](r *run, f func() T) T {
	c := make(chan T, 1)
	r.s.loop.post(func() { c <- f() })
	return <-c
}

// application listens on addr ("" : any port) and runs serve for each connection. It returns where.
func application(t *testing.T, addr string, serve func(net.Conn)) string {
	t.Helper()
	network := "tcp"
	switch {
	case addr == "":
		addr = "127.0.0.1:0"
	case strings.HasPrefix(addr, "/"):
		network = "unix"
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(10 * time.Millisecond) // the test of a shortage takes our descriptors as well
				continue
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	if network == "unix" {
		return addr
	}
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// echo sends back what comes until the end of the data.
func echo(c net.Conn) { io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) }

// silent takes connections and says nothing until they end.
func silent(c net.Conn) { io.Copy(io.Discard, c) }

// exchange sends a line and wants it back.
func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	if err := tryExchange(c); err != nil {
		t.Fatal(err)
	}
}

func tryExchange(c net.Conn) error {
	want := []byte("ping from " + c.LocalAddr().String() + "\n")
	if _, err := c.Write(want); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// freePort is a port on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// wantReset wants the connection to end with RST and not with the end of the data.
func wantReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); !isReset(err) {
		t.Fatalf("connection ended with %v, want a reset", err)
	}
}

// dialReset wants a new connection to be reset; connect(2) may already see it.
func dialReset(t *testing.T, a net.Addr) {
	t.Helper()
	dialResetBy(t, &net.Dialer{}, a)
}

func dialResetBy(t *testing.T, d *net.Dialer, a net.Addr) {
	t.Helper()
	c, err := d.Dial(a.Network(), a.String())
	if isReset(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	wantReset(t, c)
}

func isReset(err error) bool {
	return err != nil && strings.Contains(err.Error(), unix.ECONNRESET.Error())
}
