package apply

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// Bindable tries to bind to the addresses as systemd would, and gives the first reason why that cannot be done. It never
// listens, so that no client sees it. An order to the socket would say the same with four lines in the journal each time.
func Bindable(l manager.Listening) error {
	for _, address := range l.Streams {
		if err := bind(address, unix.SOCK_STREAM, l); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	for _, address := range l.Datagrams {
		if err := bind(address, unix.SOCK_DGRAM, l); err != nil {
			return fmt.Errorf("%s (UDP): %w", address, err)
		}
	}
	return nil
}

// bind takes an address that is no IP address for free: of a Unix socket systemd removes one that is in the way.
func bind(address string, kind int, l manager.Listening) error {
	ip, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil
	}
	family, to := sockaddr(ip)
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// An option that cannot be set shows in what bind(2) says.
	// systemd always does that; two sockets for datagrams would then share the address.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, number(kind == unix.SOCK_STREAM))
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, number(l.ReusePort))
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, number(l.FreeBind))
	if family == unix.AF_INET6 && (l.IPv6Only == "both" || l.IPv6Only == "ipv6-only") {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, number(l.IPv6Only == "ipv6-only"))
	}
	return unix.Bind(fd, to)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sockaddr(ip netip.AddrPort) (family int, to unix.Sockaddr) {
	if ip.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ip.Port()), Addr: ip.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(ip.Port()), Addr: ip.Addr().As16(), ZoneId: zone(ip.Addr().Zone())}
}

// zone is the index of a network interface that is given by its index or its name.
func zone(name string) uint32 {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	return 0
}
