package convert

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/parser"
)

// published is a port as podman publishes it:
// [ADDRESS:][HOST:]INSIDE[/PROTOCOL], both ports may be ranges.
type published struct {
	address, host, inside, protocol string
}

func parsePublished(s string) published {
	var p published
	s, p.protocol, _ = strings.Cut(s, "/")
	i := strings.LastIndexByte(s, ':')
	p.inside = s[i+1:]
	if i < 0 {
		return p
	}
	s = s[:i]
	i = strings.LastIndexByte(s, ':')
	p.address, p.host = s[:max(i, 0)], s[i+1:]
	return p
}

func (p published) String() string {
	s := p.host + ":" + p.inside
	if p.address != "" {
		s = p.address + ":" + s
	}
	if p.udp() {
		s += "/udp"
	}
	return s
}

func (p published) udp() bool { return strings.EqualFold(p.protocol, "udp") }

// ports is a range of ports, often of one.
type ports struct{ from, to uint16 }

func parsePorts(s string) (ports, bool) {
	first, last, isRange := strings.Cut(s, "-")
	from, err := parser.ParsePort(first)
	to := from
	if err == nil && isRange {
		to, err = parser.ParsePort(last)
	}
	return ports{from, to}, err == nil && to >= from
}

func (p ports) String() string {
	s := strconv.Itoa(int(p.from))
	if p.to != p.from {
		s += "-" + strconv.Itoa(int(p.to))
	}
	return s
}

// publish writes PublishPort=. Podman takes several ports after commas.
func (c *conversion) publish(o option) {
	for _, text := range strings.Split(o.value.text, ",") {
		c.publishOne(parsePublished(text), text, o.value.pos)
	}
}

func (c *conversion) publishOne(p published, text string, pos parser.Pos) {
	if p.host == "0" {
		p.host = ""
	}
	if why := p.wrong(); why != "" {
		c.note("--publish=%s is left out: %s", plain(text), why)
		c.diags.Warnf(pos, "--publish=%s is left out", plain(text)).Hintf("%s", why)
		return
	}
	if p.host == "" {
		p.host = highPorts(p.inside)
		c.note("--publish=%s leaves the port of the host to podman; any that is free will do", plain(text))
	}
	if slices.Contains(c.published, p.String()) {
		return
	}
	if host, ok := parsePorts(p.host); ok && host.from < 1024 && !c.req.Root && !c.saidBelow1024 {
		c.saidBelow1024 = true
		c.note("Below 1024 a user may listen only on ports from the kernel's setting net.ipv4.ip_unprivileged_port_start on")
	}
	c.published = append(c.published, p.String())
	c.doc.set(parser.SectionContainer, "PublishPort", p.String())
}

// wrong says why p cannot be published on demand, "" if it can.
func (p published) wrong() string {
	inside, ok := parsePorts(p.inside)
	host, hostOK := parsePorts(p.host)
	bare := strings.TrimSuffix(strings.TrimPrefix(p.address, "["), "]")
	ip, err := netip.ParseAddr(bare)
	templated := ok && inside.from == inside.to && isSpecifier(p.host)
	switch {
	case p.protocol != "" && !strings.EqualFold(p.protocol, "tcp") && !p.udp():
		return "only tcp and udp can be served on demand"
	case !ok || p.host != "" && !hostOK && !templated:
		return "the ports must be numbers"
	case p.address != "" && (err != nil || ip.Zone() != "" || ip.Is6() != strings.HasPrefix(p.address, "[")):
		return "the address must be one of the host, in numbers"
	case p.host != "" && !templated && host.to-host.from != inside.to-inside.from:
		return "the ranges are not of the same length"
	}
	return ""
}

// isSpecifier knows %i and its like (systemd.unit(5)).
func isSpecifier(s string) bool {
	return len(s) == 2 && s[0] == '%' && 'a' <= s[1]|0x20 && s[1]|0x20 <= 'z'
}

// highPorts are ports that a user may listen on, easy to remember: 8080 for 80.
func highPorts(inside string) string {
	p, _ := parsePorts(inside)
	if p.from < 1024 {
		p = ports{p.from + 8000, p.to + 8000}
	}
	return p.String()
}

// publishAll publishes what podman has found in the image, if it is asked, and
// what is exposed besides.
func (c *conversion) publishAll(o option) {
	if !o.yes() {
		return
	}
	all := c.inspected.ports()
	for _, p := range all {
		c.publishOne(p, p.String(), o.value.pos)
	}
	if len(all) == 0 {
		c.note("--publish-all: which ports the image exposes is not known here; write a PublishPort= for each")
		c.publishExposed()
	}
}

func (c *conversion) publishExposed() {
	for _, w := range c.exposed {
		c.publishOne(parsePublished(w.text), w.text, w.pos)
	}
}

// expose keeps what is a port; podman says itself what is wrong with others.
func (c *conversion) expose(o option) {
	port, protocol, _ := strings.Cut(o.value.text, "/")
	if _, ok := parsePorts(port); !ok || !slices.Contains([]string{"", "tcp", "udp"}, protocol) || strings.HasSuffix(o.value.text, "/") {
		c.podmanArg(o)
		return
	}
	c.set("ExposeHostPort", o, o.value.text)
}

// listens makes sure that there is something to listen on: a port that is
// exposed will do.
func (c *conversion) listens(pos parser.Pos) {
	if len(c.published) > 0 || c.elsewhere {
		return
	}
	c.publishExposed()
	if len(c.published) == 0 {
		c.note("There is nothing to listen on. Write PublishPort=HOSTPORT:PORT with the port of the application.")
		c.diags.Errorf(pos, "no port is published: nothing to listen on").
			Hintf("add -p HOSTPORT:PORT with the port of the application to the command line, or PublishPort= to the file")
	}
}
