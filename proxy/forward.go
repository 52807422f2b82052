package proxy

import "golang.org/x/sys/unix"

const (
	bufferSize = 64 << 10
	// bulkAfter reads that filled the buffer, one after the other, make a direction go over to splice(2).
	bulkAfter = 4
	// maxRounds is how often one direction may read before the other connections have their turn.
	maxRounds = 16
	// endEvents: edge-triggered, so that a busy connection costs no epoll_ctl(2). Urgent data is asked for because a read stops
	// in front of it, though there is more.
	endEvents = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET
)

// forwarder moves the data of all connections of one loop. It has one buffer for all: what is read is written at once,
// and only what the other side does not take is kept for that connection.
type forwarder struct {
	loop    *loop
	buf     []byte
	pipes   pipePool
	in, out int64  // bytes from clients, bytes to clients
	tick    uint32 // of the clock by which flow counts silence
	closed  func() // a connection is gone
}

func newForwarder(l *loop, closed func()) *forwarder {
	return &forwarder{loop: l, buf: make([]byte, bufferSize), closed: closed}
}

// end is one of the two sockets of a connection through the proxy, together with the data that came from it.
type end struct {
	fw      *forwarder
	flow    *flow
	other   *end
	fd      int
	count   *int64 // what was read here
	kept    []byte // read here, not yet taken by the other
	pipe    *pipe  // set while this direction is spliced
	fulls   int    // reads in a row that filled the buffer
	writes  int    // to this end, up to 2
	tcp     bool
	nodelay bool // TCP_NODELAY is on

	readable bool // there may be something to read
	hangup   bool // all that will ever come is in the receive queue, its end included
	failed   bool // an error may be in the receive queue
	urgent   bool // urgent data was announced
	finished bool // its end was read
	notify   bool // EPOLLOUT is watched for
	queued   bool // has asked for another turn
	dead     bool
}

// start forwards between a client and the target that was dialled for it, both non-blocking.
func (fw *forwarder) start(client, target int, clientTCP, targetTCP bool) error {
	f := &flow{at: fw.tick}
	c, t := &f.client, &f.target
	*c = end{fw: fw, flow: f, other: t, fd: client, count: &fw.in, tcp: clientTCP, nodelay: true}
	*t = end{fw: fw, flow: f, other: c, fd: target, count: &fw.out, tcp: targetTCP, nodelay: !targetTCP}
	if err := fw.loop.add(client, endEvents, c); err != nil {
		return err
	}
	if err := fw.loop.add(target, endEvents, t); err != nil {
		fw.loop.forget(client)
		return err
	}
	return nil
}

// ready takes note of what epoll says and moves what can be moved.
func (e *end) ready(events uint32) {
	if events == 0 {
		e.queued = false
	}
	if e.dead {
		return
	}
	if events&unix.EPOLLERR != 0 && e.finished {
		e.fail() // reset after its end: nobody would read that error
		return
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLPRI) != 0 {
		e.readable = true
	}
	e.urgent = e.urgent || events&unix.EPOLLPRI != 0
	e.failed = e.failed || events&unix.EPOLLERR != 0
	e.hangup = e.hangup || events&unix.EPOLLRDHUP != 0
	if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 && e.other.unsent() {
		e.other.pump()
	}
	e.pump()
}

// pump moves data from e to the other end until there is none, the other end is full, or it is somebody else's turn.
func (e *end) pump() {
	for range maxRounds {
		if e.dead || !e.flush() || e.finished || !e.readable {
			return
		}
		if e.pipe != nil {
			e.spliceIn()
		} else {
			e.copyOnce()
		}
	}
	if !e.queued {
		e.queued = true
		e.fw.loop.again(e)
	}
}

// copyOnce reads once and writes what came.
//
// A read that does not fill the buffer has emptied the receive queue (epoll(7), "Questions and answers" 9), so that the read
// that would find nothing is spared; if the peer had closed before it, the read that would find the end is spared, too. Not
// so with an error or urgent data in the queue, nor with a Unix socket, where a read also stops behind passed descriptors.
func (e *end) copyOnce() {
	n, err := unix.Read(e.fd, e.fw.buf)
	switch {
	case n > 0:
		e.carried(n)
		e.countFull(n == len(e.fw.buf))
		last := n < len(e.fw.buf) && e.tcp && !e.urgent && !e.failed
		e.readable = !last || e.hangup
		if e.write(e.fw.buf[:n]) && last && e.hangup {
			e.finish()
		}
	case err == nil:
		e.finish()
	default:
		e.readError(err)
	}
}

// readError: the queue is empty, or the connection is over.
func (e *end) readError(err error) {
	switch err {
	case unix.EAGAIN:
		e.readable = false
	case unix.EINTR:
	default:
		e.fail()
	}
}

// countFull decides whether this direction is worth a pipe.
func (e *end) countFull(full bool) {
	if !full {
		e.fulls = 0
		return
	}
	if e.fulls++; e.fulls >= bulkAfter {
		e.fulls = 0
		e.pipe = e.fw.pipes.get()
	}
}

// write gives p to the other end, and keeps what it does not take. It tells whether it took all.
func (e *end) write(p []byte) bool {
	o := e.other
	o.noDelay()
	n, err := unix.Write(o.fd, p)
	if n == len(p) {
		return true
	}
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		o.fail()
		return false
	}
	e.kept = append([]byte(nil), p[max(n, 0):]...)
	o.notifyWritable()
	return false
}

// noDelay turns Nagle's algorithm off (TCP_NODELAY in tcp(7)) before the second write: the first one never waits for an
// acknowledgement, and many connections carry only one. What is accepted has it from the listening socket.
func (e *end) noDelay() {
	if e.nodelay {
		return
	}
	if e.writes++; e.writes == 2 {
		e.nodelay = true
		unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
}

// notifyWritable has ready called when e takes data again. It stays on: a TCP socket reports it only after it was full.
func (e *end) notifyWritable() {
	if !e.notify {
		e.notify = true
		e.fw.loop.watch(e.fd, endEvents|unix.EPOLLOUT)
	}
}

// unsent tells whether data from e waits for the other end.
func (e *end) unsent() bool { return len(e.kept) > 0 || e.pipe != nil && e.pipe.level > 0 }

// flush writes what was kept, and tells whether nothing is left.
func (e *end) flush() bool {
	for len(e.kept) > 0 {
		n, err := unix.Write(e.other.fd, e.kept)
		switch {
		case err == nil:
			e.kept = e.kept[n:]
			e.flow.at = e.fw.tick
		case err == unix.EAGAIN:
			return false
		case err != unix.EINTR:
			e.other.fail()
			return false
		}
	}
	e.kept = nil
	return e.pipe == nil || e.spliceOut()
}

// finish passes the end of the data on. All that came before it is written by now.
func (e *end) finish() {
	e.finished = true
	e.dropPipe()
	if e.other.finished {
		e.close(unix.Close)
		return
	}
	unix.Shutdown(e.other.fd, unix.SHUT_WR)
}

// fail ends the connection because e's socket is broken. What had arrived there before it broke is still passed on (a
// server that answers and closes before it has read everything breaks the connection that way), then the other end is reset.
func (e *end) fail() {
	for e.rescue() {
	}
	e.close(closeWithReset)
}

// rescue passes on one buffer of what a broken socket still holds.
func (e *end) rescue() bool {
	if e.finished || !e.flushQuietly() {
		return false
	}
	n, _ := unix.Read(e.fd, e.fw.buf)
	if n <= 0 {
		return false
	}
	e.carried(n)
	written, _ := unix.Write(e.other.fd, e.fw.buf[:n])
	return written == n
}

// flushQuietly is flush without consequences.
func (e *end) flushQuietly() bool {
	if len(e.kept) == 0 {
		return !e.unsent()
	}
	n, _ := unix.Write(e.other.fd, e.kept)
	e.kept = e.kept[max(n, 0):]
	return len(e.kept) == 0 && !e.unsent()
}

// close takes both ends away. how is unix.Close or closeWithReset.
func (e *end) close(how func(int) error) {
	if e.dead {
		return
	}
	for _, x := range [2]*end{e, e.other} {
		x.dead = true
		x.dropPipe()
		x.kept = nil
		e.fw.loop.closeBy(x.fd, how)
	}
	e.fw.closed()
}
