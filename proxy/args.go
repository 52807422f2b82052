package proxy

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// infinity is the time span that never ends, "infinity" in unit files (systemd.time(7)).
const infinity = time.Duration(math.MaxInt64)

// config is the command line of web-proxy.service.
type config struct {
	self                  string // our own unit: its end is up to those that want it as well; empty: to the connections alone
	idleCheck             string // the unit of IdleCheck=, which can veto it; empty: none
	unit                  string // the container's service: asked for when there is no container, named in messages
	pidFile               string // podman's --pidfile; empty: no container to enter or to watch
	conmonPIDFile         string // podman's --conmon-pidfile
	wakes, wokenFile      string // somebody else's unit that is started for us, and where to leave a note of that; empty: ours
	container             string // in place of the two files: the name of a container that the unit starts, itself or by others
	pod                   bool   // the unit is a pod of ours, which goes when one of its containers does
	idleTimeout           time.Duration
	startTimeout          time.Duration
	drainTimeout          time.Duration // 0: asked to stop, connections are closed at once
	connectionIdleTimeout time.Duration // how long a connection may carry nothing; 0: for ever
	flowTimeout           time.Duration // how long a flow of datagrams lasts without one
	maxConnections        int           // 0: as many as there are file descriptors for
	ready                 readiness
	targets               []*target
	socketProxyd          bool // systemd-socket-proxyd(8) serves, once the application answers
	rules                 rules
	proxyProtocol         headerVersion // what the application expects in front
	dynamicUser           bool          // the serving stage is to be the user that systemd has made for the unit
	keep                  bool          // the application is to see the clients' addresses
	userManager           bool          // which systemd to ask, and which journalctl to recommend

	// The second stage, inside the container's namespaces, is told:
	inside bool
	args   []string      // the command line itself, for the process outside the fence
	answer bool          // we are that
	tables []*os.File    // of its TCP sockets
	pidfd  int           // the container's process
	waited time.Duration // how much of the first start timeout is gone

	datagram  []bool     // which of the listening sockets are for datagrams
	udpTables []*os.File // of the network namespace's UDP sockets

	keeper *keeper // what keeps the clients' addresses, if they can be kept

	held heldClients // accepted already: one of them is what it was woken for
}

// parseArgs reads the command line; problems go to w in flag's own words, followed by the usage.
func parseArgs(args []string, env func(string) string, w io.Writer) (config, error) {
	c := config{idleTimeout: 5 * time.Minute, startTimeout: 90 * time.Second, flowTimeout: time.Minute, pidfd: -1}
	ready, version := "tcp", ""
	f := flag.NewFlagSet("proxy", flag.ContinueOnError)
	f.SetOutput(w)
	f.StringVar(&c.self, "self", "", "our own `service`: while another unit that wants it is up, idleness does not end it")
	f.StringVar(&c.unit, "unit", "", "the container's `service`")
	f.StringVar(&c.pidFile, "pid-file", "", "`file` that podman run --pidfile wrote")
	f.StringVar(&c.conmonPIDFile, "conmon-pid-file", "", "`file` that podman run --conmon-pidfile wrote")
	f.StringVar(&c.container, "container", "", "`name` of the container to enter, in place of the two files")
	f.StringVar(&c.wakes, "wakes", "", "`unit` of somebody else's that is started for us")
	f.StringVar(&c.wokenFile, "woken-file", "", "`file` to write its name to")
	f.StringVar(&c.idleCheck, "idle-check", "", "`service` that says, before idleness ends us, whether it may")
	f.BoolVar(&c.pod, "pod", false, "the service is a pod, which ends when one of its containers ends")
	f.Func("idle-timeout", "exit after `time` without a connection, or infinity (default 5m0s)", spanInto(&c.idleTimeout))
	f.Func("start-timeout", "hold a connection for `time` while the application comes up (default 1m30s)", spanInto(&c.startTimeout))
	f.DurationVar(&c.drainTimeout, "drain-timeout", 0, "asked to stop, let connections end for `time`")
	f.DurationVar(&c.connectionIdleTimeout, "connection-idle-timeout", 0, "close connections that carried nothing for `time`; 0: none")
	f.IntVar(&c.maxConnections, "max-connections", 0, "connections at one time, 0: what the file descriptors allow")
	f.StringVar(&ready, "ready", ready, "`tcp`, http:/path or http:PORT/path")
	f.BoolVar(&c.socketProxyd, "socket-proxyd", false, "become systemd-socket-proxyd when the application answers")
	f.BoolVar(&c.rules.wakeOnData, "wake-on-data", false, "start the service only for a client that has said something")
	f.Var(&c.rules.wakeFrom, "wake-from", "start the service only for clients from `addresses/prefixes`")
	f.Var(&c.rules.allowFrom, "allow-from", "serve only clients from `addresses/prefixes`")
	f.StringVar(&version, "proxy-protocol", "", "begin with a PROXY protocol header, `v1` or v2")
	f.Var(&c.rules.balancers, "proxy-protocol-from", "take such a header from clients from `addresses/prefixes`")
	f.Func("flow-timeout", "end a flow of datagrams after `time` without one, or infinity (default 1m0s)", spanInto(&c.flowTimeout))
	f.BoolVar(&c.keep, "keep-client-address", false, "let the application see the clients' addresses")
	f.Var(&c.held, "held", "used by the program itself: accepted `connections`")
	f.BoolVar(&c.dynamicUser, "dynamic-user", false, "started as root, serve as the unit's DynamicUser=")
	f.BoolVar(&c.inside, "inside", false, "used by the program itself: the namespaces are entered")
	f.BoolVar(&c.answer, "answer", false, "used by the program itself: answer the serving stage's questions")
	f.IntVar(&c.pidfd, "pidfd", -1, "used by the program itself: the container's process")
	f.DurationVar(&c.waited, "waited", 0, "used by the program itself: `time` that has passed")
	f.Usage = func() {
		fmt.Fprintln(w, "usage: podman-ondemand proxy [OPTION...] TARGET...\nOne TARGET for each listening socket: a port, an address with a port, or the path of a Unix socket.")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return c, err
	}
	c.userManager, c.args = isUserManager(env), args
	if err := c.setTargets(f.Args(), ready); err != nil {
		return c, err
	}
	return c, c.setRules(version)
}

// setTargets reads what follows the options, and --ready, which refers to it.
func (c *config) setTargets(words []string, ready string) (err error) {
	if len(words) == 0 {
		return errors.New("no target given: one port number or socket path for each listening socket")
	}
	if c.maxConnections < 0 {
		return fmt.Errorf("--max-connections=%d: must be 0 or more", c.maxConnections)
	}
	if c.drainTimeout < 0 || c.connectionIdleTimeout < 0 {
		return errors.New("--drain-timeout and --connection-idle-timeout must be 0 or more")
	}
	if (c.pidFile == "") != (c.conmonPIDFile == "") {
		return errors.New("--pid-file and --conmon-pid-file are only of use together")
	}
	if c.container != "" && (c.pidFile != "" || c.unit == "") {
		return errors.New("--container needs --unit, and takes the place of --pid-file and --conmon-pid-file")
	}
	for _, w := range words {
		t, err := parseTarget(w)
		if err != nil {
			return err
		}
		c.targets = append(c.targets, t)
	}
	if c.socketProxyd && slices.ContainsFunc(words, func(w string) bool { return w != words[0] }) {
		return errors.New("--socket-proxyd has one target for all sockets")
	}
	c.ready, err = parseReady(ready, words[0])
	return err
}

// spanInto reads a Go duration or "infinity" into d.
func spanInto(d *time.Duration) func(string) error {
	return func(s string) (err error) {
		if s == "infinity" {
			*d = infinity
			return nil
		}
		if *d, err = time.ParseDuration(s); err == nil && *d <= 0 {
			err = errors.New("must be longer than nothing")
		}
		return err
	}
}

// isUserManager tells a user's service manager from the system's: only the first sets MANAGERPID (systemd.exec(5)),
// and root has a user manager too.
func isUserManager(env func(string) string) bool {
	return env("MANAGERPID") != "" || os.Getuid() != 0
}

// journal is the command that shows the log of the container's service.
func (c *config) journal() string { return c.command("journalctl", "-u", c.unit) }

// socketJournal is the command that shows the log of the unit that listens for us, which is called as the service is.
func (c *config) socketJournal() string {
	return c.command("journalctl", "-u", strings.TrimSuffix(c.unit, ".service")+".socket")
}

// unitStatus is the command that shows how the container's service is.
func (c *config) unitStatus() string { return c.command("systemctl", "status", c.unit) }

// command is a command line about a unit of the service manager that we belong to. Started by hand we may not know the unit.
func (c *config) command(words ...string) string {
	if c.unit == "" {
		words = words[:1]
	}
	if c.userManager {
		words = slices.Insert(words, 1, "--user")
	}
	return strings.Join(words, " ")
}
