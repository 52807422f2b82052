package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// container is a running container, held by file descriptors: a process id may be used again, these are not.
type container struct {
	pidfd  int // pidfd_open(2) of its first process
	userNS int // conmon's user namespace, which owns the container's network namespace or is a parent of its owner
	netNS  int
}

var (
	// errNoContainer: there is none at the moment.
	errNoContainer = errors.New("the container does not run")
	// errNoFile: podman has not even begun to start one, or has cleaned up behind it.
	errNoFile = fmt.Errorf("%w: no process id file", errNoContainer)
)

// findByFiles finds the container by the files that podman run wrote.
func findByFiles(pidFile, conmonPIDFile string) (*container, error) {
	pid, err := readPID(pidFile)
	if err != nil {
		return nil, err
	}
	conmon, err := readPID(conmonPIDFile)
	if err != nil {
		return nil, err
	}
	return openContainer(pid, conmon)
}

// openContainer opens the container of that process and that conmon. The pidfd comes first and is asked last: what was
// opened in between by the same process id belongs to the process that still lives.
func openContainer(pid, conmon int) (_ *container, err error) {
	c := &container{pidfd: -1, userNS: -1, netNS: -1}
	if c.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return nil, gone("pidfd_open", err)
	}
	unix.CloseOnExec(c.pidfd)
	if c.userNS, err = openNamespace(conmon, "user"); err == nil {
		c.netNS, err = openNamespace(pid, "net")
	}
	if err == nil && processEnded(c.pidfd) {
		err = errNoContainer
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *container) close() {
	for _, fd := range []int{c.pidfd, c.userNS, c.netNS} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// readPID reads a process id from a file of podman's.
func readPID(name string) (int, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNoFile
	}
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return 0, errNoContainer // being written
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s: %.20q is no process id", name, text)
	}
	return pid, nil
}

// openNamespace opens /proc/PID/ns/KIND (namespaces(7)).
func openNamespace(pid int, kind string) (int, error) {
	name := fmt.Sprintf("/proc/%d/ns/%s", pid, kind)
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, gone(name, err)
}

// gone makes the error of a process that has ended recognisable.
func gone(what string, err error) error {
	switch err {
	case nil:
		return nil
	case unix.ESRCH, unix.ENOENT:
		return errNoContainer
	}
	return fmt.Errorf("%s: %w", what, err)
}

// processEnded tells whether the process behind pidfd has ended. poll(2) needs no permission, unlike a signal.
func processEnded(pidfd int) bool { return pollIn([]int{pidfd}, 0) }

// pollEvery is the time between two looks for a container that is being started.
const pollEvery = 100 * time.Millisecond

// againEvery is the time between two tries to start a service whose start was taken back. systemd writes each that it refuses to the journal.
const againEvery = 500 * time.Millisecond

// foreignAfter is how long a service may be active without a process id file. Ours has the file before it is active
// (podman writes it, then says READY=1); the rest is for a service that stops and starts again just now.
const foreignAfter = 2 * time.Second

// unitState is what systemd says about the container's service; result is how its last run ended (Result in
// org.freedesktop.systemd1(5)).
type unitState struct {
	manager.Unit
	result string
}

// starting tells whether a container may still come out of this state. "active" without a container is podman between two
// steps; "…-before-auto-restart" is systemd between two (since 254).
func (u unitState) starting() bool {
	return !u.Down() || strings.HasSuffix(u.SubState, "-before-auto-restart")
}

// takenBack tells whether the last start was neither a success nor a failure: a stop came in between, of the service or of a unit that it
// needs. systemd takes the start of the service back then, and starts us all the same (seen with 257: the stop goes on only to what is active).
func (u unitState) takenBack() bool {
	return u.LoadState == "loaded" && u.Down() && !u.Unmet && u.Starting.After(u.Active) &&
		(u.result == "success" || u.result == "signal") // the latter is a command before that of the service
}

// outside is what waiting for a container needs from the world.
type outside struct {
	query  func(unit string) (unitState, error)
	start  func() (refused bool, err error) // the service, and waits for that; refused: something is being stopped that it needs
	unitOf func(pid int) (string, error)    // the unit that a process belongs to
	now    func() time.Time
	sleep  func(time.Duration)
}

// startTakenBack starts the service again whose start was taken back, as soon as what was stopped is down: the clients have waited for that
// start. What has come of it is for the next look.
func (c *config) startTakenBack(o outside) {
	for began := o.now(); o.now().Sub(began) < c.startTimeout; o.sleep(againEvery) {
		if refused, err := o.start(); !refused || err != nil {
			return
		}
	}
}

// startAgain is start of outside.
func (c *config) startAgain() (refused bool, err error) {
	send(extendStart(max(c.startTimeout, manager.JobTimeout)))
	_, err = c.withManager(context.Background(), func(m *manager.Conn) (string, error) {
		refused = manager.Refused(m.StartOrFail(context.Background(), c.unit))
		return "", nil
	})
	return refused, err
}

// awaitContainer returns the container as soon as it runs. The error says in a sentence why there is none, when systemd
// no longer tries to start it, another unit has taken its place, or the start timeout is over.
func awaitContainer(c *config, o outside) (*container, error) {
	began := o.now()
	ours := began // the last time that the service looked like ours
	again := false
	for {
		found, err := c.find(o)
		if err == nil {
			return found, nil
		}
		if !errors.Is(err, errNoContainer) {
			return nil, fmt.Errorf("cannot enter the container of %s: %w; see %s", c.unit, err, c.journal())
		}
		state, queryErr := o.query(c.unit)
		if queryErr != nil {
			return nil, fmt.Errorf("the container of %s does not run, and systemd does not say why (%w); see %s", c.unit, queryErr, c.journal())
		}
		if !again && state.takenBack() {
			again = true // once: the clients are not to start it for ever
			c.startTakenBack(o)
			ours = o.now()
			continue
		}
		now := o.now()
		if state.ActiveState != "active" || err != errNoFile {
			ours = now
		}
		if why := c.whyNot(state, now.Sub(ours)); why != nil {
			return nil, why
		}
		if now.Sub(began) >= c.startTimeout {
			return nil, c.whyLate(state, err)
		}
		o.sleep(pollEvery)
	}
}

// find looks for the container once.
func (c *config) find(o outside) (*container, error) {
	if c.container != "" {
		return c.findNamed(o)
	}
	return findByFiles(c.pidFile, c.conmonPIDFile)
}

// whyNot is the reason not to wait any longer, or nil. foreign is how long the service has been active without a process id
// file.
func (c *config) whyNot(u unitState, foreign time.Duration) error {
	switch {
	case !u.starting():
		return errors.New(c.whyDown(u))
	case foreign >= foreignAfter:
		return errors.New(c.whyForeign(u))
	}
	return nil
}

// whyLate is the error of a start timeout that is over; last is why there was no container in the end.
func (c *config) whyLate(u unitState, last error) error {
	what, more := "its container", ""
	if c.container != "" {
		what, more = "the container "+c.container, ": "+last.Error()
	}
	return fmt.Errorf("%s did not start %s within %s (it is %s/%s%s); see %s",
		c.unit, what, spanText(c.startTimeout), u.ActiveState, u.SubState, more, c.journal())
}

// isDown says why there is nothing to wait for, where the service has no container of ours ([OnDemand] Unit=): systemd has
// tried to start it before us. Where systemd does not answer, the start timeout is what ends the waiting.
func isDown(c *config, o outside) error {
	state, err := o.query(c.unit)
	if err == nil && state.takenBack() {
		c.startTakenBack(o)
		state, err = o.query(c.unit)
	}
	if err != nil || state.starting() {
		return nil
	}
	return errors.New(c.whyDown(state))
}

// whyForeign is a sentence about a service that is active and has not started our container. What another unit of that name
// started goes on when that unit is gone and systemd has read ours in its place.
func (c *config) whyForeign(u unitState) string {
	if strings.HasSuffix(u.SourcePath, ".ondemand") {
		return fmt.Sprintf("%s is active without %s, as if another unit of that name had started it: %s ends that",
			c.unit, c.pidFile, c.command("systemctl", "stop", c.unit))
	}
	return fmt.Sprintf("%s is not ours: it was loaded from %s, and is active without %s; rename one of the two",
		c.unit, cmp.Or(u.SourcePath, u.FragmentPath), c.pidFile)
}

// whyDown is a sentence about a service that does not run and will not by itself.
func (c *config) whyDown(u unitState) string {
	switch {
	case u.LoadState != "loaded":
		return fmt.Sprintf("%s cannot be started, it is %s; see %s", c.unit, u.LoadState, c.unitStatus())
	case u.result == "start-limit-hit":
		return fmt.Sprintf("%s failed too often in a short time (start-limit-hit): the first connection after a pause of at most 30s starts it again; see %s", c.unit, c.journal())
	case u.ActiveState == "failed" && u.result == "timeout":
		return fmt.Sprintf("nobody has said within the start timeout that %s is ready (result %q): the next connection tries again; see %s", c.unit, u.result, c.journal())
	case u.ActiveState == "failed":
		return fmt.Sprintf("%s could not start (result %q): the next connection tries again; see %s", c.unit, u.result, c.journal())
	case u.Unmet:
		return fmt.Sprintf("%s was not started, because a Condition…= or Assert…= of it is not met: the next connection tries again; see %s", c.unit, c.unitStatus())
	}
	return fmt.Sprintf("%s is not running (it is %s/%s, result %q): the next connection starts it; see %s", c.unit, u.ActiveState, u.SubState, u.result, c.journal())
}
