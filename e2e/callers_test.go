//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Who calls: the addresses of a friend and of a scanner.
const (
	friend  = "127.0.0.9"
	scanner = "127.0.0.66"
)

// getFrom asks the application once, from an address, with these first words in front of the request.
func (a *app) getFrom(from, first, path string) reply {
	start := time.Now()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.DialContext(ctx, network, address)
		if err == nil && first != "" {
			_, err = io.WriteString(c, first)
		}
		return c, err
	}
	client := http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	r, err := client.Get(a.url(path))
	if err != nil {
		return reply{took: time.Since(start), err: err}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return reply{string(body), time.Since(start), err}
}

// scan connects n times from an address, and wants every connection to be closed without a word.
func (a *app) scan(from string, n int) {
	a.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	for i := range n {
		c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", a.port))
		if err != nil {
			continue // reset already
		}
		c.SetDeadline(time.Now().Add(30 * time.Second))
		if got, err := io.ReadAll(c); len(got) > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
			a.t.Fatalf("connection %d was not closed: %q, %v", i, got, err)
		}
		c.Close()
	}
}

// neverStarted says whether the container has not even been tried.
func (a *app) neverStarted() bool {
	a.t.Helper()
	return host.show(a.t, a.container(), "InactiveExitTimestampMonotonic") == "0"
}

// TestScannerWakesNothing: ten thousand connections from outside WakeFrom= start no container. One from inside does, and while it is
// awake the scanner is served as well. Killed, or asleep again, the same holds as before.
func TestScannerWakesNothing(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "3s", 1)+"WakeFrom="+friend+"\n")
	const n = 10000
	began := time.Now()
	a.scan(scanner, n)
	took := time.Since(began)
	spent, peak := a.spent(a.proxy()), a.peak()
	if !a.neverStarted() {
		t.Fatal("a scanner has woken it")
	}
	if state := a.listed().State; state != "asleep" {
		t.Errorf("it is %s, not asleep", state)
	}
	record(t, fmt.Sprintf("%d connections of a scanner, asleep", n), "no start", fmt.Sprintf("%s, %s of processor time, %d kB at most", ms(took), ms(spent), peak))
	if peak > 32<<10 {
		t.Errorf("%d kB to turn them away", peak)
	}
	friendly := must(t, a.getFrom(friend, "", "/"))
	record(t, "first request at the gate", "the usual time", ms(friendly.took))
	if r := must(t, a.getFrom(scanner, "", "/")); r.instance() != friendly.instance() {
		t.Error("who may not wake it has been answered by another start")
	}
	host.run(t, "podman", "kill", "systemd-"+a.name)
	eventually(t, 10*time.Second, "the end is noticed", func() bool { return a.state(a.proxy()) != "active" })
	a.scan(scanner, 20)
	if again := must(t, a.getFrom(friend, "", "/")); again.instance() == friendly.instance() {
		t.Error("the killed one answers")
	}
	eventually(t, 15*time.Second, "it sleeps", func() bool { return a.state(a.container()) == "inactive" })
	a.scan(scanner, 20)
	a.mustSleep(30 * time.Second) // the gate as well
	lines := strings.Count(host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"), "WakeFrom= does not have who called; the last was from "+scanner)
	if lines < 1 || lines > 5 {
		t.Errorf("%d lines in the journal about the scanner", lines)
	}
	if result := host.show(t, a.proxy(), "Result"); result != "success" {
		t.Errorf("the gate has ended with %s", result)
	}
}

// TestAllowFrom: who is not in it is served neither asleep nor awake.
func TestAllowFrom(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "1min", 1)+"AllowFrom="+friend+"\n")
	a.scan(scanner, 100)
	if !a.neverStarted() {
		t.Fatal("a scanner has woken it")
	}
	must(t, a.getFrom(friend, "", "/"))
	a.scan(scanner, 100)
	must(t, a.getFrom(friend, "", "/"))
	eventually(t, 10*time.Second, "the status counts the two that were allowed", func() bool {
		return strings.Contains(host.show(t, a.proxy(), "StatusText"), "2 connections since start")
	})
}

// TestWakeOnData: who says nothing, or only looks whether the port is open, does not wake it, and is served once it is awake.
func TestWakeOnData(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "1min", 1)+"WakeOn=data\n")
	address := fmt.Sprintf("127.0.0.1:%d", a.port)
	for range 200 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	silent, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	time.Sleep(time.Second)
	if !a.neverStarted() {
		t.Fatal("who says nothing has woken it")
	}
	first := a.mustGet("/")
	record(t, "first request, WakeOn=data", "the usual time", ms(first.took))
	fmt.Fprint(silent, "GET /hello HTTP/1.0\r\n\r\n")
	silent.SetDeadline(time.Now().Add(30 * time.Second))
	if b, err := io.ReadAll(silent); !strings.Contains(string(b), "hello") {
		t.Errorf("who was silent while it slept gets %q, %v", b, err)
	}
}

// TestGateAtTheIdleStop: no request is lost at that moment, nor of many at once.
func TestGateAtTheIdleStop(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "1s", 1)+"WakeFrom=localhost\nWakeOn=data\n")
	a.burst(50)
	replies, stops := a.aimAtTheIdleStop(12, 0)
	n, errors := answered(replies)
	record(t, "12 requests at the idle stop, with a gate", "all answered", fmt.Sprintf("%d answers, %d stops, slowest %s", n, stops, ms(slowest(replies))))
	if n != len(replies) {
		t.Errorf("%d of %d answered:%s", n, len(replies), errors)
	}
	host.run(t, "podman", "kill", "systemd-"+a.name)
	a.mustGet("/")
}

// TestGateAndOthers: whom the gate would not let in can still be needed, be woken by the command, and be started by hand.
func TestGateAndOthers(t *testing.T) {
	t.Parallel()
	a, db := startTwo(t, joined, needed+"WakeOn=data\n")
	a.mustGet("/ask?address=127.0.0.1:80")
	a.mustSleep(15 * time.Second)
	db.mustSleep(30 * time.Second)

	a.write(plain + "AllowFrom=192.0.2.1\n")
	host.reload(t)
	a.says(0, "is awake after", "wake", a.name)
	a.mustSleep(15 * time.Second)
}

// TestGateOfAService: a unit that is there already has a gate as a container has.
func TestGateOfAService(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	old := a.name + "-old.service"
	unit := ".config/systemd/user/" + old
	host.write(t, unit, fmt.Sprintf("[Service]\nSuccessExitStatus=143\nExecStart=/home/demo/testapp/testapp -listen 127.0.0.1:%d\n", a.port+1))
	t.Cleanup(func() { os.Remove(host.home(unit)) })
	a.write(fmt.Sprintf(existing, old) + "WakeFrom=" + friend + "\n")
	host.reload(t)
	a.mustListen(a.port)
	a.scan(scanner, 20)
	if host.show(t, old, "InactiveExitTimestampMonotonic") != "0" {
		t.Fatal("a scanner has woken it")
	}
	first := must(t, a.getFrom(friend, "", "/")).instance()
	eventually(t, 10*time.Second, "the service sleeps", func() bool { return a.state(old) == "inactive" })
	a.scan(scanner, 20)
	if must(t, a.getFrom(friend, "", "/")).instance() == first {
		t.Error("it was not started anew")
	}
}

// TestFailureAtTheGate: who may wake what cannot start is let go at once, and the port lives.
func TestFailureAtTheGate(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "localhost/testapp", "localhost/none-such\nPull=never", 1)+"WakeFrom="+friend+"\n")
	for range 2 {
		r := a.getFrom(friend, "", "/")
		if r.err == nil || r.took > 20*time.Second {
			t.Errorf("%v after %v", r.err, r.took)
		}
	}
	a.write(plain + "WakeFrom=" + friend + "\n")
	host.reload(t)
	eventually(t, 20*time.Second, "the mended one answers", func() bool { return a.getFrom(friend, "", "/").err == nil })
}

// TestProxyProtocol: the application is told who calls, in the words of either version, and who calls by way of a balancer; connections of our own
// do not trouble it.
func TestProxyProtocol(t *testing.T) {
	for _, c := range []struct{ version, ready string }{{"v1", "tcp"}, {"v2", "http:/"}} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			a := start(t, strings.Replace(plain, "500ms", "1min", 1)+"ProxyProtocol="+c.version+"\nReady="+c.ready+"\nProxyProtocolFrom="+friend+"\n[Container]\nExec=-header\n")
			want := map[string][3]string{
				"v1": {"PROXY TCP4 " + scanner + " 127.0.0.1 ", "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443", "PROXY UNKNOWN"},
				"v2": {"2111000c7f0000427f000001", "2121002420010db800000000000000000000000120010db8000000000000000000000002c73801bb", "20000000"},
			}[c.version]
			if r := must(t, a.getFrom(scanner, "", "/peer")); !strings.HasPrefix(r.body, want[0]) {
				t.Errorf("got %q, want %q", r.body, want[0])
			}
			if r := must(t, a.getFrom(friend, "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n", "/peer")); strings.TrimSpace(r.body) != want[1] {
				t.Errorf("got %q, want %q", r.body, want[1])
			}
			if r := must(t, a.getFrom(friend, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "/peer")); strings.TrimSpace(r.body) != want[2] {
				t.Errorf("got %q, want %q", r.body, want[2])
			}
			if r := a.getFrom(friend, "", "/peer"); r.err == nil {
				t.Errorf("a balancer without a header is answered: %q", r.body)
			}
			if said := host.journal(t, a.mark, "-u", a.container(), "-o", "cat"); strings.Contains(said, "no PROXY protocol header") {
				t.Errorf("the application complains:\n%s", said)
			}
			if said := host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"); !strings.Contains(said, "there was no PROXY protocol header; the last was from "+friend) {
				t.Errorf("the proxy does not complain:\n%s", said)
			}
		})
	}
}
