//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// needed is the application NAME-db that another one needs. It has a Unix socket on the host and port 80 in its container.
const needed = `
[Container]
Image=localhost/testapp
Network=none
[Socket]
ListenStream=%t/NAME.sock
[OnDemand]
ContainerPort=80
IdleTimeout=300ms
`

// overSocket needs NAME-db and reaches it by its socket, joined by its network namespace.
const (
	overSocket = `
[Unit]
Wants=NAME-db.ondemand
After=NAME-db.ondemand
[Container]
Image=localhost/testapp
Network=none
Volume=%t/NAME-db.sock:/db.sock
PublishPort=PORT:80
[OnDemand]
IdleTimeout=500ms
`
	joined = `
[Container]
Image=localhost/testapp
Network=NAME-db.ondemand
Exec=-listen 8080
PublishPort=PORT:8080
[OnDemand]
IdleTimeout=500ms
`
)

// ways are the two ways to need another application: what the file says, and where the other one is then.
var ways = []struct{ name, text, address string }{
	{"socket", overSocket, "/db.sock"},
	{"network", joined, "127.0.0.1:80"},
}

// startTwo makes an application and NAME-db, which it needs.
func startTwo(t *testing.T, web, text string) (a, db *app) {
	t.Helper()
	a = newApp(t)
	db = &app{t: t, name: a.name + "-db", port: a.port + 5, mark: a.mark}
	t.Cleanup(db.cleanUp)
	db.write(text)
	a.write(web)
	host.reload(t)
	a.mustListen(a.port)
	eventually(t, 10*time.Second, "the other one listens", func() bool { return a.state(db.socket()) == "active" })
	return a, db
}

// TestNeedsAnother: the first request wakes both, the other one first; it stays awake far beyond its idle timeout, and falls asleep
// after the one that needs it.
func TestNeedsAnother(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			a, db := startTwo(t, way.text, needed)
			r := a.mustGet("/ask?address=" + way.address)
			if web := a.mustGet("/"); way.name == "socket" && !r.started(t).Before(web.started(t)) {
				t.Error("After= does not wait for the other one's answer")
			}
			c := a.idleConnection()
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				if state := a.state(db.container()); state != "active" {
					t.Fatalf("%s is %s while %s is awake", db.container(), state, a.container())
				}
			}
			want := ", kept awake by " + a.container() + "; "
			eventually(t, 5*time.Second, want+" in the status", func() bool { return strings.Contains(host.show(t, db.proxy(), "StatusText"), want) })
			if again := a.mustGet("/ask?address=" + way.address); again.instance() != r.instance() {
				t.Error("the other one slept meanwhile")
			}
			c.Close()
			a.mustSleep(10 * time.Second)
			begin := time.Now()
			db.mustSleep(10 * time.Second)
			record(t, "kept awake by "+way.name, "sleeps after the other", ms(r.took)+" to wake both, asleep "+ms(time.Since(begin))+" later")
			a.mustGet("/ask?address=" + way.address)
		})
	}
}

// TestNeededIsRemoved: podman removes no container whose network another one uses. It is gone with the other one all the same.
func TestNeededIsRemoved(t *testing.T) {
	for name, remove := range map[string]func(a, db *app){
		"alone":     func(_, db *app) { db.remove() },
		"with both": func(a, db *app) { a.remove(); db.remove() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, db := startTwo(t, joined, needed)
			a.mustGet("/")
			remove(a, db)
			host.reload(t)
			took := eventually(t, 10*time.Second, "podman has neither", func() bool {
				return host.run(t, "podman", "ps", "-a", "-q", "--filter", "name=systemd-"+a.name) == ""
			})
			record(t, "one whose network is used is removed, "+name, "no container is left", "none after "+ms(took))
		})
	}
}

// TestNeededIsKilled: the next request is answered. In the network of a container that has died nobody could be reached any more, so
// who joined it stops as well; up to the end of that it still answers, alone.
func TestNeededIsKilled(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			a, db := startTwo(t, way.text, needed)
			web := strings.Replace(way.text, "IdleTimeout=500ms", "IdleTimeout=1min", 1)
			a.write(web)
			host.reload(t)
			r := a.mustGet("/ask?address=" + way.address)
			host.run(t, "podman", "kill", "systemd-"+db.name)
			took := eventually(t, 10*time.Second, "the end is noticed", func() bool {
				return a.state(db.container()) != "active" && (way.name == "socket" || a.state(a.proxy()) != "active")
			})
			again := a.mustGet("/ask?address=" + way.address)
			if again.instance() == r.instance() {
				t.Error("the killed one answers")
			}
			record(t, "the needed one is killed, "+way.name, "the next request is answered", ms(again.took)+", "+ms(took)+" after the kill")
			host.systemctl(t, "stop", a.container())
			db.mustSleep(10 * time.Second)
		})
	}
}

// TestNeedsOneThatFallsAsleep aims requests at the time in which the one and then the other falls asleep: each is answered, also by
// way of the other, whichever of the two is on its way.
func TestNeedsOneThatFallsAsleep(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			a, db := startTwo(t, strings.Replace(way.text, "500ms", "200ms", 1), needed)
			a.mustGet("/")
			const n = 20
			starts, others := 0, 0
			var replies []reply
			web, other := "", ""
			for i := range n {
				time.Sleep(400*time.Millisecond + time.Duration(i)*1200*time.Millisecond/n)
				r := a.get("/ask?address=" + way.address)
				replies = append(replies, r)
				now := a.get("/")
				replies = append(replies, now)
				if now.instance() != web {
					starts++
				}
				if r.instance() != other {
					others++
				}
				web, other = now.instance(), r.instance()
			}
			good, errors := answered(replies)
			record(t, "requests while both fall asleep, "+way.name, "all answered", fmt.Sprintf("%d of %d, %d and %d starts, slowest %s", good, len(replies), starts, others, ms(slowest(replies))))
			if good != len(replies) {
				t.Errorf("%d of %d answered:%s", good, len(replies), errors)
			}
			a.mustSleep(10 * time.Second)
			db.mustSleep(10 * time.Second)
		})
	}
}

// TestNeededStopsAtTheStart: where the needed one stops just when the other starts, which it requires, that one's start is taken
// back. Who waited for it is answered all the same.
func TestNeededStopsAtTheStart(t *testing.T) {
	t.Parallel()
	// Before podman runs: one that gets SIGTERM while it starts a container may leave that behind.
	a, db := startTwo(t, joined+"[Service]\nExecStartPre=sleep 10\n", needed)
	first := make(chan reply)
	go func() { first <- a.get("/ask?address=127.0.0.1:80") }()
	eventually(t, 10*time.Second, "it starts", func() bool { return a.state(a.container()) == "activating" })
	host.systemctl(t, "stop", db.container())
	r := must(t, <-first)
	record(t, "the needed one stops at the other's start", "the request is answered", ms(r.took))
	a.mustSleep(10 * time.Second)
	db.mustSleep(10 * time.Second)
}

// TestNeedEachOther: two that want each other fall asleep all the same.
func TestNeedEachOther(t *testing.T) {
	t.Parallel()
	a, db := startTwo(t, overSocket, needed)
	db.write(strings.ReplaceAll(needed+"[Unit]\nWants=NEEDS.ondemand\n", "NEEDS", a.name))
	host.reload(t)
	a.mustGet("/ask?address=/db.sock")
	a.mustSleep(10 * time.Second)
	db.mustSleep(10 * time.Second)
	a.mustGet("/")
}

// TestNeedsOneThatCannotStart: with Wants= the one that needs it starts without it, as systemd.unit(5) says.
func TestNeedsOneThatCannotStart(t *testing.T) {
	t.Parallel()
	a, _ := startTwo(t, overSocket, strings.Replace(needed, "localhost/testapp", "localhost/none-such\nPull=never", 1))
	r := a.mustGet("/")
	record(t, "Wants= one that cannot start", "starts without it", ms(r.took))
	a.mustSleep(10 * time.Second)
}
