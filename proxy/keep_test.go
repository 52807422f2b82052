package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The addresses of clients, of which the container has one as well.
const (
	caller   = "192.0.2.10"
	caller2  = "192.0.2.11"
	both     = "192.0.2.12"
	caller6  = "2001:db8::10"
	highPort = 40000 // in the range for outgoing connections
	lowPort  = 20000 // not in it
)

// inNewNetwork runs the test again in a process with a network of its own, where it is root. In there it returns true.
func inNewNetwork(t *testing.T) bool {
	t.Helper()
	const mark = "PROXY_TEST_NETWORK"
	if os.Getenv(mark) != "" {
		addTo(t, caller+"/32", caller2+"/32", both+"/32", caller6+"/128")
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), mark+"=1")
	id := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, UidMappings: id(os.Getuid()), GidMappings: id(os.Getgid())}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Skipf("no namespaces here: %v", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// addTo brings the loopback interface of this thread's network up, with more addresses.
func addTo(t *testing.T, addresses ...string) {
	t.Helper()
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopbackIndex}}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		addr, err := netlink.ParseAddr(a)
		if err == nil {
			addr.Flags = unix.IFA_F_NODAD
			err = netlink.AddrAdd(lo, addr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// box is the network namespace of a container.
type box struct {
	t    *testing.T
	do   chan func()
	gone chan struct{} // closed when the test has failed in there
	seen atomic.Int64  // connections of the applications in it
}

// newBox makes a network namespace beside ours.
func newBox(t *testing.T) *box {
	b := &box{t: t, do: make(chan func()), gone: make(chan struct{})}
	go func() {
		defer close(b.gone)
		runtime.LockOSThread() // which ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		for f := range b.do {
			f()
		}
	}()
	b.inside(func() { addTo(t, both+"/32") })
	return b
}

// inside runs f in there.
func (b *box) inside(f func()) {
	done := make(chan struct{})
	b.do <- func() { f(); close(done) }
	select {
	case <-done:
	case <-b.gone:
		b.t.FailNow()
	}
}

// application says to each client who that is. It returns the port.
func (b *box) application(network, address string) (port string) {
	b.inside(func() {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), network, address)
		if err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() { listener.Close() })
		_, port, _ = net.SplitHostPort(listener.Addr().String())
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				b.seen.Add(1)
				go func() {
					defer c.Close()
					io.Copy(io.Discard, c)
					fmt.Fprint(c, c.RemoteAddr())
				}()
			}
		}()
	})
	return port
}

// proxy serves doors in front of the box.
func (b *box) proxy(doors []door, args ...string) (p *program) {
	b.inside(func() {
		p = startProgram(b.t, doors, append([]string{"--keep-client-address", "--inside", "--unit=web.service"}, args...)...)
	})
	return p
}

// wideDoor listens on all addresses.
func wideDoor(t *testing.T) door {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return door{int(f.Fd()), l.Addr()}
}

// connect connects to d from an address and port (0: any).
func connect(t *testing.T, d door, from string, port int) net.Conn {
	t.Helper()
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from), Port: port}}
	dialer.Control = func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
	}
	c, err := dialer.Dial("tcp", net.JoinHostPort(from, fmt.Sprint(d.addr.(*net.TCPAddr).Port)))
	if err != nil {
		t.Fatalf("from %s: %v", from, err)
	}
	c.(*net.TCPConn).SetLinger(0)
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// callFrom connects to d from an address and port, and returns how it was seen and its own address.
func callFrom(t *testing.T, d door, from string, port int) (seen, own netip.AddrPort) {
	t.Helper()
	c := connect(t, d, from, port)
	defer c.Close()
	c.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("from %s: %v", from, err)
	}
	seen, err = netip.ParseAddrPort(string(answer))
	if err != nil {
		t.Fatalf("from %s: %v", from, err)
	}
	return netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port()), c.LocalAddr().(*net.TCPAddr).AddrPort()
}

// TestKeepAddress: the application sees who calls, where that can be, and nothing of what the proxy does for it.
func TestKeepAddress(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	d, second, only4 := wideDoor(t), wideDoor(t), wideDoor(t)
	port := b.application("tcp", ":0")
	p := b.proxy([]door{d, second, only4}, port, port, b.application("tcp4", "127.0.0.1:0"))
	kept := func(d door, from string, port int) {
		t.Helper()
		if seen, own := callFrom(t, d, from, port); seen != own {
			t.Errorf("%s is seen as %s; log:\n%s", own, seen, p.log)
		}
	}
	plain := func(d door, from string) {
		t.Helper()
		if seen, _ := callFrom(t, d, from, 0); !seen.Addr().IsLoopback() {
			t.Errorf("%s is seen as %s", from, seen)
		}
	}
	kept(d, caller, 0)
	for _, task := range allThreads(p) {
		if !strings.Contains(task, "CapPrm:\t0000000000002000\n") || !strings.Contains(task, "CapEff:\t0000000000002000\n") {
			t.Errorf("it has not just CAP_NET_RAW:\n%s", task)
		}
	}
	kept(d, caller, lowPort)
	kept(d, caller, highPort)
	kept(d, caller2, highPort)
	kept(d, caller6, 0)
	kept(d, caller6, lowPort)
	kept(only4, caller, 0)
	plain(only4, caller6)
	plain(d, both)
	for range 3 {
		plain(d, "127.0.0.1")
		plain(d, "::1")
	}
	if n := b.seen.Load(); n != 15 {
		t.Errorf("the application has seen %d connections of 15", n)
	}
	if n := strings.Count(p.log.String(), "does not see the address of 127.0.0.1 (ClientAddress=): an address of this machine's loopback"); n != 1 {
		t.Errorf("said %d times that loopback is not kept:\n%s", n, p.log)
	}
	for _, said := range []string{caller6 + " (ClientAddress=): the application does not listen", both + " (ClientAddress=): the container has the same"} {
		if !strings.Contains(p.log.String(), said) {
			t.Errorf("%q is not in the log:\n%s", said, p.log)
		}
	}
}

// TestKeepAddressTwice: a second proxy in the same network takes the same routes; who calls both applications from one port is seen with another port
// by one of them.
func TestKeepAddressTwice(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	port := b.application("tcp", "127.0.0.1:0")
	for _, from := range []int{lowPort, highPort} {
		first, second := wideDoor(t), wideDoor(t)
		b.proxy([]door{first}, port)
		b.proxy([]door{second}, port)
		before := b.seen.Load()
		hold := connect(t, first, caller, from)
		eventually(t, "the first is connected", func() bool { return b.seen.Load() > before })
		if seen, own := callFrom(t, second, caller, from); seen.Addr() != own.Addr() || seen.Port() == own.Port() {
			t.Errorf("%s is seen as %s", own, seen)
		}
		hold.Close()
	}
	b.inside(func() {
		for _, f := range families {
			rules, err := netlink.RuleList(f.number)
			n := 0
			for _, r := range rules {
				if r.Table == answersTable {
					n++
				}
			}
			if err != nil || n != 1 {
				t.Errorf("%d rules of family %d, %v", n, f.number, err)
			}
		}
	})
}

// TestKeepAddressPorts: the ports that clients have are not lost for the application's own connections.
func TestKeepAddressPorts(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	d := wideDoor(t)
	p := b.proxy([]door{d}, b.application("tcp", "127.0.0.1:0"))
	other := b.application("tcp", both+":0")
	if seen, own := callFrom(t, d, caller, highPort); seen != own {
		t.Skipf("not kept: %s is seen as %s (Linux 6.3); log:\n%s", own, seen, p.log)
	}
	b.inside(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		unix.SetsockoptInt(fd, unix.SOL_IP, ipLocalPortRange, highPort<<16|highPort)
		to := netip.MustParseAddrPort(both + ":" + other)
		if err := unix.Connect(fd, sockaddrOf(to)); err != nil {
			t.Errorf("the port of a client that has gone: %v", err)
		}
	})
}

// TestKeepAddressWithoutRoutes: where somebody takes the routes away the connections are plain.
func TestKeepAddressWithoutRoutes(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	d := wideDoor(t)
	p := b.proxy([]door{d}, b.application("tcp", "127.0.0.1:0"))
	callFrom(t, d, caller, 0)
	b.inside(func() {
		rule := netlink.NewRule()
		rule.Family, rule.Priority, rule.Table = unix.AF_INET, answersPriority, answersTable
		if err := netlink.RuleDel(rule); err != nil {
			t.Fatal(err)
		}
	})
	for range 20 { // the second, unless the machine was too busy for a plain connection to come about at once
		if seen, _ := callFrom(t, d, caller, 0); !seen.Addr().IsLoopback() {
			t.Errorf("seen as %s", seen)
		}
		if strings.Contains(p.log.String(), "no such addresses") {
			break
		}
	}
	for _, said := range []string{"no answer came back", "no such addresses"} {
		if n := strings.Count(p.log.String(), said); n != 1 {
			t.Errorf("%q is %d times in the log:\n%s", said, n, p.log)
		}
	}
}

// TestKeepAddressBeforeReady: while the application does not listen nobody is accepted, and a burst of clients is served when it does.
func TestKeepAddressBeforeReady(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	d := wideDoor(t)
	port := freePort(t)
	p := b.proxy([]door{d}, port)
	const n = 200
	wrong := make(chan string, n)
	for range n {
		go func() {
			seen, own := callFrom(t, d, caller, 0)
			if seen == own {
				wrong <- ""
			} else {
				wrong <- fmt.Sprintf("%s is seen as %s", own, seen)
			}
		}()
	}
	time.Sleep(300 * time.Millisecond)
	if !waiting(d.fd) {
		t.Error("nobody waits in the queue")
	}
	b.application("tcp", "127.0.0.1:"+port)
	for range n {
		if w := <-wrong; w != "" {
			t.Error(w)
		}
	}
	if seen := b.seen.Load(); seen != n {
		t.Errorf("the application has seen %d connections of %d; log:\n%s", seen, n, p.log)
	}
}
