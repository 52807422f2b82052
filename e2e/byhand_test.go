//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestStopAndRestartByHand: what "systemctl --user" does with one unit is what a person expects of it.
func TestStopAndRestartByHand(t *testing.T) {
	for _, c := range []struct {
		name, verb string
		unit       func(*app) string
		container  string // "", "active" or "inactive" afterwards
		refused    bool   // the port
	}{
		{"stop the container", "stop", (*app).container, "inactive", false},
		{"restart the container", "restart", (*app).container, "active", false},
		{"stop the proxy", "stop", (*app).proxy, "inactive", false},
		{"restart the proxy", "restart", (*app).proxy, "", false},
		{"stop the socket", "stop", (*app).socket, "inactive", true},
		{"restart the socket", "restart", (*app).socket, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := start(t, strings.Replace(plain, "500ms", "1min", 1))
			before := a.mustGet("/")
			host.systemctl(t, c.verb, c.unit(a))
			if c.container != "" {
				eventually(t, 10*time.Second, c.name+": container "+c.container, func() bool { return a.state(a.container()) == c.container })
			}
			if c.refused {
				a.staysStopped()
				host.systemctl(t, "start", a.socket())
			}
			after := a.mustGet("/")
			if before.instance() == after.instance() && c.verb == "stop" {
				t.Error("the stopped container answered")
			}
			record(t, c.name, "next request answered", ms(after.took))
			if n := failedUnits(t, a); n != "" {
				t.Errorf("failed: %s", n)
			}
		})
	}
}

// staysStopped expects that nothing listens and nothing runs, and that this does not change.
func (a *app) staysStopped() {
	a.t.Helper()
	eventually(a.t, 10*time.Second, "the proxy has stopped", func() bool { return a.state(a.proxy()) == "inactive" })
	if a.get("/").err == nil {
		a.t.Error("answered although its socket was stopped")
	}
	time.Sleep(300 * time.Millisecond)
	for _, unit := range a.units() {
		if s := a.state(unit); s != "inactive" {
			a.t.Errorf("%s is %s", unit, s)
		}
	}
}

func failedUnits(t *testing.T, a *app) string {
	t.Helper()
	return strings.TrimSpace(host.systemctl(t, append([]string{"list-units", "--failed", "--plain", "--no-legend"}, a.units()...)...))
}

// TestStartedByHand: a container that a person starts is left alone, and requests use it.
func TestStartedByHand(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	host.systemctl(t, "start", a.container())
	time.Sleep(1500 * time.Millisecond)
	if s := a.state(a.container()); s != "active" {
		t.Errorf("it was not left alone: %s", s)
	}
	a.mustGet("/")
}
