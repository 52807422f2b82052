//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"
)

// longIdle keeps an application awake for the time of a test.
func longIdle() string { return strings.Replace(plain, "500ms", "10min", 1) }

// TestSoakKilled: a client every 50 ms, while the application is killed again and again, each time when it has answered. What was not
// open at a kill is answered.
func TestSoakKilled(t *testing.T) {
	for _, ip := range []string{"", stranger} {
		t.Run("from "+cmp.Or(ip, "loopback"), func(t *testing.T) { killed(t, ip) })
	}
}

func killed(t *testing.T, ip string) {
	t.Parallel()
	a := startForStrangers(t, longIdle())
	a.ip = ip
	a.mustGet("/")
	tr := a.traffic(50 * time.Millisecond)
	var kills []span
	for end := time.Now().Add(either(15*time.Second, 10*time.Minute)); time.Now().Before(end); {
		time.Sleep(around(either(2*time.Second, 7*time.Second)))
		if a.get("/").err != nil {
			continue // one that is killed before it has answered is a failed start
		}
		if s, ok := kill(t, a.container(), "testapp"); ok {
			kills = append(kills, s)
		}
	}
	all := tr.end()
	lost, open, errors := unanswered(all, func(r timed) bool {
		for _, k := range kills {
			if k.meets(r) {
				return true
			}
		}
		return false
	})
	record(t, fmt.Sprintf("a client every 50 ms, killed %d times", len(kills)), "none lost but those open",
		fmt.Sprintf("%d of %d lost, %d open at a kill", lost, len(all), open))
	if lost > 0 || len(kills) == 0 {
		t.Errorf("%d kills, %d of %d lost:%s", len(kills), lost, len(all), errors)
	}
	if n := len(a.allContainers()); n > 1 {
		t.Errorf("%d containers", n)
	}
}

// TestSoakPartKilled: whatever of an application is killed, the next request is answered, and nothing is there twice.
func TestSoakPartKilled(t *testing.T) {
	for _, part := range []struct {
		name, command string
		unit          func(*app) string
	}{
		{"proxy", "podman-ondemand", (*app).proxy},
		{"conmon", "conmon", (*app).container},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, longIdle())
			var all []timed
			for range either(3, 30) {
				a.mustGet("/")
				application, _ := process(t, a.container(), "testapp")
				if _, ok := kill(t, part.unit(a), part.command); !ok {
					t.Fatal("there is no such process")
				}
				if part.name == "conmon" { // systemd now kills the application; what that still accepts dies with it
					eventually(t, 10*time.Second, "the application has gone", func() bool { return hasGone(application) })
				}
				began := time.Now()
				all = append(all, timed{a.get("/"), began})
				if n := len(a.allContainers()); n != 1 {
					t.Errorf("%d containers", n)
				}
			}
			a.mustAllBeAnswered(fmt.Sprintf("%s killed %d times", part.name, len(all)), all)
			host.systemctl(t, "stop", a.proxy())
			a.mustSleep(20 * time.Second)
		})
	}
}

// TestSoakReload: what a reload or a re-execution of systemd does while requests come in costs none of them.
func TestSoakReload(t *testing.T) {
	for _, verb := range []struct {
		name        string
		times, full int
	}{
		{"daemon-reload", 20, 200},
		{"daemon-reexec", 3, 20},
	} {
		t.Run(verb.name, func(t *testing.T) {
			a := start(t, plain)
			n := either(verb.times, verb.full)
			tr := a.traffic(20 * time.Millisecond)
			for i := range n {
				host.systemctl(t, verb.name)
				if i%10 == 9 {
					time.Sleep(100 * time.Millisecond)
				}
			}
			a.mustAllBeAnswered(fmt.Sprintf("%s %d times under traffic", verb.name, n), tr.end())
		})
	}
}

// TestSoakRestart: a container that is restarted under traffic, as podman auto-update does it, holds new connections until it is up.
func TestSoakRestart(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	tr := a.traffic(20 * time.Millisecond)
	n := either(3, 30)
	for range n {
		time.Sleep(500 * time.Millisecond)
		host.systemctl(t, "restart", a.container())
	}
	a.mustAllBeAnswered(fmt.Sprintf("restarted %d times under traffic", n), tr.end())
}

// TestSoakUserManager runs alone: with the user's manager all her applications end.
func TestSoakUserManager(t *testing.T) {
	a := start(t, longIdle())
	a.mustGet("/")
	for range either(1, 5) {
		host.asRoot(t, "systemctl", "restart", "user@1000.service")
		a.mark = ""
		a.mustListen(a.port)
		r := a.mustGet("/")
		record(t, "the user's manager restarted", "answers", ms(r.took))
		if n := len(a.allContainers()); n != 1 {
			t.Errorf("%d containers", n)
		}
	}
	a.mark = host.mark(t)
}

// TestSoakStopped: a suspended host is one on which nothing runs for a while. What is connected stays connected, and what is idle goes
// to sleep afterwards.
func TestSoakStopped(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "1s", 1))
	c := a.idleConnection()
	before := a.mustGet("/").instance()
	const freeze = `for unit in "$@"; do echo 1 >"/sys/fs/cgroup$(systemctl --user show --value -p ControlGroup "$unit")/cgroup.freeze"; done`
	host.run(t, "sh", "-c", freeze, "sh", a.proxy(), a.container())
	time.Sleep(either(3*time.Second, time.Minute))
	host.run(t, "sh", "-c", strings.Replace(freeze, "echo 1", "echo 0", 1), "sh", a.proxy(), a.container())
	c.SetDeadline(time.Now().Add(30 * time.Second)) // it had one from before
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		t.Error("the open connection: ", err)
	}
	if after := a.mustGet("/").instance(); after != before {
		t.Error("it was stopped under an open connection")
	}
	c.Close()
	took := eventually(t, 10*time.Second, "asleep", func() bool { return a.state(a.proxy()) == "inactive" })
	record(t, "everything frozen, then thawed, IdleTimeout=1s", "asleep 1 s after the last", ms(took))
}
