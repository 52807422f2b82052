package generator

import (
	"net/netip"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// streams reads [Socket] ListenStream= and ListenDatagram=, or without a proxy all of Listen…=. An
// empty one takes back those before it, as in systemd, but not the published
// ports.
func (t *translator) streams(published []listener) []listener {
	var ls []listener
	for _, e := range t.file.Entries(parser.SectionSocket) {
		switch {
		case !t.listenKey(e.Key):
		case e.Value == "":
			ls = nil
		default:
			ls = append(ls, t.stream(e))
		}
	}
	if t.app.Proxy == emit.NoProxy {
		return ls
	}
	targets := t.targets(ls, published)
	for i := range ls {
		ls[i].target = targets[i]
	}
	return ls
}

// stream reads an address of ListenStream= (systemd.socket(5)): a port, an IP
// address with a port, a path, or an abstract name. systemd would drop one that
// it cannot read, and give the proxy fewer sockets than it has targets for.
func (t *translator) stream(e parser.Entry) listener {
	l := listener{key: e.Key, address: e.Value, pos: e.ValuePos(0)}
	if l.parse(); l.port == 0 && !l.named() && l.key != "ListenNetlink" {
		t.diags.Errorf(l.pos, "%s=%s cannot be served on demand", e.Key, e.Value).
			Hintf("write a port, 127.0.0.1:PORT, [::1]:PORT, /PATH or @NAME")
	}
	if l.key == listenDatagram && l.named() && !strings.HasPrefix(l.address, "%") && t.app.Proxy != emit.NoProxy {
		t.diags.Errorf(l.pos, "ListenDatagram=%s: a Unix socket for datagrams does not go through a proxy", e.Value).Hintf(hintNoProxy)
	}
	return l
}

// parse fills in the IP address and port, if the address has them.
func (l *listener) parse() {
	if l.key != listenStream && l.key != listenDatagram {
		return
	}
	if port, err := parser.ParsePort(l.address); err == nil {
		l.port = port
	} else if ap, err := netip.ParseAddrPort(l.address); err == nil {
		l.ip, l.port = ap.Addr(), ap.Port()
	}
}

// named says whether l is a Unix socket, or known when the socket starts.
func (l listener) named() bool {
	return strings.HasPrefix(l.address, "/") || strings.HasPrefix(l.address, "@") || strings.Contains(l.address, "%")
}

// targets finds what is behind each [Socket] ListenStream= and ListenDatagram=: one Target= or
// ContainerPort= for all of them or one for each, or, without any, the only port
// that is published.
func (t *translator) targets(ls, published []listener) []string {
	targets := make([]string, len(ls))
	key, read := "ContainerPort", t.containerPort
	if t.app.Existing != "" {
		key, read = "Target", t.target
	}
	ws := t.values(parser.SectionOnDemand, key)
	switch {
	case len(ls) == 0 && len(ws) > 0:
		t.diags.Warnf(ws[0].Pos(), "%s= without ListenStream= or ListenDatagram= in [Socket], ignored", key)
	case len(ls) == 0:
	case len(ws) == 0:
		t.onlyPort(key, targets, ls, published)
	case len(ws) != 1 && len(ws) != len(ls):
		t.diags.Errorf(ws[0].Pos(), "%d values of %s= for %d addresses in [Socket]", len(ws), key, len(ls)).
			Hintf("write one for all, or one for each in the same order")
	default:
		for i, w := range ws {
			targets[i] = read(w)
		}
		for i := len(ws); i < len(ls); i++ {
			targets[i] = targets[0]
		}
		t.datagramTargets(ws, ls, targets)
	}
	return targets
}

func (t *translator) onlyPort(key string, targets []string, ls, published []listener) {
	only := ""
	for _, p := range published {
		if only != "" && p.target != only {
			only = ""
			break
		}
		only = p.target
	}
	if only == "" {
		t.diags.Errorf(ls[0].pos, "nothing is said to be behind %s=%s", ls[0].key, ls[0].address).
			Hintf("write %s= in [OnDemand]", key)
	}
	for i := range targets {
		targets[i] = only
	}
}

// datagramTargets refuses Unix sockets behind UDP ones.
func (t *translator) datagramTargets(ws []parser.Word, ls []listener, targets []string) {
	for i, l := range ls {
		if l.key == listenDatagram && strings.ContainsAny(targets[i], "/@") {
			t.diags.Errorf(ws[min(i, len(ws)-1)].Pos(), "Target=%s cannot be behind ListenDatagram=%s", targets[i], l.address).Hintf("write a port, or an address with a port")
		}
	}
}

func (t *translator) containerPort(w parser.Word) string {
	if _, err := parser.ParsePort(w.Text); err != nil {
		t.diags.Errorf(w.Pos(), "ContainerPort=: %v", err)
	}
	return w.Text
}

// target reads an address of Target=, as the proxy takes it.
func (t *translator) target(w parser.Word) string {
	port, local := strings.CutPrefix(w.Text, "localhost:")
	if _, err := parser.ParsePort(port); err == nil && (local || port == w.Text) {
		return port // on either address of localhost
	}
	if ap, err := netip.ParseAddrPort(w.Text); err == nil && ap.Port() > 0 {
		return w.Text
	}
	if !strings.HasPrefix(w.Text, "/") && !strings.HasPrefix(w.Text, "@") && !strings.HasPrefix(w.Text, "%t/") {
		t.diags.Errorf(w.Pos(), "Target=: not an address: %q", w.Text).
			Hintf("write 127.0.0.1:PORT, localhost:PORT, [::1]:PORT, /PATH or @NAME")
	}
	return w.Text
}
