package proxy

import (
	"context"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"podman-ondemand/figures"
	"podman-ondemand/manager"
)

// startTimes are what the proxy itself sees of a start.
type startTimes struct {
	Began    time.Time // it was started
	Answered time.Time // by the application
	Served   time.Time // the first client was; zero: nobody waited
}

// startReport is what has been said of the start.
type startReport struct {
	began    time.Time
	answered time.Time
	told     bool
	tell     func(startTimes)
}

// reportStart says once how the start went, when the first client is served or nobody waits for that.
func (s *server) reportStart() {
	if !s.ready || s.started.told || s.total == 0 && s.somebodyWaits() {
		return
	}
	s.started.told = true
	t := startTimes{Began: s.started.began, Answered: s.started.answered}
	if s.total > 0 {
		t.Served = time.Now()
	}
	s.started.tell(t)
}

// tellStart writes the journal entry that "podman-ondemand status" and "list" read.
func (c *config) tellStart(t startTimes) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	conn, err := manager.Connect(ctx, scope(c.userManager), os.Getenv("XDG_RUNTIME_DIR"))
	if err != nil {
		return // nobody waits for figures
	}
	defer conn.Close()
	starting, active, err := conn.Times(ctx, c.unit)
	if err != nil {
		return
	}
	start, ok := t.start(starting, active, c.running(active))
	if !ok {
		return
	}
	start.Unit = c.unit
	fields := start.Fields()
	fields["SYSLOG_IDENTIFIER"] = "podman-ondemand"
	_ = journal.Send(start.String(), journal.PriInfo, fields) // without a journal there is nobody to tell
}

// running is when the container's process was there, of which podman's conmon writes a file; of a unit that is not ours it is
// when that was active.
func (c *config) running(active time.Time) time.Time {
	if c.pidFile == "" {
		return active
	}
	file, err := os.Stat(c.pidFile)
	if err != nil {
		return time.Time{}
	}
	return file.ModTime()
}

// sameWake is how long before the proxy a service may have become active that was started together with it. One that is
// older was started by somebody else.
const sameWake = time.Second

// start puts together when systemd began to start the service, when that was active and the container's process there, and what
// the proxy has seen. Without the first two there is nothing to tell.
func (t startTimes) start(starting, active, running time.Time) (s figures.Start, ok bool) {
	if starting.IsZero() || running.IsZero() {
		return s, false
	}
	if active.After(starting) && t.Began.Sub(active) > sameWake {
		starting, running = t.Began, t.Began
	}
	s.Podman, s.Application = max(0, running.Sub(starting)), max(0, t.Answered.Sub(running))
	if !t.Served.IsZero() {
		s.Client = t.Served.Sub(starting)
	}
	return s, true
}
