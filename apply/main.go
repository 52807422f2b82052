// Package apply is what podman-ondemand-apply@NAME-HASH.service runs: it makes `systemctl daemon-reload` enough.
//
// A reload starts no socket that a generator has just written, stops none whose unit has gone, and leaves one whose
// addresses have changed dead. sockets.target upholds one instance of the template per application, and HASH stands for
// the text of the socket's unit. So a new text is a new instance, which starts the socket or starts it again, and an
// application that has gone leaves an instance that nobody upholds, which stops the socket.
//
// A socket that cannot be started, because a foreign program has its port, keeps the instance's process: it looks from time
// to time whether the addresses are free. (An instance that fails and is started again would fill the journal.)
//
// What was applied last is remembered in RUNTIME_DIRECTORY (systemd.exec(5)), so that a socket which a person has stopped
// stays stopped over any number of reloads.
package apply

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"podman-ondemand/manager"
)

// Usage is the command's form.
const Usage = "apply [--user|--system] start|stop NAME-HASH"

// Help is what the command is for.
const Help = `Run by podman-ondemand-apply@NAME-HASH.service, not by people: after a
daemon-reload it starts, restarts or stops NAME.socket as the change of
NAME.ondemand demands. HASH stands for the text of the socket's unit.

  --user     ask the user's service manager (the default, but for root)
  --system   ask the system's service manager
`

// timeout bounds one try in all: three jobs, and as long again for whoever holds the lock.
const timeout = 6 * manager.JobTimeout

const (
	retry    = 200 * time.Millisecond
	patience = 10 * time.Second
	// Between two tries of a socket that has failed: while an address is taken the shortest; where systemd was told to start
	// it, and said why it could not, ever longer.
	shortestPause = 10 * time.Second
	longestPause  = time.Hour
	// The last pause between two tries to remove a container. 31 s in all: a shutdown waits for them.
	longestLeft = 16 * time.Second
)

// Main is `podman-ondemand apply`; args are what follows that word. The result is the exit status. It is 0 also where there
// is nothing that could be done better by doing it again: sockets.target upholds the instance, and would.
func Main(args []string) int {
	c, err := parse(args, os.Getuid())
	var instance *instanceError
	switch {
	case errors.As(err, &instance):
		fmt.Fprintf(os.Stderr, "%sapply: %v\n", levelErr, err)
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%sapply: %v\nusage: podman-ondemand %s\n", levelErr, err, Usage)
		return 1
	}
	if err := c.run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%s: %v\n", levelErr, c.app.name, err)
		return 1
	}
	return 0
}

// command is a parsed command line.
type command struct {
	scope manager.Scope
	verb  string
	app   application
}

func parse(args []string, uid int) (command, error) {
	flags := flag.NewFlagSet("apply", flag.ContinueOnError)
	flags.SetOutput(discard{})
	c := command{}
	if uid == 0 {
		c.scope = manager.System
	}
	flags.BoolFunc("user", "", func(string) error { c.scope = manager.User; return nil })
	flags.BoolFunc("system", "", func(string) error { c.scope = manager.System; return nil })
	if err := flags.Parse(args); err != nil {
		return command{}, err
	}
	if flags.NArg() != 2 {
		return command{}, errors.New("wants a verb and an instance")
	}
	c.verb = flags.Arg(0)
	if c.verb != "start" && c.verb != "stop" {
		return command{}, fmt.Errorf("%q is neither start nor stop", c.verb)
	}
	var err error
	c.app, err = parseInstance(flags.Arg(1))
	return c, err
}

// discard is io.Discard without the rest of package io's readers: flag's own messages are replaced by ours.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// application is one .ondemand file as its units are named.
type application struct {
	name string // the unit's base name: "web"; of an instance "web@1"
	hash string // 8 hexadecimal digits over the socket's text, and 8 over what pulls it in
}

// sameSocket says whether two hashes stand for the same socket, whatever pulls it in.
func sameSocket(a, b string) bool { return len(a) >= 8 && len(b) >= 8 && a[:8] == b[:8] }

// instanceError says that something is no instance name of ours.
type instanceError struct{ text string }

func (e *instanceError) Error() string { return e.text }

func badInstance(format string, args ...any) (application, error) {
	return application{}, &instanceError{fmt.Sprintf(format, args...)}
}

// parseInstance takes NAME-HASH apart. NAME may contain "-" itself.
func parseInstance(instance string) (application, error) {
	i := strings.LastIndexByte(instance, '-')
	if i < 1 {
		return badInstance("%q is not NAME-HASH", instance)
	}
	a := application{instance[:i], instance[i+1:]}
	if _, err := strconv.ParseUint(a.hash, 16, 64); err != nil || len(a.hash) != 16 {
		return badInstance("%q: after the last \"-\" come 16 hexadecimal digits", instance)
	}
	// The name becomes a file's name in RUNTIME_DIRECTORY; ours there begin with a dot.
	if strings.ContainsAny(a.name, "/\x00\n") || a.name[0] == '.' {
		return badInstance("%q cannot be the name of a unit", a.name)
	}
	return a, nil
}

func (a application) socket() string  { return a.name + ".socket" }
func (a application) service() string { return a.name + ".service" }

func (a application) proxy() string { return a.member("proxy") }

// member is NAME-MEMBER.service; of an instance NAME-MEMBER@INSTANCE.service.
func (a application) member(member string) string {
	if template, instance, ok := strings.Cut(a.name, "@"); ok {
		return template + "-" + member + "@" + instance + ".service"
	}
	return a.name + "-" + member + ".service"
}

// proxies is NAME-proxies.target, which is there where an application has several proxies.
func (a application) proxies() string {
	if template, instance, ok := strings.Cut(a.name, "@"); ok {
		return template + "-proxies@" + instance + ".target"
	}
	return a.name + "-proxies.target"
}

// connections matches the services of single connections, with Accept=yes.
func (a application) connections() string { return a.name + "@*.service" }

// instance is the unit that runs this command.
func (a application) instance() string {
	return "podman-ondemand-apply@" + a.name + "-" + a.hash + ".service"
}

// run does the command.
func (c command) run() error {
	dir := stateDir(c.scope, os.Getenv)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if c.verb == "stop" {
		return c.stop(dir)
	}
	return c.start(dir)
}

// stop tries again where podman has left a container, so long as another one, whose proxy may be draining, can be expected
// to need for its own stop. The lock is free in the pauses: a file that comes back waits for none of them.
func (c command) stop(dir string) error {
	for pause := time.Second; ; pause *= 2 {
		var left bool
		err := c.try(dir, func(ctx context.Context, a applier) (err error) {
			left, err = a.stop(ctx)
			return err
		})
		if !left || pause > longestLeft {
			return err
		}
		time.Sleep(pause)
	}
}

// start goes on trying where it failed, but by hand.
func (c command) start(dir string) error {
	var last *failure
	for pause := shortestPause; ; {
		var next *failure
		err := c.try(dir, func(ctx context.Context, a applier) (err error) {
			next, err = a.start(ctx, last)
			return err
		})
		if err != nil {
			return err
		}
		if next == nil {
			_, err = daemon.SdNotify(false, "READY=1\nSTATUS=")
			return err
		}
		if told, err := daemon.SdNotify(false, "READY=1\nSTATUS="+c.app.socket()+" cannot be started; it is tried again"); !told {
			return err
		}
		if last != nil {
			pause = longer(pause, next.busy)
		}
		last = next
		time.Sleep(pause)
	}
}

func longer(pause time.Duration, busy bool) time.Duration {
	if busy {
		return shortestPause
	}
	return min(2*pause, longestPause)
}

// try has an applier do something once. The connection to the manager is made anew each time: it would not survive a
// daemon-reexec.
func (c command) try(dir string, do func(context.Context, applier) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := manager.Connect(ctx, c.scope, runtimeDir(os.Getenv))
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(ctx, applier{
		systemd: conn, scope: c.scope, app: c.app, dir: dir, log: os.Stderr, retry: retry, patience: patience,
		bindable: Bindable, podman: podman,
	})
}

// podman runs podman; what it says goes to the journal.
func podman(ctx context.Context, args ...string) error {
	program := os.Getenv("PODMAN")
	if program == "" {
		program = "/usr/bin/podman"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return nil
}

func runtimeDir(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return "/run/user/" + strconv.Itoa(os.Getuid())
}

// stateDir is RUNTIME_DIRECTORY, or by hand the directory that systemd would have said.
func stateDir(scope manager.Scope, getenv func(string) string) string {
	if dir, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	if scope == manager.System {
		return "/run/podman-ondemand-apply"
	}
	return filepath.Join(runtimeDir(getenv), "podman-ondemand-apply")
}
