// Package proxy is the running proxy of one application: it gets the listening sockets from systemd, enters the
// container's network namespace, and brings every connection to the application there until nobody uses it any more.
//
// It leads its life in two stages, and where not everybody may wake the application, there is a gate in front of them (gate.go).
// The first, in the host's namespaces, finds the container (container.go) and has itself
// executed again inside the container's network namespace (enter.go). Where that is not possible, or anything else keeps
// it from serving, it says why and turns the clients away (failed.go). The second serves (serve.go): a loop over epoll
// (loop.go) that dials for each waiting client (listener.go, target.go) and forwards (forward.go, pipe.go), until it is
// idle (idle.go), the container ends, or systemd wants it to stop; or it becomes systemd-socket-proxyd (socketproxyd.go).
//
// Where no proxy is wanted the package starts the container for the sockets (activate.go).
package proxy

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Main runs `podman-ondemand proxy` with the words behind that, and returns the exit status: 0 when it is idle, told to stop
// or the container has ended; 1 when there was nothing to serve; 2 for a wrong command line.
func Main(args []string) int {
	log, fds := newLogger(os.Stderr), listenFDs(os.Getenv)
	cfg, err := parseArgs(args, os.Getenv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return fail(2, fmt.Errorf("wrong command line: %w", err), fds, log)
	}
	if cfg.answer {
		return cfg.answerQuestions()
	}
	if err := cfg.checkSockets(fds); err != nil {
		return fail(1, err, fds, log)
	}
	switch {
	case cfg.inside:
	case cfg.rules.gated():
		if open, code := cfg.keepGate(fds, log); !open {
			return code
		}
		args = cfg.held.arg(args)
	default:
		cfg.noteWoken(log)
	}
	switch {
	case cfg.inside:
	case cfg.pidFile != "" || cfg.container != "":
		return firstStage(cfg, args, fds, log)
	case cfg.unit != "":
		if err := isDown(&cfg, cfg.outside()); err != nil {
			return cfg.fail(1, err, fds, log)
		}
	}
	return secondStage(cfg, fds, log)
}

// connectedSend is send over a socket that is open already, for a stage that can open none.
func connectedSend(env func(string) string) func(string) {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: env("NOTIFY_SOCKET"), Net: "unixgram"})
	if err != nil {
		return func(string) {}
	}
	return func(message string) { conn.Write([]byte(message)) }
}

// send passes a message to systemd. Without a systemd to tell, or when it does not listen, nothing is amiss.
func send(message string) { daemon.SdNotify(false, message) }

// firstStage finds the container and enters it.
func firstStage(cfg config, args []string, fds []int, log logger) int {
	began := time.Now()
	done := cfg.failWhenStopped(fds, log)
	send(extendStart(cfg.startTimeout) + "STATUS=Waiting for " + cfg.unit)
	o := cfg.outside()
	c, err := awaitContainer(&cfg, o)
	if err == nil {
		cfg.waited = time.Since(began)
		if err = c.enter(args, cfg.waited, cfg.keep); err != nil {
			err = fmt.Errorf("cannot enter the container of %s: %w", cfg.unit, err)
		}
	}
	done()
	if err != nil && cfg.wentDown(began, o) {
		return 0
	}
	if err != nil {
		return cfg.fail(1, err, fds, log)
	}
	cfg.pidfd = c.pidfd
	return secondStage(cfg, fds, log)
}

// secondStage serves where the application can be reached.
func secondStage(cfg config, fds []int, log logger) int {
	cfg.openTables()
	if !cfg.socketProxyd {
		return serveUntilSignal(cfg, fds, log)
	}
	done := endIfStuck(stuckAfter, killedAfter)
	err := cmp.Or(cfg.becomeUser(), dropCapabilities(0))
	done()
	if err != nil {
		log(prioNotice, "systemd-socket-proxyd has more rights than it needs: %v.", err)
	}
	code, err := handOver(cfg, fds, log)
	if err != nil {
		return fail(1, err, fds, log)
	}
	return code
}

// serveUntilSignal serves until systemd wants it to stop, or there is nothing to serve.
func serveUntilSignal(cfg config, fds []int, log logger) int {
	cfg.keepAddresses(log)
	s, err := newServer(cfg, fds, log, connectedSend(os.Getenv))
	if err == nil && cfg.pidfd >= 0 {
		unix.CloseOnExec(cfg.pidfd)
		err = s.watchContainer(cfg.pidfd)
	}
	if err != nil {
		return cfg.fail(1, fmt.Errorf("cannot watch the sockets and the container: %w", err), fds, log)
	}
	if asker, err := startAsker(cfg.args); err != nil {
		log(prioWarning, "What keeps the application awake and how it started will not be known: %v.", err)
	} else {
		defer asker.end()
		s.wanted, s.check, s.sleep = asker.wanted, asker.check, asker.sleep
		s.started.tell = func(t startTimes) { go asker.tellStart(t) }
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() {
		<-signals
		s.stop("Asked to stop")
	}()
	cfg.fence(log)
	return s.run()
}
