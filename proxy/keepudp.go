package proxy

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// ofDatagrams is the keeper of the clients of a UDP socket; nil where none of them has an address that could be kept, which is said.
func (k *keeper) ofDatagrams(t *target) *keeper {
	switch {
	case k == nil:
		return nil
	case !t.onLoopback():
		k.say(otherTarget, netip.AddrPort{})
	case !k.udp:
		k.say(noUDPRoute, netip.AddrPort{})
	default:
		return k
	}
	return nil
}

// receiver is where the application takes what comes from a client's own address, or why it does not.
func (k *keeper) receiver(d *datagrams, from netip.Addr) (*address, plainly) {
	if why := k.may(from); why != isKept {
		return nil, why
	}
	for i := range d.target.addrs {
		a := &d.target.addrs[i]
		if a.loopback && a.family == familyOf(from) && receives(d.receivers, a, d.refuses4) {
			return a, isKept
		}
	}
	return nil, otherFamily
}

// datagramSocket is a socket from a client's address to a. Where its port is taken, as by the application that has the same one, another has
// to do.
func (k *keeper) datagramSocket(a *address, from netip.AddrPort) (fd int, err error) {
	if fd, err = datagramSocket(a); err != nil {
		return -1, err
	}
	if a.family == unix.AF_INET {
		err = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
	} else {
		err = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddrOf(from))
	}
	if err == unix.EADDRINUSE || err == unix.EACCES { // the latter is a port of root's (ip_unprivileged_port_start in ip(7))
		err = unix.Bind(fd, sockaddrOf(netip.AddrPortFrom(from.Addr(), 0)))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, connectDatagrams(fd, a)
}
