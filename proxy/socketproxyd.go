package proxy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// SocketProxyds are where systemd-socket-proxyd(8) may be; the second is for distributions that keep /lib apart.
var SocketProxyds = []string{"/usr/lib/systemd/systemd-socket-proxyd", "/lib/systemd/systemd-socket-proxyd"}

func findSocketProxyd(paths []string) (string, error) {
	for _, name := range paths {
		if unix.Access(name, unix.X_OK) == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s was not found: install the package of systemd that has it, or leave Proxy=systemd-socket-proxyd out", paths[0])
}

// handOver is the second stage with Proxy=systemd-socket-proxyd: it waits until the application answers and somebody is there
// to be served, and becomes that program. It says READY=1 in its place, because before systemd 253 that never does, and it
// waits for the first client, because that ends for idleness only after one. It returns where it does not become that program.
func handOver(cfg config, fds []int, log logger) (code int, err error) {
	program, err := findSocketProxyd(SocketProxyds)
	if err != nil {
		return 1, err
	}
	send(extendStart(cfg.startTimeout-cfg.waited) + "STATUS=Waiting for the application on " + cfg.targets[0].name)
	at, err := cfg.awaitAnswer()
	if err != nil {
		turnAway(err, fds, log)
		return 1, nil
	}
	send("READY=1\nSTATUS=systemd-socket-proxyd passes connections on to " + at.text)
	if why := cfg.awaitClient(fds); why != "" {
		log(prioInfo, "%s, stopping.", why)
		return 0, nil
	}
	return 1, cfg.become(program, at, len(fds))
}

// turnAway says why and resets the clients that wait. Unlike the failed mode it does not stay: systemd shall stop the container
// before the next client wakes it, and this does not happen often enough to reach the socket's trigger limit.
func turnAway(why error, fds []int, log logger) {
	log(prioWarning, "Connections are refused: %v.", why)
	for _, fd := range fds {
		if prepareListener(fd) == nil {
			resetWaiting(fd)
		}
	}
}

// awaitAnswer waits until the application is ready, and returns the address where it takes connections.
func (c *config) awaitAnswer() (at *address, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), min(c.startTimeout-c.waited, 100*365*24*time.Hour))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go watch(ctx, c.pidfd, end)
	wanted := "answer on " + c.targets[0].name
	if c.ready.probed() {
		wanted = c.ready.wanted()
		err = c.ready.await(ctx)
	}
	if err == nil {
		at, err = c.targets[0].await(ctx)
	}
	switch {
	case err == nil:
		return at, nil
	case context.Cause(ctx) == errContainerEnded:
		return nil, fmt.Errorf("%w before the application answered; see %s", errContainerEnded, c.journal())
	}
	return nil, fmt.Errorf("the application does not %s after %s (%w); see %s", wanted, spanText(c.startTimeout), err, c.journal())
}

var errContainerEnded = errors.New("the container has ended")

// watch calls end when the container behind pidfd, if there is one, ends before ctx.
func watch(ctx context.Context, pidfd int, end context.CancelCauseFunc) {
	for pidfd >= 0 && ctx.Err() == nil {
		if pollIn([]int{pidfd}, int(pollEvery.Milliseconds())) {
			end(errContainerEnded)
		}
	}
}

// await waits until t takes a connection, and returns where.
func (t *target) await(ctx context.Context) (at *address, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		conn, where, err := t.reach(ctx)
		if err != nil {
			return err
		}
		at = where
		return conn.Close()
	})
	return at, err
}

// awaitClient waits until a client is in the queue of one of fds, and returns "", or why nobody needs to wait any longer.
func (c *config) awaitClient(fds []int) (why string) {
	watched := append([]int{}, fds...)
	if c.pidfd >= 0 {
		watched = append(watched, c.pidfd)
	}
	const turn = time.Hour // poll(2) counts milliseconds in an int32
	for end := time.Now().Add(min(c.idleTimeout, 100*365*24*time.Hour)); ; {
		left := time.Until(end)
		if left <= 0 {
			return "Nobody was connected for " + spanText(c.idleTimeout)
		}
		if !pollIn(watched, int(min(left, turn).Milliseconds())+1) {
			continue
		}
		if c.pidfd >= 0 && processEnded(c.pidfd) {
			return "The container has ended"
		}
		return ""
	}
}

// become executes program in our place. Of our file descriptors it gets only the n that systemd has passed. It returns only
// with an error.
func (c *config) become(program string, at *address, n int) error {
	// What nsenter has left open, too; before Linux 5.11 it stays so.
	_ = unix.CloseRange(uint(firstListenFD+n), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	return fmt.Errorf("%s: %w", program, unix.Exec(program, c.socketProxydArgs(program, at), os.Environ()))
}

// socketProxydArgs is its command line. Without a limit it would take 256 connections and close all others.
func (c *config) socketProxydArgs(program string, at *address) []string {
	argv := []string{program, "--connections-max=" + strconv.Itoa(connectionLimit(c.maxConnections, fdsOfSocketProxyd, 0))}
	if c.idleTimeout != infinity {
		argv = append(argv, "--exit-idle-time="+spanText(max(c.idleTimeout, time.Millisecond)))
	}
	return append(argv, at.unbracketed())
}

// unbracketed is the address as systemd-socket-proxyd takes it: it looks for the port behind the last colon and does not know
// brackets.
func (a *address) unbracketed() string {
	if ap, err := netip.ParseAddrPort(a.text); err == nil {
		return ap.Addr().String() + ":" + strconv.Itoa(int(ap.Port()))
	}
	return a.text
}
