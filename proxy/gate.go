package proxy

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/figures"
	"podman-ondemand/manager"
)

const (
	// gateTick is the time between two looks whether it has woken for another reason.
	gateTick = time.Second
	// gateStays is how long the gate stays after the last connection that it has closed. The next scan is likely to come right
	// after, and each start of the gate is some lines in the journal and a few hundredths of a second of the processor.
	gateStays = 10 * time.Second
	// gatePause is what a shortage of file descriptors or memory costs.
	gatePause = 100 * time.Millisecond
)

// gate stands in front of a sleeping application that not everybody may wake. The socket has started us, but not the
// container: in this case our unit does not want it. The gate closes who may not wake it, and for the first who may it asks
// systemd to start the container; who comes after that waits in the queue, and is served when it is awake. Where nobody of that
// kind comes the gate ends again.
type gate struct {
	cfg     *config
	loop    *loop
	fds     []int
	screens []*screen // of those for connections
	refused *refusedCount
	why     func(context.Context) (wakes bool, err error)

	woken  bool
	held   heldClients
	seen   int64         // refused connections at the last tick
	last   time.Duration // when the last one was seen
	asking bool
	tick   *timer

	life   context.Context // of what is done beside the loop
	beside sync.WaitGroup
}

// keepGate keeps the gate until the application is to be woken, and then starts it: it is open, and the clients that were
// accepted are in c.held. Otherwise the exit status is code.
func (c *config) keepGate(fds []int, log logger) (open bool, code int) {
	g, err := newGate(c, fds, log)
	if err != nil {
		return false, fail(1, err, fds, log)
	}
	open, err = g.run()
	c.held = g.held
	switch {
	case err != nil:
		return false, c.fail(1, err, fds, log)
	case !open:
		return false, 0
	}
	c.noteWoken(log)
	done := c.failWhenStopped(fds, log)
	err = c.startUnit()
	done()
	if err != nil {
		return false, c.fail(1, err, fds, log)
	}
	return true, 0
}

func newGate(c *config, fds []int, log logger) (*gate, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	g := &gate{cfg: c, loop: l, fds: fds, refused: newRefusedCount(log, l.now, false), why: c.whyWake}
	g.tick = l.newTimer(g.ticked)
	for i, fd := range fds {
		if err := prepareListener(fd); err != nil {
			return nil, err
		}
		if c.isDatagram(i) {
			if err := l.add(fd, unix.EPOLLIN, handlerFunc(func() { g.admitDatagrams(fd) })); err != nil {
				return nil, err
			}
			continue
		}
		i := len(g.screens)
		x := newScreen(l, fd, &c.rules, true, g.refused, func(cl client) { g.wake(i, cl.fd) })
		if err := l.add(fd, unix.EPOLLIN, handlerFunc(func() { g.admit(x) })); err != nil {
			return nil, err
		}
		g.screens = append(g.screens, x)
	}
	return g, nil
}

// run keeps the gate, and tells whether the application is to be woken. An error says that systemd does not answer.
func (g *gate) run() (open bool, err error) {
	defer g.loop.free()
	defer g.beside.Wait()
	var end context.CancelFunc
	g.life, end = context.WithCancel(context.Background())
	defer end()
	g.endWhenStopped()
	defer g.leave()
	if wakes, err := g.ask(); wakes || err != nil {
		return wakes, err
	}
	g.tellSystemd()
	g.loop.arm(g.tick, gateTick)
	g.loop.run()
	g.refused.sayAll()
	return g.woken, nil
}

// endWhenStopped ends the loop when systemd wants that.
func (g *gate) endWhenStopped() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	g.besides(func() {
		select {
		case <-signals:
			g.loop.post(func() { g.loop.stopped = true })
		case <-g.life.Done():
		}
		signal.Stop(signals)
	})
}

// besides runs f beside the loop, which must not be gone before the end of that.
func (g *gate) besides(f func()) {
	g.beside.Add(1)
	go func() {
		defer g.beside.Done()
		f()
	}()
}

// ask asks systemd whether the application has to be there already.
func (g *gate) ask() (wakes bool, err error) {
	ctx, cancel := context.WithTimeout(g.life, queryTime)
	defer cancel()
	return g.why(ctx)
}

// admit looks at those in the queue until one may wake it.
func (g *gate) admit(x *screen) {
	if err := x.admit(func() bool { return g.woken }); err != nil {
		time.Sleep(gatePause)
	}
}

// admitDatagrams throws away datagrams up to one whose sender may wake it, which stays in the queue.
func (g *gate) admitDatagrams(fd int) {
	for range admitPerTurn {
		_, sa, err := unix.Recvfrom(fd, nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		who := addrPortOf(sa).Addr()
		why, refuses := g.cfg.rules.refuses(who, true)
		if !refuses {
			g.woken, g.loop.stopped = true, true
			return
		}
		unix.Recvfrom(fd, nil, unix.MSG_DONTWAIT)
		g.refused.add(why, who, "")
	}
}

// wake: a client may.
func (g *gate) wake(listener, fd int) {
	g.held = append(g.held, heldClient{listener, fd})
	g.woken, g.loop.stopped = true, true
}

// leave lets go of the listening sockets. If it is woken, who has not said anything yet is held as well, and all of them can be
// inherited by the next program. If not, nobody else was there.
func (g *gate) leave() {
	for i, x := range g.screens {
		x.dismiss(func(fd int) {
			if !g.woken {
				unix.Close(fd)
				return
			}
			g.held = append(g.held, heldClient{i, fd})
		})
	}
	g.loop.closeAll()
	for _, h := range g.held {
		inheritable(h.fd)
	}
	for _, fd := range g.fds {
		inheritable(fd) // which was taken from it by prepareListener
	}
}

// inheritable lets the next program have fd.
func inheritable(fd int) { unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) }

// ticked asks systemd, beside the loop, whether the application has woken for another reason.
func (g *gate) ticked() {
	if g.refused.total != g.seen {
		g.seen, g.last = g.refused.total, g.loop.now()
	}
	g.tellSystemd()
	g.loop.arm(g.tick, gateTick)
	if g.asking {
		return
	}
	g.asking = true
	g.besides(func() {
		wakes, err := g.ask()
		g.loop.post(func() {
			g.asking = false
			g.answer(wakes && err == nil)
		})
	})
}

// answer: systemd has one. Without a reason to wake, and with nobody about, the gate ends. It says READY=1, as systemd would count
// an end before that as a failure; STOPPING=1 in the same message would take that back.
func (g *gate) answer(wakes bool) {
	if g.loop.stopped {
		return
	}
	if wakes {
		g.woken, g.loop.stopped = true, true
		return
	}
	if g.loop.now()-g.last < gateStays || g.somebody() {
		return
	}
	g.loop.stopped = true
	send("READY=1\nSTATUS=" + g.status())
}

// somebody tells whether a client is there who may still wake it.
func (g *gate) somebody() bool {
	for _, x := range g.screens {
		if len(x.newcomers) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(g.fds, waiting)
}

// tellSystemd asks for more time, as often as the gate is still there, and says what it does.
func (g *gate) tellSystemd() {
	send(extendStart(gateTick) + "STATUS=" + g.status())
}

func (g *gate) status() string {
	return figures.AtGate(figures.Count(g.refused.total, "connection") + " closed that may not wake it")
}

// whyWake tells whether the application has to be there already: it is, or another unit wants it.
func (c *config) whyWake(ctx context.Context) (wakes bool, err error) {
	_, err = c.withManager(ctx, func(m *manager.Conn) (string, error) {
		u, err := m.Unit(ctx, c.unit)
		if err != nil || u.Up() || u.Queued {
			wakes = err == nil
			return "", err
		}
		if c.self != "" {
			by, err := wantedBy(ctx, m, c.self)
			wakes = err == nil && by != ""
			return by, err
		}
		return "", nil
	})
	return wakes, err
}

// startUnit starts the container's service, and waits as long as systemd tries to. What has come of it the next stage asks
// itself, and why nothing has; an error says that systemd does not answer.
func (c *config) startUnit() error {
	for {
		send(extendStart(max(c.startTimeout, manager.JobTimeout)) + "STATUS=Waiting for " + c.unit)
		var job *manager.JobError
		_, err := c.withManager(context.Background(), func(m *manager.Conn) (string, error) {
			errors.As(m.Start(context.Background(), c.unit), &job)
			return "", nil
		})
		if err != nil || job == nil || job.Result != "" {
			return err
		}
	}
}
