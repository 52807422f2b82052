package proxy

import (
	"math"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// loop is one epoll(7) instance and the one goroutine that does everything: accept, connect, read, write, time. So nothing
// in the serving stage needs a lock; an idle connection costs two small structs and no stack or buffer; and a message
// costs one read and one write, where Go's own poller adds a read that finds nothing (proxy/bench_test.go).
type loop struct {
	ep, wake int // epoll instance; eventfd(2) that other goroutines wake it with
	handlers []handler
	repeat   []handler // had more to do than one turn allows
	closing  []closing // after the turn, so that no number is used twice in one
	timers   []*timer
	earliest time.Duration // no timer is due before
	began    time.Time
	after    func() // runs after each turn
	stopped  bool

	mu     sync.Mutex
	posted []func()
}

// handler is told what happened to its file descriptor, as epoll_ctl(2) EPOLL* bits. Zero: go on where you stopped.
type handler interface{ ready(events uint32) }

// timer runs fire once, at a point of the loop's clock; 0: it is off.
type timer struct {
	at   time.Duration
	fire func()
}

func newLoop() (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, err
	}
	l := &loop{ep: ep, wake: wake, earliest: math.MaxInt64, began: time.Now(), after: func() {}}
	return l, l.add(wake, unix.EPOLLIN, handlerFunc(l.takePosted))
}

// handlerFunc is a handler that does not care which event it was.
type handlerFunc func()

func (f handlerFunc) ready(uint32) { f() }

// now is the time since the loop was made.
func (l *loop) now() time.Duration { return time.Since(l.began) }

// add watches fd for events.
func (l *loop) add(fd int, events uint32, h handler) error {
	if err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return err
	}
	for len(l.handlers) <= fd {
		l.handlers = append(l.handlers, nil)
	}
	l.handlers[fd] = h
	return nil
}

// watch changes the events that fd is watched for.
func (l *loop) watch(fd int, events uint32) {
	unix.EpollCtl(l.ep, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// watchIn has fd watched for something to read, or not; on is whether it is already.
func (l *loop) watchIn(fd int, on *bool, want bool) {
	if want == *on {
		return
	}
	*on = want
	events := uint32(0)
	if want {
		events = unix.EPOLLIN
	}
	l.watch(fd, events)
}

// forget stops watching fd, which stays open.
func (l *loop) forget(fd int) {
	unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, fd, nil)
	l.handlers[fd] = nil
}

// closing is a file descriptor that is done with, and how to end it.
type closing struct {
	fd  int
	how func(int) error
}

// closeBy has how close fd at the end of the turn; its handler hears nothing more from now on.
func (l *loop) closeBy(fd int, how func(int) error) {
	l.handlers[fd] = nil
	l.closeLater(fd, how)
}

// closeLater is closeBy for a descriptor that is not watched, or not any more.
func (l *loop) closeLater(fd int, how func(int) error) {
	l.closing = append(l.closing, closing{fd, how})
}

// closeAll closes what the turn has done with.
func (l *loop) closeAll() {
	for _, c := range l.closing {
		c.how(c.fd)
	}
	l.closing = l.closing[:0]
}

// again lets h go on in the next turn.
func (l *loop) again(h handler) { l.repeat = append(l.repeat, h) }

// post runs f in the loop's goroutine; the only method for others than that goroutine.
func (l *loop) post(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

func (l *loop) takePosted() {
	unix.Read(l.wake, make([]byte, 8))
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

func (l *loop) newTimer(fire func()) *timer {
	t := &timer{fire: fire}
	l.timers = append(l.timers, t)
	return t
}

// arm lets t fire after d from now; infinity turns it off.
func (l *loop) arm(t *timer, d time.Duration) {
	if d == infinity {
		t.at = 0
		return
	}
	t.at = max(l.now()+d, 1)
	l.earliest = min(l.earliest, t.at)
}

// yieldEvery is how often a busy loop passes through Go's scheduler, which it has no other reason to do. One that has not done so for
// 10 ms counts as stuck: the runtime's watchdog takes its processor away in every system call from then on and polls every 20 µs
// (forcePreemptNS, sysmon and retake in the runtime's proc.go). That was 5 to 15 percent of the processor time.
const yieldEvery = 4 * time.Millisecond

// run takes turns until stopped is set. What was done before it counts as a turn.
func (l *loop) run() {
	events := make([]unix.EpollEvent, 256)
	l.after()
	yielded := l.now()
	for !l.stopped {
		l.turn(events, l.timeout())
		if now := l.now(); now-yielded > yieldEvery {
			runtime.Gosched()
			yielded = now
		}
	}
}

// drain takes turns while there is something to do at once, for d at most.
func (l *loop) drain(d time.Duration) {
	events := make([]unix.EpollEvent, 256)
	for end := l.now() + d; l.now() < end; {
		if !l.turn(events, 0) {
			return
		}
	}
}

// turn waits for events once and handles them, and tells whether there was one.
func (l *loop) turn(events []unix.EpollEvent, ms int) bool {
	n, err := unix.EpollWait(l.ep, events, ms)
	if err != nil {
		n = 0 // EINTR
	}
	repeat := l.repeat
	l.repeat = nil
	for i := range n {
		if h := l.handlers[events[i].Fd]; h != nil {
			h.ready(events[i].Events)
		}
	}
	for _, h := range repeat {
		h.ready(0)
	}
	l.fire()
	l.after()
	l.closeAll()
	return n > 0 || len(repeat) > 0
}

// timeout is how long epoll_wait(2) may wait, in milliseconds, rounded up so that a timer is due afterwards.
func (l *loop) timeout() int {
	switch {
	case len(l.repeat) > 0:
		return 0
	case l.earliest == math.MaxInt64:
		return -1
	}
	left := max(l.earliest-l.now(), 0)
	return int(min((left+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}

// fire runs the timers that are due.
func (l *loop) fire() {
	if l.earliest == math.MaxInt64 || l.now() < l.earliest {
		return
	}
	now := l.now()
	l.earliest = math.MaxInt64
	for _, t := range l.timers {
		if t.at != 0 && t.at <= now {
			t.at = 0
			t.fire()
		}
	}
	for _, t := range l.timers {
		if t.at != 0 {
			l.earliest = min(l.earliest, t.at)
		}
	}
}

// free gives the loop's own file descriptors back.
func (l *loop) free() {
	unix.Close(l.ep)
	unix.Close(l.wake)
}
