//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// The health check is the application's program itself: the image has no shell.
const healthy = plain + `
[Container]
Notify=healthy
HealthCmd=["/testapp","-check"]
HealthInterval=500ms
`

// TestNotify: who says that the container is ready is a gate of its own. The port takes connections long before.
func TestNotify(t *testing.T) {
	for name, text := range map[string]string{
		"healthy": healthy + "Exec=-healthy 2s\n",
		"yes":     plain + "[Container]\nNotify=yes\nExec=-notify 2s\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, text)
			r := a.mustGet("/")
			waited := time.Since(r.started(t))
			record(t, "Notify="+name+" 2s after it listens: first answer", "2.0 to 10 s after that", ms(waited))
			if waited < 2*time.Second || waited > slack*10*time.Second {
				t.Errorf("answered %v after the application listened", waited)
			}
			if second := a.mustGet("/"); second.instance() != r.instance() || second.took > slack*time.Second {
				t.Errorf("the next one took %v", second.took)
			}
			a.mustSleep(15 * time.Second)
		})
	}
}

// TestNeverNotifies: a container of which nobody says that it is ready costs the start timeout, not the port.
func TestNeverNotifies(t *testing.T) {
	for name, text := range map[string]string{
		"healthy": healthy,
		"yes":     plain + "[Container]\nNotify=yes\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, strings.Replace(text, "[OnDemand]", "[OnDemand]\nStartTimeout=3s", 1))
			a.mustRefuse("nobody has said within the start timeout that "+a.container()+` is ready (result "timeout"): the next connection tries again`, 8*time.Second)
			eventually(t, 10*time.Second, "podman's container is gone", func() bool { return !a.running() })
			if !listens(t, a.port) {
				t.Error("the port is gone")
			}
		})
	}
}

// TestOneshotFirst: a task that must be done before the container starts is a file of Quadlet, with Type=oneshot.
func TestOneshotFirst(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	task := unitDir + a.name + "-task.container"
	host.write(t, task, "[Container]\nImage=localhost/testapp\nExec=-never -exit-after 1s -exit-code 0\n[Service]\nType=oneshot\n[Quadlet]\nDefaultDependencies=no\n")
	t.Cleanup(func() { host.run(t, "rm", task) })
	a.write(plain + "[Unit]\nRequires=NAME-task.container\nAfter=NAME-task.container\n")
	host.reload(t)
	a.mustListen(a.port)
	r := a.mustGet("/")
	record(t, "a task of a second comes first", "1.0 to 10 s", ms(r.took))
	if r.took < time.Second || r.took > slack*10*time.Second {
		t.Errorf("answered after %v", r.took)
	}
	a.mustSleep(15 * time.Second)
}
