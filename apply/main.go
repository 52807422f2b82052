// Package apply is what podman-ondemand-apply@NAME-HASH.service runs: it makes `systemctl daemon-reload` enough.
//
// A reload starts no socket that a generator has just written, stops none whose unit has gone, and leaves one whose
// addresses have changed dead. sockets.target upholds one instance of the template per application, and HASH stands for
// the text of the socket's unit. So a new text is a new instance, which starts the socket or starts it again, and an
// application that has gone leaves an instance that nobody upholds, which stops the socket.
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
	"path/filepath"
	"strconv"
	"strings"
	"time"

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

// timeout bounds one call in all: three jobs, and as long again for whoever holds the lock.
const timeout = 6 * manager.JobTimeout

// Main is `podman-ondemand apply`; args are what follows that word. The result is the exit status: 0 also where a socket
// could not be started, because sockets.target upholds the instance and would start a failed one again and again.
func Main(args []string) int {
	c, err := parse(args, os.Getuid())
	if err != nil {
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
	hash string // over the socket's text, 16 hexadecimal digits
}

// parseInstance takes NAME-HASH apart. NAME may contain "-" itself.
func parseInstance(instance string) (application, error) {
	i := strings.LastIndexByte(instance, '-')
	if i < 1 {
		return application{}, fmt.Errorf("%q is not NAME-HASH", instance)
	}
	a := application{instance[:i], instance[i+1:]}
	if _, err := strconv.ParseUint(a.hash, 16, 64); err != nil || len(a.hash) != 16 {
		return application{}, fmt.Errorf("%q: after the last \"-\" come 16 hexadecimal digits", instance)
	}
	// The name becomes a file's name in RUNTIME_DIRECTORY; ours there begin with a dot.
	if strings.ContainsAny(a.name, "/\x00\n") || a.name[0] == '.' {
		return application{}, fmt.Errorf("%q cannot be the name of a unit", a.name)
	}
	return a, nil
}

func (a application) socket() string  { return a.name + ".socket" }
func (a application) service() string { return a.name + ".service" }

// proxy is NAME-proxy.service; of an instance NAME-proxy@INSTANCE.service.
func (a application) proxy() string {
	if template, instance, ok := strings.Cut(a.name, "@"); ok {
		return template + "-proxy@" + instance + ".service"
	}
	return a.name + "-proxy.service"
}

// instance is the unit that runs this command.
func (a application) instance() string {
	return "podman-ondemand-apply@" + a.name + "-" + a.hash + ".service"
}

func (c command) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dir := stateDir(c.scope, os.Getenv)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	conn, err := manager.Connect(ctx, c.scope, runtimeDir(os.Getenv))
	if err != nil {
		return err
	}
	defer conn.Close()
	a := applier{systemd: conn, scope: c.scope, app: c.app, dir: dir, log: os.Stderr, retry: 50 * time.Millisecond}
	if c.verb == "stop" {
		return a.stop(ctx)
	}
	return a.start(ctx)
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
