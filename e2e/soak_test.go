//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soaking says that the tests whose names begin with Soak are run in full ("make soak") and not in short ("make test").
var soaking = os.Getenv("PODMAN_ONDEMAND_SOAK") != ""

// either is the first in short and the second in full.
func either[T any](short, full T) T {
	if soaking {
		return full
	}
	return short
}

// timed is a reply and when its connection began.
type timed struct {
	reply
	began time.Time
}

// traffic is a client that asks again and again, each time over a connection of its own, without waiting for the answer before.
type traffic struct {
	stop    chan struct{}
	ended   sync.WaitGroup
	lock    sync.Mutex
	replies []timed
}

func (a *app) traffic(every time.Duration) *traffic {
	tr := &traffic{stop: make(chan struct{})}
	tr.ended.Add(1)
	go func() {
		defer tr.ended.Done()
		for tick := time.Tick(every); ; {
			tr.ask(a)
			select {
			case <-tick:
			case <-tr.stop:
				return
			}
		}
	}()
	return tr
}

func (tr *traffic) ask(a *app) {
	tr.ended.Add(1)
	go func() {
		defer tr.ended.Done()
		began := time.Now()
		r := a.get("/")
		r.took = time.Since(began) // its own clock may start later, where the machine is busy
		tr.lock.Lock()
		defer tr.lock.Unlock()
		tr.replies = append(tr.replies, timed{r, began})
	}()
}

// end waits for the last answer.
func (tr *traffic) end() []timed {
	close(tr.stop)
	tr.ended.Wait()
	return tr.replies
}

// unanswered describes the requests that came to nothing, but for those that excuse forgives.
func unanswered(all []timed, excuse func(timed) bool) (lost, excused int, errors string) {
	for _, r := range all {
		switch {
		case r.err == nil:
		case excuse(r):
			excused++
		default:
			lost++
			if len(errors) < 2000 {
				errors += fmt.Sprintf("\n  began %s, after %v: %v", r.began.Format("15:04:05.000"), r.took.Round(time.Millisecond), r.err)
			}
		}
	}
	return lost, excused, errors
}

func noExcuse(timed) bool { return false }

// mustAllBeAnswered records and judges a run of traffic.
func (a *app) mustAllBeAnswered(what string, all []timed) {
	a.t.Helper()
	lost, _, errors := unanswered(all, noExcuse)
	slowest := time.Duration(0)
	for _, r := range all {
		slowest = max(slowest, r.took)
	}
	record(a.t, what, "none lost", fmt.Sprintf("%d of %d lost, slowest %s", lost, len(all), ms(slowest)))
	if lost > 0 {
		a.t.Errorf("%s: %d of %d not answered:%s", what, lost, len(all), errors)
	}
}

// span is the time in which something was killed: from the signal until nothing of it was left.
type span struct{ from, to time.Time }

// meets says whether the request was open at some time of s.
func (s span) meets(r timed) bool { return r.began.Before(s.to) && r.began.Add(r.took).After(s.from) }

// process finds the process of a unit of the test host that runs a program of this name, by its id on this machine: a signal from
// here comes at once.
func process(t *testing.T, unit, command string) (pid int, found bool) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		group, _ := os.ReadFile(name)
		if !strings.Contains(string(group), "podman-ondemand-lab-"+host.name+"/") || !strings.Contains(string(group), "/"+unit) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
		if program, _, _ := strings.Cut(string(line), "\x00"); filepath.Base(program) == command {
			pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return pid, true
		}
	}
	return 0, false
}

// kill sends SIGKILL to a process of a unit, if it runs, and waits until the kernel has nothing of it any more.
func kill(t *testing.T, unit, command string) (span, bool) {
	t.Helper()
	pid, found := process(t, unit, command)
	if !found {
		return span{}, false
	}
	s := span{from: time.Now()}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		return span{}, false
	}
	for begin := time.Now(); time.Since(begin) < 10*time.Second && !hasGone(pid); time.Sleep(time.Millisecond) {
	}
	s.to = time.Now()
	return s, true
}

// hasGone says whether the kernel has nothing of a process any more, its sockets included.
func hasGone(pid int) bool { return unix.Kill(pid, 0) == unix.ESRCH }

// around is a time near d: half of it to one and a half.
func around(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// containers are podman's containers of an application, running or not.
func (a *app) allContainers() []string {
	a.t.Helper()
	return strings.Fields(host.run(a.t, "podman", "ps", "-a", "-q", "--filter", "name=systemd-"+a.name))
}

// mainPID is the process of a unit, as the test host counts.
func (a *app) mainPID(unit string) string { return host.show(a.t, unit, "MainPID") }

// peak is the most memory that the proxy's process has had so far, in kB (VmHWM in proc_pid_status(5)).
func (a *app) peak() int {
	a.t.Helper()
	b, err := os.ReadFile(host.path(a.t, "/proc/"+a.mainPID(a.proxy())+"/status"))
	if err != nil {
		a.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kB, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kB
}

// grown is by how much kB that has become more; it must not be much.
func (a *app) grown(before int) int {
	a.t.Helper()
	grown := a.peak() - before
	if grown > 8<<10 {
		a.t.Errorf("the proxy grew by %d kB", grown)
	}
	return grown
}

// spentIn is the processor time of the proxy in a time in which it has nothing to do.
func (a *app) spentIn(d time.Duration) time.Duration {
	a.t.Helper()
	before := a.spent(a.proxy())
	time.Sleep(d)
	return a.spent(a.proxy()) - before
}

// spent is the processor time of a unit.
func (a *app) spent(unit string) time.Duration {
	a.t.Helper()
	ns, err := strconv.ParseInt(host.show(a.t, unit, "CPUUsageNSec"), 10, 64)
	if err != nil {
		a.t.Fatal("no CPU accounting: ", err)
	}
	return time.Duration(ns)
}
