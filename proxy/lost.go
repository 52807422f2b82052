package proxy

import (
	"slices"
	"strconv"
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

// newLostCount counts those that the kernel has dropped from the number dropped on.
func newLostCount(s *server, fd int, dropped uint32) lostCount {
	return lostCount{s: s, fd: fd, dropped: dropped, said: -refusedEvery}
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

// counts is an option with numbers, with a comma between two.
type counts []uint32

// String implements flag.Value.
func (c *counts) String() string {
	words := make([]string, len(*c))
	for i, n := range *c {
		words[i] = strconv.FormatUint(uint64(n), 10)
	}
	return strings.Join(words, ",")
}

// Set implements flag.Value.
func (c *counts) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return err
		}
		*c = append(*c, uint32(n))
	}
	return nil
}

// of is the number of socket i, or where there is none that of this moment.
func (c counts) of(i, fd int) uint32 {
	if i < len(c) {
		return c[i]
	}
	return droppedBy(fd)
}

// noteDropped has the next stage, whose arguments follow those of the result, count what the kernel drops from this moment on: while the
// container starts, too.
func (c *config) noteDropped(args []string, fds []int) []string {
	if !slices.Contains(c.datagram, true) {
		return args
	}
	for _, fd := range fds {
		c.dropped = append(c.dropped, droppedBy(fd))
	}
	return slices.Insert(slices.Clone(args), 0, "--dropped="+c.dropped.String())
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
