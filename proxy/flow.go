package proxy

import "golang.org/x/sys/unix"

// flow is one connection through the proxy: its two ends, and what has to be known to tell one at rest from one in use.
// The time is counted in ticks of the forwarder's clock, so that data costs no look at a real one.
type flow struct {
	client, target end
	at             uint32 // the tick in which it last carried something
	asked          bool   // and that came from the client
	let            bool   // let go: see rest
}

// carried takes note of n bytes that were read from e.
func (e *end) carried(n int) {
	*e.count += int64(n)
	e.flow.at, e.flow.asked = e.fw.tick, e == &e.flow.client
}

// silent is how many ticks ago it last carried something; that tick itself counts.
func (f *flow) silent() uint32 { return f.client.fw.tick - f.at }

// owed tells whether somebody has something to come: the client an answer or the end of one, or either side bytes that
// it has not taken yet.
func (f *flow) owed() bool {
	if f.client.unsent() || f.target.unsent() {
		return true
	}
	return !f.target.finished && !f.let && (f.asked || f.client.finished)
}

// rest ends a connection that is at rest in two steps. First the application is told that no more comes from the client, so
// that it has the last word, and closes, which ends the connection in order. It never sees a request that arrives
// after that: such a client learns that nobody has taken it and can ask again. If the application does not
// care, the connection is closed.
func (f *flow) rest() {
	if f.let || f.client.finished {
		f.client.close(unix.Close)
		return
	}
	f.let, f.at = true, f.client.fw.tick
	f.client.finish()
}

// flows calls do with each open connection.
func (s *server) flows(do func(*flow)) {
	for _, h := range s.loop.handlers {
		if e, ok := h.(*end); ok && e == &e.flow.client && !e.dead {
			do(e.flow)
		}
	}
}
