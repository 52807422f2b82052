package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// applicationMain echoes on the address in the environment, in whatever namespaces it was started.
func applicationMain() int {
	upLoopback()
	l, err := net.Listen("tcp", os.Getenv("PROXY_TEST_ADDR"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		go func() {
			defer c.Close()
			echo(c)
		}()
	}
}

// upLoopback switches "lo" on, which is down in a new network namespace (netdevice(7)).
func upLoopback() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if ifr, err := unix.NewIfreq("lo"); err == nil {
		ifr.SetUint16(unix.IFF_UP)
		unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
	}
}

// program is the real program in its own process, started as systemd would.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	log *lockedBuffer
	// notified collects what was sent to NOTIFY_SOCKET.
	notified *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startProgram runs `proxy ARGS` with the listening sockets from descriptor 3 on.
func startProgram(t *testing.T, doors []door, args ...string) *program {
	t.Helper()
	p := &program{t: t, log: &lockedBuffer{}, notified: &lockedBuffer{}}
	p.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" proxy "$@"`, os.Args[0]}, args...)...)
	p.cmd.Env = append(os.Environ(), "PROXY_TEST_AS=program", "LISTEN_FDS="+strconv.Itoa(len(doors)),
		"NOTIFY_SOCKET="+p.notifySocket(), "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "MANAGERPID=1",
		"GORACE=atexit_sleep_ms=0")
	for _, d := range doors {
		fd, err := unix.Dup(d.fd)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "door")
		defer f.Close()
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, f)
	}
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

func (p *program) notifySocket() string {
	name := filepath.Join(p.t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			p.notified.Write(append(b[:n:n], '\n'))
		}
	}()
	return name
}

func (p *program) exits(want int) {
	p.t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
		if got := p.cmd.ProcessState.ExitCode(); got != want {
			p.t.Fatalf("exit status %d, want %d; log:\n%s", got, want, p.log)
		}
	case <-time.After(patience):
		p.t.Fatalf("still running; log:\n%s", p.log)
	}
}

func TestProgramServesAndStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	d, e := openDoor(t, "tcp"), openDoor(t, "unix")
	p := startProgram(t, []door{d, e}, "--unit=web.service", application(t, "", echo), application(t, "", echo))
	exchange(t, dialAddr(t, d.addr))
	exchange(t, dialAddr(t, e.addr))
	eventually(t, "a status", func() bool { return strings.Contains(p.notified.String(), "2 connections, 2 since start") })
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.exits(0)
	for _, want := range []string{"EXTEND_TIMEOUT_USEC=105000000\nSTATUS=Waiting for the application on port", "READY=1\n", "STOPPING=1\n"} {
		if !strings.Contains(p.notified.String(), want) {
			t.Errorf("%q was not sent:\n%s", want, p.notified)
		}
	}
}

// TestProgramRefuses: whatever keeps it from serving, the waiting clients are reset, and the next round cannot begin for a
// second. Without that systemd would start it again and again, up to the socket's trigger limit.
func TestProgramRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string // in the log
	}{
		{"fewer sockets than targets", []string{"--unit=web.service", "80", "443"}, 1,
			[]string{`<3>Connections are refused: systemd passed 1 listening socket for 2 targets: each address of the socket needs one, in the same order, and one that systemd cannot read is left out; see journalctl --user -u web.socket`}},
		{"no target", []string{"--unit=web.service"}, 2,
			[]string{`<3>Connections are refused: wrong command line: no target given`}},
		{"wrong command line", []string{"--idle-timeout=soon", "80"}, 2,
			[]string{`<3>Connections are refused: wrong command line: invalid value "soon"`}},
		{"no container, and no systemd that could say why", []string{"--unit=web.service", "--pid-file=/nonexistent/a", "--conmon-pid-file=/nonexistent/b", "80"}, 1,
			[]string{"<3>Connections are refused: the container of web.service does not run", "journalctl --user -u web.service"}},
		{"container cannot be watched", []string{"--inside", "--pidfd=99", "80"}, 1,
			[]string{"<3>Connections are refused: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := openDoor(t, "tcp")
			waits := dialAddr(t, d.addr)
			began := time.Now()
			p := startProgram(t, []door{d}, c.args...)
			wantReset(t, waits)
			dialReset(t, d.addr)
			p.exits(c.code)
			if took := time.Since(began); took < time.Second || took > 3*time.Second {
				t.Errorf("ended after %v, want a good second", took)
			}
			for _, want := range append(c.want, "<6>2 connections refused.") {
				if !strings.Contains(p.log.String(), want) {
					t.Errorf("log does not say %q:\n%s", want, p.log)
				}
			}
		})
	}
}

// TestProgramRefusesBesideForeignSockets: a listening socket among others is refused on all the same.
func TestProgramRefusesBesideForeignSockets(t *testing.T) {
	t.Parallel()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	d := openDoor(t, "tcp")
	waits := dialAddr(t, d.addr)
	p := startProgram(t, []door{{fd: fd}, d}, "--unit=web.service", "80", "443")
	wantReset(t, waits)
	p.exits(1)
	if want := "<3>Connections are refused: socket 1 of 2: it does not listen"; !strings.Contains(p.log.String(), want) {
		t.Errorf("log does not say %q:\n%s", want, p.log)
	}
}

// TestProgramByHand: nobody waits, and a person wants the answer at once.
func TestProgramByHand(t *testing.T) {
	t.Parallel()
	began := time.Now()
	p := startProgram(t, nil, "80")
	p.exits(1)
	if want := "<3>Cannot serve: no listening sockets were passed"; !strings.Contains(p.log.String(), want) || time.Since(began) > time.Second {
		t.Errorf("after %v:\n%s", time.Since(began), p.log)
	}
}

// TestProgramEntersTheContainer: an application that listens in its own user and network namespace is reached, the end of
// its process is noticed, and the next connection stays in the queue.
func TestProgramEntersTheContainer(t *testing.T) {
	t.Parallel()
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, syscall.CLONE_NEWNET} {
		t.Run(map[bool]string{true: "rootless", false: "rootful"}[flags&syscall.CLONE_NEWUSER != 0], func(t *testing.T) {
			app := isolated(t, flags, "127.0.0.1:80")
			d := openDoor(t, "tcp")
			p := startProgram(t, []door{d}, append(pidFiles(t, app), "--unit=web.service", "80")...)
			c := dialAddr(t, d.addr)
			if err := tryExchange(c); err != nil {
				t.Fatalf("%v; log:\n%s", err, p.log)
			}
			eventually(t, "READY=1", func() bool { return strings.Contains(p.notified.String(), "READY=1") })
			app.Kill()
			p.exits(0)
			if !strings.Contains(p.log.String(), "The container has ended") {
				t.Errorf("log:\n%s", p.log)
			}
			dialAddr(t, d.addr)
			if !waiting(d.fd) {
				t.Error("the next connection is not in the queue")
			}
		})
	}
}

// TestProgramThatMayNotEnter: nsenter starts and fails, which must not look like a proxy that ended at once.
func TestProgramThatMayNotEnter(t *testing.T) {
	app := isolated(t, syscall.CLONE_NEWUSER|syscall.CLONE_NEWNET, "127.0.0.1:80")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nsenter"), []byte("#!/bin/sh\necho nsenter: not permitted >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := openDoor(t, "tcp")
	waits := dialAddr(t, d.addr)
	p := startProgram(t, []door{d}, append(pidFiles(t, app), "--unit=web.service", "80")...)
	wantReset(t, waits)
	p.exits(1)
	if want := "<3>Connections are refused: cannot enter the container of web.service: nsenter: not permitted (exit status 1)"; !strings.Contains(p.log.String(), want) {
		t.Errorf("log does not say %q:\n%s", want, p.log)
	}
}

// TestProgramWithHostNetwork: a container without a network namespace of its own is served without entering anything.
func TestProgramWithHostNetwork(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	app := isolated(t, 0, "127.0.0.1:"+port)
	d := openDoor(t, "tcp")
	p := startProgram(t, []door{d}, append(pidFiles(t, app), "--unit=web.service", port)...)
	exchange(t, dialAddr(t, d.addr))
	app.Kill()
	p.exits(0)
}

// isolated starts an echoing application in new namespaces.
func isolated(t *testing.T, flags uintptr, addr string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PROXY_TEST_AS=application", "PROXY_TEST_ADDR="+addr)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine does not permit namespaces to this user: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	go cmd.Wait()
	return cmd.Process
}

// pidFiles writes what podman run --pidfile and --conmon-pidfile would; the process stands for both.
func pidFiles(t *testing.T, p *os.Process) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(name, []byte(strconv.Itoa(p.Pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--pid-file=" + name, "--conmon-pid-file=" + name}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	d, e := openDoor(t, "tcp"), openDoor(t, "unix")
	early := dialAddr(t, d.addr)
	done := make(chan int)
	go func() { done <- refuse([]int{d.fd, 999, e.fd}, 300*time.Millisecond) }() // 999: one that is not open costs the others nothing
	wantReset(t, early)
	dialReset(t, d.addr)
	u := dialAddr(t, e.addr)
	if _, err := u.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the Unix client got %v", err)
	}
	if n := <-done; n != 3 {
		t.Errorf("%d refused, want 3", n)
	}
}
