package proxy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime bounds how long data that is already here is passed on after the container's end.
const drainTime = 200 * time.Millisecond

// server is the serving stage. All its methods run in the loop's goroutine.
type server struct {
	cfg       config
	log       logger
	loop      *loop
	fw        *forwarder
	status    *status
	listeners []*listener
	datagrams []*datagrams
	batch     *batch // of datagrams

	limit     int // connections at one time
	places    int // taken, by connections and by dials
	flowLimit int // flows of datagrams at one time
	conns     int // open connections
	udpFlows  int // open flows of datagrams
	total     int64

	ready   bool // a target has answered
	started startReport
	gated   bool // --ready=http has not succeeded yet
	full    bool // at the limit
	ending  bool
	drain   bool
	drainer drainer
	told    time.Duration // when a shortage was last logged
	code    int
	failed  string // why nobody was served, if so

	silence   *timer // of connections
	idle      *timer
	idleTotal int64         // total when the idle timer was set
	refused   *refusedCount // connections that are not served, and why
	wanted    func(context.Context) (by string, err error)
	check     func(context.Context) (veto string, err error)
	sleep     func(context.Context) (by string, err error) // has systemd stop us, but for somebody
	asking    bool                                         // one of the three is under way
	keptBy    string                                       // their last answer, until somebody connects
	leaving   bool                                         // systemd has been asked to stop us

	life    context.Context // of what is done beside the loop
	endLife context.CancelFunc
}

// newServer prepares serving on the listening sockets fds; one for each target of cfg.
func newServer(cfg config, fds []int, log logger, send func(string)) (*server, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	s := &server{cfg: cfg, log: log, loop: l, limit: connectionLimit(cfg.maxConnections, fdsPerConnection, fdsOfPipes), told: -shortageEvery}
	s.flowLimit = flowLimit(s.limit, slices.Contains(cfg.datagram, false))
	s.fw = newForwarder(l, s.connectionClosed)
	s.started = startReport{began: time.Now().Add(-cfg.waited), tell: func(startTimes) {}}
	s.status = newStatus(s, send)
	s.idle = l.newTimer(s.idleOver)
	s.silence = l.newTimer(s.silenceTurn)
	s.drainer.timer = l.newTimer(s.drainTurn)
	s.wanted, s.check, s.sleep = s.cfg.askWantedBy, s.cfg.askIdleCheck, s.cfg.askSleep
	s.life, s.endLife = context.WithCancel(context.Background())
	s.refused = newRefusedCount(log, l.now, true)
	l.after = s.afterTurn
	for i, fd := range fds {
		if err := s.listen(i, fd); err != nil {
			return nil, err
		}
	}
	s.takeHeld()
	return s, nil
}

// listen prepares for socket i.
func (s *server) listen(i, fd int) error {
	if !s.cfg.isDatagram(i) {
		x, err := newListener(s, fd, s.cfg.targets[i])
		s.listeners = append(s.listeners, x)
		return err
	}
	if s.batch == nil {
		s.batch = newBatch()
	}
	d, err := newDatagrams(s, fd, s.cfg.targets[i])
	s.datagrams = append(s.datagrams, d)
	return err
}

// run serves until the end, and returns the exit status.
func (s *server) run() int {
	defer s.endLife()
	s.status.waiting()
	if s.cfg.ready.probed() {
		s.gated = true
		stop := s.startProbe()
		defer stop()
	} else {
		for _, l := range s.listeners {
			l.probe(s.cfg.waited)
		}
		for _, d := range s.datagrams {
			d.probe(s.cfg.waited)
		}
	}
	s.loop.run()
	if s.drain {
		s.loop.drain(drainTime)
	}
	s.status.stopping()
	s.refused.sayAll()
	s.free()
	return s.code
}

// free closes everything but the listening sockets.
func (s *server) free() {
	for _, h := range s.loop.handlers {
		if e, ok := h.(*end); ok {
			e.close(unix.Close)
		}
	}
	for _, l := range s.listeners {
		l.letGoHeld()
		if l.dialling >= 0 {
			l.hangUp()
		}
	}
	for _, d := range s.datagrams {
		d.free()
	}
	s.loop.closeAll()
	s.fw.pipes.free()
	s.loop.free()
}

// open tells whether a new client could be served.
func (s *server) open() bool { return !s.gated && !s.full && !s.ending && !s.leaving }

// watchContainer ends serving when the process behind pidfd ends.
func (s *server) watchContainer(pidfd int) error {
	return s.loop.add(pidfd, unix.EPOLLIN, handlerFunc(func() {
		s.loop.forget(pidfd)
		s.containerEnded()
	}))
}

// containerEnded: by itself, not because somebody wanted it to. One that has served none of those who wait counts as a failed
// start: were its clients left in the queue, they would start it again and again.
func (s *server) containerEnded() {
	if s.ending && !s.drainer.draining {
		return
	}
	s.drain = true
	if s.drainer.draining {
		s.drained("The container has ended")
		return
	}
	if s.leaving || s.ready && (s.total > 0 || !s.somebodyWaits()) {
		s.end(0, prioInfo, "The container has ended")
		return
	}
	s.giveUpAll("the container has ended before the application answered")
}

// somebodyWaits tells whether a client is in the queue of a listening socket at this moment, or has been accepted and not served.
func (s *server) somebodyWaits() bool {
	return slices.ContainsFunc(s.listeners, func(l *listener) bool { return l.holds() || waiting(l.fd) }) ||
		slices.ContainsFunc(s.datagrams, func(d *datagrams) bool { return waiting(d.fd) })
}

// stop is what SIGTERM asks for; it may be called from any goroutine. systemd may have noticed the container's end first.
func (s *server) stop(why string) {
	s.loop.post(func() {
		switch {
		case s.ending:
		case s.leaving:
			s.end(0, prioInfo, s.idleText())
		case s.cfg.pidfd >= 0 && processEnded(s.cfg.pidfd):
			s.containerEnded()
		case s.cfg.pod && !s.ready:
			s.podFailed()
		default:
			s.drainAndEnd(why)
		}
	})
}

// podFailed: the pod goes before it has answered.
func (s *server) podFailed() {
	s.log(prioWarning, "The waiting connections are closed: %s.", s.cfg.podStopped())
	s.letAllGo(s.cfg.podStopped())
}

// end stops accepting at once. A connection that arrives from now on stays in the kernel's queue, where systemd, which
// holds the listening sockets as well, finds it and starts the next round.
func (s *server) end(code int, p priority, why string) {
	if s.ending {
		return
	}
	s.ending, s.code, s.loop.stopped = true, code, true
	s.updateListeners()
	s.log(p, "%s, stopping: %s.", why, s.status.sum())
}

func (s *server) updateListeners() {
	for _, l := range s.listeners {
		l.update()
	}
	for _, d := range s.datagrams {
		d.update()
	}
}

// answered: a target has accepted a connection.
func (s *server) answered() {
	if !s.ready {
		s.ready = true
		s.started.answered = time.Now()
		s.status.ready()
	}
}

// forward starts forwarding between a client and the connection that was made for it.
func (s *server) forward(c client, target int, l *listener) error {
	err := s.introduce(c, target, l.target.tcp())
	if err == nil {
		err = s.fw.start(c.fd, target, l.tcp, l.target.tcp())
	}
	if err != nil {
		closeWithReset(c.fd)
		return err
	}
	s.conns++
	s.total++
	s.listenForSilence()
	return nil
}

func (s *server) connectionClosed() {
	s.conns--
	s.freePlace()
	if s.drainer.draining && s.conns == 0 {
		s.drained(s.drainer.why)
	}
}

// giveUp: the start timeout of a target is over. Its clients are let go; without any target that ever answered, all are,
// and the next connection starts a new round. So it does with a pod that nobody is connected to: one of its containers has
// ended for good, and only a new start brings it back.
func (s *server) giveUp(t *target, turnAway func(), err error) {
	why := fmt.Sprintf("the application does not answer on %s after %s (%s)", t.name, spanText(s.cfg.startTimeout), s.cfg.refusedText(err))
	if s.ready && !(s.cfg.pod && s.conns+s.udpFlows == 0) {
		s.warnClosed(why)
		turnAway()
		return
	}
	s.giveUpAll(why)
}

// giveUpAll says why, in words that can begin a sentence, and lets everybody go.
func (s *server) giveUpAll(why string) {
	s.warnClosed(why)
	s.letAllGo(why)
}

func (s *server) warnClosed(why string) {
	s.log(prioWarning, "%s%s: the waiting connections are closed; see %s.", strings.ToUpper(why[:1]), why[1:], s.cfg.journal())
}

// letAllGo closes every waiting connection and ends with a failure.
func (s *server) letAllGo(why string) {
	s.failed = why
	s.ending = true // before the listeners look for new clients
	for _, l := range s.listeners {
		l.turnAway()
	}
	for _, d := range s.datagrams {
		d.turnAway()
	}
	s.code, s.loop.stopped = 1, true
}

// afterTurn keeps the idle timer and the status up to date.
func (s *server) afterTurn() {
	s.reportStart()
	s.updateIdle()
	s.status.update()
}
