package emit

import (
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strconv"
	"strings"
)

// socketUnit makes the socket of p (systemd.socket(5)). A person's own lines
// stand last, so that they count.
func socketUnit(app Application, p pair) Unit {
	return Unit{p.socket(), []Section{
		// Starts are bounded by the reloads that ask for them.
		app.unitSection(": starts at the first connection", Option{"StartLimitIntervalSec", "0"}),
		socketSection(app, p),
	}}
}

func socketSection(app Application, p pair) Section {
	var options []Option
	for _, l := range p.listeners {
		options = append(options, Option{l.Key, l.Address})
	}
	options = append(options, starts(app, p)...)
	options = append(options, keepAlive(p)...)
	options = append(options, deferAccept(app, p)...)
	options = append(options, packetInfo(app, p)...)
	if app.FreeBind {
		options = append(options, Option{"FreeBind", "yes"})
	}
	if slices.ContainsFunc(p.listeners, Listener.isPath) {
		options = append(options, Option{"RemoveOnStop", "yes"})
	}
	if app.IPv6Only {
		options = append(options, Option{"BindIPv6Only", "ipv6-only"})
	}
	return Section{"Socket", append(options, app.Socket...)}
}

// keepAliveTimes notice within three minutes that a client has vanished: before
// the usual IdleTimeout=, so that it does not keep anything awake for long. Two
// minutes are less than the five after which many a home router forgets a silent
// connection; a minute of probes outlasts a phone that changes its network. The
// kernel's own times are two hours and eleven minutes.
var keepAliveTimes = []Option{
	{"KeepAliveTimeSec", "120"},
	{"KeepAliveIntervalSec", "15"},
	{"KeepAliveProbes", "4"},
}

// keepAlive lets the kernel find out that a client has vanished. What is accepted
// has it from the listening socket. It is about TCP; the times are left to the
// kernel where p listens on something else, too, because systemd would complain
// at each start that they mean nothing there.
func keepAlive(p pair) []Option {
	other := func(l Listener) bool { return !l.IsTCP() }
	switch {
	case !slices.ContainsFunc(p.listeners, Listener.IsTCP):
		return nil
	case slices.ContainsFunc(p.listeners, other):
		return []Option{{"KeepAlive", "yes"}}
	}
	return append([]Option{{"KeepAlive", "yes"}}, keepAliveTimes...)
}

// packetInfo has the kernel tell the proxy to which address a datagram was sent:
// the answer leaves from there. The socket has it, as datagrams come before the
// proxy.
func packetInfo(app Application, p pair) []Option {
	if app.Proxy != OwnProxy || !slices.ContainsFunc(p.listeners, Listener.IsDatagram) {
		return nil
	}
	return []Option{{"PassPacketInfo", "yes"}}
}

// starts says what p starts: a service, or one for each connection.
func starts(app Application, p pair) []Option {
	switch {
	case app.Accept:
		return acceptOptions(app)
	case app.Proxy == NoProxy:
		return []Option{{"Service", Sibling(app.container())}}
	}
	return []Option{{"Service", Sibling(p.proxy())}}
}

// acceptOptions bound the containers by their number. systemd's trigger limit
// would bound them, too, by closing the port for good.
func acceptOptions(app Application) []Option {
	options := []Option{{"Accept", "yes"}, {"TriggerLimitIntervalSec", "0"}}
	if app.MaxConnections > 0 {
		options = append(options, Option{"MaxConnections", Text(strconv.Itoa(app.MaxConnections))})
	}
	return options
}

// socketLinks are what "systemctl enable" would make for the sockets. An alias
// is one of the first.
func socketLinks(app Application) []Link {
	var links []Link
	for _, p := range app.pairs() {
		name := app.installed(p)
		if name == "" {
			continue
		}
		for _, in := range app.Install {
			links = append(links, Link{in.Unit + "." + in.Kind + "/" + name + ".socket", "../" + p.socket()})
		}
	}
	for _, alias := range app.Aliases {
		up := strings.Repeat("../", strings.Count(path.Clean(alias), "/"))
		links = append(links, Link{alias, up + app.socket()})
	}
	return links
}

// socketHash tells one state of what a socket listens on, and how, from
// another. A changed description is no other state; another kind of application
// is, since its units do not know how to end what the one before has started.
func socketHash(app Application, p pair) string {
	h := fnv.New64a()
	switch {
	case app.existing() != "":
		fmt.Fprintf(h, "Unit=%s\n", app.existing())
	case app.Pod != nil:
		fmt.Fprintln(h, "[Pod]")
	}
	for _, o := range socketSection(app, p).Options {
		fmt.Fprintf(h, "%s=%s\n", o.Key, o.Value)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
