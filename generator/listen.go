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
	key     string // ListenStream, or another Listen…=
	address string // as it stands there
	target  string // where its connections go: a port in the container, what Target= says, "" without a proxy
	pos     parser.Pos

	// ip and port are those of a TCP or UDP socket, port 0 of any other one. The zero
	// ip is "every address": a bare port.
	ip   netip.Addr
	port uint16

	// onHost says that the target is an address of the host, not of a container.
	onHost bool
}

const (
	listenStream   = "ListenStream"
	listenDatagram = "ListenDatagram"
)

// sockets reads all that the application listens on: PublishPort= first, then
// [Socket] ListenStream=, each in the order of the file.
func (t *translator) sockets() {
	before := t.diags.Errors()
	ls := t.published()
	ls = append(ls, t.streams(ls)...)
	if len(ls) == 0 && !t.diags.HasErrors() {
		t.diags.Errorf(t.start(), "nothing to listen on").
			Hintf("write PublishPort=HOSTPORT:PORT, or ListenStream= in [Socket] with ContainerPort= in [OnDemand]")
	}
	t.overlaps(ls)
	if t.app.Proxy == emit.NoProxy {
		t.passedOn(ls)
	} else {
		t.hostNetwork(ls)
	}
	if mixesFamilies(ls) {
		ls = bothFamilies(ls)
		t.app.IPv6Only = true
	}
	for _, l := range ls {
		t.app.FreeBind = t.app.FreeBind || l.fixed()
		t.app.Listeners = append(t.app.Listeners,
			emit.Listener{Key: l.key, Address: emit.Passed(l.address), Target: l.target, Pos: l.pos})
	}
	t.listens = len(ls) > 0 && t.diags.Errors() == before
}

// passedOn is about sockets that the application gets themselves: what
// PublishPort= says of the container has no meaning.
func (t *translator) passedOn(ls []listener) {
	for i := range ls {
		ls[i].target = ""
		if t.app.Accept && ls[i].key != listenStream && ls[i].key != "ListenSequentialPacket" {
			t.diags.Errorf(ls[i].pos, "%s=%s has no connections that Accept=yes could accept", ls[i].key, ls[i].address).
				Hintf("leave one of the two out")
		}
	}
}

// fixed says whether l listens on one address of the host, which may come and
// go.
func (l listener) fixed() bool {
	return l.ip.IsValid() && !l.ip.IsUnspecified() && !l.ip.IsLoopback()
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
	case l.key != m.key: // TCP and UDP have ports of their own, paths are for all
		return l.port == 0 && l.address == m.address && strings.HasPrefix(l.address, "/")
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
	for _, w := range t.values(t.section, "Network") {
		for _, l := range ls {
			if w.Text == "host" && strconv.Itoa(int(l.port)) == l.target {
				t.diags.Errorf(l.pos, "with Network=host the container cannot listen on port %s too", l.target).
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
			if a.key == b.key && a.port == b.port && a.ip.Is6() && a.ip.IsUnspecified() && b.ip.Is4() {
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
			all = append(all, listener{key: l.key, address: streamAddress(ip, l.port), target: l.target, pos: l.pos, ip: ip, port: l.port})
		}
	}
	return all
}
