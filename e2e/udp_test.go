//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// datagrams is an application that sends datagrams back, and serves HTTP on the same number.
const datagrams = `
[Container]
Image=localhost/testapp
PublishPort=PORT:80
PublishPort=PORT:7/udp
Exec=-listen 80 -udp 7
[OnDemand]
IdleTimeout=500ms
FlowTimeout=500ms
`

// flow is a client of UDP with a port of its own.
type flow struct {
	t *testing.T
	net.Conn
}

func (a *app) flow(from string) flow {
	a.t.Helper()
	d := net.Dialer{}
	to := "127.0.0.1"
	if from != "" {
		d.LocalAddr, to = &net.UDPAddr{IP: net.ParseIP(from)}, from
	}
	c, err := d.Dial("udp", net.JoinHostPort(to, strconv.Itoa(a.port)))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { c.Close() })
	return flow{a.t, c}
}

// ask sends a datagram, again after each pause, and returns the answer and how often it was sent.
func (f flow) ask(text string, pause, within time.Duration) (answer string, sent int, err error) {
	b := make([]byte, 1<<16)
	for end := time.Now().Add(within); time.Now().Before(end); {
		sent++
		if _, err = f.Write([]byte(text)); err != nil {
			return "", sent, err
		}
		f.SetReadDeadline(time.Now().Add(pause))
		for err == nil {
			var n int
			if n, err = f.Read(b); err == nil && (string(b[:n]) == text || text == "who") { // and not the answer to one before
				return string(b[:n]), sent, nil
			}
		}
	}
	return "", sent, err
}

// mustAnswer wants the very datagram to be answered.
func (f flow) mustAnswer(text string) time.Duration {
	f.t.Helper()
	began := time.Now()
	if answer, _, err := f.ask(text, time.Minute, time.Second); err != nil || answer != text {
		f.t.Fatalf("%q, %v", answer, err)
	}
	return time.Since(began)
}

// mustFallAsleep waits for the end of the flows, too.
func (a *app) mustFallAsleep() {
	a.t.Helper()
	a.mustSleep(20 * time.Second)
}

// TestDatagram: the first one wakes the application and is answered, with those that came meanwhile; and it falls asleep again.
func TestDatagram(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(datagrams, "-udp 7", "-udp 7 -delay 2s", 1))
	f := a.flow("")
	for i := range 20 {
		fmt.Fprint(f, "datagram ", i)
	}
	began := time.Now()
	f.SetReadDeadline(began.Add(time.Minute))
	b := make([]byte, 100)
	for i := range 20 {
		n, err := f.Read(b)
		if want := fmt.Sprint("datagram ", i); err != nil || string(b[:n]) != want {
			t.Fatalf("%q, %v, want %q", b[:n], err, want)
		}
	}
	record(t, "20 datagrams to a sleeper that takes 2 s", "20 answers, in order", "20, in order, after "+ms(time.Since(began)))
	a.mustFallAsleep()
	a.flow("").mustAnswer("again")
	a.mustGet("/")
	a.mustFallAsleep()
}

// TestDatagramsOfThousand: clients of a sleeping application, all at once. One whose datagram finds no room in the queue sends it again, as
// clients of UDP do.
func TestDatagramsOfThousand(t *testing.T) {
	t.Parallel()
	a := start(t, datagrams)
	const n = 1000
	var all sync.WaitGroup
	var lock sync.Mutex
	var again []int
	answered := 0
	began := time.Now()
	for i := range n {
		f := a.flow("")
		all.Add(1)
		go func() {
			defer all.Done()
			text := fmt.Sprint("client ", i)
			answer, sent, err := f.ask(text, 3*time.Second, time.Minute)
			lock.Lock()
			defer lock.Unlock()
			if err == nil && answer == text {
				answered++
				again = append(again, sent-1)
			}
		}()
	}
	all.Wait()
	sum := 0
	for _, n := range again {
		sum += n
	}
	record(t, "1000 clients of UDP at once, asleep", "1000 answers", fmt.Sprintf("%d answers after %s, %d sent again", answered, ms(time.Since(began)), sum))
	if answered != n {
		t.Errorf("%d of %d answered", answered, n)
	}
	a.mustFallAsleep()
	lost := 0
	for _, m := range regexp.MustCompile(`(?m)^([\d,]+) datagrams? lost: the queue of the socket was full`).FindAllStringSubmatch(host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"), -1) {
		n, _ := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		lost += n
	}
	if sum > 0 && lost == 0 {
		t.Error("the journal does not say that datagrams were lost")
	}
}

// TestDatagramsBothWays is a flow like that of a game or of QUIC: up to 32 are under way, and those that do not come back are counted.
func TestDatagramsBothWays(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(datagrams, "FlowTimeout=500ms", "FlowTimeout=5s", 1))
	f := a.flow("")
	f.mustAnswer("wake")
	const n, window = 50_000, 32
	seen := make([]bool, n)
	tokens := make(chan struct{}, window)
	done := make(chan int)
	go func() {
		b, got := make([]byte, 2000), 0
		for got < n {
			f.SetReadDeadline(time.Now().Add(slack * 2 * time.Second))
			size, err := f.Read(b)
			if err != nil {
				break
			}
			if i, err := strconv.Atoi(strings.TrimSpace(string(b[:size]))); err == nil && !seen[i] {
				seen[i] = true
				got++
			}
			select {
			case <-tokens:
			default:
			}
		}
		done <- got
	}()
	began := time.Now()
	for i := range n {
		select {
		case tokens <- struct{}{}:
		case <-time.After(20 * time.Millisecond): // some were lost, and their places with them
		}
		fmt.Fprintf(f, "%1000d", i)
	}
	took := time.Since(began)
	got := <-done
	record(t, "50,000 datagrams of 1000 bytes each way", "none lost", fmt.Sprintf("%d lost, %.0f a second", n-got, float64(n)/took.Seconds()))
	if got < n {
		t.Errorf("%d of %d lost: %s", n-got, n, host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"))
	}
}

// TestDatagramsAtTheIdleStop: each of those that come in the moment in which it falls asleep is answered, without being sent again.
func TestDatagramsAtTheIdleStop(t *testing.T) {
	t.Parallel()
	a := start(t, datagrams)
	const step = 37 * time.Millisecond
	pause, stops, slowest := time.Second, 0, time.Duration(0)
	f := a.flow("")
	f.mustAnswer("wake")
	last := host.show(t, a.proxy(), "InvocationID")
	for i := range 15 {
		time.Sleep(pause)
		slowest = max(slowest, f.mustAnswer(fmt.Sprint("request ", i)))
		if id := host.show(t, a.proxy(), "InvocationID"); id != last {
			last = id
			stops++
			pause -= step
		} else {
			pause += step
		}
	}
	record(t, "15 datagrams at the idle stop", "all answered", fmt.Sprintf("15 answers, %d stops, slowest %s", stops, ms(slowest)))
	if stops < 3 {
		t.Errorf("only %d stops between: they did not meet the moment", stops)
	}
}

// TestDatagramsOfAKilledContainer: the next one is answered by the next container.
func TestDatagramsOfAKilledContainer(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(datagrams, "FlowTimeout=500ms", "FlowTimeout=1min", 1))
	f := a.flow("")
	f.mustAnswer("wake")
	for i := range 3 {
		host.run(t, "podman", "kill", "systemd-"+a.name)
		text := fmt.Sprint("after kill ", i)
		answer, _, err := f.ask(text, 5*time.Second, 5*time.Second)
		if err != nil { // that one was on its way into the one that was killed
			answer, _, err = f.ask(text, time.Minute, time.Second)
		}
		if err != nil || answer != text {
			t.Errorf("%q, %v", answer, err)
		}
	}
	record(t, "3 kills of a container with a flow", "answered", "the next datagram or the one after it is answered")
}

// TestDatagramsSeeClients: the application sees who sends, IPv4 and IPv6, though it is bound to every address.
func TestDatagramsSeeClients(t *testing.T) {
	t.Parallel()
	a := startForStrangers(t, strings.Replace(datagrams, "FlowTimeout=500ms", "FlowTimeout=5s", 1))
	for _, from := range []string{stranger, stranger6, "127.0.0.1"} {
		f := a.flow(from)
		answer, _, err := f.ask("who", time.Minute, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		seen, own := netip.MustParseAddrPort(answer), f.LocalAddr().(*net.UDPAddr).AddrPort()
		seen = netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port())
		if kept := !own.Addr().IsLoopback(); kept && seen != own || !kept && !seen.Addr().IsLoopback() {
			t.Errorf("%s is seen as %s: %s", own, seen, host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"))
		}
	}
	record(t, "the client's address by UDP", "kept", "kept, IPv4 and IPv6")
}

// TestDatagramsWake: who may not wake it does not, and is served while it is awake.
func TestDatagramsWake(t *testing.T) {
	t.Parallel()
	a := startForStrangers(t, strings.Replace(datagrams, "FlowTimeout=500ms", "FlowTimeout=5s\nWakeFrom="+stranger, 1))
	f := a.flow("")
	for range 100 {
		fmt.Fprint(f, "scan")
	}
	time.Sleep(2 * time.Second)
	if !a.neverStarted() {
		t.Error("it was woken by who may not")
	}
	a.flow(stranger).mustAnswer("wake")
	f.mustAnswer("now it is awake")
	record(t, "100 datagrams of who may not wake it", "no start", "no start")
}

// TestDNS: a real name server, on UDP and TCP, asked by a real client.
func TestDNS(t *testing.T) {
	t.Parallel()
	host.run(t, "sh", "-ec", `tar -chf - /etc/passwd /etc/group /usr/sbin/dnsmasq $(ldd /usr/sbin/dnsmasq | grep -o '/[^ ]*') 2>/dev/null |
		podman import -q --change 'ENTRYPOINT ["/usr/sbin/dnsmasq"]' - localhost/dnsmasq`)
	t.Cleanup(func() { host.try("podman", "rmi", "-f", "localhost/dnsmasq") })
	a := startForStrangers(t, `
[Container]
Image=localhost/dnsmasq
Exec=--keep-in-foreground --pid-file= --no-resolv --no-hosts --user=root --group=root --log-facility=- --log-queries=extra --address=/example.test/192.0.2.33
PublishPort=PORT:53/udp
PublishPort=PORT:53/tcp
[OnDemand]
IdleTimeout=1s
FlowTimeout=1s
`)
	dig := func(options ...string) string {
		return strings.TrimSpace(host.run(t, append([]string{"dig", "-p", strconv.Itoa(a.port), "+short", "+tries=1", "+timeout=30", "example.test"}, options...)...))
	}
	began := time.Now()
	for _, options := range [][]string{{"@127.0.0.1"}, {"@127.0.0.1", "+tcp"}, {"@::1"}, {"@" + stranger, "-b", stranger}, {"@" + stranger6, "-b", stranger6}, {"@" + stranger, "-b", stranger, "+tcp"}} {
		if got := dig(options...); got != "192.0.2.33" {
			t.Errorf("dig %s: %q", strings.Join(options, " "), got)
		}
	}
	record(t, "dnsmasq, asked by dig on UDP and TCP", "answers", "6 answers, all after "+ms(time.Since(began)))
	for _, from := range []string{stranger, stranger6} {
		eventually(t, 5*time.Second, "dnsmasq has seen "+from, func() bool {
			return strings.Count(host.journal(t, a.mark, "-u", a.container(), "-o", "cat"), from+"/") >= 2
		})
	}
	a.mustFallAsleep()
	if got := dig("@127.0.0.1"); got != "192.0.2.33" {
		t.Errorf("after a sleep: %q", got)
	}
}
