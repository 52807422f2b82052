package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// target is where the connections of one listening socket go.
type target struct {
	name  string // in messages: "port 80", "/run/app.sock"
	addrs []address
	last  int // the address that answered last is asked first
	fresh bool
}

// address is one place where a target may listen.
type address struct {
	network, text string // as net.Dial wants them
	family        int
	port          uint16
	loopback      bool
	sockaddr      unix.Sockaddr
}

// parseTarget reads a port number (the application may listen on either loopback address), an IP address with a port, the
// absolute path of a Unix socket, or "@name" for an abstract one.
func parseTarget(s string) (*target, error) {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@") {
		return &target{name: s, addrs: []address{{network: "unix", text: s, family: unix.AF_UNIX, sockaddr: &unix.SockaddrUnix{Name: s}}}}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 {
		return &target{name: s, addrs: []address{tcpAddress(ap)}}, nil
	}
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("target %q is neither a port (1 to 65535) nor an address with a port nor the absolute path of a socket", s)
	}
	v4 := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	v6 := netip.AddrPortFrom(netip.IPv6Loopback(), uint16(port))
	return &target{name: "port " + s, addrs: []address{tcpAddress(v4), tcpAddress(v6)}}, nil
}

func tcpAddress(ap netip.AddrPort) address {
	return address{network: "tcp", text: ap.String(), port: ap.Port(), loopback: ap.Addr().IsLoopback(), family: familyOf(ap.Addr()), sockaddr: sockaddrOf(ap)}
}

// dial starts one try to connect, beginning with the address that answered last. pending: the outcome is not known yet, fd
// becomes writable with it (connect(2), EINPROGRESS). The error is that of the first address.
func (t *target) dial() (fd int, pending bool, err error) { return t.dialBy((*address).connect) }

// dialBy is dial with another way to connect.
func (t *target) dialBy(connect func(a *address, suspicious bool) (fd int, pending bool, err error)) (fd int, pending bool, err error) {
	for i := range t.addrs {
		k := (t.last + i) % len(t.addrs)
		fd, pending, e := connect(&t.addrs[k], !t.fresh)
		if e == nil {
			t.last, t.fresh = k, !pending
			return fd, pending, nil
		}
		if err == nil {
			err = e
		}
	}
	t.fresh = false
	return -1, false, err
}

// socket is a new socket to connect to a.
func (a *address) socket() (fd int, err error) {
	return unix.Socket(a.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// connect starts a connection to a.
func (a *address) connect(suspicious bool) (fd int, pending bool, err error) {
	if fd, err = a.socket(); err != nil {
		return -1, false, err
	}
	return a.connectBy(fd, suspicious)
}

// connectBy is connect by a socket, which is closed where that fails. Loopback is connected when connect(2) returns, though that says
// EINPROGRESS: a second call learns it, where waiting for an event would cost more.
func (a *address) connectBy(fd int, suspicious bool) (_ int, pending bool, err error) {
	err = unix.Connect(fd, a.sockaddr)
	if err == unix.EINPROGRESS {
		err = unix.Connect(fd, a.sockaddr)
	}
	switch {
	case err == unix.EALREADY || err == unix.EINPROGRESS:
		return fd, true, nil
	case err == nil && suspicious && a.isItself(fd):
		err = unix.ECONNREFUSED
	}
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	return fd, false, nil
}

// answersAtOnce tells whether the application has room for a connection.
func (a *address) answersAtOnce() bool {
	fd, pending, err := a.connect(false)
	if err != nil {
		return false
	}
	closeWithReset(fd)
	return !pending
}

// finish asks for the outcome of a pending connect.
func (t *target) finish(fd int) error {
	a := &t.addrs[t.last]
	switch errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); {
	case err != nil:
		return err
	case errno != 0:
		return unix.Errno(errno)
	}
	if a.isItself(fd) {
		return unix.ECONNREFUSED
	}
	t.fresh = true
	return nil
}

// isItself finds the connection of a socket to itself: where nobody listens on a port out of the range for outgoing
// connections, one try in some 28,000 gets that very port as its own, and TCP's simultaneous open succeeds. A client whose address is kept
// may have that port as well, but another address.
func (a *address) isItself(fd int) bool {
	if a.family == unix.AF_UNIX {
		return false
	}
	sa, err := unix.Getsockname(fd)
	return err == nil && addrPortOf(sa) == addrPortOf(a.sockaddr)
}

// shortage tells an error that is about this process or machine, not about the application.
func shortage(err error) bool {
	return err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOBUFS || err == unix.ENOMEM
}

func (t *target) tcp() bool { return t.addrs[0].family != unix.AF_UNIX }

// onLoopback tells whether it may listen on a loopback address.
func (t *target) onLoopback() bool {
	return slices.ContainsFunc(t.addrs, func(a address) bool { return a.loopback })
}
