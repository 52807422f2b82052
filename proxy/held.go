package proxy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// heldClient is a connection that the gate has accepted, from the listening socket of that number.
type heldClient struct{ listener, fd int }

// heldClients are handed to the second stage as an option: LISTENER:FD, with a comma between two.
type heldClients []heldClient

// String implements flag.Value.
func (h *heldClients) String() string {
	words := make([]string, len(*h))
	for i, c := range *h {
		words[i] = fmt.Sprintf("%d:%d", c.listener, c.fd)
	}
	return strings.Join(words, ",")
}

// Set implements flag.Value.
func (h *heldClients) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		listener, fd, _ := strings.Cut(word, ":")
		n, err1 := strconv.ParseUint(listener, 10, 16)
		m, err2 := strconv.ParseUint(fd, 10, 31)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		*h = append(*h, heldClient{int(n), int(m)})
	}
	return nil
}

// arg puts them in front of args, for the next program to have.
func (h *heldClients) arg(args []string) []string {
	if len(*h) == 0 {
		return args
	}
	return slices.Insert(slices.Clone(args), 0, "--held="+h.String())
}

// fail is the failed mode, which begins with those who are waiting already.
func (c *config) fail(code int, why error, fds []int, log logger) int {
	for _, h := range c.held {
		closeWithReset(h.fd)
	}
	c.held = nil
	return fail(code, why, fds, log)
}

// setRules completes what is about who calls: a version of the PROXY protocol for the application, which the readiness checks
// have to speak as well.
func (c *config) setRules(version string) (err error) {
	if c.proxyProtocol, err = parseHeaderVersion(version); err != nil {
		return err
	}
	c.ready.hello = c.proxyProtocol.header(netip.AddrPort{}, netip.AddrPort{})
	if (c.rules.gated() || c.rules.screened() || version != "") && c.socketProxyd {
		return errors.New("--socket-proxyd serves everybody, and has no PROXY protocol")
	}
	if c.rules.gated() && c.unit == "" {
		return errors.New("--wake-on-data, --wake-from and --allow-from need --unit")
	}
	return nil
}

// takeHeld begins to serve those that were accepted before, and sets the screens up.
func (s *server) takeHeld() {
	for _, l := range s.listeners {
		if s.cfg.rules.screened() {
			l.screen = newScreen(s.loop, l.fd, &s.cfg.rules, false, s.refused, l.hold)
		}
	}
	for _, h := range s.cfg.held {
		unix.CloseOnExec(h.fd)
		switch l := s.listeners[min(h.listener, len(s.listeners)-1)]; {
		case l.screen != nil:
			l.screen.look(h.fd, peerOf(h.fd))
		default:
			l.hold(s.clientOf(h.fd))
		}
	}
}

// clientOf is what has to be known of a client that nobody has looked at.
func (s *server) clientOf(fd int) client {
	if s.cfg.proxyProtocol == noHeader && s.cfg.keeper == nil {
		return client{fd: fd}
	}
	return clientOf(fd)
}

// hold keeps an accepted client until there is a connection for it.
func (l *listener) hold(c client) {
	l.held = append(l.held, c)
	l.update()
}

// admit tells whether there is a client to dial for; where they are looked at first, one who may pass.
func (l *listener) admit() bool {
	if l.screen == nil || len(l.held) > 0 {
		return true
	}
	err := l.screen.admit(func() bool { return len(l.held) > 0 })
	if err != nil {
		l.failed(err) // tried again after a pause
	}
	return err == nil && len(l.held) > 0
}

// next is the client that a connection has been made for.
func (l *listener) next() (c client, err error) {
	switch {
	case len(l.held) > 0:
		c, l.held = l.held[0], l.held[1:]
		return c, nil
	case l.screen != nil:
		return c, unix.EAGAIN
	}
	fd, err := accept(l.fd)
	if err != nil {
		return c, err
	}
	return l.s.clientOf(fd), nil
}

// hasClient tells whether there is somebody to dial for.
func (l *listener) hasClient() bool {
	return len(l.held) > 0 || l.screen == nil && waiting(l.fd)
}

// holds tells whether somebody has been accepted and not served.
func (l *listener) holds() bool {
	return len(l.held) > 0 || l.screen != nil && len(l.screen.newcomers) > 0
}

// letGoHeld resets those that have been accepted and not served.
func (l *listener) letGoHeld() {
	reset := func(fd int) { l.s.loop.closeLater(fd, closeWithReset) }
	for _, c := range l.held {
		reset(c.fd)
	}
	l.held = nil
	if l.screen != nil {
		l.screen.dismiss(reset)
	}
}

// introduce begins the connection to the application with the header that it expects. What a connection begins with goes out at
// once, and so must the client's first words behind it (Nagle's algorithm, TCP_NODELAY in tcp(7)).
func (s *server) introduce(c client, target int, tcp bool) error {
	if s.cfg.proxyProtocol == noHeader {
		return nil
	}
	if tcp {
		unix.SetsockoptInt(target, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return writeHeader(target, s.cfg.proxyProtocol.header(c.from, c.to))
}

// forNobody says on a connection that was made in vain, or to see whether somebody answers, that it is our own: an application that
// expects a header would complain.
func (s *server) forNobody(target int) {
	if len(s.cfg.ready.hello) > 0 {
		writeHeader(target, s.cfg.ready.hello)
	}
}

// writeHeader writes to a new connection, whose buffer has room for it.
func writeHeader(fd int, h []byte) error {
	n, err := unix.Write(fd, h)
	if err == nil && n < len(h) {
		err = unix.EAGAIN
	}
	return err
}
