package proxy

// updateIdle arms the idle timer when the last connection has gone, and anew when one came and went. It is off while
// anything is open, dialled for or not yet ready: waking up and being probed is not idleness.
func (s *server) updateIdle() {
	if !s.isIdle() {
		s.idle.at = 0
		return
	}
	if s.idle.at == 0 || s.idleTotal != s.total {
		s.idleTotal = s.total
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

// idleOver ends serving unless a client came in this turn or waits at this very moment. One that comes after this look is
// not accepted any more, so it is not lost: it starts the next round.
func (s *server) idleOver() {
	if !s.isIdle() || s.idleTotal != s.total {
		return
	}
	for _, l := range s.listeners {
		if waiting(l.fd) {
			return // the next turn serves it; updateIdle starts anew
		}
	}
	s.end(0, prioInfo, "Nobody was connected for "+spanText(s.cfg.idleTimeout))
}
