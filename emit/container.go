package emit

import (
	"strconv"
	"time"

	"podman-ondemand/parser"
)

// The pid files of a container lie in a directory of its service, which
// systemd makes at its start and removes at its end: a pid file that is there
// is never one of an earlier container.
const (
	pidFile       = "/container.pid"
	conmonPidFile = "/conmon.pid"
)

func runtimeDir(name string) string { return "podman-ondemand/" + name }

// containerUnit makes NAME.service as Quadlet would write it, but for the
// published ports: a person's lines first, then those that must hold.
func containerUnit(app Application, opt Options) Unit {
	return Unit{app.container(), []Section{
		containerUnitSection(app, opt),
		{"Service", append(containerDefaults(app), containerService(app, opt)...)},
	}}
}

func containerUnitSection(app Application, opt Options) Section {
	c := app.Container
	if len(app.Broken) > 0 { // nothing may keep it from saying what is wrong
		c, app.Unit = Container{}, only(app.Unit, "Description")
	}
	var options []Option
	if c.WaitForNetwork {
		options = append(options, Option{"Wants", online(opt)}, Option{"After", online(opt)})
	}
	if !has(app.Unit, "Description") {
		options = append(options, Option{"Description", app.title() + ": container"})
	}
	if !has(app.Unit, "Documentation") {
		options = append(options, Option{"Documentation", documentation})
	}
	if !has(app.Unit, "StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst") {
		options = append(options, startLimit...)
	}
	options = append(options,
		// The proxy is PartOf= the socket, but a stop that comes that way is not
		// passed on by the propagation pair.
		Option{"StopPropagatedFrom", sibling(app.socket())},
		Option{"SourcePath", Path(app.Source)},
		Option{"RequiresMountsFor", Words(append([]Value{"%t/containers"}, c.Mounts...)...)})
	for _, service := range c.Requires {
		options = append(options, Option{"Requires", Passed(service)}, Option{"After", Passed(service)})
	}
	return Section{"Unit", append(options, app.Unit...)}
}

// online is the unit that Quadlet waits for; a user's manager has no
// network-online.target.
func online(opt Options) Value {
	if opt.User {
		return "podman-user-wait-network-online.service"
	}
	return "network-online.target"
}

// startLimit leaves room for a container that is woken twice a second for as
// long as one likes, and stops one that dies at each start. systemd's own 5 in
// 10 s are used up by normal use with a short idle timeout.
var startLimit = []Option{
	{"StartLimitIntervalSec", "30"},
	{"StartLimitBurst", "60"},
}

// containerDefaults are lines that a person may replace, and those that are
// there.
func containerDefaults(app Application) []Option {
	options := []Option{
		// A container that dies of SIGTERM, or of the SIGKILL after it, did
		// what it was told to.
		{"SuccessExitStatus", "143 137"},
	}
	if !has(app.Service, "TimeoutStartSec", "TimeoutSec") {
		options = append(options, Option{"TimeoutStartSec", timeout(app.StartTimeout)})
	}
	if !has(app.Service, "SyslogIdentifier") {
		options = append(options, Option{"SyslogIdentifier", "%N"})
	}
	if !has(app.Service, "KillMode") {
		options = append(options, Option{"KillMode", "mixed"})
	}
	if len(app.Broken) > 0 {
		return append(append(options, app.Service...), Option{"Restart", "no"})
	}
	if restartsOnFailure(app.Service) {
		// Out of memory looks like the SIGKILL of a stop.
		options = append(options, Option{"RestartForceExitStatus", "137"})
	}
	return append(options, app.Service...)
}

func restartsOnFailure(service []Option) bool {
	var restart Value
	for _, o := range service {
		if o.Key == "Restart" {
			restart = o.Value
		}
	}
	return restart == "on-failure" || restart == "on-abnormal"
}

func timeout(d time.Duration) Value {
	if d == parser.Infinity {
		return "infinity"
	}
	return Text(strconv.Itoa(int((d + time.Second - 1) / time.Second)))
}

func containerService(app Application, opt Options) []Option {
	options := []Option{
		{"Type", "notify"},
		{"NotifyAccess", "all"},
		{"Delegate", "yes"},
		{"Environment", "PODMAN_SYSTEMD_UNIT=%n"},
		{"RuntimeDirectory", Value(runtimeDir("%N"))},
		{"RuntimeDirectoryMode", "0700"},
		{"ExecStart", Exec(startCommand(app, opt)...)},
	}
	if len(app.Container.Reload) > 0 {
		options = append(options, Option{"ExecReload", Exec(podman(app.Container, opt, app.Container.Reload...)...)})
	}
	remove := Exec(podman(app.Container, opt, "rm", "-v", "-f", "-i", app.Container.Name)...)
	return append(options, Option{"ExecStop", remove}, Option{"ExecStopPost", "-" + remove})
}

// startCommand runs the container, or says what is wrong with the file. In a
// broken file all the rest stays as it is: the container may be awake.
func startCommand(app Application, opt Options) []Arg {
	if len(app.Broken) == 0 {
		return runCommand(app.Container, opt)
	}
	return append([]Arg{Literal(opt.Program), "broken"}, Literals(app.Broken...)...)
}

func podman(c Container, opt Options, args ...Arg) []Arg {
	command := append([]Arg{Literal(opt.Podman)}, c.Global...)
	return append(command, args...)
}

func runCommand(c Container, opt Options) []Arg {
	dir := Arg("%t/" + runtimeDir("%N"))
	args := podman(c, opt, "run", "--name", c.Name, "--replace", "--rm",
		"--cgroups="+c.Cgroups, Arg("--sdnotify="+c.Notify), "-d",
		"--pidfile="+dir+pidFile, "--conmon-pidfile="+dir+conmonPidFile)
	return append(args, c.Run...)
}
