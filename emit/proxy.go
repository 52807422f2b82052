package emit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"podman-ondemand/parser"
)

// proxyUnit makes the proxy of p, NAME-proxy.service. How it hangs together with the
// container's unit:
//   - Wants=, not Requires=: a container that fails must not fail the proxy's
//     job, or the socket triggers again and again and is dead in the end;
//   - the propagation pair: when one of the two goes, the other goes too, and
//     the next connection starts both. Of several proxies the last one that
//     goes takes the container with it (proxiesUnit);
//   - no Wants= where not everybody may wake it: the proxy starts the container
//     for who may. After= still holds for the stop;
//   - no start limit, since reaching it would fail the socket for good.
func proxyUnit(app Application, p pair, opt Options) Unit {
	container, socket := Sibling(app.container()), Sibling(p.socket())
	stops := Option{"PropagatesStopTo", app.bound()}
	if app.several() {
		stops = Option{"Wants", Sibling(app.proxies())}
	}
	var bonds []Option
	if !app.Gated() {
		bonds = []Option{{"Wants", container}}
	}
	bonds = append(bonds, []Option{
		{"After", Words(container, socket)},
		{"PartOf", socket},
		{"StopPropagatedFrom", app.bound()},
		stops,
		{"StartLimitIntervalSec", "0"},
	}...)
	bonds = append(bonds, app.stoppedBy()...)
	if app.checks() { // so systemd does not forget its exit status
		bonds = append(bonds, Option{"Before", Sibling(app.idleCheck())})
	}
	return Unit{p.proxy(), []Section{
		app.unitSection(": passes connections on to "+app.what(), bonds...),
		{"Service", slices.Concat(proxyService(app, p, opt), proxyDirectory(app, p, opt), proxyFence(app, p, opt))},
	}}
}

// stoppedBy is what else stops the container. systemd follows PropagatesStopTo= only
// from a unit that somebody has asked to stop, not from one that stops with another:
// without the same in the proxy nothing would wait for the open connections. Of the
// keys that need another unit PartOf= is the part that stops and restarts. Where not
// everybody may wake the application its proxy must not end another one.
func (app Application) stoppedBy() (options []Option) {
	if len(app.Broken) > 0 {
		return nil
	}
	for _, o := range app.serviceNeeds() {
		switch o.Key {
		case "Requires", "Requisite", "BindsTo", "PartOf":
			if foreign := app.foreign(o.Value); foreign != "" {
				options = append(options, Option{"PartOf", foreign})
			}
		case "Conflicts":
			if !app.Gated() {
				options = append(options, o)
			}
		}
	}
	return options
}

// serviceNeeds are the dependencies of the container's unit on others: first what
// Quadlet makes, a network or a pod, then a person's.
func (app Application) serviceNeeds() (options []Option) {
	for _, service := range app.Container.Requires {
		options = append(options, Option{"Requires", Passed(service)})
	}
	return slices.Concat(options, inPod(app), app.Unit)
}

// foreign leaves the applications out that this one needs, and keeps awake: one of
// them that somebody stops while a client waits for this one would be started again
// at once by that client, and the stop be taken back.
func (app Application) foreign(names Value) Value {
	if len(app.KeepsAwake) == 0 {
		return names
	}
	return Passed(strings.Join(slices.DeleteFunc(strings.Fields(string(names)), func(name string) bool {
		return slices.ContainsFunc(app.KeepsAwake, func(n Needed) bool { return n.service() == name })
	}), " "))
}

// bound are the units that fall asleep together with the proxy.
func (app Application) bound() Value {
	container := Sibling(app.container())
	if app.Stops != "" {
		return Words(container, Sibling(app.Stops))
	}
	return container
}

// WokenFile is the file in the runtime directory of a proxy, podman-ondemand/NAME-proxy, that names the unit of somebody else's which it has
// woken: when the .ondemand file has gone nothing else tells.
const WokenFile = "woken"

// proxyDirectory makes the runtime directory that the note is in. By its owner
// the proxy knows which user it is to become, too.
func proxyDirectory(app Application, p pair, opt Options) []Option {
	if app.existing() == "" && !hasOwnUser(p, opt) {
		return nil
	}
	return ownDirectory
}

func proxyService(app Application, p pair, opt Options) []Option {
	options := []Option{
		{"Type", "notify"},
		{"Sockets", Sibling(p.socket())},
		{"ExecStart", startsAsRoot(p, opt) + Exec(proxyCommand(app, p, opt)...)},
		{"TimeoutStartSec", proxyTimeout(app.StartTimeout)},
	}
	if app.Proxy == OwnProxy {
		options = append(options, Option{"TimeoutStopSec", timeout(app.DrainTimeout + stopSlack)})
	}
	return append(options, Option{"SyslogIdentifier", "%N"})
}

// stopSlack is what systemd leaves the proxy beyond the time that this leaves
// the connections.
const stopSlack = 10 * time.Second

// ready is the check of the proxy. On the host, in front of a unit that is there
// already, a published port takes connections before anybody listens behind it.
func (app Application) ready() string {
	if app.Ready == "tcp" && !app.startsWithDatagrams() && app.Existing != "" && app.Inside == "" {
		return "open"
	}
	return app.Ready
}

// startsWithDatagrams: the check is about the first target, and one of UDP takes
// no connections.
func (app Application) startsWithDatagrams() bool {
	return len(app.Listeners) > 0 && app.Listeners[0].IsDatagram()
}

// what is behind the proxy, in a description.
func (app Application) what() string {
	if app.Existing != "" {
		return app.Existing
	}
	if app.Pod != nil {
		return "its pod"
	}
	return "its container"
}

func proxyCommand(app Application, p pair, opt Options) []Arg {
	container := Sibling(app.container())
	dir := "%t/" + runtimeDir(strings.TrimSuffix(string(container), ".service"))
	args := []Arg{Literal(opt.Program), "proxy"}
	if !app.Alone && app.Proxy == OwnProxy {
		args = append(args, "--self=%n")
	}
	args = append(args, "--unit="+Written(string(container)))
	switch {
	case app.Pod != nil:
		args = append(args, "--pod", "--container="+app.infra())
	case app.Existing == "":
		args = append(args, "--pid-file="+Written(dir+pidFile), "--conmon-pid-file="+Written(dir+conmonPidFile))
	case app.Inside != "":
		args = append(args, "--container="+Written(app.Inside))
	}
	if unit := app.existing(); unit != "" {
		args = append(args, "--wakes="+Written(string(Sibling(unit))), "--woken-file="+Arg("%t/"+runtimeDir("%N")+"/"+WokenFile))
	}
	if app.Proxy == SocketProxyd {
		args = append(args, "--socket-proxyd")
	}
	if hasOwnUser(p, opt) {
		args = append(args, "--dynamic-user")
	}
	args = append(args,
		"--idle-timeout="+Literal(span(app.IdleTimeout)),
		"--start-timeout="+Literal(span(app.StartTimeout)))
	if app.Proxy == OwnProxy {
		args = append(args, "--drain-timeout="+Literal(span(app.DrainTimeout)))
	}
	if app.Proxy == OwnProxy && app.ConnectionIdleTimeout != parser.Infinity {
		args = append(args, "--connection-idle-timeout="+Literal(span(app.ConnectionIdleTimeout)))
	}
	if slices.ContainsFunc(p.listeners, Listener.IsDatagram) {
		args = append(args, "--flow-timeout="+Literal(span(app.FlowTimeout)))
	}
	if app.checks() {
		args = append(args, "--idle-check="+Written(string(Sibling(app.idleCheck()))))
	}
	args = append(args, app.Callers.options()...)
	if app.ProxyProtocol != "" {
		args = append(args, "--proxy-protocol="+Literal(app.ProxyProtocol))
	}
	if app.KeepAddress {
		args = append(args, "--keep-client-address")
	}
	args = append(args,
		"--max-connections="+Literal(strconv.Itoa(app.MaxConnections)),
		"--ready="+Literal(app.ready()))
	for _, l := range p.listeners {
		args = append(args, Written(l.Target)) // a path may hold %t
	}
	return args
}

// span writes a duration as the proxy reads it.
func span(d time.Duration) string {
	if d == parser.Infinity {
		return "infinity"
	}
	return d.String()
}

// proxyTimeout bounds how long the proxy's start may take: it waits for the
// container's process, then for the application, each for the start timeout.
func proxyTimeout(start time.Duration) Value {
	if start > 1000*time.Hour {
		return "infinity"
	}
	return Text(strconv.Itoa(int((2*start + 30*time.Second).Seconds())))
}
