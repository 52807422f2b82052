//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSoakIdleStop aims requests at the moment at which the container is stopped, from 100 ms before it to 300 ms after it, for
// applications that take different times to stop. Several share the waiting.
func TestSoakIdleStop(t *testing.T) {
	for _, c := range []struct {
		stop        string
		short, full int // requests
	}{
		{"0s", 100, 500},
		{"1s", 20, 500},
		{"5s", 8, 500},
	} {
		t.Run(c.stop, func(t *testing.T) { idleStop(t, c.stop, either(c.short, c.full)) })
	}
}

func idleStop(t *testing.T, stop string, requests int) {
	applications := min(either(4, 10), requests)
	each := requests / applications
	var all []reply
	stops := 0
	t.Run("of", func(t *testing.T) {
		var lock sync.Mutex
		for i := range applications {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				a := startForStrangers(t, strings.Replace(plain, "500ms", "1s", 1)+"[Container]\nExec=-stop-after "+stop+"\n")
				if i%2 == 1 {
					a.ip = stranger // whose address is kept
				}
				replies, n := a.aimAtTheIdleStop(each, -100*time.Millisecond+time.Duration(i)*400*time.Millisecond/time.Duration(applications))
				lock.Lock()
				defer lock.Unlock()
				all = append(all, replies...)
				stops += n
			})
		}
	})
	n, errors := answered(all)
	record(t, fmt.Sprintf("%d requests at the idle stop, which takes %s", requests, stop), "all answered, stops between",
		fmt.Sprintf("%d answers, %d stops, slowest %s", n, stops, ms(slowest(all))))
	if n != requests {
		t.Errorf("%d of %d answered:%s", n, requests, errors)
	}
	if stops < requests/4 {
		t.Errorf("only %d stops between: they did not meet the moment", stops)
	}
}

// aimAtTheIdleStop asks n times, first at that offset to the idle stop; then a little later where the application had not been stopped, a
// little earlier where it had: the moment is another one on each machine, and it is there that requests are to come.
func (a *app) aimAtTheIdleStop(n int, offset time.Duration) (replies []reply, stops int) {
	const step = 37 * time.Millisecond
	last := a.mustGet("/")
	for range n {
		time.Sleep(time.Second + offset)
		r := a.get("/")
		replies = append(replies, r)
		if r.err == nil && r.instance() != last.instance() {
			stops++
			offset -= step
		} else {
			offset += step
		}
		last = r
	}
	return replies, stops
}

// TestIdleStopLeavesNothingFailed: podman run ends with 143 where the application dies of SIGTERM and with 137 where it has to be killed.
func TestIdleStopLeavesNothingFailed(t *testing.T) {
	for _, c := range []struct{ name, more string }{
		{"143", ""},
		{"137", "[Container]\nStopTimeout=1\nExec=-ignore-term\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, plain+c.more)
			a.mustGet("/")
			a.mustSleep(15 * time.Second)
			for _, unit := range a.units() {
				if result := host.show(t, unit, "Result"); result != "success" {
					t.Errorf("%s: Result=%s", unit, result)
				}
			}
			status := host.show(t, a.container(), "ExecMainStatus")
			record(t, "idle stop, exit status "+c.name, "nothing failed", "ExecMainStatus="+status)
			a.mustGet("/")
		})
	}
}

// TestAsleepNoProcess looks at every process of the test host: this test runs alone.
func TestAsleepNoProcess(t *testing.T) {
	a := start(t, plain)
	before := processes(t, a)
	a.mustGet("/")
	during := processes(t, a)
	a.mustSleep(10 * time.Second)
	after := processes(t, a)
	record(t, "processes of ours: new, awake, asleep again", "0, some, 0", fmt.Sprintf("%d, %d, %d", len(before), len(during), len(after)))
	if len(before) > 0 || len(during) == 0 || len(after) > 0 {
		t.Errorf("before: %q\nawake: %q\nasleep: %q", before, during, after)
	}
}

// processes are the command lines of the program's processes and of the application's container.
func processes(t *testing.T, a *app) (found []string) {
	t.Helper()
	lines, err := filepath.Glob(host.path(t, "/proc/[0-9]*/cmdline"))
	if err != nil || len(lines) == 0 {
		t.Fatal("no processes to be seen: ", err)
	}
	for _, name := range lines {
		line, _ := os.ReadFile(name)
		text := strings.ReplaceAll(string(line), "\x00", " ")
		if strings.Contains(text, "podman-ondemand") || strings.Contains(text, "systemd-"+a.name) || strings.HasPrefix(text, "/testapp") {
			found = append(found, text)
		}
	}
	return found
}
