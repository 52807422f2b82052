package proxy

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// flowKey is what tells one flow from another: who sends, and to which of our addresses.
type flowKey struct {
	from netip.AddrPort
	to   called
}

// udpFlow is what a client sends to one of our addresses, and the answers. It has a socket of its own that is connected to the target, so that
// the application has somebody to answer, and ends when nothing has come either way for --flow-timeout.
type udpFlow struct {
	d          *datagrams
	key        flowKey
	fd         int
	name       unix.RawSockaddrInet6 // the client, as the kernel wants it
	nameLen    uint32
	control    []byte        // has an answer leave from where the client has called
	unsure     bool          // whether the application takes it (receives)
	at         time.Duration // when it last carried something that counts
	sentAt     time.Duration // when the client last sent something
	list       *flowList
	prev, next *udpFlow
}

// flowList has flows by their last datagram.
type flowList struct{ oldest, newest *udpFlow }

// answersCount is how often FlowTimeout= may pass with answers alone: an application may go on to send to a client that has long gone, and who
// would be told?
const answersCount = 5

// newFlow opens a flow. The error is of the last place that was tried.
func (d *datagrams) newFlow(key flowKey, name unix.RawSockaddrInet6) (*udpFlow, error) {
	fd, a, err := d.connect(key.from)
	if err != nil {
		return nil, err
	}
	f := &udpFlow{d: d, key: key, fd: fd, unsure: !receives(d.receivers, a, true), name: name, nameLen: unix.SizeofSockaddrInet6, control: key.to.control()}
	if name.Family == unix.AF_INET {
		f.nameLen = unix.SizeofSockaddrInet4
	}
	if err := d.s.loop.add(fd, unix.EPOLLIN, f); err != nil {
		unix.Close(fd)
		return nil, err
	}
	d.flows[key] = f
	d.s.udpFlows++
	d.s.total++
	f.link(&d.unheard)
	if d.ending.at == 0 {
		d.s.loop.arm(d.ending, d.s.cfg.flowTimeout)
	}
	return f, nil
}

// connect makes a flow's socket: from the client's own address where that is kept, else from one of ours.
func (d *datagrams) connect(from netip.AddrPort) (fd int, to *address, err error) {
	keeper := d.s.cfg.keeper.ofDatagrams(d.target)
	why := isKept
	if keeper != nil {
		if to, why = keeper.receiver(d, from.Addr()); why == isKept {
			if fd, err = keeper.datagramSocket(to, from); err == nil || shortage(err) {
				return fd, to, err
			}
			why = taken
		}
	}
	if to = d.place(); to == nil {
		return -1, nil, unix.ECONNREFUSED
	}
	if fd, err = datagramSocket(to); err == nil {
		err = connectDatagrams(fd, to)
	}
	if err == nil && keeper != nil {
		keeper.say(why, from)
	}
	return fd, to, err
}

// place is where the application receives, without regard to who sends.
func (d *datagrams) place() *address {
	for _, surely := range [...]bool{true, false} {
		for i := range d.target.addrs {
			if a := &d.target.addrs[i]; receives(d.receivers, a, surely) {
				return a
			}
		}
	}
	return nil
}

func datagramSocket(a *address) (fd int, err error) {
	return unix.Socket(a.family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// connectDatagrams connects fd, which is closed if that fails.
func connectDatagrams(fd int, a *address) error {
	unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	if err := unix.Connect(fd, a.sockaddr); err != nil {
		unix.Close(fd)
		return err
	}
	return nil
}

// send gives the application the messages of the batch from first up to before end. There may be no flow, and none of them.
func (f *udpFlow) send(first, end int) {
	if f == nil || first == end || f.fd < 0 {
		return
	}
	lost, why := f.d.s.batch.write(f.fd, first, end)
	f.d.lost.add(notTaken, lost)
	if why == unix.ECONNREFUSED {
		f.refused()
	}
}

// refused: the application has closed its socket, or it is not for addresses of this family.
func (f *udpFlow) refused() {
	f.d.gone()
	if f.unsure && len(f.d.receivers) > 0 {
		f.d.refuses4 = true
	}
	f.end()
}

// ready: the application has answered.
func (f *udpFlow) ready(uint32) {
	b, s := f.d.s.batch, f.d.s
	n, err := b.read(f.fd)
	if err == unix.ECONNREFUSED { // which comes before what is in the queue
		defer f.refused()
		n, err = b.read(f.fd)
	}
	if err != nil {
		return
	}
	f.unsure = false
	for i := range n {
		_, segment := b.called(i)
		s.fw.out += int64(b.size(i))
		b.address(i, &f.name, f.nameLen, f.control, segment)
	}
	lost, _ := b.write(f.d.fd, 0, n)
	f.d.lost.add(notSent, lost)
	f.answered(s.loop.now())
}

// end closes the flow.
func (f *udpFlow) end() {
	if f.fd < 0 {
		return
	}
	s := f.d.s
	f.d.lost.add(notSent, int(droppedBy(f.fd)))
	s.loop.closeBy(f.fd, unix.Close)
	f.fd = -1
	f.unlink()
	delete(f.d.flows, f.key)
	s.udpFlows--
	s.freePlace()
}

// sent takes note that the client has sent something.
func (f *udpFlow) sent(now time.Duration) {
	if f == nil || f.fd < 0 {
		return
	}
	f.sentAt = now
	f.move(f.list, now)
}

// answered takes note that the application has.
func (f *udpFlow) answered(now time.Duration) {
	if timeout := f.d.s.cfg.flowTimeout; timeout == infinity || now-f.sentAt < answersCount*timeout {
		f.move(&f.d.heard, now)
	}
}

// move makes f the newest of a list.
func (f *udpFlow) move(to *flowList, now time.Duration) {
	if f != to.newest {
		f.unlink()
		f.link(to)
	}
	f.at = now
}

func (f *udpFlow) link(to *flowList) {
	f.list, f.prev, f.next = to, to.newest, nil
	if to.newest == nil {
		to.oldest = f
	} else {
		to.newest.next = f
	}
	to.newest = f
}

func (f *udpFlow) unlink() {
	l := f.list
	if f.prev == nil {
		l.oldest = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		l.newest = f.prev
	} else {
		f.next.prev = f.prev
	}
}

// endFlows ends those that have carried nothing for too long.
func (d *datagrams) endFlows() {
	next := infinity
	for _, l := range [...]*flowList{&d.unheard, &d.heard} {
		for l.oldest != nil {
			left := l.oldest.at + d.s.cfg.flowTimeout - d.s.loop.now()
			if left > 0 {
				next = min(next, left)
				break
			}
			l.oldest.end()
		}
	}
	d.s.loop.arm(d.ending, next)
	d.lost.due()
}
