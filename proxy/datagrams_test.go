package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// packetDoor is a UDP socket as systemd passes it (PassPacketInfo=yes).
func packetDoor(t *testing.T, network, address string) door {
	t.Helper()
	l, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	unix.SetsockoptInt(int(f.Fd()), unix.SOL_IP, unix.IP_PKTINFO, 1)
	unix.SetsockoptInt(int(f.Fd()), unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
	return door{int(f.Fd()), l.LocalAddr()}
}

// packetApplication sends each datagram back, as Go does it: the kernel chooses the address to answer from.
func packetApplication(t *testing.T, network, address string) *net.UDPConn {
	t.Helper()
	l, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	l.(*net.UDPConn).SetReadBuffer(4 << 20)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			if string(b[:n]) == "who" {
				l.WriteTo([]byte(from.String()), from)
				continue
			}
			l.WriteTo(b[:n], from)
		}
	}()
	return l.(*net.UDPConn)
}

func portOf(c *net.UDPConn) string { return fmt.Sprint(c.LocalAddr().(*net.UDPAddr).Port) }

// freeUDPPort is one on which nobody receives.
func freeUDPPort(t *testing.T) string {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(l.(*net.UDPConn))
}

// sendTo is a client that takes answers from that address only.
func sendTo(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// at is an address on the port of d.
func (d door) at(ip string) string {
	_, port, _ := net.SplitHostPort(d.addr.String())
	return net.JoinHostPort(ip, port)
}

func wantBack(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, 1<<16)
	n, err := c.Read(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("got %.40q, %v; want %.40q", b[:n], err, want)
	}
}

// TestDatagrams: those that come before the application is there wait for it, and it falls asleep when the flow is over.
func TestDatagrams(t *testing.T) {
	port, d := freeUDPPort(t), packetDoor(t, "udp4", "127.0.0.1:0")
	p := startProgram(t, []door{d}, "--unit=web.service", "--flow-timeout=300ms", "--idle-timeout=300ms", port)
	c := sendTo(t, d.addr.String())
	for i := range 3 {
		fmt.Fprint(c, "hello ", i)
	}
	time.Sleep(50 * time.Millisecond)
	packetApplication(t, "udp4", "127.0.0.1:"+port)
	for i := range 3 {
		wantBack(t, c, fmt.Sprint("hello ", i))
	}
	began := time.Now()
	p.exits(0)
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("it has ended %v after the last datagram", took)
	}
	for _, want := range []string{"1 connection since start, 21 B in, 21 B out", "Nobody was connected"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("log without %q:\n%s", want, p.log)
		}
	}
}

// TestDatagramsFromWhereTheyWent: an answer leaves from the address that was called.
func TestDatagramsFromWhereTheyWent(t *testing.T) {
	for _, c := range []struct{ network, listens, calls string }{
		{"udp4", "0.0.0.0:0", "127.0.0.1"}, {"udp4", "0.0.0.0:0", "127.0.0.3"}, {"udp", "[::]:0", "127.0.0.3"}, {"udp", "[::]:0", "::1"},
		{"udp6", "[::1]:0", "::1"},
	} {
		for _, application := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
			t.Run(c.network+" "+c.calls+" "+application, func(t *testing.T) {
				d := packetDoor(t, c.network, c.listens)
				startProgram(t, []door{d}, "--unit=web.service", portOf(packetApplication(t, "udp", application)))
				client := sendTo(t, d.at(c.calls))
				fmt.Fprint(client, "hello")
				wantBack(t, client, "hello")
			})
		}
	}
}

// TestDatagramsOfMany: every client has its own answers, and no datagram is lost at a pace that the queues can hold.
func TestDatagramsOfMany(t *testing.T) {
	d := packetDoor(t, "udp", "[::]:0")
	p := startProgram(t, []door{d}, "--unit=web.service", portOf(packetApplication(t, "udp", "127.0.0.1:0")))
	var all sync.WaitGroup
	for i := range 100 {
		c := sendTo(t, d.at("127.0.0.1"))
		all.Add(1)
		go func() {
			defer all.Done()
			for n := range 100 {
				want := fmt.Sprint("client ", i, " datagram ", n)
				fmt.Fprint(c, want)
				b := make([]byte, 100)
				size, err := c.Read(b)
				if err != nil || string(b[:size]) != want {
					t.Errorf("got %q, %v; want %q", b[:size], err, want)
					return
				}
			}
		}()
	}
	all.Wait()
	if log := p.log.String(); strings.Contains(log, "lost") {
		t.Error(log)
	}
}

// TestDatagramsInARow: the kernel takes many with one call (UDP_SEGMENT), and each is a datagram for the application, the short last one, too.
func TestDatagramsInARow(t *testing.T) {
	d := packetDoor(t, "udp4", "127.0.0.1:0")
	startProgram(t, []door{d}, "--unit=web.service", portOf(packetApplication(t, "udp", "127.0.0.1:0")))
	c := sendTo(t, d.addr.String())
	fmt.Fprint(c, "first")
	wantBack(t, c, "first")
	raw, err := c.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000) })
	if err != nil {
		t.Skipf("the kernel does not cut: %v", err)
	}
	text := strings.Repeat("0123456789", 2050)
	fmt.Fprint(c, text)
	for from := 0; from < len(text); from += 1000 {
		wantBack(t, c, text[from:min(from+1000, len(text))])
	}
}

// TestDatagramsForNobody: nobody receives within the start timeout. What waited is thrown away and counted, since systemd would find it again.
func TestDatagramsForNobody(t *testing.T) {
	d := packetDoor(t, "udp4", "127.0.0.1:0")
	p := startProgram(t, []door{d}, "--unit=web.service", "--start-timeout=300ms", freeUDPPort(t))
	c := sendTo(t, d.addr.String())
	fmt.Fprint(c, "hello")
	fmt.Fprint(c, "hello")
	p.exits(1)
	for _, want := range []string{"does not answer on UDP port", "nobody receives there", "2 datagrams lost: the application did not begin to receive"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("log without %q:\n%s", want, p.log)
		}
	}
	if waiting(d.fd) {
		t.Error("a datagram is still in the queue")
	}
}

// TestDatagramsOverflow: what the kernel had no room for before there was a proxy is said, once.
func TestDatagramsOverflow(t *testing.T) {
	port, d := freeUDPPort(t), packetDoor(t, "udp4", "127.0.0.1:0")
	unix.SetsockoptInt(d.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	c := sendTo(t, d.addr.String())
	for range 100 {
		fmt.Fprint(c, strings.Repeat("x", 100))
	}
	packetApplication(t, "udp4", "127.0.0.1:"+port)
	const text = "datagrams lost: the queue of the socket was full"
	for _, lost := range []bool{true, false} { // the second proxy does not say it again
		p := startProgram(t, []door{d}, "--unit=web.service", "--flow-timeout=100ms", "--idle-timeout=100ms", port)
		p.exits(0)
		if log := p.log.String(); strings.Contains(log, text) != lost {
			t.Errorf("log:\n%s", log)
		}
	}
}

// TestDatagramsOfARestartedApplication: its socket goes, and another one comes.
func TestDatagramsOfARestartedApplication(t *testing.T) {
	d := packetDoor(t, "udp4", "127.0.0.1:0")
	app := packetApplication(t, "udp4", "127.0.0.1:0")
	port := portOf(app)
	startProgram(t, []door{d}, "--unit=web.service", port)
	c := sendTo(t, d.addr.String())
	fmt.Fprint(c, "hello")
	wantBack(t, c, "hello")
	app.Close()
	fmt.Fprint(c, "lost") // the proxy learns from this that it is gone
	time.Sleep(50 * time.Millisecond)
	fmt.Fprint(c, "again")
	time.Sleep(50 * time.Millisecond)
	packetApplication(t, "udp4", "127.0.0.1:"+port)
	wantBack(t, c, "again")
}

// TestDatagramsBesideConnections: one application with both on one port, as a name server has it.
func TestDatagramsBesideConnections(t *testing.T) {
	port := portOf(packetApplication(t, "udp4", "127.0.0.1:0"))
	application(t, "127.0.0.1:"+port, echo)
	tcp, udp := openDoor(t, "tcp"), packetDoor(t, "udp4", "127.0.0.1:0")
	p := startProgram(t, []door{tcp, udp}, "--unit=web.service", "--flow-timeout=200ms", "--idle-timeout=200ms", port, port)
	c := sendTo(t, udp.addr.String())
	fmt.Fprint(c, "hello")
	wantBack(t, c, "hello")
	connection := dialAddr(t, tcp.addr)
	exchange(t, connection)
	time.Sleep(500 * time.Millisecond)
	exchange(t, connection) // it keeps awake
	connection.Close()
	p.exits(0)
}

// TestDatagramsNotAllowed are not passed on.
func TestDatagramsNotAllowed(t *testing.T) {
	d := packetDoor(t, "udp4", "0.0.0.0:0")
	startProgram(t, []door{d}, "--unit=web.service", "--inside", "--allow-from=127.0.0.2/32", portOf(packetApplication(t, "udp4", "127.0.0.1:0")))
	other := sendTo(t, d.at("127.0.0.1"))
	fmt.Fprint(other, "hello")
	from := netip.MustParseAddrPort("127.0.0.2:0")
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(d.at("127.0.0.1"))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "hello")
	wantBack(t, c, "hello")
	other.SetDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := other.Read(make([]byte, 10)); err == nil {
		t.Errorf("%d bytes for who is not allowed", n)
	}
}

// TestKeepAddressOfDatagrams: the application sees who sends, whatever it is bound to, and has the port of its client, too.
func TestKeepAddressOfDatagrams(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	for i, address := range []string{":0", "0.0.0.0:0", "127.0.0.1:0", "[::1]:0"} {
		network := "udp"
		if strings.Contains(address, ".") {
			network = "udp4" // else 0.0.0.0 would be all addresses of both families
		}
		var port string
		b.inside(func() { port = portOf(packetApplication(t, network, address)) })
		d := packetDoor(t, "udp", ":0")
		p := b.proxy([]door{d}, port)
		for _, from := range []string{caller, caller6} {
			kept := address == ":0" || (from == caller6) == (address == "[::1]:0")
			for _, fromPort := range []string{"0", fmt.Sprint(lowPort + i), port, fmt.Sprint(510 + i)} {
				local, _ := net.ResolveUDPAddr("udp", net.JoinHostPort(from, fromPort))
				remote, _ := net.ResolveUDPAddr("udp", d.at(from))
				c, err := net.DialUDP("udp", local, remote)
				if err != nil {
					t.Fatal(err)
				}
				c.SetDeadline(time.Now().Add(patience))
				fmt.Fprint(c, "who")
				answer := make([]byte, 100)
				n, err := c.Read(answer)
				if err != nil {
					t.Fatalf("%s from %s:%s: %v\n%s", address, from, fromPort, err, p.log)
				}
				seen := netip.MustParseAddrPort(string(answer[:n]))
				own := c.LocalAddr().(*net.UDPAddr).AddrPort()
				switch got := netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port()); {
				case !kept && !got.Addr().IsLoopback(), kept && got.Addr() != own.Addr(), kept && fromPort != port && own.Port() > 1023 && got != own:
					t.Errorf("%s: %s is seen as %s\n%s", address, own, seen, p.log)
				}
				c.Close()
			}
		}
	}
}

// TestKeepAddressOfARestartedApplication: a socket for both families that goes and comes is no reason to keep no more addresses.
func TestKeepAddressOfARestartedApplication(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	b := newBox(t)
	var app *net.UDPConn
	b.inside(func() { app = packetApplication(t, "udp", ":0") })
	port, d := portOf(app), packetDoor(t, "udp", ":0")
	p := b.proxy([]door{d}, port)
	ask := func() string {
		local, _ := net.ResolveUDPAddr("udp", net.JoinHostPort(caller, "0"))
		remote, _ := net.ResolveUDPAddr("udp", d.at(caller))
		c, err := net.DialUDP("udp", local, remote)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 20 {
			fmt.Fprint(c, "who")
			c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			answer := make([]byte, 100)
			if n, err := c.Read(answer); err == nil {
				return string(answer[:n])
			}
		}
		return ""
	}
	for range 3 {
		if seen := ask(); !strings.Contains(seen, caller) {
			t.Errorf("seen %q\n%s", seen, p.log)
		}
		app.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(100 * time.Millisecond)
			b.inside(func() { app = packetApplication(t, "udp", ":"+port) })
		}()
		if seen := ask(); seen == "" { // the proxy learns from this that it is gone
			t.Errorf("who came meanwhile was not answered\n%s", p.log)
		}
		<-done
	}
}

// TestDatagramsByBroadcast: the answer leaves from our own address on that network.
func TestDatagramsByBroadcast(t *testing.T) {
	if !inNewNetwork(t) {
		return
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "others"}
	addr, err := netlink.ParseAddr("10.9.0.1/24")
	for _, do := range []func() error{
		func() error { return err }, func() error { return netlink.LinkAdd(link) },
		func() error { return netlink.AddrAdd(link, addr) }, func() error { return netlink.LinkSetUp(link) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	for _, network := range []string{"udp4", "udp"} {
		d := packetDoor(t, network, ":0")
		p := startProgram(t, []door{d}, "--unit=web.service", portOf(packetApplication(t, "udp4", "127.0.0.1:0")))
		c, err := net.ListenPacket("udp4", "10.9.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		to, _ := net.ResolveUDPAddr("udp4", d.at("10.9.0.255"))
		if _, err := c.WriteTo([]byte("hello"), to); err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience / 2))
		b := make([]byte, 100)
		n, from, err := c.ReadFrom(b)
		if err != nil || string(b[:n]) != "hello" || from.String() != d.at("10.9.0.1") {
			t.Errorf("%s: %q from %v, %v\n%s", network, b[:n], from, err, p.log)
		}
	}
}

// TestDatagramsLeaveRoom: who sends from ever new ports takes places from others who do, and none from connections.
func TestDatagramsLeaveRoom(t *testing.T) {
	tcp, udp := openDoor(t, "tcp"), packetDoor(t, "udp4", "127.0.0.1:0")
	startProgram(t, []door{tcp, udp}, "--unit=web.service", "--max-connections=4", application(t, "", echo), portOf(packetApplication(t, "udp4", "127.0.0.1:0")))
	for range 10 {
		c := sendTo(t, udp.addr.String())
		fmt.Fprint(c, "hello")
		wantBack(t, c, "hello")
	}
	for range 2 {
		exchange(t, dialAddr(t, tcp.addr))
	}
}

// TestTableAddress reads /proc/net/udp and udp6.
func TestTableAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:0035":                         "127.0.0.1:53",
		"00000000000000000000000001000000:1E61": "[::1]:7777",
		"0000000000000000FFFF00000100007F:1E61": "127.0.0.1:7777",
		"00000000000000000000000000000000:0035": "[::]:53",
	} {
		if got, ok := tableAddress(text); binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && (!ok || got.String() != want) {
			t.Errorf("%s: %s, %v", text, got, ok)
		}
	}
}
