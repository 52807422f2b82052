package proxy

import (
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"podman-ondemand/figures"
)

// loss is why a datagram did not come through.
type loss int

const (
	queueFull loss = iota
	noPlace
	notTaken
	notSent
	noAnswer
	losses
)

var lossTexts = [losses]string{
	queueFull: "the queue of the socket was full",
	noPlace:   "there were as many flows as MaxConnections= allows",
	notTaken:  "the application did not take them",
	notSent:   "the answers could not be sent",
	noAnswer:  "the application did not begin to receive",
}

// lostCount counts the datagrams of one socket that did not come through, and says now and then how many.
type lostCount struct {
	s       *server
	fd      int
	dropped uint32 // by the kernel, up to the last look
	n       [losses]int
	said    time.Duration
}

// newLostCount counts those that the kernel has dropped since the last proxy has: most get lost while the container starts, before there is one.
func newLostCount(s *server, fd int) lostCount {
	return lostCount{s: s, fd: fd, dropped: noted(fd), said: -refusedEvery}
}

func (l *lostCount) add(why loss, n int) {
	if l.n[why] += n; n > 0 {
		l.due()
	}
}

// due says them, unless that was done a short time ago.
func (l *lostCount) due() {
	if l.s.loop.now()-l.said >= refusedEvery {
		l.say()
	}
}

// say logs those that have not been said yet.
func (l *lostCount) say() {
	now := droppedBy(l.fd)
	l.n[queueFull] += int(now - l.dropped)
	l.dropped = now
	note(l.fd, now)
	var whys []string
	total := 0
	for why, n := range l.n {
		if n > 0 {
			total += n
			whys = append(whys, lossTexts[why])
		}
	}
	if total == 0 {
		return
	}
	l.s.log(prioInfo, "%s lost: %s.", figures.Count(int64(total), "datagram"), strings.Join(whys, ", "))
	l.n, l.said = [losses]int{}, l.s.loop.now()
}

// note leaves a number with the socket, which outlives us: as its timeout for reading (SO_RCVTIMEO in socket(7)), of which nothing else makes use,
// since nobody waits in a read.
func note(fd int, n uint32) {
	t := unix.NsecToTimeval(int64(n) * 1e9)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t)
}

// noted is the number that note has left, or 0.
func noted(fd int) uint32 {
	t, err := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO)
	if err != nil {
		return 0
	}
	return uint32(t.Sec)
}

// droppedBy is how many datagrams the kernel had no room for in fd's queue (SO_MEMINFO in socket(7); the last of nine numbers). It counts as long
// as the socket is there.
func droppedBy(fd int) uint32 {
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return info[8]
}
