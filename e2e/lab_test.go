//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// lab is the test host.
type lab struct {
	name string
	root string // its root directory as this machine sees it; what is mounted inside (/run) is not in it

	mu    sync.Mutex
	words map[string][]string // what comes before a command that runs inside, by user: see "lab words"
}

var host lab

// script runs e2e/lab, which lies beside the tests, and gives its standard output.
func (l *lab) script(args ...string) (string, error) { return output("./lab", args...) }

// output is what a command writes to its standard output; an error has all that it wrote.
func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), err
}

// reboot boots the test host anew. Its processes have other numbers afterwards.
func (l *lab) reboot(t *testing.T) {
	t.Helper()
	if _, err := l.script("reboot", l.name); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words = nil
}

// inside runs a command in the test host as demo or root.
func (l *lab) inside(user string, args ...string) (string, error) {
	words, err := l.wordsFor(user)
	if err != nil {
		return "", err
	}
	return output(words[0], append(words[1:], args...)...)
}

// wordsFor asks once: waiting for something costs a command every few milliseconds, and a shell script would double that.
func (l *lab) wordsFor(user string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if words := l.words[user]; words != nil {
		return words, nil
	}
	args := []string{"words", l.name}
	if user == "root" {
		args = append(args, "--root")
	}
	out, err := l.script(args...)
	if err != nil {
		return nil, err
	}
	if l.words == nil {
		l.words = map[string][]string{}
	}
	words := strings.Split(strings.TrimSpace(out), "\n")
	l.words[user] = words[:len(words):len(words)]
	return l.words[user], nil
}

// try runs a command inside as the user demo.
func (l *lab) try(args ...string) (string, error) { return l.inside("demo", args...) }

// run is try for what must work.
func (l *lab) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// asRoot is run as the test host's root.
func (l *lab) asRoot(t *testing.T, args ...string) {
	t.Helper()
	if _, err := l.inside("root", args...); err != nil {
		t.Fatal(err)
	}
}

// systemctl runs "systemctl --user".
func (l *lab) systemctl(t *testing.T, args ...string) string {
	t.Helper()
	return l.run(t, append([]string{"systemctl", "--user"}, args...)...)
}

// show is one property of a unit of the user manager.
func (l *lab) show(t *testing.T, unit, property string) string {
	t.Helper()
	return strings.TrimSpace(l.systemctl(t, "show", "--value", "-p", property, unit))
}

// showSystem is show for the system manager.
func (l *lab) showSystem(t *testing.T, unit, property string) string {
	t.Helper()
	out, err := l.inside("root", "systemctl", "show", "--value", "-p", property, unit)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// pid is the process id of the test host's systemd; another one after a reboot.
func (l *lab) pid() (int, error) {
	out, err := l.script("pid", l.name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// path is where a file of the running test host is found from here, what is mounted there included.
func (l *lab) path(t *testing.T, name string) string {
	t.Helper()
	pid, err := l.pid()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join("/proc", strconv.Itoa(pid), "root", name)
}

// home is a file of demo's, seen from here.
func (l *lab) home(name string) string { return filepath.Join(l.root, "home/demo", name) }

// write makes a file of demo's with the directories above it. It is there at once and as a whole: the reload of another test may
// come at any moment.
func (l *lab) write(t *testing.T, name, text string) {
	t.Helper()
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		defer os.Chown(l.home(dir), 1000, 1000)
	}
	if err := os.MkdirAll(filepath.Dir(l.home(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := l.home(name) + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(temporary, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, l.home(name)); err != nil {
		t.Fatal(err)
	}
}

// reload is "systemctl --user daemon-reload".
func (l *lab) reload(t *testing.T) {
	t.Helper()
	l.systemctl(t, "daemon-reload")
}

// unitFiles is "systemctl --user cat". It is asked again where it finds nothing: while another test reloads, systemd has no generator's
// directory.
func (l *lab) unitFiles(t *testing.T, pattern string) (text string) {
	t.Helper()
	eventually(t, 5*time.Second, "the unit files of "+pattern, func() bool {
		var err error
		text, err = l.try("systemctl", "--user", "cat", pattern)
		return err == nil
	})
	return text
}

// mark is a place in the user's journal.
func (l *lab) mark(t *testing.T) string {
	t.Helper()
	out := l.run(t, "journalctl", "--user", "-q", "-n1", "-o", "cat", "--show-cursor")
	_, cursor, _ := strings.Cut(out, "-- cursor: ")
	return strings.TrimSpace(cursor)
}

// journal is what came after the mark, with the arguments of journalctl(1) that choose from it.
func (l *lab) journal(t *testing.T, mark string, args ...string) string {
	t.Helper()
	return l.run(t, append([]string{"journalctl", "--user", "-q", "--no-pager", "--after-cursor", mark}, args...)...)
}

// slack is how many times slower than what a test expects a machine may be that does other work besides.
const slack = 4

// eventually waits until the condition holds, and fails the test when it does not within the time and the slack. It looks less often the
// longer it waits, so that many tests that wait are no load for those that work: what it returns is at most a tenth too long.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !holds() {
		waited := time.Since(start)
		if waited > slack*within {
			t.Fatalf("not within %v: %s", slack*within, what)
		}
		time.Sleep(min(max(10*time.Millisecond, waited/10), 200*time.Millisecond))
	}
	return time.Since(start)
}
