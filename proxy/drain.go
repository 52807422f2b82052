package proxy

import (
	"fmt"
	"time"

	"podman-ondemand/figures"
)

const (
	// drainTick is the time between two looks at what is still open.
	drainTick = 250 * time.Millisecond
	// restAfter ticks without a byte, at least a second, make a connection count as at rest if nobody owes anything in it: a
	// browser's that is kept for the next request, a pool's.
	restAfter = 5
)

// drainer is what happens between SIGTERM and the end: nothing new is accepted, and what is open may end.
type drainer struct {
	draining bool
	why      string
	until    time.Duration
	timer    *timer
	said     int           // connections in the last status
	saidAt   time.Duration // when that was
}

// drainAndEnd ends serving when the open connections have ended, the drain timeout is over, or the container has gone. systemd
// stops the container after us (After=), so that its application is there until then. Connections that arrive meanwhile stay
// in the kernel's queue and start the next round.
func (s *server) drainAndEnd(why string) {
	if s.ending {
		return
	}
	if s.conns == 0 || s.cfg.drainTimeout == 0 {
		s.end(0, prioInfo, why)
		return
	}
	s.ending = true // before the listeners look for new clients
	s.drainer.draining, s.drainer.why, s.drainer.until = true, why, s.loop.now()+s.cfg.drainTimeout
	s.idle.at, s.silence.at, s.status.timer.at = 0, 0, 0
	s.flows(func(f *flow) { f.at = s.fw.tick }) // the clock goes by drainTick from now on
	for _, l := range s.listeners {
		l.halt()
	}
	for _, d := range s.datagrams {
		d.settle()
	}
	s.log(prioInfo, "%s: %s may end within %s.", why, figures.Count(int64(s.conns), "connection"), spanText(s.cfg.drainTimeout))
	s.tellDrain("STOPPING=1\n")
	s.loop.arm(s.drainer.timer, min(drainTick, s.cfg.drainTimeout))
}

// drainTurn ends what is at rest, and everything when the time is over.
func (s *server) drainTurn() {
	left := s.drainer.until - s.loop.now()
	if left <= 0 {
		s.drained(fmt.Sprintf("%s, and %s did not end within %s", s.drainer.why, figures.Count(int64(s.conns), "connection"), spanText(s.cfg.drainTimeout)))
		return
	}
	s.fw.tick++
	s.flows(func(f *flow) {
		if f.silent() >= restAfter && !f.owed() {
			f.rest()
		}
	})
	if s.conns != s.drainer.said && s.loop.now()-s.drainer.saidAt >= statusEvery {
		s.tellDrain("")
	}
	s.loop.arm(s.drainer.timer, min(drainTick, left))
}

// drained ends the loop. What is open still is closed.
func (s *server) drained(why string) {
	if s.loop.stopped {
		return
	}
	s.drainer.timer.at = 0
	s.loop.stopped = true
	s.log(prioInfo, "%s, stopping: %s.", why, s.status.sum())
}

func (s *server) tellDrain(more string) {
	s.drainer.said, s.drainer.saidAt = s.conns, s.loop.now()
	s.status.send(fmt.Sprintf("%sSTATUS=Stopping: %s may end within %s", more, figures.Count(int64(s.conns), "connection"),
		spanText(max(s.drainer.until-s.loop.now(), 0).Round(time.Second))))
}
