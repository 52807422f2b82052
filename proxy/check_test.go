package proxy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"podman-ondemand/manager"
)

// checkUnit is a service manager that has only the check's unit.
type checkUnit struct {
	start error
	exit  manager.Exit
}

func (u checkUnit) Start(context.Context, string) error { return u.start }

func (u checkUnit) Exit(context.Context, string) (manager.Exit, error) { return u.exit, nil }

func TestIdleCheckAnswers(t *testing.T) {
	failed := &manager.JobError{Verb: "start", Unit: "web-idle-check.service", Result: "failed"}
	success := func(status int) manager.Exit { return manager.Exit{Result: "success", Status: status} }
	for name, c := range map[string]struct {
		unit      checkUnit
		veto, err string
	}{
		"may sleep":          {checkUnit{exit: success(0)}, "", ""},
		"veto":               {checkUnit{exit: success(1)}, "IdleCheck= (exit status 1)", ""},
		"killed in there":    {checkUnit{exit: success(137)}, "IdleCheck= (exit status 137)", ""},
		"124":                {checkUnit{exit: success(124)}, "IdleCheck= (exit status 124)", ""},
		"no container":       {checkUnit{exit: success(125)}, "", "podman could not run the command (exit status 125)"},
		"no program":         {checkUnit{exit: success(127)}, "", "podman could not run the command (exit status 127)"},
		"podman dies":        {checkUnit{exit: manager.Exit{Result: "success", Signal: 9}}, "", "podman was ended by signal 9"},
		"too long":           {checkUnit{failed, manager.Exit{Result: "timeout", Signal: 15}}, "", `web-idle-check.service did not end well (result "timeout")`},
		"job taken back":     {checkUnit{&manager.JobError{Verb: "start", Unit: "x", Result: "canceled"}, success(0)}, "", `the start of x ended with "canceled"`},
		"job without an end": {checkUnit{&manager.JobError{Verb: "start", Unit: "x"}, success(1)}, "", "the start of x has not ended after 1m30s"},
		"no such unit":       {checkUnit{errors.New("not found"), success(1)}, "", "not found"},
	} {
		veto, err := idleCheck(t.Context(), c.unit, "web-idle-check.service")
		if veto != c.veto || errorOf(err) != c.err {
			t.Errorf("%s: got %q, %v; want %q, %q", name, veto, err, c.veto, c.err)
		}
	}
}

func errorOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// serveChecked is serveOn with an idle check that answers as the function does; no other unit is asked for.
func serveChecked(t *testing.T, check func(context.Context) (string, error)) *run {
	t.Helper()
	cfg := idleConfig(t)
	cfg.idleCheck = "web-idle-check.service"
	r := prepare(t, cfg, openDoor(t, "tcp"))
	r.s.check = check
	r.start()
	return r
}

// TestVeto: it stays, says why, asks again, serves meanwhile, and goes when the work is done.
func TestVeto(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var done atomic.Bool
	r := serveChecked(t, func(context.Context) (string, error) {
		asked.Add(1)
		if done.Load() {
			return "", nil
		}
		return "IdleCheck= (exit status 1)", nil
	})
	eventually(t, "several questions", func() bool { return asked.Load() > 3 })
	eventually(t, "a status", func() bool { return strings.Contains(r.said(), ", kept awake by IdleCheck= (exit status 1); ") })
	c := r.dial(0)
	exchange(t, c)
	c.Close()
	n := asked.Load()
	eventually(t, "a question after the connection", func() bool { return asked.Load() > n })
	r.stillRuns()
	done.Store(true)
	r.exits(0)
}

// TestCheckWithoutAnswer keeps nothing awake.
func TestCheckWithoutAnswer(t *testing.T) {
	t.Parallel()
	r := serveChecked(t, func(context.Context) (string, error) { return "", errors.New("no such container") })
	r.exits(0)
	want := "<4>IdleCheck= has no answer, and keeps nothing awake: no such container; see journalctl --user -u web-idle-check.service."
	if !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
}

// TestWantedIsNotChecked: the command is run only where its answer counts.
func TestWantedIsNotChecked(t *testing.T) {
	t.Parallel()
	var by atomic.Value
	var asked, checked atomic.Int32
	by.Store("web.service")
	cfg := idleConfig(t)
	cfg.idleCheck = "db-idle-check.service"
	r := prepare(t, cfg, openDoor(t, "tcp"))
	r.s.cfg.self = "db-proxy.service"
	r.s.wanted = func(context.Context) (string, error) { asked.Add(1); return by.Load().(string), nil }
	r.s.check = func(context.Context) (string, error) { checked.Add(1); return "", nil }
	r.start()
	eventually(t, "several questions", func() bool { return asked.Load() > 3 })
	if n := checked.Load(); n > 0 {
		t.Errorf("the command ran %d times", n)
	}
	by.Store("")
	r.exits(0)
	if n := checked.Load(); n != 1 {
		t.Errorf("the command ran %d times", n)
	}
}

// TestServesDuringTheCheck: a command that takes its time holds nobody up, and who came meanwhile makes its answer out of date.
func TestServesDuringTheCheck(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan bool), make(chan string)
	r := serveChecked(t, func(context.Context) (string, error) {
		asked <- true
		return <-answer, nil
	})
	<-asked
	c := r.dial(0)
	began := time.Now()
	exchange(t, c)
	if took := time.Since(began); took > time.Second {
		t.Errorf("answered after %v", took)
	}
	answer <- ""
	exchange(t, c)
	r.stillRuns()
	c.Close()
	<-asked
	answer <- ""
	r.exits(0)
}
