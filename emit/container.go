package emit

import (
	"fmt"
	"path"
	"strconv"
	"strings"
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

// runMark is where "podman-ondemand activate" remembers the last start. It is
// not in the directory of the service, which goes with it.
const runMark Arg = "%t/podman-ondemand/.%N"

// containerUnit makes NAME.service as Quadlet would write it, but for the
// published ports: a person's lines first, then those that must hold.
//
// It has none of systemd's hardening. What podman starts inherits system call
// filters, no-new-privileges, the bounding set and locks of all kinds, and so
// would change; a mount namespace would hide podman's mounts from others; and
// rootless podman needs newuidmap(1), which is privileged.
func containerUnit(app Application, opt Options) Unit {
	return serviceUnit(app, opt, ": container", append(inPod(app), stopsWithSocket(app)...), containerService(app, opt))
}

// serviceUnit makes NAME.service: what it is, how it hangs together with the
// others, and what must hold in [Service].
func serviceUnit(app Application, opt Options, what string, bonds, service []Option) Unit {
	return Unit{app.container(), []Section{
		serviceUnitSection(app, opt, what, bonds),
		{"Service", append(containerDefaults(app), service...)},
	}}
}

// inPod binds a container to the pod that it is in (podman-systemd.unit(5),
// "Pod=").
func inPod(app Application) []Option {
	pod := app.Container.PodService
	if pod == "" {
		return nil
	}
	return []Option{{"BindsTo", pod}, {"After", pod}}
}

func serviceUnitSection(app Application, opt Options, what string, bonds []Option) Section {
	c := app.Container
	if len(app.Broken) > 0 { // nothing may keep it from saying what is wrong
		c, app.KeepsAwake = Container{}, nil
		app.Unit = []Option{{"Description", app.title() + Text(": "+app.whatIsBroken())}}
	}
	var options []Option
	if c.WaitForNetwork {
		options = append(options, Option{"Wants", online(opt)}, Option{"After", online(opt)})
	}
	if !has(app.Unit, "Description") {
		options = append(options, Option{"Description", app.title() + Text(what)})
	}
	if !has(app.Unit, "Documentation") {
		options = append(options, Option{"Documentation", documentation})
	}
	if !has(app.Unit, "StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst") {
		options = append(options, app.startLimit()...)
	}
	if app.Accept { // one that failed would be kept in memory for ever
		options = append(options, Option{"CollectMode", "inactive-or-failed"})
	}
	options = append(options, bonds...)
	options = append(options,
		Option{"SourcePath", Path(app.Source)},
		Option{"RequiresMountsFor", Words(append([]Value{"%t/containers"}, c.Mounts...)...)})
	for _, service := range c.Requires {
		options = append(options, Option{"Requires", Passed(service)}, Option{"After", Passed(service)})
	}
	if c.Inside != "" {
		// When that container dies its namespace is nowhere to be found again.
		options = append(options, Option{"StopPropagatedFrom", Passed(c.Inside)})
	}
	for _, n := range app.KeepsAwake {
		options = append(options, Option{"Wants", Passed(n.Proxy())})
	}
	return Section{"Unit", append(options, app.Unit...)}
}

// stopsWithSocket stops the container when its only socket is stopped: the
// proxy is PartOf= that, but a stop that comes that way is not passed on by the
// propagation pair. What a connection has of its own ends with that.
func stopsWithSocket(app Application) []Option {
	if app.several() || app.Accept {
		return nil
	}
	return []Option{{"StopPropagatedFrom", Sibling(app.socket())}}
}

// whatIsBroken is the first error, which systemctl status then shows even before
// anything has tried to start the unit, and how many more there are.
func (app Application) whatIsBroken() string {
	first := strings.TrimPrefix(app.Broken[0], path.Dir(app.Source)+"/")
	if more := len(app.Broken) - 1; more > 0 {
		first += fmt.Sprintf(" (and %d more)", more)
	}
	return first
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

// startLimit of a service that its socket starts is none: reaching it would
// fail the socket for good. "podman-ondemand activate" bounds the starts.
func (app Application) startLimit() []Option {
	if app.Proxy == NoProxy {
		return []Option{{"StartLimitIntervalSec", "0"}}
	}
	return startLimit
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
	if app.Proxy == NoProxy && has(app.Service, "Restart") && !has(app.Service, "RestartSec") {
		// Nothing else would bound the restarts.
		options = append(options, Option{"RestartSec", "5"})
	}
	if restartsOnFailure(app.Service) {
		// Out of memory looks like the SIGKILL of a stop.
		options = append(options, Option{"RestartForceExitStatus", "137"})
	}
	return append(options, app.Service...)
}

func restartsOnFailure(service []Option) bool {
	restart := last(service, "Restart")
	return restart == "on-failure" || restart == "on-abnormal"
}

func timeout(d time.Duration) Value {
	if d == parser.Infinity {
		return "infinity"
	}
	return Text(strconv.Itoa(int((d + time.Second - 1) / time.Second)))
}

// ownDirectory is where podman writes what the proxy finds the container by.
var ownDirectory = []Option{
	{"RuntimeDirectory", Value(runtimeDir("%N"))},
	{"RuntimeDirectoryMode", "0700"},
}

func containerService(app Application, opt Options) []Option {
	options := []Option{
		{"Type", "notify"},
		{"NotifyAccess", "all"},
		{"Delegate", "yes"},
		{"Environment", "PODMAN_SYSTEMD_UNIT=%n"},
	}
	if app.activated() {
		options = append(options, Option{"Sockets", Sibling(app.socket())})
	}
	if !app.Accept { // the name of an instance has colons, and there are no pid files
		options = append(options, ownDirectory...)
	}
	options = append(options, Option{"ExecStart", Exec(startCommand(app, opt)...)})
	if len(app.Container.Reload) > 0 {
		options = append(options, Option{"ExecReload", Exec(podman(app.Container, opt, app.Container.Reload...)...)})
	}
	if app.Container.Name == "" { // a broken file that wakes another unit
		return options
	}
	remove := Exec(podman(app.Container, opt, append([]Arg{"rm", "-v", "-f", "-i"}, ownContainer(app)...)...)...)
	options = append(options, Option{"ExecStop", remove}, Option{"ExecStopPost", "-" + remove})
	if app.activated() { // last: the next start asks how long ago that was
		options = append(options, Option{"ExecStopPost", "-" + Exec(Literal(opt.Program), "activate", "ended", runMark)})
	}
	return options
}

// ownContainer is how podman finds the container of the service: by its name,
// or where each connection has one by the label that podman gives it.
func ownContainer(app Application) []Arg {
	if app.Accept {
		return []Arg{"--filter", "label=PODMAN_SYSTEMD_UNIT=%n"}
	}
	return []Arg{app.Container.Name}
}

// activated says whether the listening sockets themselves start the container.
func (app Application) activated() bool { return app.Proxy == NoProxy && !app.Accept }

// startCommand runs the container, or says what is wrong with the file. In a
// broken file all the rest stays as it is: the container may be awake.
func startCommand(app Application, opt Options) []Arg {
	switch {
	case len(app.Broken) > 0:
		return brokenCommand(app, opt)
	case app.activated():
		return append([]Arg{Literal(opt.Program), "activate", "start", runMark}, runCommand(app, opt)...)
	}
	return runCommand(app, opt)
}

func brokenCommand(app Application, opt Options) []Arg {
	return append([]Arg{Literal(opt.Program), "broken"}, Literals(app.Broken...)...)
}

func podman(c Container, opt Options, args ...Arg) []Arg {
	command := append([]Arg{Literal(opt.Podman)}, c.Global...)
	return append(command, args...)
}

func runCommand(app Application, opt Options) []Arg {
	c := app.Container
	args := podman(c, opt, "run")
	if !app.Accept { // podman chooses the name: that of the instance has colons
		args = append(args, "--name", c.Name, "--replace")
	}
	args = append(args, "--rm", "--cgroups="+c.Cgroups, Arg("--sdnotify="+c.Notify), "-d")
	if app.Proxy != NoProxy {
		dir := Arg("%t/" + runtimeDir("%N"))
		args = append(args, "--pidfile="+dir+pidFile, "--conmon-pidfile="+dir+conmonPidFile)
	}
	if c.Pod != "" {
		args = append(args, "--pod", c.Pod)
	}
	return append(args, c.Run...)
}
