//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Who calls from elsewhere: addresses that the test host has for these tests, and that are nobody else's.
const (
	stranger  = "198.51.100.10"
	stranger6 = "2001:db8:51::10"
)

// addStrangers gives the test host their addresses, which a reboot takes away.
func addStrangers() error {
	for _, a := range []string{stranger + "/32", stranger6 + "/128"} {
		if out, err := host.inside("root", "ip", "addr", "replace", a, "dev", "lo", "nodad"); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return nil
}

// startForStrangers starts an application that they can call.
func startForStrangers(t *testing.T, text string) *app {
	t.Helper()
	if err := addStrangers(); err != nil {
		t.Fatal(err)
	}
	return start(t, text)
}

// seenFrom asks the application whom it sees when it is called from an address, and from which port that was.
func (a *app) seenFrom(from string) (seen, own netip.AddrPort) {
	a.t.Helper()
	d := net.Dialer{Timeout: 60 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", net.JoinHostPort(from, strconv.Itoa(a.port)))
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	fmt.Fprint(c, "GET /peer HTTP/1.0\r\n\r\n")
	text, err := io.ReadAll(c)
	if err != nil {
		a.t.Fatalf("from %s: %v", from, err)
	}
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	seen, err = netip.ParseAddrPort(strings.TrimSpace(body))
	if err != nil {
		a.t.Fatalf("from %s: %v", from, err)
	}
	return netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port()), c.LocalAddr().(*net.TCPAddr).AddrPort()
}

// mustSee wants the application to see its client, or to see the proxy.
func (a *app) mustSee(from string, kept bool) {
	a.t.Helper()
	seen, own := a.seenFrom(from)
	if kept && seen != own || !kept && !seen.Addr().IsLoopback() {
		a.t.Errorf("%s is seen as %s; the proxy says:\n%s", own, seen, host.journal(a.t, a.mark, "-u", a.proxy(), "-o", "cat"))
	}
}

// TestClientAddress: an unmodified application sees who calls, also the first client and after it was killed, in each kind of network, and its
// own connections are as ever.
func TestClientAddress(t *testing.T) {
	bridge := "bridge-" + strconv.Itoa(int(time.Now().UnixNano()%1e6))
	for _, c := range []struct{ name, more string }{
		{"default", ""},
		{"none", "Network=none"},
		{"bridge", "Network=" + bridge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "bridge" {
				host.run(t, "podman", "network", "create", bridge)
				t.Cleanup(func() { host.inside("demo", "podman", "network", "rm", "-f", bridge) })
			}
			a := startForStrangers(t, strings.Replace(plain, "500ms", "2s", 1)+"[Container]\n"+c.more+"\n")
			a.mustSee(stranger, true) // it sleeps
			a.mustSee(stranger6, true)
			a.mustSee("127.0.0.1", false)
			a.mustSee("127.0.0.1", false)
			said := host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat")
			if n := strings.Count(said, "ClientAddress="); n != 1 {
				t.Errorf("the journal says %d times that an address is not kept:\n%s", n, said)
			}
			if r := a.mustGet("/ask?address=127.0.0.1:80"); !strings.Contains(r.body, "hello") {
				t.Errorf("it does not reach itself: %q", r.body)
			}
			host.run(t, "podman", "kill", "systemd-"+a.name)
			a.mustSee(stranger, true)
			a.mustSleep(30 * time.Second)
			a.mustSee(stranger6, true)
		})
	}
}

// TestClientAddressElsewhere: what the container itself sends is not concerned. On a bridge it resolves a name, calls another container by it, and is
// seen there under its own address; and it calls itself by its own.
func TestClientAddressElsewhere(t *testing.T) {
	t.Parallel()
	network := "near-" + strconv.Itoa(int(time.Now().UnixNano()%1e6))
	host.run(t, "podman", "network", "create", network)
	t.Cleanup(func() { host.inside("demo", "podman", "network", "rm", "-f", network) })
	a := startForStrangers(t, strings.Replace(plain, "500ms", "1min", 1)+"[Container]\nNetwork="+network+"\n")
	other := a.name + "-other"
	host.run(t, "podman", "run", "-d", "--name", other, "--network", network, "localhost/testapp")
	t.Cleanup(func() { host.inside("demo", "podman", "rm", "-f", "-t0", other) })
	a.mustSee(stranger, true)
	address := func(container string) string {
		return strings.TrimSpace(host.run(t, "podman", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container))
	}
	own, others := address("systemd-"+a.name), address(other)
	for _, to := range []string{other, others, own, "127.0.0.1"} {
		if r := a.mustGet("/ask?address=" + to + ":80"); !strings.Contains(r.body, "hello") {
			t.Errorf("it does not reach %s: %q", to, r.body)
		}
	}
	if r := a.mustGet("/ask?path=/peer&address=" + other + ":80"); !strings.HasPrefix(r.body, own+":") {
		t.Errorf("the other container sees %q, not %s", r.body, own)
	}
	a.mustSee(stranger, true)
}

// TestClientAddressPlain: where an address cannot be kept, or shall not, the connection is plain.
func TestClientAddressPlain(t *testing.T) {
	t.Parallel()
	t.Run("proxy", func(t *testing.T) {
		a := startForStrangers(t, strings.Replace(plain, "500ms", "1min", 1)+"ClientAddress=proxy\n")
		a.mustSee(stranger, false)
		a.mustSee(stranger6, false)
	})
	t.Run("host", func(t *testing.T) {
		a := newApp(t)
		if err := addStrangers(); err != nil {
			t.Fatal(err)
		}
		inner := strconv.Itoa(a.port + 1)
		a.write(strings.Replace(strings.Replace(plain, "PORT:80", "PORT:"+inner, 1), "500ms", "1min", 1) + "[Container]\nNetwork=host\nExec=-listen 127.0.0.1:" + inner + "\n")
		host.reload(t)
		a.mustListen(a.port)
		a.mustSee(stranger, false)
		a.mustSee(stranger, false)
		said := host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat")
		if n := strings.Count(said, "it is in no network namespace of its own"); n != 1 {
			t.Errorf("said %d times:\n%s", n, said)
		}
	})
}
