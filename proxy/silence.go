package proxy

import (
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/figures"
)

// silenceTicks is how many looks at all connections there are in a connection idle timeout. A look costs some 20 ns for each; a timer
// for each, or the time at each byte, would cost the busy ones.
const silenceTicks = 8

// listenForSilence has silent connections closed while there are any.
func (s *server) listenForSilence() {
	if t := s.cfg.connectionIdleTimeout; t > 0 && s.silence.at == 0 && !s.ending {
		s.loop.arm(s.silence, max(t/silenceTicks, time.Millisecond))
	}
}

// silenceTurn closes what has carried nothing for the connection idle timeout, or up to an eighth longer: the tick of the last byte
// itself may have been over at once.
func (s *server) silenceTurn() {
	s.fw.tick++
	n := s.conns
	s.flows(func(f *flow) {
		if f.silent() > silenceTicks {
			f.client.close(unix.Close)
		}
	})
	if n -= s.conns; n > 0 {
		s.log(prioInfo, "%s carried nothing for %s: closed.", figures.Count(int64(n), "connection"), spanText(s.cfg.connectionIdleTimeout))
	}
	if s.conns > 0 {
		s.listenForSilence()
	}
}
