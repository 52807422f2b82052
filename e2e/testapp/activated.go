package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// activated serves what systemd has passed (sd_listen_fds(3)): HTTP on listening stream sockets, an echo on datagram sockets,
// and what comes out of a FIFO goes to the log. A connection itself (Accept=yes) is served, and its end is the application's.
// With an idle time it exits when nobody has used it for so long; 0 is never. It returns only with an error.
func activated(web site, idle time.Duration) error {
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if pid := os.Getenv("LISTEN_PID"); err != nil || n < 1 || pid != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("no sockets were passed: LISTEN_FDS=%s LISTEN_PID=%s", os.Getenv("LISTEN_FDS"), pid)
	}
	a := activation{web: web, idle: idle}
	for fd := 3; fd < 3+n; fd++ {
		if err := a.add(fd); err != nil {
			return fmt.Errorf("file descriptor %d: %w", fd, err)
		}
	}
	return a.run()
}

// activation looks after all passed sockets in one goroutine, so that nothing is accepted any more at the moment of the end.
type activation struct {
	web    site
	idle   time.Duration
	polled []unix.PollFd
	take   []func(fd int) error // what to do when there is something to read
	active atomic.Int32         // connections
}

func (a *activation) add(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	listening, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	take := a.accept
	switch {
	case errors.Is(err, unix.ENOTSOCK):
		take = logPiece
	case err != nil:
		return err
	case kind == unix.SOCK_DGRAM:
		take = echoPacket
	case listening == 0:
		take = a.serveOnly
	case a.idle == 0:
		return a.listen(fd)
	}
	a.polled = append(a.polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	a.take = append(a.take, take)
	return nil
}

// listen serves a socket as any other that listens: where there is no end, nothing has to be in one goroutine, and benchmarks compare the two.
func (a *activation) listen(fd int) error {
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	l, err := net.FileListener(file)
	if err == nil {
		go serve(l, a.web.serve)
	}
	return err
}

// run serves until nothing was used for the idle time.
func (a *activation) run() error {
	look := -1
	if a.idle > 0 {
		look = 10 // milliseconds
	}
	for used := time.Now(); ; {
		n, err := unix.Poll(a.polled, look)
		if err != nil && err != unix.EINTR {
			return err
		}
		if a.active.Load() > 0 || n > 0 {
			used = time.Now()
		}
		for i, p := range a.polled {
			if n > 0 && p.Revents != 0 {
				if err := a.take[i](int(p.Fd)); err != nil {
					return err
				}
			}
		}
		if a.idle > 0 && time.Since(used) >= a.idle {
			os.Exit(0)
		}
	}
}

func (a *activation) accept(fd int) error {
	nfd, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	c, err := connection(nfd)
	if err != nil {
		return err
	}
	a.active.Add(1)
	go func() {
		defer a.active.Add(-1)
		defer c.Close()
		a.web.serve(c)
	}()
	return nil
}

// serveOnly serves the connection that was passed, and ends.
func (a *activation) serveOnly(fd int) error {
	c, err := connection(fd)
	if err != nil {
		return err
	}
	a.web.serve(c)
	c.Close()
	os.Exit(0)
	return nil
}

// connection takes fd over.
func connection(fd int) (net.Conn, error) {
	file := os.NewFile(uintptr(fd), "connection")
	defer file.Close() // or the client would never see the end
	return net.FileConn(file)
}

func echoPacket(fd int) error {
	packet := make([]byte, 1<<16)
	n, from, err := unix.Recvfrom(fd, packet, 0)
	if err == nil {
		err = unix.Sendto(fd, packet[:n], 0, from)
	}
	return err
}

func logPiece(fd int) error {
	piece := make([]byte, 1<<12)
	n, err := unix.Read(fd, piece)
	log.Printf("read: %s", piece[:max(n, 0)])
	return err
}
