//go:build e2e

package e2e

import (
	"cmp"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const unitDir = ".config/containers/systemd/"

// app is one application of a test, with a name and ports that no other test has.
type app struct {
	t    *testing.T
	name string
	port int // the first of ten
	mark string
	ip   string // where it is called, and from where; "": 127.0.0.1
}

// address is what its clients connect to.
func (a *app) address() string {
	return net.JoinHostPort(cmp.Or(a.ip, "127.0.0.1"), strconv.Itoa(a.port))
}

var ports atomic.Int32

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// newApp gives a name and a port without writing anything. At the end of the test nothing of it is left.
func newApp(t *testing.T) *app {
	t.Helper()
	name := notInNames.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-")
	a := &app{t: t, name: name, port: 20000 + 10*int(ports.Add(1)), mark: host.mark(t)}
	t.Cleanup(a.cleanUp)
	return a
}

// start writes the file, reloads and waits until the port listens.
func start(t *testing.T, text string) *app {
	t.Helper()
	a := newApp(t)
	a.write(text)
	host.reload(t)
	a.mustListen(a.port)
	return a
}

// write writes NAME.ondemand, in which NAME, PORT and PORT2 are replaced.
func (a *app) write(text string) {
	a.t.Helper()
	r := strings.NewReplacer("NAME", a.name, "PORT2", strconv.Itoa(a.port+1), "PORT", strconv.Itoa(a.port))
	host.write(a.t, a.file(), r.Replace(text))
}

func (a *app) file() string { return unitDir + a.name + ".ondemand" }

func (a *app) remove() {
	a.t.Helper()
	if err := os.Remove(host.home(a.file())); err != nil && !os.IsNotExist(err) {
		a.t.Error(err)
	}
}

// socket, proxy and container are the names of the units.
func (a *app) socket() string { return a.name + ".socket" }
func (a *app) proxy() string {
	prefix, instance, template := strings.Cut(a.name, "@")
	if template {
		return prefix + "-proxy@" + instance + ".service"
	}
	return a.name + "-proxy.service"
}
func (a *app) container() string { return a.name + ".service" }

func (a *app) units() []string { return []string{a.socket(), a.proxy(), a.container()} }

// cleanUp first shows what happened, if the test failed.
func (a *app) cleanUp() {
	if a.t.Failed() {
		status, _ := host.try(append([]string{"systemctl", "--user", "status", "--no-pager", "-n0", "-l"}, a.units()...)...)
		journal, _ := host.try("sh", "-c", "journalctl --user -q --no-pager -o short-precise --after-cursor '"+a.mark+"' | grep -F "+a.name+" | tail -n 300")
		a.t.Logf("units:\n%s\njournal:\n%s", status, journal)
	}
	a.remove()
	host.try("systemctl", "--user", "daemon-reload")
	host.try(append([]string{"systemctl", "--user", "stop"}, a.units()...)...)
	host.try(append([]string{"systemctl", "--user", "reset-failed"}, a.units()...)...)
	host.try("podman", "rm", "-f", "-i", "-t0", "systemd-"+strings.Replace(a.name, "@", "_", 1))
}

// url is the address of a path of the application.
func (a *app) url(path string) string { return "http://" + a.address() + path }

// state is what "systemctl is-active" says of a unit.
func (a *app) state(unit string) string {
	a.t.Helper()
	return host.show(a.t, unit, "ActiveState")
}

// running says whether podman has the container.
func (a *app) running() bool {
	a.t.Helper()
	out := host.run(a.t, "podman", "ps", "-q", "--filter", "name=^systemd-"+a.name+"$")
	return strings.TrimSpace(out) != ""
}

// mustSleep waits until the container and the proxy are gone and the socket waits.
func (a *app) mustSleep(within time.Duration) {
	a.t.Helper()
	want := "active\n\ninactive\n\ninactive\n"
	eventually(a.t, within, a.name+" asleep: its socket active, the others inactive", func() bool {
		return host.systemctl(a.t, append([]string{"show", "--value", "-p", "ActiveState"}, a.units()...)...) == want
	})
	if a.running() {
		a.t.Errorf("%s is asleep and podman still has its container", a.name)
	}
}

// mustListen waits until something listens on the port, without connecting: that would wake it.
func (a *app) mustListen(port int) time.Duration {
	a.t.Helper()
	return eventually(a.t, 10*time.Second, "port "+strconv.Itoa(port)+" listens", func() bool { return listens(a.t, port) })
}

func (a *app) mustNotListen(port int) time.Duration {
	a.t.Helper()
	return eventually(a.t, 10*time.Second, "port "+strconv.Itoa(port)+" does not listen", func() bool { return !listens(a.t, port) })
}

// listens looks the port up in the kernel's table of sockets; state 0A is LISTEN.
func listens(t *testing.T, port int) bool {
	t.Helper()
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(table), "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && f[3] == "0A" && strings.HasSuffix(f[1], ":"+strings.ToUpper(strconv.FormatInt(0x10000+int64(port), 16))[1:]) {
				return true
			}
		}
	}
	return false
}
