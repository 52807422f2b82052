package proxy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// conmon is a running conmon(8), the process that podman starts beside each container.
type conmon struct {
	pid     int
	pidFile string // holds the process id of its container
}

// conmonsOf finds the conmons of our own user whose container has that name. Of one store of podman's there is one at most, but
// a user may have several stores (podman --root). podman itself is not asked: that takes a tenth of a second each time,
// and more rights than the proxy has.
func conmonsOf(name string) (found []conmon) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var stat unix.Stat_t
		if unix.Stat(dir, &stat) != nil || int(stat.Uid) != os.Getuid() {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue // it has just ended
		}
		args := strings.Split(string(line), "\x00")
		if filepath.Base(args[0]) != "conmon" || optionOf(args, "-n") != name {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			found = append(found, conmon{pid, optionOf(args, "-p")})
		}
	}
	return found
}

// optionOf is the word after the first option of that name. Those that conmon only passes on (--exit-command-arg) come last.
func optionOf(args []string, option string) string {
	if i := slices.Index(args, option); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// findNamed finds the running container c.container. A name alone does not tell it from one that is left over, or that
// somebody started by hand. So the woken unit must be up, and conmon must belong to it or to a unit that is up and tied to it
// by a dependency, as a pod's service is to those of its members. That can be asked, because podman leaves conmon in the
// control group of the service that started it; by hand it gets a scope. And it is enough, because systemd ends what is in that
// control group before it starts the service anew; only with KillMode=process or none may one from before count, until podman
// replaces it.
func (c *config) findNamed(o outside) (*container, error) {
	woken, err := o.query(c.unit)
	if err != nil || !woken.Up() {
		return nil, errNoContainer
	}
	none := errNoContainer
	for _, m := range conmonsOf(c.container) {
		owner, err := o.unitOf(m.pid)
		switch {
		case err != nil:
			continue // it has just ended
		case !startedFor(woken, owner, o):
			none = fmt.Errorf("%w, but one of that name does in %s, which has nothing to do with %s", errNoContainer, owner, c.unit)
			continue
		}
		if found, err := m.container(); !errors.Is(err, errNoContainer) {
			return found, err
		}
	}
	return nil, none
}

// container opens the container beside conmon.
func (m conmon) container() (*container, error) {
	pid, err := readPID(m.pidFile)
	if err != nil {
		return nil, err
	}
	return openContainer(pid, m.pid)
}

// startedFor tells whether what owner runs came with the woken unit.
func startedFor(woken unitState, owner string, o outside) bool {
	if !slices.Contains(woken.Tied(), owner) {
		return false
	}
	state, err := o.query(owner)
	return err == nil && state.Up()
}
