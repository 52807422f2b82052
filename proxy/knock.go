package proxy

import (
	"time"

	"golang.org/x/sys/unix"
)

// Where a client's address is to be kept, the client must be accepted before there is a connection for it. So that nobody is
// accepted who will not be served, the proxy knocks before that: it makes a connection that the application never sees.

// aliveFor is how long an answer of the application counts: a busy one is not knocked at for each client.
const aliveFor = time.Millisecond

// knock starts a connection of which the application learns nothing, if it is reset at once. The kernel keeps back the last step of the
// handshake, since data might come with it (TCP_QUICKACK in tcp(7)); until that comes, the other end has nothing to accept.
func (t *target) knock() (fd int, pending bool, err error) { return t.dialBy((*address).knock) }

func (a *address) knock(suspicious bool) (fd int, pending bool, err error) {
	if fd, err = a.socket(); err != nil {
		return -1, false, err
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0)
	return a.connectBy(fd, suspicious)
}

// tryKept is try where the clients' addresses are kept.
func (l *listener) tryKept() {
	if len(l.held) == 0 && !l.alive() {
		l.knocks = true
		l.tried(l.target.knock())
		return
	}
	l.dialForOne()
}

// alive tells whether the application has just answered.
func (l *listener) alive() bool {
	return l.target.fresh && l.s.loop.now()-l.answeredAt < aliveFor
}

// knocked: the application is there. fd is done with.
func (l *listener) knocked(fd int) {
	closeWithReset(fd)
	l.patience = 0
	l.dialForOne()
}

// dialForOne dials for the first client.
func (l *listener) dialForOne() {
	if len(l.held) == 0 && l.screen == nil {
		if err := l.acceptOne(); shortage(err) {
			l.s.freePlace()
			l.failed(err)
			return
		}
	}
	if len(l.held) == 0 {
		l.s.freePlace()
		l.settle()
		return
	}
	l.tried(l.keeper.dial(l.target, l.held[0].from, l.patience > firstPatience))
}

// acceptOne takes a client from the queue.
func (l *listener) acceptOne() error {
	fd, sa, err := unix.Accept4(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	c := client{fd: fd, from: addrPortOf(sa)}
	if l.s.cfg.proxyProtocol != noHeader {
		c.to = calledOf(fd)
	}
	l.held = append(l.held, c)
	return nil
}
