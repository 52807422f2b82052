package proxy

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// client is a connection that somebody has opened to one of the listening sockets. Its addresses are asked for here and
// nowhere else.
type client struct {
	fd int
	// from is who calls, and to what was called: the two ends of the connection, or of the one in front of a balancer that has said
	// so (ProxyProtocolFrom=). The zero value: it has no IP address (a Unix socket), or nobody knows.
	from, to netip.AddrPort
}

// clientOf asks the kernel for the addresses of the connection fd.
func clientOf(fd int) client { return client{fd, peerOf(fd), calledOf(fd)} }

// peerOf is the address of the other end.
func peerOf(fd int) netip.AddrPort {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPortOf(sa)
}

// calledOf is the address of our end.
func calledOf(fd int) netip.AddrPort {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPortOf(sa)
}

// addrPortOf reads an address of the kernel's. An IPv4 client of a socket that takes both families looks like an IPv6 one there
// (ipv6(7)), and is what it is here.
func addrPortOf(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// sockaddrOf writes an address for the kernel.
func sockaddrOf(ap netip.AddrPort) unix.Sockaddr {
	if ap.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
}

// familyOf is the address family of an address.
func familyOf(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
