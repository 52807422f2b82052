//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const checked = plain + "IdleCheck=/testapp -busy\n"

// TestIdleCheck: busy, it stays awake, says why and serves; when the work is done it goes to sleep without anybody coming.
func TestIdleCheck(t *testing.T) {
	t.Parallel()
	a := start(t, checked)
	first := a.mustGet("/")
	a.mustGet("/busy?code=3&ms=8000")
	began := time.Now()
	eventually(t, 7*time.Second, "a status", func() bool {
		return strings.Contains(host.show(t, a.proxy(), "StatusText"), ", kept awake by IdleCheck= (exit status 3); ")
	})
	if again := a.mustGet("/"); again.instance() != first.instance() {
		t.Error("it was put to sleep while it was busy")
	}
	a.mustSleep(20 * time.Second)
	took := time.Since(began)
	record(t, "IdleTimeout=500ms, busy for 8 s", "asleep after 8 to 12 s", ms(took))
	if took < 7900*time.Millisecond || took > slack*15*time.Second {
		t.Errorf("asleep after %v", took)
	}
	check := a.name + "-idle-check.service"
	if s := a.state(check); s != "inactive" {
		t.Errorf("%s is %s", check, s)
	}
	if log := host.journal(t, a.mark, "-u", check, "-o", "cat"); !strings.Contains(log, "busy for ") {
		t.Errorf("its journal:\n%s", log)
	}
	if again := a.mustGet("/"); again.instance() == first.instance() {
		t.Error("it did not sleep")
	}
	a.mustSleep(10 * time.Second)
}

// TestIdleCheckThatCannotRun keeps nothing awake: neither a program that is not there, nor what a shell makes of that.
func TestIdleCheckThatCannotRun(t *testing.T) {
	for name, c := range map[string]struct{ command, says string }{
		"not there": {"/no/such/program", "podman could not run the command (exit status 127)"},
		"125":       {"/testapp -never -exit-after 1ms -exit-code 125", "podman could not run the command (exit status 125)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, plain+"IdleCheck="+c.command+"\n")
			a.mustGet("/")
			a.mustSleep(15 * time.Second)
			if log := host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"); !strings.Contains(log, c.says) {
				t.Errorf("journal:\n%s", log)
			}
		})
	}
}

// TestIdleCheckOfAPod runs in the container that is named.
func TestIdleCheckOfAPod(t *testing.T) {
	t.Parallel()
	a := start(t, `
[Pod]
PublishPort=PORT:80
[Container app]
Image=localhost/testapp
[Container queue]
Image=localhost/testapp
Exec=-listen 81
[OnDemand]
IdleTimeout=500ms
Container=queue
IdleCheck=/testapp -busy
`)
	for _, unit := range []string{"app", "queue"} {
		name := a.name + "-" + unit
		t.Cleanup(func() {
			host.try("systemctl", "--user", "stop", name+".service")
			host.try("systemctl", "--user", "reset-failed", name+".service")
		})
	}
	a.mustGet("/")
	a.mustGet("/busy?code=1&ms=60000") // the other container: it is not asked
	a.mustSleep(20 * time.Second)
	open := a.idleConnection() // the work takes longer to begin than IdleTimeout=, on a busy machine
	a.mustGet("/")
	host.run(t, "podman", "exec", "systemd-"+a.name+"-queue", "/testapp", "-be-busy", "6s")
	began := time.Now()
	open.Close()
	eventually(t, 10*time.Second, "a status", func() bool {
		return strings.Contains(host.show(t, a.proxy(), "StatusText"), ", kept awake by IdleCheck= (exit status 1); ")
	})
	a.mustSleep(20 * time.Second)
	record(t, "IdleCheck= of a pod, its queue busy for 6 s", "asleep after 6 to 12 s", fmt.Sprint(ms(time.Since(began))))
}
