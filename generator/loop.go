package generator

import (
	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// checkLoops refuses a target that leads back to where its connections come
// from, be it by way of other applications: each connection would make another
// one, without an end.
func (c *clashes) checkLoops(ds *parser.Diags, app emit.Application) {
	own := comparable(app)
	for i, l := range own {
		if via, loop := c.leadsBack(own, i); loop {
			if via == "" {
				ds.Errorf(l.pos, "what %s passes on to comes back to it", l.address)
			} else {
				ds.Errorf(l.pos, "what %s passes on to comes back to it by way of %s", l.address, via)
			}
			(*ds)[len(*ds)-1].Hintf("Target= is where the unit itself listens")
		}
	}
}

// leadsBack follows the target of own[i] from listener to listener. via is the
// place of the last one that is another application's.
func (c *clashes) leadsBack(own []listener, i int) (via string, loop bool) {
	from := own[i]
	for range len(own) + c.claimed { // no way without a circle is longer
		if !from.onHost {
			return "", false
		}
		next, mine, found := c.listensOn(from.key, from.target, own)
		if !found {
			return "", false
		}
		if mine == i {
			return via, true
		}
		if mine < 0 {
			via = next.pos.String()
		}
		from = next
	}
	return "", false // a circle of others', of which they were told
}

// listensOn finds the listener that a connection to target would come to; mine
// is its place in own, -1 for one of another application.
func (c *clashes) listensOn(key, target string, own []listener) (l listener, mine int, found bool) {
	to := listener{key: key, address: target}
	to.parse()
	for i, l := range own {
		if l.takes(to) {
			return l, i, true
		}
	}
	for _, l := range c.listeners[to.port] {
		if l.takes(to) {
			return l, -1, true
		}
	}
	return l, -1, false
}

// takes says whether a connection to the address of a target comes to l. A bare
// port is one on a loopback address.
func (l listener) takes(to listener) bool {
	switch {
	case l.key != to.key || l.port != to.port:
		return false
	case to.port == 0:
		return l.address == to.address
	case !l.ip.IsValid():
		return true
	case !to.ip.IsValid():
		return l.ip.IsLoopback() || l.ip.IsUnspecified()
	}
	return l.ip == to.ip || l.ip.IsUnspecified() && (l.ip.Is6() || to.ip.Is4())
}

// onHost says whether the targets of app are addresses of the host itself, not
// of a container's.
func onHost(app emit.Application) bool { return app.Existing != "" && app.Inside == "" }
