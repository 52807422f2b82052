package proxy

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func socketProxydConfig(t *testing.T, args string) config {
	t.Helper()
	c, err := parseArgs(strings.Fields("--socket-proxyd "+args), noEnv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSocketProxydArgs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--max-connections=7 --idle-timeout=5m0s 80", "/p --connections-max=7 --exit-idle-time=5min 127.0.0.1:80"},
		{"--max-connections=1 --idle-timeout=infinity [::1]:80", "/p --connections-max=1 ::1:80"},
		{"--max-connections=1 --idle-timeout=1500ms /run/app.sock /run/app.sock", "/p --connections-max=1 --exit-idle-time=1.5s /run/app.sock"},
		{"--max-connections=1 --idle-timeout=1us @app", "/p --connections-max=1 --exit-idle-time=1ms @app"},
	} {
		cfg := socketProxydConfig(t, c.args)
		if got := strings.Join(cfg.socketProxydArgs("/p", &cfg.targets[0].addrs[0]), " "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.args, got, c.want)
		}
	}
	if n := connectionLimit(0, fdsOfSocketProxyd, 0); n < 1 {
		t.Errorf("no limit became %d", n)
	}
	if _, err := parseArgs([]string{"--socket-proxyd", "80", "81"}, noEnv, io.Discard); err == nil {
		t.Error("two targets pass")
	}
}

func TestFindSocketProxyd(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if _, err := findSocketProxyd([]string{program}); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("it is not there: %v", err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := findSocketProxyd([]string{"/nowhere", program}); err != nil || got != program {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAnswer: the address that takes connections is the one that systemd-socket-proxyd gets.
func TestAnswer(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 loopback: ", err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cfg := socketProxydConfig(t, port)
	at, err := cfg.awaitAnswer()
	if err != nil || at.unbracketed() != "::1:"+port {
		t.Errorf("%+v, %v", at, err)
	}
}

func TestNoAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cfg := socketProxydConfig(t, "--unit=web.service --start-timeout=50ms "+port)
	if _, err := cfg.awaitAnswer(); err == nil || !strings.Contains(err.Error(), "does not answer on port "+port+" after 50ms") {
		t.Error(err)
	}
	cfg = socketProxydConfig(t, "--unit=web.service "+port)
	cfg.pidfd = endedProcess(t)
	if _, err := cfg.awaitAnswer(); err == nil || !strings.Contains(err.Error(), "the container has ended before") {
		t.Error(err)
	}
}

// endedProcess is what a pidfd looks like when its process has ended: readable.
func endedProcess(t *testing.T) int {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.Close(p[1])
	t.Cleanup(func() { unix.Close(p[0]) })
	return p[0]
}

func TestAwaitClient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fds := []int{int(file.Fd())}
	cfg := socketProxydConfig(t, "--idle-timeout=20ms 80")
	if why := cfg.awaitClient(fds); why != "Nobody was connected for 20ms" {
		t.Errorf("nobody: %q", why)
	}
	cfg.idleTimeout = infinity
	time.AfterFunc(20*time.Millisecond, func() {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	})
	if why := cfg.awaitClient(fds); why != "" {
		t.Errorf("a client: %q", why)
	}
	cfg.pidfd = endedProcess(t)
	if why := cfg.awaitClient(fds); why != "The container has ended" {
		t.Errorf("the end: %q", why)
	}
}
