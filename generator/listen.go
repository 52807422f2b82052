package generator

import (
	"net/netip"
	"strconv"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// listener is a listening socket of which all is known that can be known
// before systemd has expanded specifiers.
type listener struct {
	address string // as in ListenStream=
	target  uint16 // port in the container
	pos     parser.Pos

	// ip and port are those of a TCP socket, port 0 of any other one. The zero
	// ip is "every address": a bare port.
	ip   netip.Addr
	port uint16
}

// sockets reads all that the application listens on: PublishPort= first, then
// [Socket] ListenStream=, each in the order of the file.
func (t *translator) sockets() {
	ls := t.published()
	ls = append(ls, t.streams(ls)...)
	if len(ls) == 0 && !t.diags.HasErrors() {
		t.diags.Errorf(t.start(), "nothing to listen on").
			Hintf("write PublishPort=HOSTPORT:PORT, or ListenStream= in [Socket] with ContainerPort= in [OnDemand]")
	}
	t.overlaps(ls)
	t.hostNetwork(ls)
	if mixesFamilies(ls) {
		ls = bothFamilies(ls)
		t.app.IPv6Only = true
	}
	for _, l := range ls {
		t.app.FreeBind = t.app.FreeBind || l.fixed()
		t.app.Listeners = append(t.app.Listeners,
			emit.Listener{Address: emit.Passed(l.address), Target: strconv.Itoa(int(l.target)), Pos: l.pos})
	}
}

// fixed says whether l listens on one address of the host, which may come and
// go.
func (l listener) fixed() bool {
	return l.ip.IsValid() && !l.ip.IsUnspecified() && !l.ip.IsLoopback()
}

func (t *translator) published() []listener {
	var ls []listener
	for _, w := range t.values(parser.SectionContainer, "PublishPort") {
		if p, ok := t.publish(w); ok {
			ls = append(ls, t.listeners(p)...)
		}
	}
	return ls
}

// part is a piece of a word and where it starts in it.
type part struct {
	word parser.Word
	off  int
	text string
}

func (p part) pos() parser.Pos { return p.word.PosAt(p.off) }

// cut cuts p at the last sep.
func (p part) cut(sep byte) (before, after part, found bool) {
	i := strings.LastIndexByte(p.text, sep)
	if i < 0 {
		return part{p.word, p.off, ""}, p, false
	}
	return part{p.word, p.off, p.text[:i]}, part{p.word, p.off + i + 1, p.text[i+1:]}, true
}

// publish is a value of PublishPort= in its parts.
type publish struct {
	whole                 parser.Word
	address, host, inside part
}

// publish takes [ADDRESS:]HOSTPORT:PORT[/tcp] apart (podman-run(1), --publish).
func (t *translator) publish(w parser.Word) (p publish, ok bool) {
	p.whole = w
	text := part{word: w, text: w.Text}
	if bare := parser.Unquote(w.Text); bare != w.Text {
		text.off, text.text = 1, bare
	}
	if i := strings.IndexAny(text.text, " \t"); i >= 0 {
		t.diags.Errorf(part{w, text.off + i, ""}.pos(), "PublishPort= takes one port a line").
			Hintf("write another PublishPort=, and comments on lines of their own")
		return p, false
	}
	ports, protocol, named := text.cut('/')
	if !named {
		ports, protocol = text, part{text: "tcp"}
	}
	if !t.protocol(protocol) {
		return p, false
	}
	rest, inside, found := ports.cut(':')
	p.inside = inside
	if p.address, p.host, _ = rest.cut(':'); !found || p.host.text == "" {
		t.diags.Errorf(w.Pos(), "PublishPort=%s says no port of the host, podman would choose any", text.text).
			Hintf("write HOSTPORT:PORT, like %s:%s", p.inside.text, p.inside.text)
		return p, false
	}
	return p, true
}

func (t *translator) protocol(p part) bool {
	switch strings.ToLower(p.text) {
	case "tcp":
		return true
	case "udp":
		t.diags.Errorf(p.pos(), "UDP cannot be served on demand yet")
	default:
		t.diags.Errorf(p.pos(), "PublishPort=: unknown protocol %q", p.text).Hintf("only tcp can be served on demand")
	}
	return false
}

// listeners makes a listener for each port; both ports may be ranges of the
// same length.
func (t *translator) listeners(p publish) []listener {
	ip, ok := t.publishAddress(p.address)
	target, last, targetOK := t.ports(p.inside)
	if strings.Contains(p.host.text, "%") {
		return t.specifierPort(p, ip, target, ok && targetOK && target == last)
	}
	from, to, hostOK := t.ports(p.host)
	if !ok || !hostOK || !targetOK {
		return nil
	}
	if to-from != last-target {
		t.diags.Errorf(p.host.pos(), "PublishPort=%s: the ranges are not of the same length", p.whole.Text)
		return nil
	}
	var ls []listener
	for n := int(from); n <= int(to); n++ {
		ls = append(ls, listener{streamAddress(ip, uint16(n)), target + uint16(n) - from, p.whole.Pos(), ip, uint16(n)})
	}
	return ls
}

// specifierPort is a port of the host that systemd knows when it starts the
// socket, like %i of a template.
func (t *translator) specifierPort(p publish, ip netip.Addr, target uint16, ok bool) []listener {
	if !ok {
		return nil
	}
	address := p.host.text
	if ip.IsValid() {
		address = strings.TrimSuffix(streamAddress(ip, 0), "0") + address
	}
	return []listener{{address: address, target: target, pos: p.whole.Pos(), ip: ip}}
}

// publishAddress reads the address in front of the ports; IPv6 ones stand in
// brackets.
func (t *translator) publishAddress(p part) (ip netip.Addr, ok bool) {
	if p.text == "" {
		return netip.Addr{}, true
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(p.text, "["), "]")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" || ip.Is6() != strings.HasPrefix(p.text, "[") {
		t.diags.Errorf(p.pos(), "PublishPort=: not an address: %q", p.text).Hintf("write one like 127.0.0.1 or [::1]")
		return ip, false
	}
	return ip, true
}

// ports reads a port or a range of ports.
func (t *translator) ports(p part) (from, to uint16, ok bool) {
	first, last, isRange := strings.Cut(p.text, "-")
	from, err := parser.ParsePort(first)
	to = from
	if err == nil && isRange {
		to, err = parser.ParsePort(last)
	}
	if err != nil {
		t.diags.Errorf(p.pos(), "PublishPort=: %v", err)
		return 0, 0, false
	}
	if to < from {
		t.diags.Errorf(p.pos(), "PublishPort=: the range %s runs backwards", p.text)
		return 0, 0, false
	}
	return from, to, true
}

// streamAddress writes an address as ListenStream= takes it.
func streamAddress(ip netip.Addr, port uint16) string {
	if !ip.IsValid() {
		return strconv.Itoa(int(port))
	}
	return netip.AddrPortFrom(ip, port).String()
}

// streams reads [Socket] ListenStream=. An empty one takes back those before
// it, as in systemd, but not the published ports.
func (t *translator) streams(published []listener) []listener {
	var ls []listener
	for _, e := range t.file.Entries(parser.SectionSocket) {
		switch {
		case e.Key != "ListenStream":
		case e.Value == "":
			ls = nil
		default:
			ls = append(ls, t.stream(e))
		}
	}
	targets := t.containerPorts(ls, published)
	for i := range ls {
		ls[i].target = targets[i]
	}
	return ls
}

// stream reads an address of ListenStream= (systemd.socket(5)): a port, an IP
// address with a port, a path, or an abstract name. systemd would drop one that
// it cannot read, and give the proxy fewer sockets than it has targets for.
func (t *translator) stream(e parser.Entry) listener {
	l := listener{address: e.Value, pos: e.ValuePos(0)}
	if l.parse(); l.port == 0 && !l.named() {
		t.diags.Errorf(l.pos, "ListenStream=%s cannot be served on demand", e.Value).
			Hintf("write a port, 127.0.0.1:PORT, [::1]:PORT, /PATH or @NAME")
	}
	return l
}

// parse fills in the IP address and port, if the address has them.
func (l *listener) parse() {
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

// containerPorts finds the ports behind [Socket] ListenStream=: one
// ContainerPort= for all of them or one for each, or, without it, the only
// port that is published.
func (t *translator) containerPorts(ls, published []listener) []uint16 {
	targets := make([]uint16, len(ls))
	ws := t.values(parser.SectionOnDemand, "ContainerPort")
	switch {
	case len(ls) == 0 && len(ws) > 0:
		t.diags.Warnf(ws[0].Pos(), "ContainerPort= without ListenStream= in [Socket], ignored").
			Hintf("PublishPort= names its own ports")
	case len(ls) == 0:
	case len(ws) == 0:
		t.onlyPort(targets, ls, published)
	case len(ws) != 1 && len(ws) != len(ls):
		t.diags.Errorf(ws[0].Pos(), "%d ports in ContainerPort= for %d ListenStream=", len(ws), len(ls)).
			Hintf("write one for all, or one for each in the same order")
	default:
		for i := range ls {
			targets[i] = t.containerPort(ws[i%len(ws)], i < len(ws))
		}
	}
	return targets
}

func (t *translator) onlyPort(targets []uint16, ls, published []listener) {
	var only uint16
	for _, p := range published {
		if only != 0 && p.target != only {
			only = 0
			break
		}
		only = p.target
	}
	if only == 0 {
		t.diags.Errorf(ls[0].pos, "no port in the container for ListenStream=%s", ls[0].address).
			Hintf("write ContainerPort= in [OnDemand]")
	}
	for i := range targets {
		targets[i] = only
	}
}

func (t *translator) containerPort(w parser.Word, report bool) uint16 {
	port, err := parser.ParsePort(w.Text)
	if err != nil && report {
		t.diags.Errorf(w.Pos(), "ContainerPort=: %v", err)
	}
	return port
}

// overlaps refuses two sockets of one file that cannot both be bound.
func (t *translator) overlaps(ls []listener) {
	for i, b := range ls {
		for _, a := range ls[:i] {
			if a.overlaps(b) {
				t.diags.Errorf(b.pos, "%s is listened on already by %s", b.address, a.address).
					Hintf("leave one of the two out, see line %d", a.pos.Line)
				break
			}
		}
	}
}

func (l listener) overlaps(m listener) bool {
	switch {
	case l.port != m.port:
		return false
	case l.port == 0:
		return l.address == m.address
	case !l.ip.IsValid() || !m.ip.IsValid():
		return true
	case l.ip.Is4() != m.ip.Is4():
		return false
	}
	return l.ip == m.ip || l.ip.IsUnspecified() || m.ip.IsUnspecified()
}

// hostNetwork refuses a container in the host's network that would have to
// listen where systemd listens already.
func (t *translator) hostNetwork(ls []listener) {
	for _, w := range t.values(parser.SectionContainer, "Network") {
		for _, l := range ls {
			if w.Text == "host" && l.port == l.target {
				t.diags.Errorf(l.pos, "with Network=host the container cannot listen on port %d too", l.target).
					Hintf("leave Network=host out, or let the application listen on another port")
			}
		}
	}
}

// mixesFamilies says whether [::] stands beside an IPv4 socket of the same
// port: the one must then keep to IPv6.
func mixesFamilies(ls []listener) bool {
	for _, a := range ls {
		for _, b := range ls {
			if a.port == b.port && a.ip.Is6() && a.ip.IsUnspecified() && b.ip.Is4() {
				return true
			}
		}
	}
	return false
}

// bothFamilies writes a bare port as two sockets, as one that keeps to IPv6
// would no longer be both.
func bothFamilies(ls []listener) []listener {
	var all []listener
	for _, l := range ls {
		if l.port == 0 || l.ip.IsValid() {
			all = append(all, l)
			continue
		}
		for _, ip := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			all = append(all, listener{streamAddress(ip, l.port), l.target, l.pos, ip, l.port})
		}
	}
	return all
}
