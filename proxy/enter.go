package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sameNamespace tells whether fd is the namespace of this kind that we are in.
func sameNamespace(fd int, kind string) (bool, error) {
	var theirs, ours unix.Stat_t
	if err := unix.Fstat(fd, &theirs); err != nil {
		return false, err
	}
	if err := unix.Stat("/proc/self/ns/"+kind, &ours); err != nil {
		return false, err
	}
	return theirs.Ino == ours.Ino && theirs.Dev == ours.Dev, nil
}

// enter replaces this process by the second stage inside c's namespaces, and returns only with an error, or with nil when
// there is nothing to enter (Network=host). A Go program cannot join a user namespace itself, because it has threads
// (setns(2)); so nsenter(1) does it and executes us again. The process id stays, so LISTEN_PID and NOTIFY_SOCKET are right.
func (c *container) enter(args []string, waited time.Duration, keep bool) error {
	if same, err := sameNamespace(c.netNS, "net"); err != nil || same {
		return err
	}
	ownUser, err := sameNamespace(c.userNS, "user")
	if err != nil {
		return err
	}
	nsenter := utility("nsenter")
	if nsenter == "" {
		return errors.New("nsenter was not found: install util-linux")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := c.inherit(!ownUser); err != nil {
		return err
	}
	argv := c.nsenterArgs(!ownUser)
	if !ownUser {
		argv = append(argv, withoutCapabilities(keep)...)
	}
	if err := rehearse(nsenter, argv); err != nil {
		return err
	}
	argv = append(argv, c.secondStage(self, args, waited)...)
	return fmt.Errorf("%s: %w", nsenter, unix.Exec(nsenter, argv, os.Environ()))
}

// rehearse enters the namespaces in a child, which takes 2 ms. Once nsenter has taken our place nobody would be there to say
// that it may not enter and to refuse the connections: systemd would start us again at once, until the socket is dead.
func rehearse(nsenter string, argv []string) error {
	cmd := exec.Command(nsenter, append(argv[1:len(argv):len(argv)], nsenter, "--version")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimSpace(said.String()), err)
	}
	return nil
}

// nsenterArgs is the command line of nsenter(1), up to the command to execute.
func (c *container) nsenterArgs(user bool) []string {
	argv := []string{"nsenter"}
	if user {
		argv = append(argv, "--user=/proc/self/fd/"+strconv.Itoa(c.userNS), "--preserve-credentials")
	}
	return append(argv, "--net=/proc/self/fd/"+strconv.Itoa(c.netNS), "--")
}

// withoutCapabilities is what follows where a user namespace is entered, which gives all capabilities in it: setpriv(1) lets the next program
// begin without. The second stage could give them up itself, and does where there is no setpriv (fence.go); but each of the forty in the
// bounding set costs a stop of all its threads, together some milliseconds of each start.
// Where it keeps the addresses of clients, it sets routes and takes addresses, and gives up by itself what is left.
func withoutCapabilities(keep bool) []string {
	setpriv := utility("setpriv")
	if setpriv == "" {
		return nil
	}
	left := "--bounding-set=-all"
	if keep {
		left += ",+net_admin,+net_raw,+setpcap"
	}
	return []string{setpriv, left, "--inh-caps=-all", "--"}
}

// secondStage is our own command line in there.
func (c *container) secondStage(self string, args []string, waited time.Duration) []string {
	argv := []string{self, "proxy", "--inside", "--pidfd=" + strconv.Itoa(c.pidfd), "--waited=" + waited.Round(time.Millisecond).String()}
	return append(argv, args...)
}

// inherit lets the next program have the pidfd, and nsenter the namespaces.
func (c *container) inherit(user bool) error {
	fds := []int{c.pidfd, c.netNS}
	if user {
		fds = append(fds, c.userNS)
	}
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	return nil
}

// utility finds a program of util-linux, in PATH or in /usr/bin; "" where it is not.
func utility(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	usual := "/usr/bin/" + name
	if unix.Access(usual, unix.X_OK) != nil {
		return ""
	}
	return usual
}
