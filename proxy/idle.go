package proxy

import (
	"context"
	"slices"

	"podman-ondemand/manager"
)

// updateIdle arms the idle timer when the last connection has gone, and anew when one came and went. It is off while
// anything is open, dialled for or not yet ready: waking up and being probed is not idleness.
func (s *server) updateIdle() {
	if !s.isIdle() {
		s.idle.at, s.keptBy = 0, ""
		return
	}
	if s.idleTotal != s.total {
		s.idleTotal, s.keptBy, s.idle.at = s.total, "", 0
	}
	if s.idle.at == 0 {
		s.loop.arm(s.idle, s.cfg.idleTimeout)
	}
}

// isIdle: nobody is connected, and nobody is being connected.
func (s *server) isIdle() bool {
	if !s.ready || s.conns > 0 || s.ending || slices.ContainsFunc(s.datagrams, (*datagrams).busy) {
		return false
	}
	for _, l := range s.listeners {
		if l.busy {
			return false
		}
	}
	return true
}

// nobodyThere: it is idle and no client waits at this very moment, whom the next turn would serve.
func (s *server) nobodyThere() bool {
	return s.isIdle() && !s.somebodyWaits()
}

// idleOver ends serving unless a client came in this turn or waits, another unit wants us, or the container does not want to sleep.
func (s *server) idleOver() {
	switch {
	case s.asking || s.idleTotal != s.total || !s.nobodyThere():
		// updateIdle starts anew
	case s.cfg.self == "" && s.cfg.idleCheck == "":
		s.idleEnd()
	default:
		s.askWhyAwake()
	}
}

// idleEnd ends serving right after a look that found nobody. One that comes after this look is not accepted any more, so it is
// not lost: it starts the next round.
//
// But a unit that needs us may have begun to start since we asked for such units, and systemd would take that start back when we end: what
// needs the container stops with it. So we do not simply exit: we have systemd stop us, which refuses that while such a job waits.
func (s *server) idleEnd() {
	if s.cfg.self == "" {
		s.end(0, prioInfo, s.idleText())
		return
	}
	s.leaving = true
	s.updateListeners()
	s.ask(func() func() {
		ctx, cancel := context.WithTimeout(s.life, queryTime)
		defer cancel()
		by, _ := s.sleep(ctx) // without an answer we end all the same, see whyAwake
		return func() { s.sleepAnswer(by) }
	})
}

// sleepAnswer ends serving, or goes on with it if by is what systemd does not stop us for. A client who has come meanwhile waits in the queue
// for the one or the other.
func (s *server) sleepAnswer(by string) {
	if by == "" {
		s.end(0, prioInfo, s.idleText())
		return
	}
	s.leaving, s.keptBy = false, by
	s.updateListeners()
	s.loop.arm(s.idle, min(s.cfg.idleTimeout, lookAgainAfter))
}

func (s *server) idleText() string { return "Nobody was connected for " + spanText(s.cfg.idleTimeout) }

// askSleep has our own manager stop us, unless that would take back what somebody else has it start.
func (c *config) askSleep(ctx context.Context) (by string, err error) {
	return c.withManager(ctx, func(conn *manager.Conn) (string, error) {
		err = conn.StopOrFail(ctx, c.self)
		if manager.Refused(err) {
			return "another unit that starts", nil
		}
		return "", err
	})
}
