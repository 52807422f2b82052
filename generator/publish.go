package generator

import (
	"net/netip"
	"strconv"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

func (t *translator) published() []listener {
	var ls []listener
	for _, w := range t.values(t.section, "PublishPort") {
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
	key                   string // ListenStream or ListenDatagram
	address, host, inside part
}

// publish takes [ADDRESS:]HOSTPORT:PORT[/tcp|/udp] apart (podman-run(1), --publish).
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
	if p.key, ok = t.protocol(protocol); !ok {
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

// protocol says what kind of socket it is, and whether that can be served.
func (t *translator) protocol(p part) (key string, ok bool) {
	switch strings.ToLower(p.text) {
	case "tcp":
		return listenStream, true
	case "udp":
		if t.app.Proxy != emit.SocketProxyd {
			return listenDatagram, true
		}
		t.diags.Errorf(p.pos(), "UDP does not go through systemd-socket-proxyd").Hintf("leave Proxy= out: the proxy of podman-ondemand passes it on")
	default:
		t.diags.Errorf(p.pos(), "PublishPort=: unknown protocol %q", p.text).Hintf("write tcp or udp")
	}
	return "", false
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
		ls = append(ls, listener{
			key: p.key, address: streamAddress(ip, uint16(n)), target: portText(target + uint16(n) - from), pos: p.whole.Pos(), ip: ip, port: uint16(n),
		})
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
	return []listener{{key: p.key, address: address, target: portText(target), pos: p.whole.Pos(), ip: ip}}
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

func portText(port uint16) string { return strconv.Itoa(int(port)) }

// streamAddress writes an address as ListenStream= takes it.
func streamAddress(ip netip.Addr, port uint16) string {
	if !ip.IsValid() {
		return portText(port)
	}
	return netip.AddrPortFrom(ip, port).String()
}
