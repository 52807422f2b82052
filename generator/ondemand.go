package generator

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// What holds where [OnDemand] says nothing.
const (
	defaultIdleTimeout  = 5 * time.Minute
	defaultStartTimeout = 90 * time.Second
	// defaultDrainTimeout is enough for nearly all answers, and not too long for
	// who comes meanwhile and waits, or for a person who stops the application or
	// the host.
	defaultDrainTimeout = 5 * time.Second
	// defaultFlowTimeout outlasts the pauses in which QUIC, WireGuard and games say
	// that they are still there.
	defaultFlowTimeout = time.Minute
)

func (t *translator) onDemand() {
	t.app.IdleTimeout = t.timeSpan("IdleTimeout", defaultIdleTimeout)
	t.app.StartTimeout = t.timeSpan("StartTimeout", defaultStartTimeout)
	t.app.DrainTimeout = t.drainTimeout()
	t.app.ConnectionIdleTimeout = t.timeSpan("ConnectionIdleTimeout", parser.Infinity)
	t.app.FlowTimeout = t.flowTimeout()
	t.idleCheck()
	t.app.MaxConnections = t.count("MaxConnections")
	t.app.Ready = t.ready()
	t.callers()
}

func (t *translator) timeSpan(name string, otherwise time.Duration) time.Duration {
	w, ok := t.one(parser.SectionOnDemand, name)
	if !ok {
		return otherwise
	}
	d, err := parser.ParseTimeSpan(w.Text)
	switch {
	case err != nil:
		t.diags.Errorf(w.Pos(), "%s=: %v", name, err)
	case d <= 0:
		t.diags.Errorf(w.Pos(), "%s= must be longer than zero", name).Hintf("write infinity for never")
	default:
		return d
	}
	return otherwise
}

// flowTimeout reads FlowTimeout=, which is about UDP.
func (t *translator) flowTimeout() time.Duration {
	w, ok := t.one(parser.SectionOnDemand, "FlowTimeout")
	if ok && len(t.app.Listeners) > 0 && !slices.ContainsFunc(t.app.Listeners, emit.Listener.IsDatagram) {
		t.diags.Warnf(w.Pos(), "FlowTimeout= has no effect: nothing listens on UDP").Hintf("for connections there is ConnectionIdleTimeout=")
	}
	return t.timeSpan("FlowTimeout", defaultFlowTimeout)
}

// drainTimeout reads DrainTimeout=, in which zero is a time, but not infinity:
// a client would keep the host from going down.
func (t *translator) drainTimeout() time.Duration {
	w, ok := t.one(parser.SectionOnDemand, "DrainTimeout")
	if !ok {
		return defaultDrainTimeout
	}
	d, err := parser.ParseTimeSpan(w.Text)
	switch {
	case err != nil:
		t.diags.Errorf(w.Pos(), "DrainTimeout=: %v", err)
	case d > maxDrainTimeout:
		t.diags.Errorf(w.Pos(), "DrainTimeout=%s would keep the host from shutting down", w.Text).Hintf("write 1h at the most")
	default:
		return d
	}
	return defaultDrainTimeout
}

// maxDrainTimeout is the longest time that anybody may want for a download.
const maxDrainTimeout = time.Hour

func (t *translator) count(name string) int {
	w, ok := t.one(parser.SectionOnDemand, name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(w.Text, 10, 31)
	if err != nil {
		t.diags.Errorf(w.Pos(), "%s=: not a whole number: %q", name, w.Text)
	}
	return int(n)
}

// ready reads Ready=: tcp, http:/PATH or http:PORT/PATH.
func (t *translator) ready() string {
	w, ok := t.one(parser.SectionOnDemand, "Ready")
	if !ok || w.Text == "tcp" {
		return "tcp"
	}
	rest, http := strings.CutPrefix(w.Text, "http:")
	port, path, slash := strings.Cut(rest, "/")
	if !http || !slash || strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		t.diags.Errorf(w.Pos(), "Ready=: not known: %q", w.Text).Hintf("write tcp, http:/PATH or http:PORT/PATH")
		return "tcp"
	}
	if port != "" {
		if _, err := parser.ParsePort(port); err != nil {
			t.diags.Errorf(w.Pos(), "Ready=: %v", err)
			return "tcp"
		}
	}
	return w.Text
}
