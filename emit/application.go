package emit

import (
	"slices"
	"strings"
	"time"

	"podman-ondemand/parser"
)

// Application is what one .ondemand file says, free of its syntax: all that
// the units need, and nothing else.
type Application struct {
	// Name is the base name of the units: NAME.socket, NAME-proxy.service,
	// NAME.service. That of a template ends in "@", that of an instance has its
	// name behind it; what the units' names end in comes before the "@".
	Name string
	// DefaultInstance is the instance of a template that is installed.
	DefaultInstance string
	// Source is the absolute path of the file.
	Source string

	// Listeners are the listening sockets with what is behind them, in order.
	Listeners []Listener
	// FreeBind lets the socket bind to addresses that are not there yet.
	FreeBind bool
	// IPv6Only keeps IPv6 sockets from taking IPv4 connections as well.
	IPv6Only bool

	IdleTimeout  time.Duration // parser.Infinity: never stop
	StartTimeout time.Duration // parser.Infinity: wait for ever
	DrainTimeout time.Duration // how long connections may go on when it is told to stop
	// ConnectionIdleTimeout is how long a connection may carry nothing;
	// parser.Infinity: for ever.
	ConnectionIdleTimeout time.Duration
	// FlowTimeout is how long a flow of datagrams lasts without one.
	FlowTimeout time.Duration
	// IdleCheck can keep it awake though nobody is connected.
	IdleCheck IdleCheck
	// Callers say who may wake it, and who is served.
	Callers Callers
	// ProxyProtocol is the version of the PROXY protocol that the application
	// expects, v1 or v2; "" for none.
	ProxyProtocol string
	// KeepAddress lets the application see the clients' own addresses.
	KeepAddress bool
	// MaxConnections is the most connections at a time, 0 for no limit.
	MaxConnections int
	// Proxy is what the sockets start.
	Proxy Proxy
	// Accept starts a container for each connection; with NoProxy only.
	Accept bool
	// Ready is the proxy's readiness check, "tcp" or "http:[PORT]/PATH".
	Ready string

	// Container is the container; of several it is the pod that they are in.
	Container Container
	// Pod is what an application of several containers has besides, else nil.
	Pod *Pod
	// Existing is the unit that is woken in the place of a container of our own.
	Existing string
	// Inside is the name of the container in whose network namespace the targets
	// of an existing unit are; "" for the host's.
	Inside string

	// KeepsAwake are the applications that the container needs: while it runs they
	// do not fall asleep.
	KeepsAwake []Needed
	// Alone says that none keeps this one awake: only its connections do.
	Alone bool

	// OnHost is what podman must find on the host, or the container does not
	// start. The units do not have it.
	OnHost []HostThing

	// Stops is the unit that a broken file wakes when it is not broken: it may be
	// awake, and goes to sleep with the proxy.
	Stops string

	// Broken are the errors of a file that cannot become a service, and keeps its
	// place: the socket listens, and each connection is refused.
	Broken []string

	// Unit, Service and Socket are a person's own lines of these sections.
	Unit, Service, Socket []Option
	// Install are the units that pull the socket in.
	Install []Install
	// Aliases are more names of the socket unit.
	Aliases []string
}

// Listener is one listening socket, its target in the container, and where the
// source asks for it.
type Listener struct {
	Key     string // ListenStream, or another Listen…= of systemd.socket(5)
	Address Value  // as it stands there
	Target  string // a port number, or the path of a Unix socket; "" with NoProxy
	Pos     parser.Pos
}

// isPath says whether l is a Unix socket in the file system.
func (l Listener) isPath() bool {
	return strings.HasPrefix(string(l.Address), "/") || strings.HasPrefix(string(l.Address), "%t/")
}

// IsTCP says whether l takes TCP connections.
func (l Listener) IsTCP() bool {
	return l.Key == "ListenStream" && !strings.ContainsAny(string(l.Address), "/@")
}

// IsDatagram says whether l takes UDP datagrams.
func (l Listener) IsDatagram() bool {
	return l.Key == "ListenDatagram" && !strings.ContainsAny(string(l.Address), "/@")
}

// Needed is an application that another one refers to, by the base name of its
// units, and where.
type Needed struct {
	Name string
	Pos  parser.Pos
}

// Proxy is the name of its proxy's unit.
func (n Needed) Proxy() string { return UnitName(n.Name, "-proxy", ".service") }

// service is the name of its service's unit.
func (n Needed) service() string { return UnitName(n.Name, "", ".service") }

// Needs are the applications that one of the containers of app needs.
func (app Application) Needs() []Needed {
	if app.Pod == nil {
		return app.KeepsAwake
	}
	all := slices.Clone(app.KeepsAwake)
	for _, m := range app.Pod.Members {
		all = append(all, m.KeepsAwake...)
	}
	return all
}

// Container is how podman runs the container, or makes the pod.
type Container struct {
	Name Arg
	// Pod is podman's name of the pod that it joins, if it does, and PodService
	// the unit that makes that one.
	Pod        Arg
	PodService Value
	// Global are podman's arguments before its command.
	Global []Arg
	// Run are the arguments of "podman run", or of "podman pod create", after
	// those of the trio's own.
	Run []Arg
	// Notify is podman's --sdnotify: conmon, container or healthy.
	Notify string
	// Cgroups is podman's --cgroups.
	Cgroups Arg
	// Reload is a podman command that reloads the container, if there is one.
	Reload []Arg
	// Requires are units that must run before the container starts.
	Requires []string
	// Inside is the unit of the container whose network namespace this one is in.
	Inside string
	// Mounts are host paths that must be mounted first.
	Mounts []Value
	// WaitForNetwork starts the container only when the network is up.
	WaitForNetwork bool
}

// HostThing is a thing of the host: of Image= an image, of Secret= a secret of
// podman's, of all other keys a path. Name is as it was written, with specifiers.
type HostThing struct {
	Key, Name string
	Pos       parser.Pos
}

// Install says that Unit pulls the socket in, by Kind: wants, requires, upholds.
type Install struct {
	Kind, Unit string
}

// Options are what all applications of one run of the generator share.
type Options struct {
	Podman  string // path of podman
	Program string // path of podman-ondemand
	// User says that the units are for a user's manager.
	User bool
}

// Units makes the units and links of an application.
func Units(app Application, opt Options) Tree {
	var units []Unit
	for _, p := range app.pairs() {
		units = append(units, socketUnit(app, p))
		if app.Proxy != NoProxy {
			units = append(units, proxyUnit(app, p, opt))
		}
	}
	if app.checks() {
		units = append(units, idleCheckUnit(app, opt))
	}
	if app.several() {
		units = append(units, proxiesUnit(app))
	}
	switch {
	case app.Existing != "":
		units = append(units, existingDropIn(app))
	case app.Pod != nil:
		units = append(units, podUnits(app, opt)...)
	default:
		units = append(units, containerUnit(app, opt))
	}
	return Tree{Units: units, Links: socketLinks(app)}
}

func (app Application) socket() string { return app.file("", ".socket") }

// container is the service that the proxy stands in front of. With Accept it is
// a template, which systemd instantiates for each connection.
func (app Application) container() string {
	if app.Existing != "" {
		return app.Existing
	}
	if app.Accept {
		return app.file("@", ".service")
	}
	return app.file("", ".service")
}

// file is the name of a unit of app in the generator's directory.
func (app Application) file(suffix, extension string) string {
	return UnitName(app.Name, suffix, extension)
}

// UnitName makes the name of a unit of a base name: the suffix comes before the
// "@" of a template or an instance.
func UnitName(base, suffix, extension string) string {
	prefix, instance, template := strings.Cut(base, "@")
	if !template {
		return base + suffix + extension
	}
	return prefix + suffix + "@" + instance + extension
}

// Sibling is how one unit of app names another: those of a template name the
// one of the same instance.
func Sibling(name string) Value {
	prefix, rest, template := strings.Cut(name, "@")
	if template && strings.HasPrefix(rest, ".") {
		return Text(prefix) + "@%i" + Text(rest)
	}
	return Text(name)
}

// installed is the base name of the units of p that are installed: "" for a
// template without a default instance.
func (app Application) installed(p pair) string {
	if !strings.HasSuffix(p.name, "@") {
		return p.name
	}
	if app.DefaultInstance == "" {
		return ""
	}
	return p.name + app.DefaultInstance
}

// title is what the descriptions of all units begin with: a person's own
// Description=, or the name.
func (app Application) title() Value {
	title := Sibling(app.Name + ".")
	title = title[:len(title)-1]
	for _, o := range app.Unit {
		if o.Key == "Description" && o.Value != "" {
			title = o.Value
		}
	}
	return title
}

// unitSection starts the [Unit] section of each unit of app.
func (app Application) unitSection(what string, more ...Option) Section {
	options := []Option{
		{"Description", app.title() + Text(what)},
		{"Documentation", documentation},
		{"SourcePath", Path(app.Source)},
	}
	return Section{"Unit", append(options, more...)}
}

const documentation Value = "man:podman-ondemand.unit(5)"
