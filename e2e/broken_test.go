//go:build e2e

package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mustRefuseAndSay wants a connection to be closed at once, and the status of the container's service to name the place.
func (a *app) mustRefuseAndSay(what string) {
	a.t.Helper()
	a.mustListen(a.port)
	refused := a.get("/")
	if refused.err == nil || refused.took > slack*2*time.Second {
		a.t.Errorf("a broken file: %v after %v", refused.err, refused.took)
	}
	eventually(a.t, 5*time.Second, "systemctl status says: "+what, func() bool {
		status, _ := host.try("systemctl", "--user", "status", "--no-pager", "-l", a.container())
		return strings.Contains(status, what) && strings.Contains(status, "Active: failed")
	})
	if state := a.state(a.socket()); state != "active" {
		a.t.Errorf("the socket is %s", state)
	}
}

// mustBeMended writes the right text: one reload puts all right.
func (a *app) mustBeMended(text string) {
	a.t.Helper()
	a.write(text)
	host.reload(a.t)
	took := eventually(a.t, 3*time.Second, "answered again", func() bool { return a.get("/").err == nil })
	record(a.t, a.name+": mended", "answered after one reload", ms(took))
}

// TestNeverGood: the first version of a file is broken. Before anybody connects the status says so.
func TestNeverGood(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(strings.Replace(plain, "[OnDemand]", "ReadOnly=ture\nUser=%Z\nRunInit=perhaps\n[OnDemand]", 1))
	host.reload(t)
	a.mustListen(a.port)
	want := a.name + `.ondemand:5:10: error: ReadOnly=: not a boolean: "ture", write yes or no (and 1 more)`
	if status, _ := host.try("systemctl", "--user", "status", "--no-pager", "-l", a.container()); !strings.Contains(status, want) {
		t.Errorf("before the first connection: %s", status)
	}
	a.mustRefuseAndSay(want)
	for range 30 { // a client that tries again and again must not wear the socket out
		if a.get("/").err == nil {
			t.Error("a broken file answers")
		}
	}
	a.mustBeMended(plain)
}

// TestMistypedNames: the port lives on where the very section or key that says it is mistyped.
func TestMistypedNames(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	a.mustGet("/")
	a.mustSleep(10 * time.Second)
	for _, typo := range [][2]string{{"[Container]", "[Container"}, {"[Container]", "[Contaner]"}, {"PublishPort", "PublishPrt"}} {
		a.write(strings.Replace(plain, typo[0], typo[1], 1))
		host.reload(t)
		a.mustRefuseAndSay(a.name + ".ondemand:")
		a.mustBeMended(plain)
		a.mustSleep(10 * time.Second)
	}
}

// TestBrokenExisting: a typo in a file that wakes another unit. What is awake stays awake until it is idle, then falls asleep
// as ever; after that connections are refused.
func TestBrokenExisting(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	unit := a.name + "-back"
	quadlet := unitDir + unit + ".container"
	t.Cleanup(func() {
		os.Remove(host.home(quadlet))
		host.try("systemctl", "--user", "stop", unit)
		host.reload(t)
	})
	host.write(t, quadlet, "[Container]\nImage=localhost/testapp\nPublishPort=127.0.0.1:"+strconv.Itoa(a.port+1)+":80\n[Quadlet]\nDefaultDependencies=no\n")
	good := "[OnDemand]\nUnit=" + unit + ".container\nTarget=PORT2\nIdleTimeout=2s\n[Socket]\nListenStream=PORT\n"
	a.write(good)
	host.reload(t)
	a.mustListen(a.port)
	before := a.mustGet("/").instance()
	a.write(strings.Replace(good, "IdleTimeout=2s", "IdleTimeout=soon", 1))
	host.reload(t)
	if after := a.get("/"); after.err == nil && after.instance() != before {
		t.Error("the typo restarted the unit")
	}
	asleep := func() bool { // 143 is a failure to Quadlet's unit
		state := a.state(unit + ".service")
		return state == "inactive" || state == "failed"
	}
	eventually(t, 15*time.Second, "it sleeps", asleep)
	a.mustRefuseAndSay(a.name + ".ondemand:4:13: error: IdleTimeout=")
	if !asleep() {
		t.Errorf("a refused connection woke %s", unit)
	}
	a.mustBeMended(good)
	eventually(t, 10*time.Second, "what said so is forgotten", func() bool { return a.state(a.container()) == "inactive" })
}
