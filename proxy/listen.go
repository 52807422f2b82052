package proxy

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstListenFD is SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstListenFD = 3

// listenFDs returns the listening sockets that systemd passed (sd_listen_fds(3)), which must be as many as there are
// targets. go-systemd's activation package does the same, but brings crypto/tls along (0.7 MB).
func listenFDs(env func(string) string, targets int) ([]int, error) {
	if pid, err := strconv.Atoi(env("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, errors.New("no listening sockets were passed: this program is started by systemd for a .socket unit")
	}
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	if err != nil || n != targets {
		return nil, fmt.Errorf("systemd passed %q listening sockets for %d targets: there must be one target for each ListenStream=, in the same order", env("LISTEN_FDS"), targets)
	}
	fds := make([]int, n)
	for i := range fds {
		fds[i] = firstListenFD + i
		if err := checkListening(fds[i]); err != nil {
			return nil, fmt.Errorf("listening socket %d of %d: %w", i+1, n, err)
		}
	}
	return fds, nil
}

// checkListening refuses what is not a listening stream socket (a ListenDatagram=, an Accept=yes connection).
func checkListening(fd int) error {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return err
	}
	if listening == 0 {
		return errors.New("it does not listen: ListenStream= with Accept=no is what works here")
	}
	return nil
}

// prepareListener makes fd ready for the serving stage: accept must not block (systemd clears the flag without
// NonBlocking=yes), no child may get it, and what is accepted inherits TCP_NODELAY from here, which spares a system call
// for each connection.
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

// closeWithReset ends a connection with RST in place of FIN (SO_LINGER in socket(7)): the peer learns that this is an
// error and not the end of the data. A Unix socket has no such thing and is closed.
func closeWithReset(fd int) error {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
	return unix.Close(fd)
}
