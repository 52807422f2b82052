package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// receivers are the sockets on t's port that take datagrams from everybody: the application's, when it is ready.
func (c *config) receivers(t *target) []netip.AddrPort {
	var tables strings.Builder
	for _, table := range c.udpTables {
		_, _ = io.Copy(&tables, io.NewSectionReader(table, 0, math.MaxInt64))
	}
	all := unconnected(tables.String())
	return slices.DeleteFunc(all, func(r netip.AddrPort) bool {
		return !slices.ContainsFunc(t.addrs, func(a address) bool { return receives([]netip.AddrPort{r}, &a, false) })
	})
}

// receives tells whether one of the sockets rs takes what is sent to a. One for all IPv6 addresses takes what goes to an IPv4 address, unless its
// owner does not want that (IPV6_V6ONLY in ipv6(7)): not surely.
func receives(rs []netip.AddrPort, a *address, surely bool) bool {
	at := addrPortOf(a.sockaddr)
	return slices.ContainsFunc(rs, func(r netip.AddrPort) bool {
		switch {
		case r.Port() != a.port:
			return false
		case r.Addr() == at.Addr():
			return true
		case !r.Addr().IsUnspecified():
			return false
		}
		return familyOf(r.Addr()) == a.family || !surely && r.Addr().Is6()
	})
}

// unconnected are the addresses of the sockets that are connected to nobody, in the text of /proc/net/udp and udp6 (proc_net(5)): the second column
// is ADDRESS:PORT, the third the other end, both hexadecimal.
func unconnected(tables string) (all []netip.AddrPort) {
	for line := range strings.Lines(tables) {
		columns := strings.Fields(line)
		if len(columns) < 4 || !strings.HasSuffix(columns[2], ":0000") {
			continue
		}
		if ap, ok := tableAddress(columns[1]); ok {
			all = append(all, ap)
		}
	}
	return all
}

// tableAddress reads ADDRESS:PORT, of which the address is in words of 32 bits as this machine has them.
func tableAddress(s string) (ap netip.AddrPort, ok bool) {
	address, port, _ := strings.Cut(s, ":")
	a, err1 := hex.DecodeString(address)
	p, err2 := hex.DecodeString(port)
	if err1 != nil || err2 != nil || len(a)%4 != 0 || len(p) != 2 {
		return ap, false
	}
	for i := 0; i < len(a); i += 4 {
		binary.NativeEndian.PutUint32(a[i:], binary.BigEndian.Uint32(a[i:]))
	}
	addr, ok := netip.AddrFromSlice(a)
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(p)), ok
}

// isDatagram tells a UDP socket from those that have connections.
func isDatagram(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_DGRAM && isTCP(fd)
}
