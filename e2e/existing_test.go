//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const existing = `
[Socket]
ListenStream=PORT
[OnDemand]
Unit=%s
Target=127.0.0.1:PORT2
IdleTimeout=500ms
`

// TestPodOnDemand: a pod of Quadlet with two containers wakes at the first request, and of nothing of it is left when it sleeps.
func TestPodOnDemand(t *testing.T) {
	a := newApp(t)
	container := "[Container]\nImage=localhost/testapp\nPod=NAME-all.pod\nExec=%s\n[Quadlet]\nDefaultDependencies=no\n"
	a.withFiles(map[string]string{
		"NAME-all.pod":       fmt.Sprintf("[Pod]\nPublishPort=127.0.0.1:%d:3000\n[Quadlet]\nDefaultDependencies=no\n", a.port+1),
		"NAME-web.container": fmt.Sprintf(container, "-listen 3000 -delay 300ms"),
		"NAME-db.container":  fmt.Sprintf(container, "-listen 5432"),
	})
	t.Cleanup(func() { host.try("systemctl", "--user", "stop", a.name+"-all-pod.service") })
	a.write(fmt.Sprintf(existing, "NAME-all.pod"))
	host.reload(t)
	a.mustListen(a.port)
	took := a.mustGet("/").took
	keep := a.idleConnection()
	if n := strings.Count(host.run(t, "podman", "ps", "-q", "--filter", "pod=systemd-"+a.name+"-all"), "\n"); n != 3 {
		t.Errorf("%d containers run, want the two and the pod's own", n)
	}
	keep.Close()
	eventually(t, 20*time.Second, "the pod is gone", func() bool {
		return host.run(t, "podman", "ps", "-aq", "--filter", "pod=systemd-"+a.name+"-all") == "" &&
			a.state(a.name+"-all-pod.service") == "inactive"
	})
	again := a.mustGet("/").took
	record(t, "a pod with two containers", "wakes, sleeps, wakes", ms(took)+", "+ms(again))
}

// TestServiceOnDemand: any service can be woken, and put to sleep.
func TestServiceOnDemand(t *testing.T) {
	a := newApp(t)
	unit := ".config/systemd/user/" + a.name + "-old.service"
	host.write(t, unit, fmt.Sprintf("[Service]\nSuccessExitStatus=143\nExecStart=/home/demo/testapp/testapp -listen 127.0.0.1:%d\n", a.port+1))
	t.Cleanup(func() { os.Remove(host.home(unit)) })
	a.write(fmt.Sprintf(existing, a.name+"-old.service"))
	host.reload(t)
	a.mustListen(a.port)
	first := a.mustGet("/").instance()
	eventually(t, 10*time.Second, "the service sleeps", func() bool { return a.state(a.name+"-old.service") == "inactive" })
	if a.mustGet("/").instance() == first {
		t.Error("it was not started anew")
	}
}

// TestServiceThatFails: who waits for a service that cannot start is let go at once.
func TestServiceThatFails(t *testing.T) {
	a := newApp(t)
	unit := ".config/systemd/user/" + a.name + "-old.service"
	host.write(t, unit, "[Service]\nType=oneshot\nExecStart=false\n")
	t.Cleanup(func() {
		os.Remove(host.home(unit))
		host.try("systemctl", "--user", "reset-failed", a.name+"-old.service")
	})
	a.write(fmt.Sprintf(existing, a.name+"-old.service"))
	host.reload(t)
	a.mustListen(a.port)
	r := a.get("/")
	if r.err == nil || r.took > slack*3*time.Second {
		t.Errorf("let go after %v: %v", r.took, r.err)
	}
	record(t, "Unit= names a service that fails", "let go at once", ms(r.took))
}
