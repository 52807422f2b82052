package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fencedMain is a program in the place of the serving stage, that has been taken over: inside the same fence it tries what an intruder
// would, and says what came of it.
func fencedMain() int {
	c := config{}
	switch os.Args[len(os.Args)-1] {
	case "keep":
		c.keeper = &keeper{}
	case "datagrams":
		c.datagram = []bool{true}
	}
	if err := c.setTargets(os.Args[1:2], "tcp"); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(trespass(c, os.Args[1], os.Args[2:]))
	return 0
}

// intruderMain is that in a unit of systemd's: the first stage is ours as it is, the second one says what it could do, and serves nobody. What
// it is to try is in the environment variable INTRUDER.
func intruderMain() int {
	args := os.Args[2:]
	if !slices.Contains(args, "--inside") {
		return Main(args)
	}
	c, err := parseArgs(args, os.Getenv, os.Stderr)
	if err != nil {
		return 1
	}
	send("READY=1")
	port := strconv.Itoa(int(c.ports()[0]))
	for range 600 { // the application may not listen yet
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, trespass(c, port, strings.Fields(os.Getenv("INTRUDER"))))
	time.Sleep(time.Hour) // with nothing but select{} Go may find a deadlock, and journald no unit of who has gone already
	return 0
}

// trespass closes the fence, and tries: to connect to a port that is allowed, to one that is not, to do things to a process, to open a file.
func trespass(c config, allowed string, others []string) string {
	forbidden, parent, file := others[0], others[1], others[2]
	notes := ""
	c.fence(func(_ priority, format string, args ...any) { notes += fmt.Sprintf(format, args...) })
	pid, _ := strconv.Atoi(parent)
	_, read := os.ReadFile(file)
	write := os.WriteFile(file, nil, 0o600)
	_, unixSocket := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	_, packet := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	_, raw := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	_, netlink := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	_, udp := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	_, mptcp := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
	tcp, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	_, owner := unix.FcntlInt(uintptr(tcp), unix.F_SETOWN, pid)
	_, fork := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	dial := func(port string) error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err
	}
	text, _ := json.Marshal(map[string]bool{
		"connects to its target":         dial(allowed) == nil,
		"connects elsewhere":             !forbids(dial(forbidden)),
		"connects elsewhere by sendto":   !forbids(fastOpen(tcp, forbidden)),
		"reads a file":                   read == nil,
		"writes a file":                  write == nil,
		"opens a Unix socket":            unixSocket == nil,
		"opens a packet socket":          packet == nil,
		"opens a raw socket":             raw == nil,
		"opens a netlink socket":         netlink == nil,
		"listens":                        unix.Listen(tcp, 1) == nil,
		"opens a UDP socket":             udp == nil,
		"opens an MPTCP socket":          mptcp == nil,
		"has the kernel send signals":    owner == nil,
		"starts a program":               fork == nil,
		"signals another process":        unix.Kill(pid, 0) == nil,
		"signals by tgkill":              unix.Tgkill(pid, pid, 0) == nil,
		"looks into another process":     unix.PtraceAttach(pid) == nil,
		"makes a namespace":              unix.Unshare(unix.CLONE_NEWUSER) == nil,
		"says that something is missing": notes != "",
	})
	return string(text)
}

// forbids tells the fence's refusal from that of a port on which nobody listens.
func forbids(err error) bool { return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) }

// fastOpen connects without connect(2), which is not among Landlock's questions (tcp(7), "TCP Fast Open").
func fastOpen(fd int, port string) error {
	number, _ := strconv.Atoi(port)
	return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, &unix.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}})
}

// TestFence: all that a fenced program can do is to connect to its target, whether it keeps the clients' addresses or not. What this kernel lacks
// of it is not tested, but said.
func TestFence(t *testing.T) {
	for _, addresses := range []string{"proxy", "keep", "datagrams"} {
		t.Run(addresses, func(t *testing.T) { testFence(t, addresses) })
	}
}

func testFence(t *testing.T, addresses string) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	victim := exec.Command("/proc/self/exe")
	victim.Env = append(os.Environ(), "PROXY_TEST_AS=sleeper")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { victim.Process.Kill(); victim.Wait() }()
	cmd := exec.Command("/proc/self/exe", application(t, "", echo), application(t, "", echo), strconv.Itoa(victim.Process.Pid), file, addresses)
	cmd.Env = append(os.Environ(), "PROXY_TEST_AS=fenced")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got map[string]bool
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got["says that something is missing"] {
		t.Errorf("this kernel cannot fence the proxy in as it should be: %s", out)
	}
	for what, can := range got {
		if can != (what == "connects to its target" || what == "opens a UDP socket" && addresses == "datagrams") {
			t.Errorf("it %s: %v", what, can)
		}
	}
}

// TestFenceOfThreads: every thread of a serving proxy is fenced, and the proxy serves.
func TestFenceOfThreads(t *testing.T) {
	d := openDoor(t, "tcp")
	p := startProgram(t, []door{d}, "--unit=web.service", application(t, "", echo))
	exchange(t, dialAddr(t, d.addr))
	eventually(t, "all threads are fenced", func() bool {
		tasks := allThreads(p)
		for _, task := range tasks {
			for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
				if !strings.Contains(task, want) {
					return false
				}
			}
		}
		return len(tasks) > 1
	})
}

// allThreads is what the kernel says of each thread of p.
func allThreads(p *program) (tasks []string) {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil { // or it has ended
			tasks = append(tasks, string(text))
		}
	}
	return tasks
}

// TestFenceOfUnixSockets: the targets that are not TCP's are reached from inside the fence.
func TestFenceOfUnixSockets(t *testing.T) {
	abstract := fmt.Sprintf("@podman-ondemand-test-%d", os.Getpid())
	l, err := net.Listen("unix", abstract)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() { defer c.Close(); echo(c) }()
		}
	}()
	for _, target := range []string{abstract, application(t, filepath.Join(t.TempDir(), "app"), echo)} {
		d := openDoor(t, "tcp")
		startProgram(t, []door{d}, "--unit=web.service", "--start-timeout=2s", target)
		if err := tryExchange(dialAddr(t, d.addr)); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
}
