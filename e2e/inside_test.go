//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

const inside = `
[Socket]
ListenStream=PORT
[OnDemand]
Unit=%UNIT
Container=%UNIT
Target=80
IdleTimeout=500ms
`

// quadlet is a container of Quadlet that the host cannot reach: nothing of it is published.
const quadlet = `
[Container]
Image=localhost/testapp
Network=none
[Service]
SuccessExitStatus=143
[Quadlet]
DefaultDependencies=no
`

// startInside makes the files of Quadlet and an application in front of one of them.
func startInside(t *testing.T, unit string, files map[string]string) *app {
	t.Helper()
	a := newApp(t)
	a.withFiles(files)
	a.write(strings.ReplaceAll(inside, "%UNIT", unit))
	host.reload(t)
	a.mustListen(a.port)
	return a
}

// sleeps waits until a unit is inactive.
func (a *app) sleeps(unit string) {
	a.t.Helper()
	eventually(a.t, 20*time.Second, unit+" sleeps", func() bool { return a.state(unit) == "inactive" })
}

// TestInsideAPod: a pod without a published port is reached in the network namespace of its own container, at whichever member
// listens.
func TestInsideAPod(t *testing.T) {
	t.Parallel()
	a := startInside(t, "NAME-all.pod", map[string]string{
		"NAME-all.pod":       "[Pod]\nNetwork=none\n[Quadlet]\nDefaultDependencies=no\n",
		"NAME-web.container": strings.Replace(quadlet, "Network=none", "Pod=NAME-all.pod\nExec=-listen 80 -delay 500ms", 1),
		"NAME-db.container":  strings.Replace(quadlet, "Network=none", "Pod=NAME-all.pod\nExec=-listen 5432", 1),
	})
	pod := a.name + "-all-pod.service"
	first := a.mustGet("/").took
	a.sleeps(pod)
	again := a.mustGet("/").took
	a.sleeps(pod)
	if left := host.run(t, "podman", "ps", "-aq", "--filter", "pod=systemd-"+a.name+"-all"); left != "" {
		t.Errorf("containers are left: %s", left)
	}
	record(t, "a pod without a published port", "wakes, sleeps, wakes", ms(first)+", "+ms(again))
}

// TestInsideAContainer: one that is killed is noticed and started anew for the next request.
func TestInsideAContainer(t *testing.T) {
	t.Parallel()
	a := startInside(t, "NAME-old.container", map[string]string{"NAME-old.container": quadlet})
	service := a.name + "-old.service"
	r := a.mustGet("/")
	c := a.idleConnection()
	host.run(t, "podman", "kill", "systemd-"+a.name+"-old")
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection to the killed container goes on")
	}
	again := a.mustGet("/")
	if again.instance() == r.instance() {
		t.Error("the killed container answers")
	}
	a.sleeps(service)
	a.mustGet("/")
	a.sleeps(service)
	record(t, "Container= names a container that is killed", "the next request is answered", ms(again.took))
}

// TestInsideNotAnotherOfThatName: what a person runs by hand under the name is not what the unit starts.
func TestInsideNotAnotherOfThatName(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	host.run(t, "podman", "run", "-d", "--name", a.name, "--network=none", "localhost/testapp")
	t.Cleanup(func() { host.try("podman", "rm", "-f", "-i", "-t0", a.name) })
	unit := ".config/systemd/user/" + a.name + "-old.service"
	host.write(t, unit, "[Service]\nExecStart=sleep infinity\n")
	t.Cleanup(func() { os.Remove(host.home(unit)) })
	a.write(strings.NewReplacer("Unit=%UNIT", "Unit=NAME-old.service", "Container=%UNIT", "Container=NAME").Replace(inside) + "StartTimeout=1s\n")
	host.reload(t)
	a.mustListen(a.port)
	if r := a.get("/"); r.err == nil {
		t.Errorf("it answered: %s", r.body)
	}
	said := host.journal(t, a.mark, "-u", a.proxy())
	for _, want := range []string{
		a.name + "-old.service did not start the container " + a.name + " within 1s (it is active/running: the container does not run, but one of that name does in ",
		", which has nothing to do with " + a.name + "-old.service)",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the journal does not say %q:\n%s", want, said)
		}
	}
}

// TestInsideCannotStart: who waits for a unit that cannot start is let go at once.
func TestInsideCannotStart(t *testing.T) {
	t.Parallel()
	a := startInside(t, "NAME-old.container", map[string]string{
		"NAME-old.container": strings.Replace(quadlet, "localhost/testapp", "localhost/none-such\nPull=never", 1),
	})
	t.Cleanup(func() { host.try("systemctl", "--user", "reset-failed", a.name+"-old.service") })
	for range 2 {
		r := a.get("/")
		if r.err == nil || r.took > slack*5*time.Second {
			t.Errorf("let go after %v: %v", r.took, r.err)
		}
		time.Sleep(1200 * time.Millisecond) // the proxy refuses for a second
	}
	said := host.journal(t, a.mark, "-u", a.proxy())
	if want := a.name + "-old.service could not start"; !strings.Contains(said, want) {
		t.Errorf("the journal does not say %q:\n%s", want, said)
	}
	if state := a.state(a.socket()); state != "active" {
		t.Errorf("the socket is %s", state)
	}
}
