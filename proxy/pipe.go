package proxy

import "golang.org/x/sys/unix"

const (
	pipeSize = 256 << 10
	// maxPipes bounds the file descriptors and the kernel memory (256 KiB each) that bulk transfers take; further ones
	// are copied.
	maxPipes = 128
	// maxSpare pipes are kept for the next bulk transfer.
	maxSpare = 8
)

// pipe carries data between two sockets without copying it: splice(2) wants one in between.
type pipe struct {
	r, w  int
	level int // bytes in it
}

// pipePool hands pipes to directions that move bulk data, and takes them back when those pause.
type pipePool struct {
	spare  []*pipe
	lent   int
	broken bool // no pipes here: a seccomp filter, or the limit of open files
}

// get returns a pipe, or nil: then the data is copied.
func (p *pipePool) get() *pipe {
	if p.broken || p.lent >= maxPipes {
		return nil
	}
	p.lent++
	if n := len(p.spare); n > 0 {
		got := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return got
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		p.lent--
		return nil
	}
	unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize) // refused beyond pipe-user-pages-soft, then 64 KiB it is
	return &pipe{r: fds[0], w: fds[1]}
}

// put takes a pipe back. One with data in it is of no use to anybody else.
func (p *pipePool) put(x *pipe) {
	p.lent--
	if x.level == 0 && len(p.spare) < maxSpare {
		p.spare = append(p.spare, x)
		return
	}
	unix.Close(x.r)
	unix.Close(x.w)
}

// free closes the spare pipes.
func (p *pipePool) free() {
	for _, x := range p.spare {
		unix.Close(x.r)
		unix.Close(x.w)
	}
	p.spare = nil
}

// spliceIn moves what has arrived at e into its empty pipe. A pause in the data gives the pipe back.
func (e *end) spliceIn() {
	n, err := unix.Splice(e.fd, nil, e.pipe.w, nil, pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	switch {
	case n > 0:
		e.carried(int(n))
		e.pipe.level = int(n)
	case err == nil:
		e.finish()
	case err == unix.EPERM || err == unix.EINVAL || err == unix.ENOSYS:
		e.fw.pipes.broken = true
		e.dropPipe()
	default:
		if err == unix.EAGAIN {
			e.dropPipe()
		}
		e.readError(err)
	}
}

// spliceOut moves what is in e's pipe to the other end, and tells whether nothing is left.
func (e *end) spliceOut() bool {
	for e.pipe.level > 0 {
		n, err := unix.Splice(e.pipe.r, nil, e.other.fd, nil, e.pipe.level, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch {
		case err == nil:
			e.pipe.level -= int(n)
			e.flow.at = e.fw.tick
		case err == unix.EAGAIN:
			e.other.notifyWritable()
			return false
		case err != unix.EINTR:
			e.other.fail()
			return false
		}
	}
	return true
}

// dropPipe gives e's pipe back.
func (e *end) dropPipe() {
	if e.pipe != nil {
		e.fw.pipes.put(e.pipe)
		e.pipe = nil
	}
}
