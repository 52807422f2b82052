package proxy

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstPause    = time.Millisecond
	longestPause  = 50 * time.Millisecond
	shortagePause = 100 * time.Millisecond
	// firstPatience is how long the first pending connect may take; a full accept queue drops our SYN without a word and
	// the kernel would repeat it only after a second. It doubles up to longestPatience.
	firstPatience   = 200 * time.Millisecond
	longestPatience = 3 * time.Second
	// notYet is the start of a round of tries of which none has failed.
	notYet time.Duration = math.MinInt64
)

// listener brings the connections of one listening socket to its target. It accepts a connection only when the target has
// accepted one for it: until then the client stays in the kernel's queue, where the next round finds it if this one fails. It
// accepts those first of whom something must be known before (held.go).
type listener struct {
	s      *server
	fd     int
	target *target
	tcp    bool

	on       bool // epoll tells about waiting clients
	busy     bool // dials, or waits to dial again
	dialling int  // socket of a pending connect, or -1
	since    time.Duration
	pause    time.Duration
	patience time.Duration
	timer    *timer

	held   []client // accepted already
	screen *screen  // where clients are accepted first

	keeper     *keeper // where their addresses are kept (knock.go)
	knocks     bool    // what is dialled is no more than a knock
	answeredAt time.Duration
}

func newListener(s *server, fd int, t *target) (*listener, error) {
	l := &listener{s: s, fd: fd, target: t, tcp: isTCP(fd), dialling: -1, since: notYet}
	l.keeper = s.cfg.keeper.of(l)
	l.timer = s.loop.newTimer(l.due)
	if err := prepareListener(fd); err != nil {
		return nil, err
	}
	return l, s.loop.add(fd, 0, l)
}

// ready: a client waits.
func (l *listener) ready(uint32) {
	if l.on && l.admit() {
		l.busy = true
		l.try()
	}
}

// probe dials though nobody may wait, to learn whether the application answers; one target that does is enough. waited
// counts against the start timeout.
func (l *listener) probe(waited time.Duration) {
	if l.s.ready {
		l.update()
		return
	}
	l.busy, l.since = true, l.s.loop.now()-waited
	l.try()
}

// update listens to new clients exactly when one could be served.
func (l *listener) update() {
	want := !l.busy && l.s.open()
	if want && len(l.held) > 0 {
		l.s.loop.again(l)
	}
	l.s.loop.watchIn(l.fd, &l.on, want)
}

// try dials once.
func (l *listener) try() {
	if !l.s.takePlace() {
		l.settle()
		return
	}
	l.knocks = false
	if l.keeper != nil {
		l.tryKept()
		return
	}
	l.tried(l.target.dial())
}

// tried: a dial has begun.
func (l *listener) tried(fd int, pending bool, err error) {
	switch {
	case err != nil:
		l.s.freePlace()
		l.failed(err)
	case pending:
		l.await(fd)
	default:
		l.connected(fd)
	}
}

// await waits for the outcome of a pending connect.
func (l *listener) await(fd int) {
	if err := l.s.loop.add(fd, unix.EPOLLOUT, handlerFunc(l.outcome)); err != nil {
		unix.Close(fd)
		l.s.freePlace()
		l.failed(err)
		return
	}
	l.dialling = fd
	l.patience = min(max(2*l.patience, firstPatience), longestPatience)
	l.update()
	l.s.loop.arm(l.timer, min(l.patience, l.left()))
}

// left is what remains of the start timeout in this round of tries, which begins with the first that does not succeed.
func (l *listener) left() time.Duration {
	now := l.s.loop.now()
	if l.since == notYet {
		l.since = now
	}
	if l.s.cfg.startTimeout == infinity {
		return infinity
	}
	return l.since + l.s.cfg.startTimeout - now
}

// outcome: the pending connect has one.
func (l *listener) outcome() {
	fd := l.dialling
	if err := l.target.finish(fd); err != nil {
		l.hangUp()
		l.failed(err)
		return
	}
	l.dialling = -1
	l.s.loop.forget(fd)
	l.connected(fd)
}

// hangUp gives a pending connect up.
func (l *listener) hangUp() {
	l.s.loop.closeBy(l.dialling, unix.Close)
	l.dialling = -1
	l.s.freePlace()
}

// connected takes the client for which fd was dialled. There may be none: it was a probe.
func (l *listener) connected(fd int) {
	l.s.answered()
	if l.keeper != nil {
		l.answeredAt = l.s.loop.now()
	}
	if l.knocks {
		l.knocks = false
		l.knocked(fd)
		return
	}
	client, err := l.next()
	if err == nil {
		err = l.s.forward(client, fd, l)
	} else {
		l.s.forNobody(fd)
	}
	if err == nil {
		l.settle()
		return
	}
	unix.Close(fd)
	l.s.freePlace()
	if shortage(err) {
		l.failed(err)
		return
	}
	l.settle()
}

// settle ends a round of tries.
func (l *listener) settle() {
	l.busy, l.since, l.pause, l.patience = false, notYet, 0, 0
	l.timer.at = 0
	l.update()
}

// failed arranges the next try, or gives up when the start timeout is over.
func (l *listener) failed(err error) {
	left := l.left()
	l.pause = min(max(2*l.pause, firstPause), longestPause)
	if shortage(err) {
		l.s.short(err)
		l.since, l.pause = notYet, shortagePause
	} else if left <= 0 {
		l.s.giveUp(l.target, l.turnAway, err)
		return
	}
	l.busy = true
	l.update()
	l.s.loop.arm(l.timer, min(l.pause, left))
}

// due: the pause is over, or the patience with a pending connect.
func (l *listener) due() {
	if l.dialling >= 0 {
		l.hangUp()
		l.failed(unix.ETIMEDOUT)
		return
	}
	if l.s.ready && !l.hasClient() {
		l.settle() // the client has gone, or this was a probe and another target has answered
		return
	}
	l.try()
}

// halt ends the round, and leaves the clients that wait in the kernel's queue.
func (l *listener) halt() {
	l.letGoHeld()
	if l.dialling >= 0 {
		l.hangUp()
	}
	l.settle()
}

// turnAway ends the round and resets the clients that wait now.
func (l *listener) turnAway() {
	resetWaiting(l.fd)
	l.halt()
}
