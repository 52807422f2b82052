package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ActivateUsage is the form of the command.
const ActivateUsage = "activate start MARK COMMAND... | ended MARK"

// ActivateHelp is what it is for.
const ActivateHelp = `Run by the NAME.service of a file with Proxy=none, not by people: becomes
COMMAND (podman), which gets the sockets that systemd has passed. After a
container that could not start it refuses the waiting connections instead, once:
systemd would start it again and again for them, and close the port for good in
the end. MARK is the file that remembers the last start.`

const (
	// shortLife is how long ago a container must have been started for its failure not to count as one of its start. That is before
	// podman, which takes some seconds on a small machine.
	shortLife = 10 * time.Second
	// freshFailure is how long after a failure the next start is taken for one that the same clients have caused.
	freshFailure = 2 * time.Second
	// startsEvery is the shortest time between two starts: an application may also end well without having taken its client.
	startsEvery = time.Second
)

// What a mark holds; its time is that of the event.
const (
	started   = "started"
	startFail = "failed"
)

// Activate runs `podman-ondemand activate` and returns the exit status.
func Activate(args []string) int {
	log := newLogger(os.Stderr)
	switch {
	case len(args) == 2 && args[0] == "ended":
		if err := rememberEnd(args[1], os.Getenv("SERVICE_RESULT"), time.Now()); err != nil {
			log(prioWarning, "Cannot remember how the container has ended: %v.", err)
			return 1
		}
		return 0
	case len(args) >= 3 && args[0] == "start":
		return activate(args[1], args[2:], log)
	}
	fmt.Fprintln(os.Stderr, "usage: podman-ondemand "+ActivateUsage)
	return 2
}

// activate becomes command, or refuses the clients for which that has just failed.
func activate(mark string, command []string, log logger) int {
	fds := listenFDs(os.Getenv)
	what, since := readMark(mark, time.Now())
	if what == startFail && since < freshFailure && len(fds) > 0 {
		os.Remove(mark)
		return fail(1, errors.New("the container could not start; the next connection tries again"), fds, log)
	}
	if what == started && since < startsEvery {
		time.Sleep(startsEvery - since)
	}
	if err := os.WriteFile(mark, []byte(started+"\n"), 0o600); err != nil {
		log(prioWarning, "Cannot remember this start: %v.", err)
	}
	program, err := exec.LookPath(command[0])
	if err == nil {
		err = fmt.Errorf("%s: %w", program, unix.Exec(program, command, os.Environ()))
	}
	log(prioError, "Cannot start the container: %v.", err)
	return 1
}

// rememberEnd makes a failure of the mark where a run has failed (SERVICE_RESULT in systemd.exec(5)) soon after its start.
func rememberEnd(mark, result string, now time.Time) error {
	what, since := readMark(mark, now)
	if what != started || result == "success" || since >= shortLife {
		return nil
	}
	return os.WriteFile(mark, []byte(startFail+"\n"), 0o600)
}

// readMark says what a mark holds, "" where there is none, and how old it is.
func readMark(mark string, now time.Time) (what string, since time.Duration) {
	text, err := os.ReadFile(mark)
	if err != nil {
		return "", 0
	}
	info, err := os.Stat(mark)
	if err != nil {
		return "", 0
	}
	return strings.TrimSpace(string(text)), now.Sub(info.ModTime())
}

// Refuse refuses the connections of the sockets that systemd has passed, if any, for as long as the failed mode lasts.
func Refuse() {
	if fds := listenFDs(os.Getenv); len(fds) > 0 {
		refuse(fds, failedTime)
	}
}
