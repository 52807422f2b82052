//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestRenamedQuadlet: a container that runs and publishes its port becomes one on demand by a rename and a reload.
func TestRenamedQuadlet(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	quadlet := unitDir + a.name + ".container"
	t.Cleanup(func() { os.Remove(host.home(quadlet)) })
	host.write(t, quadlet, fmt.Sprintf("[Container]\nImage=localhost/testapp\nExec=-listen 80\nPublishPort=127.0.0.1:%d:80\n[Quadlet]\nDefaultDependencies=no\n", a.port))
	host.reload(t)
	host.systemctl(t, "start", a.container())
	a.mustListen(a.port)
	if err := os.Rename(host.home(quadlet), host.home(a.file())); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	host.reload(t)
	eventually(t, 15*time.Second, "the socket listens", func() bool { return a.state(a.socket()) == "active" })
	record(t, "rename of a running web.container", "the socket has the port", ms(time.Since(begin)))
	eventually(t, 5*time.Second, "the journal says that the old container was stopped", func() bool {
		return strings.Contains(host.journal(t, a.mark, "-o", "cat"), a.container()+" still runs as it was before")
	})
	a.mustGet("/")
	if s := a.state(a.proxy()); s != "active" {
		t.Errorf("it answered, and the proxy is %s", s)
	}
}

// named is an application that says its name, and does not fall asleep meanwhile.
const named = `
[Container]
Image=localhost/testapp
Exec=-message=<NAME>
PublishPort=PORT:80
[OnDemand]
IdleTimeout=1min
`

// mustAnswerAs waits until that application answers on the port. A request that is cut off by the change is none.
func (a *app) mustAnswerAs(port int) {
	a.t.Helper()
	eventually(a.t, 15*time.Second, fmt.Sprintf("%s answers on port %d", a.name, port), func() bool {
		return strings.Contains(request("tcp", fmt.Sprintf("127.0.0.1:%d", port), "/").body, "<"+a.name+">")
	})
}

// TestSwappedPortsAwake: each of two has to have what the other's proxy holds.
func TestSwappedPortsAwake(t *testing.T) {
	a := newApp(t)
	b := &app{t: t, name: a.name + "-b", port: a.port, mark: a.mark}
	t.Cleanup(b.cleanUp)
	texts := []string{named, strings.Replace(named, "PORT:", "PORT2:", 1)}
	const rounds = 7
	var longest time.Duration
	for i := range rounds {
		a.write(texts[i%2])
		b.write(texts[(i+1)%2])
		begin := time.Now()
		host.reload(t)
		a.mustAnswerAs(a.port + i%2)
		b.mustAnswerAs(a.port + (i+1)%2)
		longest = max(longest, time.Since(begin))
	}
	record(t, fmt.Sprintf("ports swapped while awake, %d times", rounds-1), "both answer", ms(longest))
}

// TestChangedBackAtOnce: systemd closes listeners whose addresses have changed, and does not open them again for the old ones.
func TestChangedBackAtOnce(t *testing.T) {
	a := start(t, named)
	const rounds = 6
	for i := range rounds {
		a.write(strings.Replace(named, "PORT:", "PORT2:", 1))
		host.reload(t)
		time.Sleep(time.Duration(i) * 30 * time.Millisecond)
		a.write(named)
		host.reload(t)
		a.mustAnswerAs(a.port)
	}
	record(t, fmt.Sprintf("port changed and changed back at once, %d times", rounds), "answers", "answers")
}

// TestRenamedAwake: the new name is to have the port of the old one, whose proxy and container are still there.
func TestRenamedAwake(t *testing.T) {
	a := start(t, strings.Replace(plain, "500ms", "1min", 1))
	names := []*app{a, {t: t, name: a.name + "-b", port: a.port, mark: a.mark}}
	t.Cleanup(names[1].cleanUp)
	const rounds = 5
	var longest time.Duration
	for i := range rounds {
		from, to := names[i%2], names[(i+1)%2]
		from.mustGet("/")
		if err := os.Rename(host.home(from.file()), host.home(to.file())); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		host.reload(t)
		eventually(t, 25*time.Second, "the new name listens", func() bool { return to.state(to.socket()) == "active" })
		longest = max(longest, time.Since(begin))
		to.mustGet("/")
		from.mustLeaveNothing()
	}
	record(t, fmt.Sprintf("renamed while awake, %d times", rounds), "the new one listens", ms(longest))
}

// mustLeaveNothing waits until an application whose file was removed has gone from systemd, podman and the runtime directory.
func (a *app) mustLeaveNothing() {
	a.t.Helper()
	eventually(a.t, 30*time.Second, a.name+" has gone", func() bool {
		return strings.TrimSpace(host.systemctl(a.t, append([]string{"list-units", "--all", "--plain", "--no-legend", "podman-ondemand-apply@" + a.name + "-????????????????.service"}, a.units()...)...)) == ""
	})
	if out := host.run(a.t, "podman", "ps", "-aq", "--filter", "name=^systemd-"+a.name+"$"); out != "" {
		a.t.Errorf("podman still has the container of %s: %s", a.name, out)
	}
	for _, path := range []string{"podman-ondemand/" + a.name, "podman-ondemand-apply/" + a.name, "podman-ondemand-apply/." + a.name + ".lock"} {
		if _, err := os.Lstat(host.path(a.t, "/run/user/1000/"+path)); err == nil {
			a.t.Errorf("%s is left", path)
		}
	}
}

// TestRemovedAwake: with the file went the unit's ExecStop=, and yet nothing is left.
func TestRemovedAwake(t *testing.T) {
	t.Parallel()
	text := strings.Replace(plain, "500ms", "1min", 1)
	a := start(t, text)
	const rounds = 8
	for range rounds {
		a.mustGet("/")
		a.remove()
		host.reload(t)
		a.mustLeaveNothing()
		a.write(text)
		host.reload(t)
		a.mustListen(a.port)
	}
	record(t, fmt.Sprintf("removed while awake, %d times", rounds), "nothing is left", "nothing is left")
}

// takePort listens on the application's port, as a foreign program would.
func (a *app) takePort() net.Listener {
	a.t.Helper()
	foreign, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", a.port))
	if err != nil {
		a.t.Fatal(err)
	}
	return foreign
}

// TestTakenPortHeals: a foreign program has the port at the reload. It is said once, and healed when the port is free.
func TestTakenPortHeals(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	foreign := a.takePort()
	defer foreign.Close()
	a.write(plain)
	host.reload(t)
	instance := "podman-ondemand-apply@" + a.name + "-*.service"
	status := func() string {
		return host.systemctl(t, "show", "-p", "ActiveState,SubState,StatusText,NRestarts", instance)
	}
	eventually(t, 20*time.Second, "the instance is up and waits", func() bool { return strings.Contains(status(), "SubState=running") })
	logged := func() string { return host.journal(t, a.mark, "-o", "short-precise", "--grep", a.name) }
	eventually(t, 5*time.Second, "the reason in the journal", func() bool { return strings.Contains(logged(), "address already in use. It will, once") })
	before := logged()
	time.Sleep(25 * time.Second)
	if after := logged(); after != before {
		t.Errorf("more than once in the journal:\n%s\nfirst:\n%s", after, before)
	}
	host.reload(t)
	foreign.Close()
	took := eventually(t, 15*time.Second, "healed", func() bool { return a.state(a.socket()) == "active" })
	record(t, "a port was taken at the reload, and is free now", "listens within 10 s", ms(took))
	a.mustGet("/")
	eventually(t, 5*time.Second, "its process has ended", func() bool { return strings.Contains(status(), "SubState=exited") })
	healed := func() int {
		return strings.Count(host.journal(t, a.mark, "-o", "cat", "--grep", a.name), "listens now")
	}
	eventually(t, 5*time.Second, "the journal says that it listens", func() bool { return healed() > 0 })
	if n := healed(); n != 1 {
		t.Errorf("the recovery is logged %d times", n)
	}
}

// TestTakenPortGivenUp: what a person does with the socket meanwhile counts.
func TestTakenPortGivenUp(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	host.systemctl(t, "stop", a.socket())
	foreign := a.takePort()
	defer foreign.Close()
	host.try("systemctl", "--user", "start", a.socket()) // fails
	host.systemctl(t, "stop", a.socket())
	foreign.Close()
	time.Sleep(11 * time.Second)
	if listens(t, a.port) {
		t.Error("a socket that a person stopped was started")
	}
	a.remove()
	host.reload(t)
	a.mustLeaveNothing()
}

// TestTakenPortRemoved: the file goes while its instance waits for the port.
func TestTakenPortRemoved(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	foreign := a.takePort()
	defer foreign.Close()
	a.write(plain)
	host.reload(t)
	time.Sleep(time.Second)
	a.remove()
	host.reload(t)
	a.mustLeaveNothing()
	a.write(plain)
	host.reload(t)
	time.Sleep(12 * time.Second)
	a.remove()
	host.reload(t)
	a.mustLeaveNothing()
}

// TestInstallSection: a change of what pulls the socket in starts it, and never restarts it or starts what a person stopped.
func TestInstallSection(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	off := plain + "[Install]\nWantedBy=\n"
	apply := func(text string) {
		t.Helper()
		a.write(text)
		host.reload(t)
		time.Sleep(time.Second)
	}
	apply(off)
	if listens(t, a.port) {
		t.Error("it listens with an empty WantedBy=")
	}
	apply(plain)
	a.mustListen(a.port)
	since := host.show(t, a.socket(), "ActiveEnterTimestampMonotonic")
	apply(off)
	apply(plain)
	apply(plain + "[Install]\nWantedBy=default.target\n")
	if now := host.show(t, a.socket(), "ActiveEnterTimestampMonotonic"); now != since || !listens(t, a.port) {
		t.Error("a change of [Install] restarted the socket, or stopped it")
	}
	host.systemctl(t, "stop", a.socket())
	apply(plain)
	if listens(t, a.port) {
		t.Error("a change of [Install] started what a person had stopped")
	}
	record(t, "[Install] WantedBy= empty, and then not", "starts, never restarts", "starts")
}

// foreignUnit writes a unit of the container's name where the generator does not look, and systemd does before it looks at ours.
func (a *app) foreignUnit() (file string) {
	a.t.Helper()
	file = "/run/user/1000/systemd/user.control/" + a.container()
	host.run(a.t, "sh", "-c", "mkdir -p ${0%/*} && printf '[Service]\nExecStart=sleep infinity\n' >$0", file)
	a.t.Cleanup(func() { host.run(a.t, "rm", "-f", file) })
	return file
}

// TestForeignUnit: a file that comes before the generator's, where the generator does not look, is named.
func TestForeignUnit(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	file := a.foreignUnit()
	a.write(plain)
	host.reload(t)
	a.mustListen(a.port)
	want := "systemd has it from " + file
	eventually(t, 5*time.Second, want, func() bool { return strings.Contains(host.journal(t, a.mark, "-o", "cat"), want) })
	host.reload(t)
	if n := strings.Count(host.journal(t, a.mark, "-o", "cat"), want); n != 1 {
		t.Errorf("said %d times", n)
	}
}
