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
			emit.Listener{Address: emit.Passed(l.address), Target: strconv.Itoa(int(l.target))})
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
		ls = append(ls, t.publishPort(w)...)
	}
	return ls
}

// publishPort reads [ADDRESS:]HOSTPORT:PORT[/tcp], where both ports may be
// ranges of the same length (podman-run(1), --publish).
func (t *translator) publishPort(w parser.Word) []listener {
	text := parser.Unquote(w.Text)
	ports, protocol, _ := strings.Cut(text, "/")
	switch protocol {
	case "", "tcp":
	case "udp":
		t.diags.Errorf(w.Pos(), "PublishPort=%s: UDP cannot be served on demand yet", text)
		return nil
	default:
		t.diags.Errorf(w.Pos(), "PublishPort=%s: unknown protocol %q", text, protocol).Hintf("only tcp can be served on demand")
		return nil
	}
	address, host, inside, ok := splitPublish(ports)
	if !ok || host == "" {
		t.diags.Errorf(w.Pos(), "PublishPort=%s says no port of the host", text).Hintf("write [ADDRESS:]HOSTPORT:PORT")
		return nil
	}
	return t.portRange(w, address, host, inside)
}

// splitPublish splits [ADDRESS:]HOSTPORT:PORT.
func splitPublish(s string) (address, host, inside string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", "", false
	}
	rest, inside := s[:i], s[i+1:]
	if i = strings.LastIndexByte(rest, ':'); i >= 0 {
		address, rest = rest[:i], rest[i+1:]
	}
	return address, rest, inside, true
}

func (t *translator) portRange(w parser.Word, address, host, inside string) []listener {
	ip, bad := t.publishAddress(w, address)
	if strings.Contains(host, "%") {
		return t.specifierPort(w, ip, host, inside)
	}
	from, to, err := ports(host)
	if err != nil {
		t.diags.Errorf(inWord(w, host), "PublishPort=: %v", err)
		bad = true
	}
	target, last, err := ports(inside)
	if err != nil {
		t.diags.Errorf(inWord(w, inside), "PublishPort=: %v", err)
		bad = true
	}
	if !bad && to-from != last-target {
		t.diags.Errorf(w.Pos(), "PublishPort=%s: the ranges are not of the same length", w.Text)
		bad = true
	}
	if bad {
		return nil
	}
	var ls []listener
	for p := int(from); p <= int(to); p++ {
		ls = append(ls, listener{streamAddress(ip, uint16(p)), target + uint16(p) - from, w.Pos(), ip, uint16(p)})
	}
	return ls
}

// specifierPort is a port of the host that systemd knows when it starts the
// socket, like %i of a template.
func (t *translator) specifierPort(w parser.Word, ip netip.Addr, host, inside string) []listener {
	target, err := parser.ParsePort(inside)
	if err != nil {
		t.diags.Errorf(inWord(w, inside), "PublishPort=: %v", err)
		return nil
	}
	address := host
	if ip.IsValid() {
		address = strings.TrimSuffix(streamAddress(ip, 0), "0") + host
	}
	return []listener{{address: address, target: target, pos: w.Pos(), ip: ip}}
}

// publishAddress reads the address in front of the ports; IPv6 ones stand in
// brackets.
func (t *translator) publishAddress(w parser.Word, s string) (ip netip.Addr, bad bool) {
	if s == "" {
		return netip.Addr{}, false
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Is6() != strings.HasPrefix(s, "[") {
		t.diags.Errorf(inWord(w, s), "PublishPort=: not an address: %q", s).Hintf("write one like 127.0.0.1 or [::1]")
		return ip, true
	}
	return ip, false
}

// inWord is the place of part in w.
func inWord(w parser.Word, part string) parser.Pos {
	return w.PosAt(max(strings.Index(w.Text, part), 0))
}

// ports reads a port or a range of ports.
func ports(s string) (from, to uint16, err error) {
	first, last, isRange := strings.Cut(s, "-")
	if from, err = parser.ParsePort(first); err != nil || !isRange {
		return from, from, err
	}
	if to, err = parser.ParsePort(last); err == nil && to < from {
		_, err = parser.ParsePort(s)
	}
	return from, to, err
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

func (t *translator) stream(e parser.Entry) listener {
	l := listener{address: e.Value, pos: e.ValuePos(0)}
	if strings.HasPrefix(e.Value, "vsock:") {
		t.diags.Errorf(l.pos, "ListenStream=%s: vsock cannot be served on demand", e.Value)
	}
	if port, err := parser.ParsePort(e.Value); err == nil {
		l.port = port
	} else if ap, err := netip.ParseAddrPort(e.Value); err == nil {
		l.ip, l.port = ap.Addr(), ap.Port()
	}
	return l
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
