package generator

import (
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// pod reads [Pod] into the arguments of "podman pod create". Its containers
// follow in members.
func (t *translator) pod() {
	t.app.Pod = &emit.Pod{ExitPolicy: "continue", StopTimeout: "10"}
	t.app.Container.Name = emit.Written(t.defaultPodName())
	t.keys()
	t.app.Container.WaitForNetwork = t.yes(parser.SectionQuadlet, "DefaultDependencies")
}

// defaultPodName is Quadlet's. There is no %N in it, since it stands in the
// units of the containers, too.
func (t *translator) defaultPodName() string {
	prefix, instance, template := strings.Cut(t.app.Name, "@")
	switch {
	case template && instance == "":
		prefix += "_%i"
	case template:
		prefix += "_" + instance
	}
	return "systemd-" + strings.ReplaceAll(prefix, ":", "_")
}

// podName reads PodName=. What systemd would expand to something else in each
// unit cannot stand in it, but for %N, which is put in here.
func (t *translator) podName(w parser.Word) {
	t.containerName(w, "PodName")
	name := strings.ReplaceAll(w.Text, "%N", t.app.Name)
	for _, specifier := range []string{"%n", "%p", "%P", "%j", "%J"} {
		if strings.Contains(name, specifier) {
			t.diags.Errorf(inWord(w, specifier), "PodName=: %s means something else in the unit of each container", specifier).
				Hintf("write the name itself, or %%N")
		}
	}
	t.app.Container.Name = emit.Written(name)
}

func (t *translator) exitPolicy(w parser.Word) {
	if w.Text != "continue" && w.Text != "stop" {
		t.diags.Errorf(w.Pos(), "ExitPolicy=: not known: %q", w.Text).Hintf("write continue or stop")
	}
	t.app.Pod.ExitPolicy = emit.Written(w.Text)
}

// podStopTimeout reads StopTimeout= of [Pod]; in [Container] the table has all.
func (t *translator) podStopTimeout(w parser.Word) {
	if _, err := strconv.ParseUint(w.Text, 10, 31); err != nil {
		t.diags.Errorf(w.Pos(), "StopTimeout=: not a whole number of seconds: %q", w.Text)
	}
	t.app.Pod.StopTimeout = emit.Written(w.Text)
}

// podArgs refuses what would leave the proxy without a network namespace to
// enter, or without a way to find it.
func (t *translator) podArgs(ws []parser.Word) {
	for i, w := range ws {
		flag, value, inside := strings.Cut(w.Text, "=")
		if !inside && i+1 < len(ws) {
			value = ws[i+1].Text
		}
		switch no, err := parser.ParseBool(value); {
		case flag == "--infra" && inside && (err != nil || !no):
			t.diags.Errorf(w.Pos(), "PodmanArgs=%s: the network of a pod is that of its infra container", w.Text).
				Hintf("leave it out; containers without a network of their own are files of their own")
		case flag == "--share" && !strings.HasPrefix(value, "+") && !slices.Contains(strings.Split(value, ","), "net"):
			t.diags.Errorf(w.Pos(), "PodmanArgs=--share=%s: the containers would not share a network", value).
				Hintf("add net, like --share=net,ipc,uts")
		case slices.Contains([]string{"--infra-conmon-pidfile", "--infra-name", "--name", "--pod-id-file"}, flag):
			t.diags.Errorf(w.Pos(), "PodmanArgs=%s is there already", flag).Hintf("PodName= names the pod")
		}
	}
}

// labels looks at which sections there are: a pod with named containers, or one
// container without a name.
func (t *translator) labels() {
	pod, named := t.first(func(s parser.Section) bool { return s.Name == parser.SectionPod })
	member, members := t.first(func(s parser.Section) bool { return s.Name == parser.SectionContainer && s.Label != "" })
	single, singles := t.first(func(s parser.Section) bool { return s.Name == parser.SectionContainer && s.Label == "" })
	if named || members {
		t.section = parser.SectionPod
	}
	switch {
	case named && !members && !singles && !t.unreadable():
		t.diags.Errorf(pod.Pos, "[Pod] without containers").Hintf("write a [Container NAME] for each")
	case members && !named && !t.unreadable():
		t.diags.Errorf(member.Pos, "[%s] without [Pod]", member.Title()).
			Hintf("write [Pod], with PublishPort= in it; a container of its own is just [Container]")
	}
	if singles && t.section == parser.SectionPod {
		t.diags.Errorf(single.Pos, "[Container] beside [%s]", section(named, pod, member).Title()).
			Hintf("the containers of a pod have names, like [Container app]")
	}
	t.strayLabels()
}

func section(first bool, a, b parser.Section) parser.Section {
	if first {
		return a
	}
	return b
}

// first finds a section.
func (t *translator) first(is func(parser.Section) bool) (parser.Section, bool) {
	i := slices.IndexFunc(t.file.Sections, func(s parser.Section) bool { return !s.Broken && is(s) })
	if i < 0 {
		return parser.Section{}, false
	}
	return t.file.Sections[i], true
}

// unreadable says whether the header of a section is, which may be the one that
// seems to be missing.
func (t *translator) unreadable() bool {
	return slices.ContainsFunc(t.file.Sections, func(s parser.Section) bool { return s.Broken })
}

// strayLabels finds what is said of a container that there is none of.
func (t *translator) strayLabels() {
	names := t.memberNames()
	for _, s := range t.file.Sections {
		if s.Label == "" || s.Broken || slices.Contains(names, s.Label) || t.unreadable() {
			continue
		}
		d := t.diags.Errorf(s.Pos, "[%s] without [Container %s]", s.Title(), s.Label)
		if near := parser.Nearest(s.Label, names); near != "" {
			d.Hintf("did you mean [%s %s]?", s.Name, near)
		} else if len(names) == 0 {
			d.Hintf("for a single container that is [%s]", s.Name)
		}
	}
}

// memberNames are the names of the containers in the order of the file.
func (t *translator) memberNames() []string {
	var names []string
	for _, s := range t.file.Sections {
		if s.Name == parser.SectionContainer && s.Label != "" && !s.Broken && !slices.Contains(names, s.Label) {
			names = append(names, s.Label)
		}
	}
	return names
}

// members reads the containers of a pod.
func (t *translator) members() {
	if t.app.Pod == nil {
		return
	}
	for _, name := range t.memberNames() {
		if t.memberName(name) {
			t.app.Pod.Members = append(t.app.Pod.Members, t.member(name))
		}
	}
}

// memberName says whether a container can be called so: it is a part of the
// name of its unit, and of podman's name for it.
func (t *translator) memberName(name string) bool {
	s, _ := t.first(func(s parser.Section) bool { return s.Name == parser.SectionContainer && s.Label == name })
	unit := t.unitOf(name)
	switch {
	case strings.ContainsAny(name, ":@") || strings.ContainsAny(name[:1], "-_.") || !validName(unit):
		t.diags.Errorf(s.Pos, "[%s]: not a name for a container: %q", s.Title(), name).
			Hintf("letters, digits and any of - _ . make one that begins with a letter or digit")
	case name == "proxy":
		t.diags.Errorf(s.Pos, "[%s]: %s.service is the proxy's", s.Title(), unit).Hintf("give the container another name")
	case name == "idle-check" && t.hasIdleCheck():
		t.diags.Errorf(s.Pos, "[%s]: %s.service is that of IdleCheck=", s.Title(), unit).Hintf("give the container another name")
	default:
		return true
	}
	return false
}

// unitOf is the base name of the service of a container.
func (t *translator) unitOf(member string) string { return emit.UnitName(t.app.Name, "-"+member, "") }

// member reads one container: the sections with its name as if they were a file
// of its own.
func (t *translator) member(name string) emit.Application {
	m := translator{file: t.file.Labelled(name), files: t.files, section: parser.SectionContainer, label: name, podOf: t}
	m.app.Source, m.app.Name, m.app.StartTimeout = t.app.Source, t.unitOf(name), t.app.StartTimeout
	m.container()
	m.app.Container.Pod = t.app.Container.Name
	m.app.Unit = m.pass(parser.SectionUnit, m.unitKey)
	m.app.Service = m.pass(parser.SectionService, unchanged(m.serviceKey))
	t.diags = append(t.diags, m.diags...)
	return m.app
}

// brokenMembers lets the containers say what is wrong as well: one of them may
// be started by hand.
func (t *translator) brokenMembers() {
	if t.app.Pod == nil {
		return
	}
	for i := range t.app.Pod.Members {
		t.app.Pod.Members[i].Broken = t.app.Broken
	}
}

// memberOf resolves NAME.container in [Unit] where the file has a [Container
// NAME], which comes before a file of that name.
func (t *translator) memberOf(w parser.Word) (service string, ok bool) {
	pod := t
	if t.podOf != nil {
		pod = t.podOf
	}
	name, ok := strings.CutSuffix(w.Text, ".container")
	names := pod.memberNames()
	if !ok || !slices.Contains(names, name) {
		if near := parser.Nearest(name, names); ok && near != "" && !t.files.has(w.Text) {
			t.diags.Errorf(w.Pos(), "there is no [Container %s], nor a file %s", name, w.Text).Hintf("did you mean %s.container?", near)
			return w.Text, true
		}
		return "", false
	}
	return string(emit.Sibling(pod.unitOf(name) + ".service")), true
}

// header is a section as the person wrote it.
func (t *translator) header(section string) string {
	return "[" + parser.Section{Name: section, Label: t.label}.Title() + "]"
}

// serviceType is the Type= of the service.
func (t *translator) serviceType() string {
	if t.section == parser.SectionPod {
		return "forking"
	}
	return "notify"
}

// inPod says whether the container is one of a pod.
func (t *translator) inPod() bool { return t.podOf != nil || t.joins }

// podsKeys are the keys that podman-run(1) refuses with --pod: they are about
// what the containers of a pod share.
var podsKeys = []string{
	"IP", "IP6", "HostName", "NetworkAlias", "AddHost",
	"UserNS", "UIDMap", "GIDMap", "SubUIDMap", "SubGIDMap", "RemapUsers", "RemapUid", "RemapGid", "RemapUidSize",
}

// membersKeys are those that have no place in a [Container NAME] besides: a
// container in another network would not be behind the proxy.
var membersKeys = []string{"Network", "PublishPort", "ServiceName", "Pod", "StartWithPod"}

// mayInPod says whether a container of a pod may have the key.
func (t *translator) mayInPod(k parser.Key, w parser.Word) bool {
	member := t.podOf != nil
	if !slices.Contains(podsKeys, k.Name) && !(member && slices.Contains(membersKeys, k.Name)) {
		return true
	}
	d := t.diags.Errorf(w.Pos(), "%s= in the container of a pod", k.Name)
	_, shared := parser.FindKey(parser.SectionPod, k.Name)
	switch {
	case !shared:
		d.Hintf("it is in the [Pod] of this file already")
	case member:
		d.Hintf("it belongs in [Pod]")
	default:
		d.Hintf("it belongs in the file that Pod= names")
	}
	return false
}

// joinPod reads Pod=: the container runs in a pod of Quadlet's, which it starts
// and ends with (podman-systemd.unit(5), "Pod=").
func (t *translator) joinPod(w parser.Word) {
	r, ok := t.reference(w, w.Text, ".pod")
	if !ok {
		t.diags.Errorf(w.Pos(), "Pod=%s is not the file of a pod", w.Text).Hintf("name one of Quadlet's, like Pod=app.pod")
		return
	}
	t.app.Container.Pod = emit.Written(r.resource)
	t.app.Container.PodService = emit.Passed(r.service)
}

func (t *translator) startWithPod(w parser.Word) {
	if w.Text == "yes" {
		t.diags.Warnf(w.Pos(), "StartWithPod=yes has no effect, the container starts at the first connection").
			Hintf("leave it out; a container that starts with its pod is a .container")
	}
}
