package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dialFrom connects to a door from an address of this host.
func dialFrom(t *testing.T, from string, to net.Addr) net.Conn {
	t.Helper()
	return dialBy(t, dialerFrom(from), to)
}

// resetFrom wants a new connection from there to be reset; connect(2) may already see it.
func resetFrom(t *testing.T, from string, to net.Addr) {
	t.Helper()
	dialResetBy(t, dialerFrom(from), to)
}

// dialerFrom connects from that address.
func dialerFrom(from string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
}

func only(words ...string) (p prefixes) {
	for _, w := range words {
		p = append(p, netip.MustParsePrefix(w))
	}
	return p
}

// greeter tells each client what its connection began with, up to the first line feed, and counts its connections. It reads the rest as
// well: who closes a socket with something left in it resets the connection, and the answer may be lost with that.
func greeter(t *testing.T, n *atomic.Int64) string {
	return application(t, "", func(c net.Conn) {
		if n != nil {
			n.Add(1)
		}
		r := bufio.NewReader(c)
		line, _ := r.ReadString('\n')
		fmt.Fprintf(c, "%q", line)
		io.Copy(io.Discard, r)
	})
}

// hears sends text and wants to be told that.
func hears(t *testing.T, c net.Conn, text, want string) {
	t.Helper()
	fmt.Fprint(c, text)
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != fmt.Sprintf("%q", want) {
		t.Fatalf("got %s, %v; want %q", got, err, want)
	}
}

func TestAllowFrom(t *testing.T) {
	var served atomic.Int64
	cfg := testConfig(t, greeter(t, &served))
	cfg.rules.allowFrom = only("127.0.0.2/32")
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	hears(t, dialFrom(t, "127.0.0.2", r.addrs[0]), "hello\n", "hello\n")
	before := served.Load()
	for range 100 {
		resetFrom(t, "127.0.0.3", r.addrs[0])
	}
	hears(t, dialFrom(t, "127.0.0.2", r.addrs[0]), "again\n", "again\n")
	if got := served.Load() - before; got != 1 {
		t.Errorf("the application saw %d connections of which it was to see one", got)
	}
	if got := strings.Count(r.logged(), "127.0.0.3"); got != 1 {
		t.Errorf("%d lines about 100 connections:\n%s", got, r.logged())
	}
}

// TestAllowFromAtTheLimit: who may pass waits until there is a place for the connection.
func TestAllowFromAtTheLimit(t *testing.T) {
	cfg := testConfig(t, application(t, "", echo))
	cfg.rules.allowFrom, cfg.maxConnections = only("127.0.0.0/8"), 1
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	for range 3 {
		first, second := r.dial(0), r.dial(0)
		exchange(t, first)
		first.Close()
		exchange(t, second)
		second.Close()
	}
}

func TestProxyProtocolOut(t *testing.T) {
	for name, c := range map[string]struct {
		version headerVersion
		want    func(c net.Conn) []byte
	}{
		"v1": {header1, func(c net.Conn) []byte {
			from, to := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
			return fmt.Appendf(nil, "PROXY TCP4 %s %s %d %d\r\n", from.Addr(), to.Addr(), from.Port(), to.Port())
		}},
		"v2": {header2, func(c net.Conn) []byte {
			return header2.header(c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, application(t, "", echo))
			cfg.proxyProtocol = c.version
			r := serveOn(t, cfg, openDoor(t, "tcp"))
			for range 3 {
				client := r.dial(0)
				fmt.Fprint(client, "hello")
				want := string(c.want(client)) + "hello"
				got := make([]byte, len(want))
				if _, err := io.ReadFull(client, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
				client.Close()
			}
		})
	}
}

// TestProxyProtocolOfOurOwn: a connection that is made to see whether the application answers says that it is nobody's, and one for a
// client of a Unix socket that this has no address.
func TestProxyProtocolOfOurOwn(t *testing.T) {
	for name, ready := range map[string]string{"tcp": "tcp", "http": "http:/", "open": "open"} {
		t.Run(name, func(t *testing.T) {
			lines := make(chan string, 10)
			port := application(t, "", func(c net.Conn) {
				r := bufio.NewReader(c)
				line, err := r.ReadString('\n')
				if err == nil {
					lines <- line
				} else {
					lines <- err.Error()
				}
				if line, _ := r.ReadString('\n'); strings.HasPrefix(line, "GET ") {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
				}
			})
			cfg := testConfig(t, port)
			var err error
			if cfg.ready, err = parseReady(ready, port); err != nil {
				t.Fatal(err)
			}
			if err := cfg.setRules("v1"); err != nil {
				t.Fatal(err)
			}
			r := serveOn(t, cfg, openDoor(t, "unix"))
			eventually(t, "READY=1", func() bool { return strings.Contains(r.said(), "READY=1") })
			fmt.Fprint(r.dial(0), "hello\n")
			for range 2 {
				select {
				case line := <-lines:
					if line != "PROXY UNKNOWN\r\n" {
						t.Errorf("a connection began with %q", line)
					}
				case <-time.After(patience):
					t.Fatal("no connection")
				}
			}
		})
	}
}

func TestProxyProtocolIn(t *testing.T) {
	const line = "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n"
	cfg := testConfig(t, greeter(t, nil))
	cfg.rules.balancers = only("127.0.0.2/32")
	cfg.proxyProtocol = header1
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	balancer := func() net.Conn { return dialFrom(t, "127.0.0.2", r.addrs[0]) }
	hears(t, balancer(), line+"hello\n", line)
	hears(t, balancer(), string(header2.header(netip.MustParseAddrPort("[2001:db8::1]:51000"), netip.MustParseAddrPort("[2001:db8::2]:443"))), line)
	hears(t, balancer(), v2(0x20, 0, "")+"hello\n", "PROXY UNKNOWN\r\n")
	slow := balancer()
	for i := range line {
		fmt.Fprint(slow, line[i:i+1])
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	hears(t, slow, "hello\n", line)
	other := dialFrom(t, "127.0.0.3", r.addrs[0])
	from := other.LocalAddr().(*net.TCPAddr)
	to := other.RemoteAddr().(*net.TCPAddr)
	hears(t, other, line, fmt.Sprintf("PROXY TCP4 127.0.0.3 127.0.0.1 %d %d\r\n", from.Port, to.Port))
	bad := balancer()
	fmt.Fprint(bad, "GET / HTTP/1.0\r\n\r\n")
	wantReset(t, bad)
	ends := balancer()
	fmt.Fprint(ends, line[:10])
	ends.(*net.TCPConn).CloseWrite()
	wantReset(t, ends)
	r.stillRuns()
	if want := "<4>1 connection closed: ProxyProtocolFrom= has who called, but there was no PROXY protocol header; the last was from 127.0.0.2: " +
		`"GET / HTTP/1.0\r\n\r\n" begins none.`; !strings.Contains(r.logged(), want) {
		t.Errorf("the log does not say %s\n%s", want, r.logged())
	}
}

// TestProxyProtocolInAndAllowFrom: who is asked for by AllowFrom= is the balancer's client; without ProxyProtocol= the header goes.
func TestProxyProtocolInAndAllowFrom(t *testing.T) {
	cfg := testConfig(t, greeter(t, nil))
	cfg.rules.balancers, cfg.rules.allowFrom = only("127.0.0.2/32"), only("192.0.2.0/24")
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	hears(t, dialFrom(t, "127.0.0.2", r.addrs[0]), "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nhello\n", "hello\n")
	for _, line := range []string{"PROXY TCP4 198.51.100.1 127.0.0.1 1 2\r\n", "PROXY UNKNOWN\r\n"} {
		c := dialFrom(t, "127.0.0.2", r.addrs[0])
		fmt.Fprint(c, line)
		wantReset(t, c)
	}
}

// TestIncompleteHeaders: those who say too little do not keep others out, and do not stay for ever.
func TestIncompleteHeaders(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, greeter(t, nil))
	cfg.rules.balancers = only("127.0.0.2/32")
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	first := dialFrom(t, "127.0.0.2", r.addrs[0])
	for range maxNewcomers {
		dialFrom(t, "127.0.0.2", r.addrs[0])
	}
	wantReset(t, first)
	last := dialFrom(t, "127.0.0.2", r.addrs[0])
	hears(t, dialFrom(t, "127.0.0.2", r.addrs[0]), "PROXY UNKNOWN\r\nhello\n", "hello\n")
	wantReset(t, last)
	eventually(t, "nobody is left", func() bool { return inLoop(r, func() bool { return !r.s.listeners[0].holds() }) })
}

func TestPrefixes(t *testing.T) {
	var p prefixes
	if err := p.Set("192.0.2.0/24,2001:db8::/32"); err != nil || p.String() != "192.0.2.0/24,2001:db8::/32" {
		t.Errorf("%v, %v", p, err)
	}
	for a, want := range map[string]bool{"192.0.2.255": true, "192.0.3.0": false, "2001:db8::1": true, "::1": false} {
		if got := p.has(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: got %v", a, got)
		}
	}
	for _, bad := range []string{"", "192.0.2.1", "example.org/24", "192.0.2.0/24,"} {
		if new(prefixes).Set(bad) == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}
