package proxy

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"podman-ondemand/figures"
)

// firstListenFD is SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstListenFD = 3

// listenFDs returns the file descriptors that systemd passed (sd_listen_fds(3)), and none when it passed none to this
// process. go-systemd's activation package does the same, but brings crypto/tls along (0.7 MB).
func listenFDs(env func(string) string) []int {
	if pid, err := strconv.Atoi(env("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil
	}
	n, _ := strconv.Atoi(env("LISTEN_FDS"))
	fds := make([]int, max(n, 0))
	for i := range fds {
		fds[i] = firstListenFD + i
	}
	return fds
}

// checkSockets wants a listening socket for each target.
func (c *config) checkSockets(fds []int) error {
	if len(fds) == 0 {
		return errors.New("no listening sockets were passed: this program is started by systemd for a .socket unit")
	}
	c.datagram = make([]bool, len(fds))
	for i, fd := range fds {
		if c.datagram[i] = isDatagram(fd) && !c.socketProxyd; c.datagram[i] {
			continue
		}
		if err := checkListening(fd); err != nil {
			return fmt.Errorf("socket %d of %d: %w", i+1, len(fds), err)
		}
	}
	if passed, wanted := len(fds), len(c.targets); passed != wanted {
		return fmt.Errorf("systemd passed %s for %s: each address of the socket needs one, in the same order, and one that systemd cannot read is left out; see %s",
			figures.Count(int64(passed), "listening socket"), figures.Count(int64(wanted), "target"), c.socketJournal())
	}
	for _, t := range c.datagramTargets() {
		if !t.tcp() {
			return fmt.Errorf("%s cannot be behind a UDP socket", t.name)
		}
		t.name = "UDP " + t.name
	}
	return nil
}

// isDatagram tells whether listening socket i is for datagrams.
func (c *config) isDatagram(i int) bool { return i < len(c.datagram) && c.datagram[i] }

// datagramTargets are those behind the UDP sockets.
func (c *config) datagramTargets() (ts []*target) {
	for i, is := range c.datagram {
		if is {
			ts = append(ts, c.targets[i])
		}
	}
	return ts
}

// checkListening refuses what is not a listening stream socket (a Unix socket for datagrams, an Accept=yes connection).
func checkListening(fd int) error {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return err
	}
	if listening == 0 {
		return errors.New("it does not listen: ListenStream= with Accept=no is what works here, and UDP")
	}
	return nil
}

// prepareListener makes fd ready to accept on: that must not block (systemd clears the flag without NonBlocking=yes), no
// child may get it, and what is accepted inherits TCP_NODELAY from here, which spares a system call for each connection.
func prepareListener(fd int) error {
	unix.CloseOnExec(fd)
	if isTCP(fd) {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return unix.SetNonblock(fd, true)
}

// isTCP tells TCP from Unix sockets.
func isTCP(fd int) bool {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return err == nil && domain != unix.AF_UNIX
}

// accept takes one connection off fd's queue, without asking for the peer's address.
func accept(fd int) (int, error) {
	conn, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(conn), nil
}

// waiting tells whether a connection is in fd's queue, and leaves it there.
func waiting(fd int) bool { return pollIn([]int{fd}, 0) }

// pollIn waits at most ms milliseconds until one of fds is readable.
func pollIn(fds []int, ms int) bool {
	p := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		p[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	n, err := unix.Poll(p, ms)
	return err == nil && n > 0
}

// resetWaiting accepts and resets what is in fd's queue now, and returns how many that were.
func resetWaiting(fd int) (n int) {
	for {
		conn, err := accept(fd)
		switch err {
		case nil:
			closeWithReset(conn)
			n++
		case unix.ECONNABORTED, unix.EINTR:
		default:
			return n
		}
	}
}

// emptier is what empties fd of what waits there, and says how many that were; nil for a connection.
func emptier(fd int) func(int) int {
	if checkListening(fd) == nil {
		return resetWaiting
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && (kind == unix.SOCK_STREAM || kind == unix.SOCK_SEQPACKET) {
		return nil
	}
	return discardWaiting
}

// discardMost bounds discardWaiting: somebody may send as fast as we read.
const discardMost = 1 << 16

// discardWaiting reads what waits in fd now, and returns how many datagrams or pieces that were.
func discardWaiting(fd int) (n int) {
	piece := make([]byte, 1<<16)
	for n < discardMost {
		switch size, err := unix.Read(fd, piece); {
		case err == unix.EINTR:
		case err != nil || size == 0 && !isSocket(fd):
			return n
		default:
			n++
		}
	}
	return n
}

// isSocket tells a socket, where an empty datagram is one as well, from the end of a file.
func isSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}

// closeWithReset ends a connection with RST in place of FIN (SO_LINGER in socket(7)): the peer learns that this is an
// error and not the end of the data. A Unix socket has no such thing and is closed.
func closeWithReset(fd int) error {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
	return unix.Close(fd)
}
