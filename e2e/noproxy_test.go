//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

const noProxy = `
[Container]
Image=localhost/testapp
Exec=-activated -exit-idle 500ms
Network=none
PublishPort=PORT:80
[OnDemand]
Proxy=none
`

// TestNoProxy: the application gets the sockets, and its own end is the sleep.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	a := start(t, noProxy+"[Container]\nPublishPort=PORT:80/udp\n[Socket]\nListenStream=%t/NAME.sock\nListenFIFO=%t/NAME.fifo\n")
	first := a.mustGet("/")
	a.mustSleep(10 * time.Second)
	again := a.mustGet("/")
	if first.instance() == again.instance() {
		t.Error("it was not started anew")
	}
	record(t, "Proxy=none", "answers, ends, answers", ms(first.took)+", "+ms(again.took))
	a.mustSleep(10 * time.Second)
	if got := a.packet("ping"); got != "ping" {
		t.Errorf("UDP: %q", got)
	}
	a.mustSleep(10 * time.Second)
	must(t, request("unix", host.path(t, "/run/user/1000/"+a.name+".sock"), "/"))
	a.mustSleep(10 * time.Second)
	host.run(t, "sh", "-c", "echo of the FIFO >$XDG_RUNTIME_DIR/"+a.name+".fifo")
	eventually(t, 10*time.Second, "the line was read", func() bool {
		return strings.Contains(host.journal(t, a.mark, "-u", a.container()), "read: of the FIFO")
	})
	a.mustSleep(10 * time.Second)
}

// packet sends a datagram and returns what comes back.
func (a *app) packet(text string) string {
	a.t.Helper()
	c, err := net.Dial("udp", "127.0.0.1:"+strconv.Itoa(a.port))
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	c.Write([]byte(text))
	got := make([]byte, 100)
	n, err := c.Read(got)
	if err != nil {
		a.t.Error(err)
	}
	return string(got[:n])
}

// TestNoProxyManyRounds: at the application's own end no connection is lost.
func TestNoProxyManyRounds(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(noProxy, "500ms", "200ms", 1))
	var replies []reply
	for i := range 20 {
		replies = append(replies, a.get("/"))
		time.Sleep(time.Duration(180+5*i) * time.Millisecond)
	}
	n, errors := answered(replies)
	record(t, "Proxy=none, 20 requests round the application's end", "all answered", fmt.Sprintf("%d, slowest %s", n, ms(slowest(replies))))
	if n != len(replies) {
		t.Errorf("%d of %d answered:%s", n, len(replies), errors)
	}
}

// starts counts how often the container's service was started since the beginning of the test.
func (a *app) starts() int {
	a.t.Helper()
	return strings.Count(host.journal(a.t, a.mark, "-o", "cat", "USER_UNIT="+a.container()), "Starting "+a.container())
}

// mustRest wants that nothing is started any more although nobody stops it.
func (a *app) mustRest() {
	a.t.Helper()
	// Between two starts for who was still waiting it looks the same for a second.
	before, down := -1, false
	eventually(a.t, 25*time.Second, "the container's service rests", func() bool {
		n := a.starts()
		rests := n == before && down && a.isDown(a.container())
		if before, down = n, a.isDown(a.container()); !rests {
			time.Sleep(1500 * time.Millisecond)
		}
		return rests
	})
	time.Sleep(2500 * time.Millisecond)
	if n := a.starts() - before; n > 0 {
		a.t.Errorf("%d starts for nobody", n)
	}
	if s := a.state(a.socket()); s != "active" {
		a.t.Errorf("the socket is %s", s)
	}
}

// TestNoProxyFails: a container that cannot start neither costs the port nor is started for ever for a client that has gone.
func TestNoProxyFails(t *testing.T) {
	t.Parallel()
	for _, fails := range []struct{ name, old, new string }{
		{"image-missing", "localhost/testapp", "localhost/missing-NAME\nPull=never"},
		{"crash", "-activated -exit-idle 500ms", "-never -exit-after 100ms"},
		{"broken", "localhost/testapp", ""},
	} {
		t.Run(fails.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, strings.Replace(noProxy, fails.old, fails.new, 1)+"[Container]\nPublishPort=PORT:80/udp\n")
			var replies []reply
			for range 8 {
				r := a.get("/")
				if r.err == nil || r.took > slack*5*time.Second {
					t.Errorf("want a quick end, got %v after %v", r.err, r.took)
				}
				replies = append(replies, r)
			}
			record(t, "Proxy=none, "+fails.name, "let go, the port lives", fmt.Sprintf("slowest %s, median %s, %d starts for 8 requests",
				ms(slowest(replies)), ms(median(replies)), a.starts()))
			a.mustRest()
			c, err := net.Dial("udp", "127.0.0.1:"+strconv.Itoa(a.port))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write([]byte("x"))
			time.Sleep(time.Second)
			a.mustRest()
			a.write(noProxy)
			host.reload(t)
			eventually(t, 10*time.Second, "an answer, now that all is well", func() bool { return a.get("/").err == nil })
		})
	}
}

// TestNoProxyKilled: a container that dies after a while has not failed to start, and the next request is answered.
func TestNoProxyKilled(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(noProxy, "500ms", "1m", 1))
	a.mustGet("/")
	time.Sleep(10500 * time.Millisecond)
	host.run(t, "podman", "kill", "systemd-"+a.name)
	a.mustGet("/")
}

// TestNoProxyEndsAtOnce: an application that ends well without having taken its client is not started without a pause.
func TestNoProxyEndsAtOnce(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(noProxy, "-activated -exit-idle 500ms", "-never -exit-after 1ms -exit-code 0", 1))
	c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(a.port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	time.Sleep(5 * time.Second)
	eventually(t, 20*time.Second, "it is started again", func() bool { return a.starts() > 1 })
	n, seconds := a.starts(), time.Since(began).Seconds()
	record(t, "Proxy=none, ends well at once", "at most a start a second", fmt.Sprintf("%d in %.0f s", n, seconds))
	if n > int(seconds)+1 {
		t.Errorf("%d starts in %.0f s", n, seconds)
	}
	if s := a.state(a.socket()); s != "active" {
		t.Errorf("the socket is %s", s)
	}
}

// TestProxyChangesAwake: where the sockets start another unit, that takes over from what is awake. (From one proxy to another
// nothing changes for the socket: that happens at the next wake.)
func TestProxyChangesAwake(t *testing.T) {
	t.Parallel()
	own := strings.Replace(plain, "500ms", "1min", 1)
	none := strings.Replace(noProxy, "500ms", "1m", 1)
	a := start(t, own)
	a.mustGet("/")
	for i, text := range []string{none, own, none, own + "Proxy=systemd-socket-proxyd\n", none, own} {
		a.write(text)
		host.reload(t)
		want := "/podman-ondemand"
		switch {
		case text == none:
			want = "no proxy"
		case text != own:
			want = "/systemd-socket-proxyd"
		}
		eventually(t, 20*time.Second, fmt.Sprintf("change %d: an answer, and %s", i+1, want), func() bool {
			return a.get("/").err == nil && strings.HasSuffix(a.whatProxy(), want)
		})
	}
}

// whatProxy is the program of the proxy, if one runs.
func (a *app) whatProxy() string {
	pid := host.show(a.t, a.proxy(), "MainPID")
	if pid == "0" || pid == "" {
		return "no proxy"
	}
	program, _ := host.try("readlink", "/proc/"+pid+"/exe")
	return strings.TrimSpace(program)
}

const eachConnection = `
[Container]
Image=localhost/testapp
Exec=-activated
Network=none
[Socket]
ListenStream=127.0.0.1:PORT
Accept=yes
[OnDemand]
Proxy=none
MaxConnections=3
`

// connections are the services of single connections.
func (a *app) connections() int {
	a.t.Helper()
	return strings.Count(host.systemctl(a.t, "list-units", "--all", "--plain", "--no-legend", a.name+"@*.service"), "\n")
}

// containers counts what podman has of them, dead or alive.
func (a *app) containers() int {
	a.t.Helper()
	return strings.Count(host.run(a.t, "podman", "ps", "-aq", "--filter", "label=PODMAN_SYSTEMD_UNIT", "--format", `{{index .Labels "PODMAN_SYSTEMD_UNIT"}}`), a.name+"@")
}

// TestContainerForEachConnection: real connections at once, each with a container of its own, and none is left.
func TestContainerForEachConnection(t *testing.T) {
	t.Parallel()
	a := start(t, eachConnection)
	begin := time.Now()
	for range 3 {
		a.idleConnection()
	}
	record(t, "Accept=yes, 3 connections at once", "3 containers", fmt.Sprintf("%d after %s", a.containers(), ms(time.Since(begin))))
	if n, m := a.containers(), a.connections(); n != 3 || m != 3 {
		t.Errorf("%d containers, %d services", n, m)
	}
	if r := a.get("/"); r.err == nil {
		t.Error("a fourth connection was served")
	}
}

// TestConnectionsComeAndGo: each request has another container, and all of them go.
func TestConnectionsComeAndGo(t *testing.T) {
	t.Parallel()
	a := start(t, eachConnection)
	seen := map[string]bool{}
	n, errors := 0, ""
	for range 3 {
		replies := a.atOnce(3)
		more, bad := answered(replies)
		n, errors = n+more, errors+bad
		for _, r := range replies {
			seen[r.instance()] = true
		}
		eventually(t, 10*time.Second, "no container is left", func() bool { return a.containers() == 0 && a.connections() == 0 })
	}
	record(t, "Accept=yes, 9 requests, 3 at a time", "9 containers", fmt.Sprintf("%d answers of %d containers", n, len(seen)))
	if n != 9 || len(seen) != 9 {
		t.Errorf("%d answers of %d containers%s", n, len(seen), errors)
	}
}

// TestConnectionsFail: a container that cannot start costs its connection, and nothing of it stays.
func TestConnectionsFail(t *testing.T) {
	t.Parallel()
	for _, fails := range []struct{ name, old, new string }{
		{"image-missing", "localhost/testapp", "localhost/missing-NAME\nPull=never"},
		{"crash", "-activated", "-never -exit-after 10ms"},
		{"broken", "localhost/testapp", ""},
	} {
		t.Run(fails.name, func(t *testing.T) {
			a := start(t, strings.Replace(eachConnection, fails.old, fails.new, 1))
			for range 10 {
				if r := a.get("/"); r.err == nil || r.took > slack*5*time.Second {
					t.Errorf("want a quick end, got %v after %v", r.err, r.took)
				}
			}
			eventually(t, 10*time.Second, "nothing of them is left", func() bool { return a.containers() == 0 && a.connections() == 0 })
			if s := a.state(a.socket()); s != "active" {
				t.Errorf("the socket is %s", s)
			}
			a.write(eachConnection)
			host.reload(t)
			a.mustGet("/")
		})
	}
}

// TestConnectionsOutlive: a port that moves, or is closed, leaves the open connections alone.
func TestConnectionsOutlive(t *testing.T) {
	t.Parallel()
	a := start(t, eachConnection)
	c := a.idleConnection()
	a.write(strings.Replace(eachConnection, "PORT", "PORT2", 1))
	host.reload(t)
	a.mustNotListen(a.port)
	a.mustListen(a.port + 1)
	host.systemctl(t, "stop", a.socket())
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		t.Error(err)
	}
}

// TestConnectionsRemoved: with the file go the containers of the open connections.
func TestConnectionsRemoved(t *testing.T) {
	t.Parallel()
	a := start(t, eachConnection)
	a.idleConnection()
	a.idleConnection()
	if err := os.Remove(host.home(a.file())); err != nil {
		t.Fatal(err)
	}
	host.reload(t)
	a.mustNotListen(a.port)
	eventually(t, 20*time.Second, "nothing of them is left", func() bool { return a.containers() == 0 && a.connections() == 0 })
}
