package emit

import (
	"fmt"
	"slices"
	"strings"
)

// Proxy is what stands between the sockets and the container.
type Proxy int

const (
	// OwnProxy is this program.
	OwnProxy Proxy = iota
	// SocketProxyd is systemd-socket-proxyd(8), which this program becomes when
	// the application answers.
	SocketProxyd
	// NoProxy lets the sockets start the container's service itself, which hands
	// them on to the application (sd_listen_fds(3)).
	NoProxy
)

// pair is a socket unit with what it starts. The own proxy serves all that an
// application listens on; systemd-socket-proxyd knows one target only.
type pair struct {
	name      string // as Application.Name
	listeners []Listener
}

func (p pair) socket() string { return UnitName(p.name, "", ".socket") }
func (p pair) proxy() string  { return UnitName(p.name, "-proxy", ".service") }

// pairs are those of app, in the order of its listeners. The first has the name
// of the application.
func (app Application) pairs() []pair {
	if app.Proxy != SocketProxyd {
		return []pair{{app.Name, app.Listeners}}
	}
	var ps []pair
	of := map[string]int{}
	for _, l := range app.Listeners {
		i, known := of[l.Target]
		if !known {
			i = len(ps)
			of[l.Target] = i
			ps = append(ps, pair{name: app.pairName(l.Target, ps)})
		}
		ps[i].listeners = append(ps[i].listeners, l)
	}
	return ps
}

// several says whether there is more than one pair.
func (app Application) several() bool { return len(app.pairs()) > 1 }

// pairName is the name of the next pair, which does not change with the order
// of the lines or the ports of the host: that of the application with the port
// behind the pair, or the file name of the socket.
func (app Application) pairName(target string, before []pair) string {
	if len(before) == 0 {
		return app.Name
	}
	name := UnitName(app.Name, "-"+targetName(target), "")
	if slices.ContainsFunc(before, func(p pair) bool { return p.name == name }) {
		name = UnitName(app.Name, fmt.Sprintf("-%s-%d", targetName(target), len(before)+1), "")
	}
	return name
}

// maxTargetName keeps the names of units within their bounds.
const maxTargetName = 20

// targetName is a port, or the last part of a path in letters of unit names.
func targetName(target string) string {
	target = target[strings.LastIndexAny(target, "/:")+1:]
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c) {
			return c
		}
		return '_'
	}, target)
	return name[:min(len(name), maxTargetName)]
}

// proxies is the unit that is there while one of several proxies runs.
func (app Application) proxies() string { return app.file("-proxies", ".target") }

// proxiesUnit makes NAME-proxies.target. With the propagation pair of a single
// proxy the first one that is idle would stop the container under the
// connections of the others. StopWhenUnneeded= on the container itself would
// also stop one that a person has started, and never a pod, which its members
// need.
func proxiesUnit(app Application) Unit {
	return Unit{app.proxies(), []Section{
		app.unitSection(": while one of its proxies runs",
			Option{"StopWhenUnneeded", "yes"},
			Option{"PropagatesStopTo", app.bound()},
		),
	}}
}
