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

const socketProxyd = plain + "Proxy=systemd-socket-proxyd\n"

// TestSocketProxyd: the first request waits for the application, and the proxy that serves it is systemd's.
func TestSocketProxyd(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"80", "127.0.0.1:80", "[::1]:80"} {
		t.Run(listen, func(t *testing.T) {
			a := start(t, strings.Replace(socketProxyd, "500ms", "2s", 1)+"[Container]\nNetwork=none\nExec=-delay 300ms -listen "+listen+"\n")
			for range 2 {
				r := a.mustGet("/")
				open := a.idleConnection()
				if got := a.whatProxy(); !strings.HasSuffix(got, "/systemd-socket-proxyd") {
					t.Errorf("the proxy is %s", got)
				}
				open.Close()
				record(t, "systemd-socket-proxyd, application on "+listen, "answers", ms(r.took))
				a.mustSleep(10 * time.Second)
			}
		})
	}
}

// TestSocketProxydNobodyComes: a proxy that was started by hand ends as well.
func TestSocketProxydNobodyComes(t *testing.T) {
	t.Parallel()
	a := start(t, socketProxyd)
	host.systemctl(t, "start", a.proxy())
	a.mustSleep(10 * time.Second)
	a.mustGet("/")
}

const twoPorts = socketProxyd + `[Container]
PublishPort=PORT2:81
Exec=-listen 80 -listen 81
`

// second is the pair of the second port.
func (a *app) second() *app {
	b := *a
	b.name, b.port = a.name+"-81", a.port+1
	return &b
}

// TestSocketProxydTwoPorts: each port has a proxy of its own, and the container ends with the last of them.
func TestSocketProxydTwoPorts(t *testing.T) {
	t.Parallel()
	a := start(t, twoPorts)
	b := a.second()
	a.mustListen(b.port)
	idle := a.idleConnection()
	instance := b.mustGet("/").instance()
	eventually(t, 10*time.Second, "the second proxy sleeps", func() bool { return a.state(b.proxy()) == "inactive" })
	if got := b.mustGet("/").instance(); got != instance {
		t.Errorf("the container was stopped under a connection")
	}
	eventually(t, 10*time.Second, "the second proxy sleeps", func() bool { return a.state(b.proxy()) == "inactive" })
	idle.Close()
	a.mustSleep(10 * time.Second)
	if s := a.state(a.name + "-proxies.target"); s != "inactive" {
		t.Errorf("the target is %s", s)
	}
	record(t, "systemd-socket-proxyd, two ports", "the last proxy ends the container", "it does")

	// By hand it stays awake, and is not stopped at once.
	host.systemctl(t, "start", a.container())
	if !a.running() || a.mustGet("/").err != nil || b.mustGet("/").err != nil {
		t.Error("started by hand, it does not answer")
	}
	host.systemctl(t, "stop", a.container())
	a.mustSleep(10 * time.Second)
	b.mustGet("/")
	a.mustSleep(10 * time.Second)
}

// TestSocketProxydReload: a reload is enough for each of the sockets.
func TestSocketProxydReload(t *testing.T) {
	t.Parallel()
	a := start(t, twoPorts)
	b := a.second()
	a.mustListen(b.port)
	b.mustGet("/")

	a.write(strings.Replace(twoPorts, "PORT2:81", strconv.Itoa(a.port+2)+":81", 1)) // moved
	host.reload(t)
	a.mustNotListen(b.port)
	b.port = a.port + 2
	a.mustListen(b.port)
	b.mustGet("/")
	a.mustGet("/")

	a.write(socketProxyd) // gone
	host.reload(t)
	a.mustNotListen(b.port)
	a.mustGet("/")
	a.mustSleep(10 * time.Second)

	a.write(twoPorts) // new
	host.reload(t)
	b.port = a.port + 1
	a.mustListen(b.port)
	b.mustGet("/")
	a.remove()
	host.reload(t)
	a.mustNotListen(a.port)
	a.mustNotListen(b.port)
	eventually(t, 20*time.Second, "nothing is left", func() bool {
		return host.systemctl(t, "list-units", "--all", "--plain", "--no-legend", a.name+"*", "podman-ondemand-apply@"+a.name+"-*") == "" && !a.running()
	})
}

// TestSocketProxydLimit: what is over MaxConnections= is closed. systemd-socket-proxyd looks whether there are more already,
// and so takes one more.
func TestSocketProxydLimit(t *testing.T) {
	t.Parallel()
	a := start(t, socketProxyd+"MaxConnections=2\n")
	for range 3 {
		a.idleConnection()
	}
	if r := a.get("/"); r.err == nil {
		t.Error("a fourth connection was served")
	}
}

// TestSocketProxydFails: a container that cannot start costs the port nothing.
func TestSocketProxydFails(t *testing.T) {
	t.Parallel()
	for _, fails := range []struct{ name, text, why string }{
		{"image-missing", strings.Replace(socketProxyd, "localhost/testapp", "localhost/missing-NAME\nPull=never", 1), "could not start"},
		{"broken", strings.Replace(socketProxyd, "localhost/testapp", "", 1), "could not start"},
		{"never-listens", socketProxyd + "StartTimeout=10s\n[Container]\nExec=-never\n", "does not answer on port 80 after 10s"},
		{"crash", socketProxyd + "[Container]\nExec=-never -exit-after 300ms\n", "Connections are refused: "},
	} {
		t.Run(fails.name, func(t *testing.T) {
			a := start(t, fails.text)
			for range 3 {
				a.mustRefuse(fails.why, 10*time.Second)
			}
			eventually(t, 20*time.Second, "the container is gone", func() bool { return !a.running() })
			a.write(socketProxyd)
			host.reload(t)
			eventually(t, 20*time.Second, "an answer, now that all is well", func() bool { return a.get("/").err == nil })
		})
	}
}

// TestSocketProxydService: systemd's proxy in front of a service, in the host's network.
func TestSocketProxydService(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	unit := ".config/systemd/user/" + a.name + "-old.service"
	host.write(t, unit, fmt.Sprintf("[Service]\nSuccessExitStatus=143\nExecStart=/home/demo/testapp/testapp -delay 300ms -listen 127.0.0.1:%d -listen 127.0.0.1:%d\n", a.port+2, a.port+3))
	t.Cleanup(func() { os.Remove(host.home(unit)) })
	a.write(fmt.Sprintf(`
[Socket]
ListenStream=PORT
ListenStream=PORT2
[OnDemand]
Unit=%s-old.service
Target=127.0.0.1:%d 127.0.0.1:%d
IdleTimeout=500ms
Proxy=systemd-socket-proxyd
`, a.name, a.port+2, a.port+3))
	host.reload(t)
	a.mustListen(a.port)
	a.mustListen(a.port + 1)
	open := a.idleConnection()
	first := a.mustGet("/").instance()
	if other := must(t, request("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(a.port+1)), "/")).instance(); other != first {
		t.Error("two services")
	}
	open.Close()
	eventually(t, 10*time.Second, "the service sleeps", func() bool { return a.state(a.name+"-old.service") == "inactive" })
	if a.mustGet("/").instance() == first {
		t.Error("it was not started anew")
	}
}
