package proxy

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
	if !s.ready || s.conns > 0 || s.ending {
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
func (s *server) idleEnd() {
	s.end(0, prioInfo, "Nobody was connected for "+spanText(s.cfg.idleTimeout))
}
