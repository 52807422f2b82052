package proxy

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// errNoReceiver: no socket of the application's takes datagrams on that port.
var errNoReceiver = errors.New("nobody receives there")

// datagrams brings what comes to one UDP socket of systemd's to its target, and the answers back. The datagrams wait in the kernel's queue until
// the application receives, as far as that has room. UDP knows no connections: what a client sends to one of our addresses, and the answers to
// that, are a flow (udpflow.go).
type datagrams struct {
	s      *server
	fd     int
	target *target

	on        bool             // epoll tells about datagrams that wait
	looking   bool             // for the application's socket
	receivers []netip.AddrPort // the application's sockets; none: it has to be looked for
	since     time.Duration    // when that began
	pause     time.Duration
	timer     *timer

	flows          map[flowKey]*udpFlow
	unheard, heard flowList // those that the application has not answered yet, and the others
	ending         *timer   // of the oldest
	lost           lostCount

	refuses4 bool // the application's socket for all IPv6 addresses is for these only
}

func newDatagrams(s *server, fd int, t *target) (*datagrams, error) {
	d := &datagrams{s: s, fd: fd, target: t, flows: map[flowKey]*udpFlow{}}
	d.timer, d.ending = s.loop.newTimer(d.look), s.loop.newTimer(d.endFlows)
	d.lost = newLostCount(s, fd)
	if err := prepareListener(fd); err != nil {
		return nil, err
	}
	// The unit has PassPacketInfo=yes, so that those that came before know it as well.
	unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_PKTINFO, 1)
	unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
	unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) // from Linux 5.0 on
	return d, s.loop.add(fd, 0, d)
}

// ready: a datagram waits.
func (d *datagrams) ready(uint32) {
	switch {
	case !d.on:
	case len(d.receivers) == 0:
		d.begin(0)
	default:
		d.take()
	}
}

// probe looks for the application's socket though nobody may have sent anything, to learn whether it is there. waited counts against the
// start timeout.
func (d *datagrams) probe(waited time.Duration) {
	if d.s.ready {
		d.update()
		return
	}
	d.begin(waited)
}

// begin begins to look for the application's socket.
func (d *datagrams) begin(waited time.Duration) {
	d.looking, d.pause, d.since = true, 0, d.s.loop.now()-waited
	d.look()
}

// look looks once.
func (d *datagrams) look() {
	began := d.s.loop.now()
	if d.receivers = d.s.cfg.receivers(d.target); len(d.receivers) > 0 {
		d.settle()
		d.s.answered()
		return
	}
	left := infinity
	if d.s.cfg.startTimeout != infinity {
		left = d.since + d.s.cfg.startTimeout - d.s.loop.now()
	}
	switch {
	case left <= 0:
		d.s.giveUp(d.target, d.turnAway, errNoReceiver)
	case d.s.ready && !waiting(d.fd): // this was a probe, and another target has answered
		d.settle()
	default:
		// The table may be long, and others wait for us while we read it.
		d.pause = max(min(max(2*d.pause, firstPause), longestPause), 10*(d.s.loop.now()-began))
		d.update()
		d.s.loop.arm(d.timer, min(d.pause, left))
	}
}

func (d *datagrams) settle() {
	d.looking, d.timer.at = false, 0
	d.update()
}

// update listens to datagrams exactly when they could be passed on. There being no place for more connections is no reason against it: those of
// the flows that are open need none.
func (d *datagrams) update() {
	want := !d.looking && !d.s.gated && !d.s.ending && !d.s.leaving
	d.s.loop.watchIn(d.fd, &d.on, want)
}

// take passes on what waits, up to a batch. Those of one flow that came behind each other leave with one system call.
func (d *datagrams) take() {
	b := d.s.batch
	n, err := b.read(d.fd)
	if err != nil {
		return // nothing is there, or it is an error of somebody whom we have answered
	}
	now := d.s.loop.now()
	var flow *udpFlow
	first := 0
	for i := range n {
		to, segment := b.called(i)
		key := flowKey{b.from(i), to}
		if flow == nil || flow.key != key {
			flow.send(first, i)
			flow, first = d.flow(key, i), i
			flow.sent(now)
		}
		d.s.fw.in += int64(b.size(i))
		b.address(i, nil, 0, nil, segment)
	}
	flow.send(first, n)
}

// flow is the flow of a datagram; nil if it is not passed on.
func (d *datagrams) flow(key flowKey, i int) *udpFlow {
	if f := d.flows[key]; f != nil {
		return f
	}
	if why, refuses := d.s.cfg.rules.refuses(key.from.Addr(), false); refuses {
		d.s.refused.add(why, key.from.Addr(), "")
		return nil
	}
	if d.s.udpFlows >= d.s.flowLimit && !d.makeRoom() || !d.s.takePlace() && !(d.makeRoom() && d.s.takePlace()) {
		d.lost.add(noPlace, 1)
		return nil
	}
	f, err := d.newFlow(key, d.s.batch.names[i])
	if err == nil {
		return f
	}
	d.s.freePlace()
	if shortage(err) {
		d.s.short(err)
	}
	if err == unix.ECONNREFUSED {
		d.gone()
	}
	d.lost.add(notTaken, 1)
	return nil
}

// makeRoom ends a flow for a new one: the oldest that was never answered, else the oldest.
func (d *datagrams) makeRoom() bool {
	for _, l := range [...]*flowList{&d.unheard, &d.heard} {
		if l.oldest != nil {
			l.oldest.end()
			return true
		}
	}
	return false
}

// gone: the application may not receive any more where it did. If so it is looked for when the next datagram comes.
func (d *datagrams) gone() {
	d.receivers = d.s.cfg.receivers(d.target)
	d.refuses4 = d.refuses4 && len(d.receivers) > 0
}

// busy tells whether the application is looked for, or a client is about.
func (d *datagrams) busy() bool { return d.looking || len(d.flows) > 0 }

// turnAway throws away what waits.
func (d *datagrams) turnAway() {
	d.lost.add(noAnswer, discardWaiting(d.fd))
	d.settle()
}

// free ends all flows.
func (d *datagrams) free() {
	for d.makeRoom() {
	}
	d.lost.say()
}
