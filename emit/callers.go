package emit

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Callers are the rules about who connects. Without any everybody is served, and
// wakes the application.
type Callers struct {
	// WakeOnData says that only who has said something wakes it.
	WakeOnData bool
	// WakeFrom are those who may wake it, AllowFrom those who are served; none:
	// all.
	WakeFrom, AllowFrom []netip.Prefix
	// ProxyProtocolFrom are the balancers in front.
	ProxyProtocolFrom []netip.Prefix
}

// gated says whether somebody may not wake it. The proxy decides that, so it is
// not systemd that starts the container, but the proxy, when it has found one
// who may.
func (c Callers) gated() bool {
	return c.WakeOnData || len(c.WakeFrom) > 0 || len(c.AllowFrom) > 0
}

// Gated says whether a start of the proxy alone does not wake the application.
func (app Application) Gated() bool { return app.Callers.gated() }

// options are those of the proxy.
func (c Callers) options() []Arg {
	var args []Arg
	if c.WakeOnData {
		args = append(args, "--wake-on-data")
	}
	for _, o := range []struct {
		name Arg
		from []netip.Prefix
	}{
		{"--wake-from=", c.WakeFrom},
		{"--allow-from=", c.AllowFrom},
		{"--proxy-protocol-from=", c.ProxyProtocolFrom},
	} {
		if len(o.from) > 0 {
			args = append(args, o.name+Literal(prefixes(o.from)))
		}
	}
	return args
}

func prefixes(ps []netip.Prefix) string {
	words := make([]string, len(ps))
	for i, p := range ps {
		words[i] = p.String()
	}
	return strings.Join(words, ",")
}

// deferredFor is how long the kernel keeps a connection to itself in which nothing
// is said (TCP_DEFER_ACCEPT in tcp(7)): to the third time that it sends its
// SYN-ACK. After that it hands the connection over all the same, so it is the
// proxy that decides, but most of who say nothing do not even start that.
const deferredFor = 7 * time.Second

// deferAccept lets the kernel wait for the first data with WakeOn=data. As with
// the times of KeepAlive=, systemd would complain where p listens on something
// else than TCP.
func deferAccept(app Application, p pair) []Option {
	if !app.Callers.WakeOnData || slices.ContainsFunc(p.listeners, func(l Listener) bool { return !l.IsTCP() }) {
		return nil
	}
	return []Option{{"DeferAcceptSec", timeout(deferredFor)}}
}
