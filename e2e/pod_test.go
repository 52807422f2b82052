//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var padImage = sync.OnceValue(func() error {
	_, err := host.script("pad", host.name)
	return err
})

// newPad is newApp for an application that needs PostgreSQL.
func newPad(t *testing.T) *app {
	t.Helper()
	start := time.Now()
	if err := padImage(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the image was there after %v", time.Since(start))
	a := newApp(t)
	t.Cleanup(func() { host.try("podman", "volume", "rm", "-f", a.name) })
	t.Cleanup(func() { a.noPod() })
	return a
}

// noPod removes what a failed test may have left.
func (a *app) noPod() {
	host.try("systemctl", "--user", "stop", a.socket(), a.name+"*.service")
	host.try("podman", "pod", "rm", "-f", "-i", "systemd-"+a.name)
}

// padFile is the whole application in one file.
const padFile = `
[Pod]
PublishPort=PORT:3000

[Container app]
Image=localhost/pad
Exec=app

[Unit app]
Requires=db.container
After=db.container

[Container db]
Image=localhost/pad
Exec=db
Volume=NAME:/data

[OnDemand]
IdleTimeout=700ms
`

// TestPadInOneFile: an application and its database, from one file.
func TestPadInOneFile(t *testing.T) {
	t.Parallel()
	a := newPad(t)
	a.write(padFile)
	host.reload(t)
	p := pad{app: a, pod: "systemd-" + a.name, service: a.name + ".service", members: []string{a.name + "-app", a.name + "-db"}}
	p.story(t, "one file")
}

// TestPadOfQuadlet: the same of files of Quadlet's, woken by a file of four lines.
func TestPadOfQuadlet(t *testing.T) {
	t.Parallel()
	a := newPad(t)
	const quadlet = "\n[Quadlet]\nDefaultDependencies=no\n"
	a.withFiles(map[string]string{
		"NAME.pod":    fmt.Sprintf("[Pod]\nPublishPort=127.0.0.1:%d:3000", a.port+1) + quadlet,
		"NAME.volume": "[Volume]\nVolumeName=NAME" + quadlet,
		"NAME-app.container": "[Unit]\nRequires=NAME-db.container\nAfter=NAME-db.container\n" +
			"[Container]\nImage=localhost/pad\nPod=NAME.pod\nExec=app\n[Service]\nRestart=on-failure" + quadlet,
		"NAME-db.container": "[Container]\nImage=localhost/pad\nPod=NAME.pod\nExec=db\nVolume=NAME.volume:/data\n" +
			"[Service]\nRestart=on-failure" + quadlet,
	})
	a.write(strings.Replace(fmt.Sprintf(existing, "NAME.pod"), "500ms", "700ms", 1))
	host.reload(t)
	p := pad{app: a, pod: "systemd-" + a.name, service: a.name + "-pod.service", members: []string{a.name + "-app", a.name + "-db"}}
	p.story(t, "a .pod of Quadlet")
}

// pad is an application with a database in a pod.
type pad struct {
	*app
	pod, service string
	members      []string // base names of their services
}

// story is what both of them have to live through.
func (p pad) story(t *testing.T, what string) {
	p.mustListen(p.port)
	first := must(t, requestWithin(slack*time.Minute, "tcp", p.address(), "/add?one"))
	if first.body != "one\n" {
		t.Errorf("the first request got %q", first.body)
	}
	p.mustBeGone(t)
	mark := host.mark(t)
	second := p.mustGet("/add?two")
	if second.body != "one\ntwo\n" {
		t.Errorf("after a sleep there is %q", second.body)
	}
	p.mustBeClean(t, mark)
	record(t, "PostgreSQL and what needs it, "+what, "wakes, sleeps, wakes", ms(first.took)+", "+ms(second.took))

	p.kill(p.members[1])
	took := eventually(t, 20*time.Second, "a request is answered again", func() bool { return p.get("/").err == nil })
	record(t, "its database is killed, "+what, "answered again", ms(took))
	if r := p.mustGet("/"); r.body != "one\ntwo\n" {
		t.Errorf("after the kill there is %q", r.body)
	}

	p.remove()
	host.reload(t)
	p.mustNotListen(p.port)
	p.mustBeGone(t)
}

// kill has a container killed while the pod is awake, and gives the answer before that.
func (p pad) kill(member string) (r reply) {
	p.t.Helper()
	eventually(p.t, 20*time.Second, member+" is killed before the pod sleeps", func() bool {
		r = p.mustGet("/")
		_, err := host.try("podman", "kill", "-s", "KILL", "systemd-"+member)
		return err == nil
	})
	return r
}

// mustBeGone waits until nothing of the pod is left, and nothing has failed.
func (p pad) mustBeGone(t *testing.T) {
	t.Helper()
	units := []string{p.proxy(), p.service}
	for _, m := range p.members {
		units = append(units, m+".service")
	}
	state := append([]string{"show", "--value", "-p", "ActiveState"}, units...)
	want := strings.TrimSuffix(strings.Repeat("inactive\n\n", len(units)), "\n")
	eventually(t, 20*time.Second, p.name+" is asleep", func() bool { return host.systemctl(t, state...) == want })
	// Where the file was removed meanwhile, the apply helper finishes what the units' own commands no longer do.
	eventually(t, 10*time.Second, "no container and no pod is left", func() bool {
		return host.run(t, "podman", "ps", "-aq", "--filter", "name=systemd-"+p.name) == "" &&
			host.run(t, "podman", "pod", "ps", "-q", "--filter", "name="+p.pod) == ""
	})
	if out, _ := host.try("pgrep", "-u", "demo", "-af", "systemd-"+p.name); out != "" {
		t.Errorf("processes are left: %s", out)
	}
}

// mustBeClean looks for how the database ended before the mark and started after it.
func (p pad) mustBeClean(t *testing.T, mark string) {
	t.Helper()
	before := host.journal(t, p.mark, "-u", p.members[1], "-o", "cat")
	if !strings.Contains(before, "database system is shut down") {
		t.Errorf("the database was not shut down:\n%s", before)
	}
	after := host.journal(t, mark, "-u", p.members[1], "-o", "cat")
	if !strings.Contains(after, "database system was shut down at") || strings.Contains(after, "recovery") {
		t.Errorf("the database starts with a recovery:\n%s", after)
	}
}

// aPod has the test application in a pod with one that only sits there.
const aPod = `
[Pod]
PublishPort=PORT:80
[Container web]
Image=localhost/testapp
%s
[OnDemand]
IdleTimeout=700ms
StartTimeout=20s
[Container side]
Image=localhost/testapp
Exec=-listen 81
%s
`

func startPod(t *testing.T, web, side string) pad {
	t.Helper()
	a := newApp(t)
	t.Cleanup(func() { a.noPod() })
	a.write(fmt.Sprintf(aPod, web, side))
	host.reload(t)
	a.mustListen(a.port)
	return pad{app: a, pod: "systemd-" + a.name, service: a.name + ".service", members: []string{a.name + "-web", a.name + "-side"}}
}

func (p pad) id(t *testing.T) string {
	t.Helper()
	return host.run(t, "podman", "pod", "ps", "-q", "--filter", "name="+p.pod)
}

// TestPodLosesContainer: one that ends takes the pod with it, and the next connection starts what does not run.
func TestPodLosesContainer(t *testing.T) {
	t.Parallel()
	p := startPod(t, "", "")
	p.kill(p.members[1])
	eventually(t, 10*time.Second, "the proxy has gone", func() bool { return p.state(p.proxy()) != "active" })
	p.mustGet("/")       // the other one may not have been stopped yet, and goes on
	p.kill(p.members[1]) // it runs again
	p.mustBeGone(t)
}

// TestPodRestartsContainer: with Restart= it is brought back in the pod that goes on.
func TestPodRestartsContainer(t *testing.T) {
	t.Parallel()
	p := startPod(t, "[Service web]\nRestart=on-failure\n", "[OnDemand]\nIdleTimeout=15s\n")
	first, pod := p.mustGet("/").instance(), p.id(t)
	busy := p.idleConnection() // keeps it awake
	host.run(t, "podman", "kill", "systemd-"+p.members[0])
	eventually(t, 20*time.Second, "another one answers", func() bool { r := p.get("/"); return r.err == nil && r.instance() != first })
	if p.id(t) != pod {
		t.Error("it is another pod")
	}
	busy.Close()
	p.mustBeGone(t)
}

// TestPodThatFails: where one of the containers cannot start, who waits is let go at once, the port lives, and a mended file
// works at the next connection.
func TestPodThatFails(t *testing.T) {
	t.Parallel()
	p := startPod(t, "[Unit web]\nAfter=side.container\n", "Entrypoint=/nothing\n")
	for range 3 {
		r := p.get("/")
		if r.err == nil || r.took > slack*10*time.Second {
			t.Errorf("let go after %v: %v", r.took, r.err)
		}
	}
	if state := p.state(p.socket()); state != "active" {
		t.Errorf("the socket is %s", state)
	}
	p.write(fmt.Sprintf(aPod, "", ""))
	host.reload(t)
	eventually(t, 10*time.Second, "a request is answered", func() bool { return p.get("/").err == nil })
	p.mustBeGone(t)
}

// TestPodGivesUp: a container that systemd no longer restarts is there again at a later connection.
func TestPodGivesUp(t *testing.T) {
	t.Parallel()
	p := startPod(t, "[Service web]\nRestart=on-failure\nRestartSec=90\n", "[OnDemand]\nStartTimeout=15s\nIdleTimeout=30s\n")
	first := p.kill(p.members[0]).instance()
	eventually(t, 10*time.Second, "the container is not there", func() bool { return p.state(p.members[0]+".service") != "active" })
	if r := p.get("/"); r.err == nil {
		t.Error("answered by a container that waits for its restart")
	}
	eventually(t, 15*time.Second, "a request is answered by another one", func() bool { r := p.get("/"); return r.err == nil && r.instance() != first })
}

// TestPodAtTheEdge: no request is lost at the moment of the idle stop.
func TestPodAtTheEdge(t *testing.T) {
	p := startPod(t, "", "[OnDemand]\nIdleTimeout=100ms\n")
	p.mustGet("/")
	n, lost := 0, []string{}
	for gap := 95 * time.Millisecond; gap <= 900*time.Millisecond; gap += 90 * time.Millisecond {
		time.Sleep(gap)
		if r := p.get("/"); r.err != nil {
			lost = append(lost, fmt.Sprintf("after %v: %v", gap, r.err))
		}
		n++
	}
	if len(lost) > 0 {
		t.Errorf("lost: %s", strings.Join(lost, ", "))
	}
	record(t, "requests at the idle stop of a pod", "all answered", fmt.Sprintf("%d of %d", n-len(lost), n))
	p.mustBeGone(t)
}

// TestPodBroken: a broken file keeps its port, what is awake goes to sleep as it should, and then each connection is refused.
func TestPodBroken(t *testing.T) {
	t.Parallel()
	p := startPod(t, "", "")
	c := p.idleConnection() // keeps it awake, however long the reload takes
	p.write(fmt.Sprintf(aPod, "", "Network=none\n"))
	host.reload(t)
	p.mustGet("/")
	c.Close()
	p.mustBeGone(t)
	r := p.get("/")
	if r.err == nil || r.took > slack*5*time.Second {
		t.Errorf("refused after %v: %v", r.took, r.err)
	}
	eventually(t, 5*time.Second, "the journal says why", func() bool {
		return strings.Contains(host.journal(t, p.mark, "-u", p.service, "-o", "cat"), "Network= in the container of a pod")
	})
	p.write(fmt.Sprintf(aPod, "", ""))
	host.reload(t)
	eventually(t, 10*time.Second, "a request is answered", func() bool { return p.get("/").err == nil })
}

// TestPodTemplate: two instances of one file do not meet.
func TestPodTemplate(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	text := strings.NewReplacer("PORT:80", "%i:80", "[Pod]", "[Pod]\nServiceName="+a.name).Replace(fmt.Sprintf(aPod, "Exec=-message %i", ""))
	a.withFiles(map[string]string{"NAME@.ondemand": text})
	var instances []*app
	for i := range 2 {
		port := a.port + i
		name := fmt.Sprintf("%s@%d", a.name, port)
		link := host.home(unitDir + name + ".ondemand")
		if err := os.Symlink(a.name+"@.ondemand", link); err != nil {
			t.Fatal(err)
		}
		b := &app{t: t, name: name, port: port, mark: a.mark}
		instances = append(instances, b)
		t.Cleanup(func() {
			os.Remove(link)
			host.try("systemctl", "--user", "daemon-reload")
			host.try(append([]string{"systemctl", "--user", "stop"}, b.units()...)...)
		})
	}
	host.reload(t)
	for _, b := range instances {
		b.mustListen(b.port)
		if r := b.mustGet("/hello"); r.body != fmt.Sprintf("%d\n", b.port) {
			t.Errorf("%s answered %q", b.name, r.body)
		}
	}
	for _, b := range instances {
		b.mustSleep(20 * time.Second)
	}
	if out := host.run(t, "podman", "pod", "ps", "-q", "--filter", "name=systemd-"+a.name); out != "" {
		t.Errorf("pods are left: %s", out)
	}
}

// TestJoinPod: a container on demand in a pod of Quadlet's, which goes with its last container.
func TestJoinPod(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	t.Cleanup(func() { host.try("systemctl", "--user", "stop", a.name+"-all-pod.service") })
	a.withFiles(map[string]string{"NAME-all.pod": "[Pod]\n[Quadlet]\nDefaultDependencies=no\n"})
	a.write("[Container]\nImage=localhost/testapp\nPod=NAME-all.pod\nPublishPort=PORT:80\n[OnDemand]\nIdleTimeout=500ms\n")
	host.reload(t)
	a.mustListen(a.port)
	pod := a.name + "-all-pod.service"
	for range 2 {
		took := a.mustGet("/").took
		busy := a.idleConnection()
		if names := host.run(t, "podman", "ps", "--filter", "pod=systemd-"+a.name+"-all", "--format", "{{.Names}}"); !slices.Contains(strings.Fields(names), "systemd-"+a.name) {
			t.Errorf("in the pod there are %q", names)
		}
		busy.Close()
		a.mustSleep(20 * time.Second)
		eventually(t, 10*time.Second, "the pod goes as well", func() bool { return a.state(pod) == "inactive" })
		record(t, "a container in a pod of Quadlet's", "wakes, sleeps with it", ms(took))
	}
}
