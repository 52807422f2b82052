package proxy

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// keeper makes connections to the application that come from the clients' own addresses (ClientAddress=keep). Their sockets are bound to
// addresses that are not this network namespace's (IP_TRANSPARENT in ip(7)), and routes of its own bring the answers back (routes.go).
type keeper struct {
	log             logger
	families        []int        // whose answers come back
	udp             bool         // and those of the application's UDP sockets
	own             []netip.Addr // this namespace's addresses
	lowest, highest uint16       // of the ports for outgoing connections
	said            [reasons]bool
}

// plainly is why an application does not see a client's own address.
type plainly int

const (
	isKept plainly = iota
	noClientAddress
	loopbackClient
	ownAddress
	linkLocal
	noRoute
	otherFamily
	otherTarget
	noUDPRoute
	unixTarget
	taken
	unanswered
	reasons
)

var plainlyTexts = [reasons]string{
	noClientAddress: "who connects has no IP address",
	loopbackClient:  "an address of this machine's loopback means another machine in the container",
	ownAddress:      "the container has the same address",
	linkLocal:       "a link-local address means nothing on another link",
	noRoute:         "the container's network has no such addresses",
	otherFamily:     "the application does not listen for addresses of this family",
	otherTarget:     "the application does not listen on the container's loopback",
	noUDPRoute:      "the answers by UDP cannot be routed",
	unixTarget:      "the application listens on a Unix socket",
	taken:           "the address cannot be taken now",
	unanswered:      "no answer came back to it",
}

// keepAddresses prepares for clients' addresses to be kept, where that is wanted. It has to be done before the fence closes. Where it is not
// possible, this is said, and the connections are plain.
func (c *config) keepAddresses(log logger) {
	if !c.keep {
		return
	}
	if !c.inside {
		log(prioInfo, "The application does not see its clients' addresses (ClientAddress=): it is in no network namespace of its own.")
		return
	}
	k := &keeper{log: log, own: ownAddresses()}
	k.lowest, k.highest = outgoingPorts()
	var failed error
	for _, f := range families {
		err := f.addRoutes()
		if err == nil {
			err = k.works(f)
		}
		if err == nil {
			k.families = append(k.families, f.number)
		} else if failed == nil {
			failed = err
		}
	}
	if len(k.families) == 0 {
		log(prioInfo, "The application does not see its clients' addresses (ClientAddress=): %v.", failed)
		return
	}
	k.udp = k.addReceivers(c.datagramTargets())
	c.keeper = k
}

// addReceivers has the answers of the application's UDP sockets come back, too.
func (k *keeper) addReceivers(targets []*target) bool {
	for _, t := range targets {
		for _, f := range families {
			if slices.Contains(k.families, f.number) && f.addReceiver(t.addrs[0].port) != nil {
				return false
			}
		}
	}
	return true
}

// of is the keeper of a listener's clients; nil where none of them has an address that could be kept, which is said.
func (k *keeper) of(l *listener) *keeper {
	switch {
	case k == nil:
		return nil
	case !l.tcp:
		k.say(noClientAddress, netip.AddrPort{})
	case !l.target.tcp():
		k.say(unixTarget, netip.AddrPort{})
	case !l.target.onLoopback():
		k.say(otherTarget, netip.AddrPort{})
	default:
		return k
	}
	return nil
}

// ownAddresses are those of all interfaces.
func ownAddresses() (own []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own
}

// outgoingPorts is the range from which the kernel takes ports for outgoing connections (ip_local_port_range in ip(7)).
func outgoingPorts() (lowest, highest uint16) {
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return 0, 65535
	}
	low, err1 := strconv.ParseUint(words[0], 10, 16)
	high, err2 := strconv.ParseUint(words[1], 10, 16)
	if err1 != nil || err2 != nil {
		return 0, 65535
	}
	return uint16(low), uint16(high)
}

// dial is the target's dial for a client at from. Where its address cannot be kept, or no answer has come back to it before, the connection
// is made plainly, and that is said once.
func (k *keeper) dial(t *target, from netip.AddrPort, hasWaited bool) (fd int, pending bool, err error) {
	i, why := k.place(t, from)
	switch {
	case why == isKept && hasWaited:
		why = unanswered
	case why == isKept:
		fd, pending, err = k.dialFrom(&t.addrs[i], from)
		switch {
		case err == nil:
			t.last, t.fresh = i, !pending
			return fd, pending, nil
		case shortage(err):
			return -1, false, err
		case err == unix.ECONNREFUSED:
			why = otherFamily // if it listens at all
		default:
			why = taken
		}
	}
	fd, pending, err = t.dial()
	if err == nil {
		k.say(why, from)
	}
	if err == nil && why == unanswered && !pending {
		k.check(&t.addrs[i], from)
	}
	return fd, pending, err
}

// check looks, when a plain connection has come about where a kept one had not, whether that is so for all of them: somebody has taken the
// routes away, or put up a filter.
func (k *keeper) check(a *address, from netip.AddrPort) {
	fd, pending, err := k.dialFrom(a, netip.AddrPortFrom(from.Addr(), 0))
	if err != nil {
		return
	}
	closeWithReset(fd)
	if pending && a.answersAtOnce() { // so that it is not a full queue
		k.families = slices.DeleteFunc(k.families, func(f int) bool { return f == a.family })
		k.log(prioNotice, "The application does not see its clients' addresses any more (ClientAddress=): the answers to them do not come back.")
	}
}

// place is the target's address for a client at from, or why there is none from which the answers come back.
func (k *keeper) place(t *target, from netip.AddrPort) (i int, why plainly) {
	a := from.Addr()
	if why = k.may(a); why != isKept {
		return 0, why
	}
	i = slices.IndexFunc(t.addrs, func(at address) bool { return at.loopback && at.family == familyOf(a) })
	if i < 0 {
		return 0, otherFamily
	}
	return i, isKept
}

// may says whether an address can be kept, or why not.
func (k *keeper) may(a netip.Addr) plainly {
	switch {
	case !a.IsValid():
		return noClientAddress
	case a.IsLoopback():
		return loopbackClient
	case a.Is6() && a.IsLinkLocalUnicast():
		return linkLocal
	case !slices.Contains(k.families, familyOf(a)):
		return noRoute
	case slices.Contains(k.own, a):
		return ownAddress
	}
	return isKept
}

// dialFrom starts a connection to a from a client's address. Where its port is taken, another one has to do: two listening sockets of one
// application may be called from one port.
func (k *keeper) dialFrom(a *address, from netip.AddrPort) (fd int, pending bool, err error) {
	for _, port := range [...]uint16{from.Port(), 0} {
		fd, err = k.socketFrom(a, netip.AddrPortFrom(from.Addr(), port))
		if err == nil {
			fd, pending, err = a.connectBy(fd, false)
		}
		if err == nil || shortage(err) || err == unix.ECONNREFUSED {
			return fd, pending, err
		}
	}
	return -1, false, err
}

// Options that golang.org/x/sys does not have (include/uapi/linux/in.h); IP_LOCAL_PORT_RANGE is there from Linux 6.3 on.
const (
	ipBindAddressNoPort = 24
	ipLocalPortRange    = 51
)

// socketFrom is a socket that will connect from an address and port of somebody else's, or from any port if that is 0.
//
// A port out of the range for outgoing connections is not bound to, but given as the whole range to choose from. What is bound to would
// be lost, up to a minute after its end, for the connections that the application makes itself (inet_hash_connect() in the kernel takes
// no port that somebody has bound), and a busy client could take all of them. Before Linux 6.3, that leaves any other port.
func (k *keeper) socketFrom(a *address, from netip.AddrPort) (fd int, err error) {
	if fd, err = a.socket(); err != nil {
		return -1, err
	}
	port := from.Port()
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	if a.family == unix.AF_INET {
		set(unix.SOL_IP, unix.IP_TRANSPARENT, 1)
	} else {
		set(unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
	}
	switch {
	case port >= k.lowest && port <= k.highest && port != 0:
		set(unix.SOL_IP, ipLocalPortRange, int(int32(uint32(port)<<16|uint32(port))))
		port = 0
		fallthrough
	case port == 0:
		set(unix.SOL_IP, ipBindAddressNoPort, 1)
	default:
		set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddrOf(netip.AddrPortFrom(from.Addr(), port)))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// say says once why a client's address is not kept.
func (k *keeper) say(why plainly, from netip.AddrPort) {
	if k.said[why] {
		return
	}
	k.said[why] = true
	who := "a client"
	if from.IsValid() {
		who = from.Addr().String()
	}
	k.log(prioInfo, "The application does not see the address of %s (ClientAddress=): %s.", who, plainlyTexts[why])
}
