package generator

import (
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// units passes [Unit], [Service] and [Socket] on, without what would break the
// application.
func (t *translator) units() {
	t.app.Unit = t.pass(parser.SectionUnit, t.unitKey)
	t.app.Service = t.pass(parser.SectionService, unchanged(t.serviceKey))
	t.app.Socket = t.pass(parser.SectionSocket, unchanged(t.socketKey))
}

// pass hands on the lines of a section with the values that read gives them,
// without those that it does not keep or finds wrong.
func (t *translator) pass(section string, read func(parser.Entry) (emit.Value, bool)) []emit.Option {
	var options []emit.Option
	for _, e := range t.file.PassThrough(section) {
		before := t.diags.Errors()
		if value, keep := read(e); keep && t.diags.Errors() == before {
			options = append(options, emit.Option{Key: e.Key, Value: value})
		}
	}
	return options
}

// unchanged makes a reader that passes the values on as they are.
func unchanged(keep func(parser.Entry) bool) func(parser.Entry) (emit.Value, bool) {
	return func(e parser.Entry) (emit.Value, bool) { return emit.Passed(e.Value), keep(e) }
}

// dependencies are the keys of [Unit] in which Quadlet replaces file names.
var dependencies = []string{
	"After", "Before", "BindsTo", "Conflicts", "OnFailure", "OnSuccess", "PartOf",
	"PropagatesReloadTo", "PropagatesStopTo", "ReloadPropagatedFrom", "Requires",
	"Requisite", "StopPropagatedFrom", "Upholds", "Wants",
}

// quadletExtensions are those of all files that can be named there.
var quadletExtensions = func() []string {
	var all []string
	for _, k := range quadletKinds {
		all = append(all, k.extension)
	}
	return all
}()

func (t *translator) unitKey(e parser.Entry) (emit.Value, bool) {
	if !slices.Contains(dependencies, e.Key) {
		return emit.Passed(e.Value), e.Key != "SourcePath"
	}
	ws, ds := e.Words(parser.LiteralBackslash)
	t.diags = append(t.diags, ds...)
	names, refers := make([]string, len(ws)), false
	for i, w := range ws {
		names[i] = w.Text
		if service, ok := t.memberOf(w); ok {
			names[i], refers = service, true
		} else if r, ok := t.reference(w, w.Text, quadletExtensions...); ok {
			names[i], refers = r.service, true
			names[i] += t.dependOn(e.Key, w, r)
		}
	}
	if !refers {
		return emit.Passed(e.Value), true
	}
	return emit.Passed(strings.Join(names, " ")), true
}

func (t *translator) serviceKey(e parser.Entry) bool {
	pos := e.ValuePos(0)
	switch e.Key {
	case "Type":
		t.refuseType(e)
		return false
	case "NotifyAccess", "Delegate":
		return false
	case "KillMode":
		if e.Value != "" && e.Value != "mixed" && e.Value != "control-group" {
			t.diags.Errorf(pos, "KillMode=%s would leave processes behind", e.Value).
				Hintf("write mixed or control-group")
		}
	case "ExecStart":
		if e.Value == "" {
			return false
		}
		t.diags.Errorf(e.Pos, "ExecStart= is podman's").Hintf("write Exec= in [Container] for the command in the container")
	case "User", "Group", "DynamicUser":
		t.diags.Warnf(e.Pos, "%s= in [Service] runs podman as somebody else, which rarely works", e.Key).
			Hintf("write User= in [Container] for the user in the container")
	}
	return true
}

// refuseType refuses what Quadlet allows, too: a service of Type=oneshot is
// started when its container has ended, and that is too late for who waits.
func (t *translator) refuseType(e parser.Entry) {
	own := t.serviceType()
	switch e.Value {
	case "", own:
	case "oneshot":
		t.diags.Errorf(e.ValuePos(0), "Type=oneshot counts as started when the container has ended: then there is nobody to connect to").
			Hintf("leave Type= out; a task to be done first is a .container file that Requires= and After= in [Unit] name")
	default:
		t.diags.Errorf(e.ValuePos(0), "Type=%s does not work here", e.Value).Hintf("leave Type= out, it is %s", own)
	}
}

func (t *translator) socketKey(e parser.Entry) bool {
	switch e.Key {
	case "Accept":
		return false // accept has it
	case "Service":
		t.diags.Errorf(e.Pos, "Service= is the application's own").Hintf("leave it out")
	}
	if !strings.HasPrefix(e.Key, "Listen") {
		return true
	}
	if !t.listenKey(e.Key) {
		t.diags.Errorf(e.Pos, "%s= does not go through %s", e.Key, t.whichProxy()).Hintf(hintNoProxy)
	}
	return false // sockets has it
}

// whichProxy is what stands in front, in a message.
func (t *translator) whichProxy() string {
	if t.app.Proxy == emit.SocketProxyd {
		return "systemd-socket-proxyd, only ListenStream= does"
	}
	return "a proxy, only ListenStream= and ListenDatagram= do"
}

// install reads [Install], which is about the socket.
func (t *translator) install() {
	set := false
	for _, k := range []struct{ key, kind string }{
		{"WantedBy", "wants"}, {"RequiredBy", "requires"}, {"UpheldBy", "upholds"},
	} {
		_, assigned := t.file.Last(parser.SectionInstall, k.key)
		set = set || assigned
		for _, w := range t.values(parser.SectionInstall, k.key) {
			in := emit.Install{Kind: k.kind, Unit: w.Text}
			if t.unitName(w, k.key) && !slices.Contains(t.app.Install, in) {
				t.app.Install = append(t.app.Install, in)
			}
		}
	}
	if !set {
		t.app.Install = []emit.Install{{Kind: "wants", Unit: "sockets.target"}}
	}
	if w, ok := t.one(parser.SectionInstall, "DefaultInstance"); ok {
		t.defaultInstance(w)
	}
	for _, w := range t.values(parser.SectionInstall, "Alias") {
		if !strings.HasSuffix(w.Text, ".socket") {
			t.diags.Errorf(w.Pos(), "Alias=%s is not the name of a socket unit", w.Text).Hintf("write NAME.socket")
		} else if t.unitName(w, "Alias") && w.Text != t.app.Name+".socket" && !slices.Contains(t.app.Aliases, w.Text) {
			t.app.Aliases = append(t.app.Aliases, w.Text)
		}
	}
}

func (t *translator) defaultInstance(w parser.Word) {
	switch {
	case !strings.HasSuffix(t.app.Name, "@"):
		t.diags.Warnf(w.Pos(), "DefaultInstance= is for templates, ignored").Hintf("the name of a template ends in @%s", Extension)
	case !validName(w.Text):
		t.diags.Errorf(w.Pos(), "DefaultInstance=: not the name of an instance: %q", w.Text)
	case strings.Contains(w.Text, ":") && strings.Contains(string(t.app.Container.Name), "%i"):
		t.diags.Errorf(w.Pos(), "DefaultInstance=%s: podman takes no colon in the name of a container", w.Text).
			Hintf("leave the line out, and make a link %s%s%s", t.app.Name, w.Text, Extension)
	default:
		t.app.DefaultInstance = w.Text
	}
}

// unitName says whether w names a unit: it becomes part of a path.
func (t *translator) unitName(w parser.Word, key string) bool {
	dot := strings.LastIndexByte(w.Text, '.')
	if dot > 0 && dot < len(w.Text)-1 && validName(strings.ReplaceAll(w.Text, `\`, "")) {
		return true
	}
	t.diags.Errorf(w.Pos(), "%s=: not the name of a unit: %q", key, w.Text).Hintf("write one like NAME.target or NAME.service")
	return false
}
