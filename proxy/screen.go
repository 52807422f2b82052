package proxy

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// saysWithin is how long somebody may take who has to say something first. The specification of the PROXY protocol wants no
	// less than 3 s, so that a lost packet can be sent again.
	saysWithin = 5 * time.Second
	// maxNewcomers is how many may take their time at once, before the one who has taken most of it has to go.
	maxNewcomers = 512
	// admitPerTurn is how many are looked at before the other connections have their turn.
	admitPerTurn = 64
)

// screen takes the clients of one listening socket from its queue and looks at each of them: who may not pass is closed at once.
type screen struct {
	loop    *loop
	fd      int
	rules   *rules
	asleep  bool // who may wake it, or who is served?
	refused *refusedCount
	pass    func(client)

	newcomers []*newcomer // in the order in which they came
	timer     *timer
	buf       []byte
}

// newcomer is a client who has not said yet what must be known.
type newcomer struct {
	x     *screen
	fd    int
	peer  netip.AddrPort
	until time.Duration
	lacks refusal // why it is not let in, if it does not say more
}

func newScreen(l *loop, fd int, r *rules, asleep bool, refused *refusedCount, pass func(client)) *screen {
	x := &screen{loop: l, fd: fd, rules: r, asleep: asleep, refused: refused, pass: pass, buf: make([]byte, maxHeader+1)}
	x.timer = l.newTimer(x.late)
	return x
}

// admit looks at those in the queue until there is enough. An error is about this process or machine.
func (x *screen) admit(enough func() bool) error {
	for i := 0; i < admitPerTurn && !enough(); i++ {
		fd, sa, err := unix.Accept4(x.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			x.look(fd, addrPortOf(sa))
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
	return nil
}

// look lets a client pass, closes it, or waits for what it says.
func (x *screen) look(fd int, peer netip.AddrPort) {
	n := &newcomer{x: x, fd: fd, peer: peer, until: x.loop.now() + saysWithin}
	switch v := x.judge(n); v.what {
	case passes:
		x.pass(v.client)
	case refused:
		closeWithReset(fd)
		x.refused.add(v.why, v.who, v.detail)
	default:
		x.wait(n)
	}
}

// wait keeps n until it says more.
func (x *screen) wait(n *newcomer) {
	if len(x.newcomers) >= maxNewcomers {
		x.newcomers[0].tooLittle()
	}
	// Edge-triggered: what is there already is left in the socket.
	if err := x.loop.add(n.fd, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLET, n); err != nil {
		unix.Close(n.fd)
		return
	}
	x.newcomers = append(x.newcomers, n)
	if len(x.newcomers) == 1 {
		x.loop.arm(x.timer, saysWithin)
	}
}

// ready: n has said something, or has gone.
func (n *newcomer) ready(events uint32) {
	x := n.x
	switch v := x.judge(n); {
	case v.what == passes:
		x.remove(n)
		x.loop.forget(n.fd)
		x.pass(v.client)
	case v.what == refused:
		n.refuse(v.why, v.who, v.detail)
	case events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0:
		n.tooLittle()
	}
}

// tooLittle closes n, which says no more or takes too long.
func (n *newcomer) tooLittle() { n.refuse(n.lacks, n.peer.Addr(), "") }

func (n *newcomer) refuse(why refusal, who netip.Addr, detail string) {
	n.x.remove(n)
	n.x.loop.closeBy(n.fd, closeWithReset)
	n.x.refused.add(why, who, detail)
}

func (x *screen) remove(n *newcomer) {
	if i := slices.Index(x.newcomers, n); i >= 0 {
		x.newcomers = slices.Delete(x.newcomers, i, i+1)
	}
}

// late: the time of the first newcomers is over.
func (x *screen) late() {
	for len(x.newcomers) > 0 && x.newcomers[0].until <= x.loop.now() {
		x.newcomers[0].tooLittle()
	}
	if len(x.newcomers) > 0 {
		x.loop.arm(x.timer, x.newcomers[0].until-x.loop.now())
	}
}

// dismiss hands the newcomers to do, and forgets them.
func (x *screen) dismiss(do func(fd int)) {
	for _, n := range x.newcomers {
		x.loop.forget(n.fd)
		do(n.fd)
	}
	x.newcomers, x.timer.at = nil, 0
}

// verdict is what is to be done with a client.
type verdict struct {
	what   int
	client client     // who passes
	why    refusal    // of who is refused
	who    netip.Addr // who that was, if it has an IP address
	detail string     // what else there is to say
}

const (
	waits = iota
	passes
	refused
)

// judge looks at a client. Asleep nothing is taken from its socket, as the serving stage looks again.
func (x *screen) judge(n *newcomer) verdict {
	c := client{fd: n.fd, from: n.peer}
	who, header := n.peer.Addr(), 0
	if x.rules.balancers.has(who) {
		h, err := x.peekHeader(n.fd)
		switch {
		case err == errShort:
			n.lacks = badHeader
			return verdict{}
		case err != nil:
			return verdict{what: refused, why: badHeader, who: who, detail: err.Error()}
		}
		c.from, c.to, header = h.from, h.to, h.size
		if h.from.IsValid() {
			who = h.from.Addr()
		}
	}
	if why, refuses := x.rules.refuses(who, x.asleep); refuses {
		return verdict{what: refused, why: why, who: who}
	}
	if x.asleep && x.rules.wakeOnData {
		n.lacks = saidNothing
		if !x.hasSaid(n.fd, header) {
			return verdict{}
		}
	}
	if !x.asleep {
		x.enter(&c, header)
	}
	return verdict{what: passes, client: c}
}

// enter completes what is known of a client who will be served, and takes the header from its socket.
func (x *screen) enter(c *client, header int) {
	if header == 0 {
		c.to = calledOf(c.fd)
		return
	}
	unix.Read(c.fd, x.buf[:header]) // it has been seen there, so it is there as a whole
}

// peekHeader reads a PROXY protocol header and leaves it in the socket.
func (x *screen) peekHeader(fd int) (header, error) {
	n, err := peek(fd, x.buf)
	if err != nil {
		return header{}, err
	}
	return parseHeader(x.buf[:n])
}

// hasSaid tells whether there is data behind the first size bytes.
func (x *screen) hasSaid(fd, size int) bool {
	n, err := peek(fd, x.buf[:size+1])
	return err == nil && n > size
}

// peek reads what is there and leaves it there; at the end of the data, or without any, that is nothing (MSG_PEEK in recv(2)).
func peek(fd int, buf []byte) (int, error) {
	for {
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_PEEK)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}
