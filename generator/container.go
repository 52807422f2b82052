package generator

import (
	"path"
	"slices"
	"strings"

	"github.com/containers/common/pkg/signal"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// container reads [Container] into podman's command line. The order of the
// arguments is that of the table of keys.
func (t *translator) container() {
	c := &t.app.Container
	c.Name, c.Cgroups, c.Notify = defaultName(t.app.Name), "split", "conmon"
	_, t.joins = t.file.Last(t.section, "Pod")
	t.keys()
	t.image()
	c.WaitForNetwork = t.yes(parser.SectionQuadlet, "DefaultDependencies")
}

// keys adds what the keys of the section become, in the order of the table.
func (t *translator) keys() {
	for _, k := range parser.Keys {
		if k.Section == t.section {
			t.key(k)
		}
	}
}

// defaultName is the name of the container of a unit: Quadlet's, but for a
// colon, which podman does not take.
func defaultName(unit string) emit.Arg {
	switch {
	case strings.Contains(unit, ":"):
		name := emit.Literal("systemd-" + strings.NewReplacer(":", "_", "@", "_").Replace(unit))
		if strings.HasSuffix(unit, "@") {
			name += "%i" // the instances are not to share one name
		}
		return name
	case strings.Contains(unit, "@"):
		return "systemd-%p_%i"
	}
	return "systemd-%N"
}

// containerName refuses what podman would refuse when the container starts.
func (t *translator) containerName(w parser.Word, key string) {
	what := "container"
	if key == "PodName" {
		what = "pod"
	}
	first := !strings.ContainsAny(w.Text[:1], "-_.")
	if first && !strings.ContainsFunc(w.Text, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_.-%${}@", c))
	}) {
		return
	}
	t.diags.Errorf(w.Pos(), "%s=: not a name for a %s: %q", key, what, w.Text).
		Hintf("letters, digits and any of - _ . make one that begins with a letter or digit")
}

// key adds what one key becomes.
func (t *translator) key(k parser.Key) {
	ws := t.read(k)
	if len(ws) == 0 && k.Name != "Entrypoint" {
		return
	}
	if len(ws) > 0 && t.inPod() && !t.mayInPod(k, ws[0]) {
		return
	}
	if k.Name == "StopSignal" || k.Name == "ReloadSignal" {
		t.signal(k, ws[0])
	}
	if k.Name == "ExposeHostPort" {
		t.exposed(ws)
	}
	t.onHostKeys(k, ws)
	if k.Arg != "" {
		t.arguments(k, ws)
		return
	}
	t.special(k, ws)
}

// arguments adds the arguments of a key whose row in the table says all.
func (t *translator) arguments(k parser.Key, ws []parser.Word) {
	flag := strings.Fields(k.Arg)
	last := flag[len(flag)-1]
	for _, w := range ws {
		switch {
		case k.Kind == parser.Switch && w.Text == "no":
			continue
		case k.Kind == parser.Bool && w.Text == "no":
			last += "=false"
		}
		for _, f := range flag[:len(flag)-1] {
			t.run(f)
		}
		t.run(strings.Replace(last, "%s", w.Text, 1))
	}
}

// run adds words to "podman run" as they were written.
func (t *translator) run(words ...string) {
	for _, w := range words {
		t.app.Container.Run = append(t.app.Container.Run, emit.Written(w))
	}
}

// special adds what a key becomes that needs more than its own value.
func (t *translator) special(k parser.Key, ws []parser.Word) {
	c := &t.app.Container
	switch k.Name {
	case "ContainersConfModule":
		for _, w := range ws {
			c.Global = append(c.Global, emit.Written("--module="+w.Text))
		}
	case "GlobalArgs":
		c.Global = append(c.Global, written(ws)...)
	case "ContainerName":
		c.Name = emit.Written(ws[0].Text)
		t.containerName(ws[0], k.Name)
	case "CgroupsMode":
		c.Cgroups = emit.Written(ws[0].Text)
	case "Entrypoint":
		t.entrypoint()
	case "Notify":
		t.notify(ws[0])
	case "Network":
		t.network(ws)
	case "User":
		t.user(ws[0])
	case "AddDevice":
		t.devices(ws)
	case "VolatileTmp":
		t.volatileTmp(ws[0])
	case "Volume":
		t.volumes(ws)
	case "EnvironmentFile":
		for _, w := range ws {
			file := t.fileNear(w.Text)
			t.onHost(w, file)
			t.run("--env-file", file)
		}
	case "Mount":
		t.mounts(ws)
	case "PodmanArgs":
		if t.section == parser.SectionPod {
			t.podArgs(ws)
		}
		c.Run = append(c.Run, written(ws)...)
	case "Pod":
		t.joinPod(ws[0])
	case "StartWithPod":
		t.startWithPod(ws[0])
	case "PodName":
		t.podName(ws[0])
	case "ExitPolicy":
		t.exitPolicy(ws[0])
	case "StopTimeout":
		t.podStopTimeout(ws[0])
	case "RemapUsers":
		t.remapUsers(ws[0])
	case "RemapUid", "RemapGid", "RemapUidSize":
		t.remapAlone(k, ws[0])
	case "ReloadCmd":
		c.Reload = append([]emit.Arg{"exec", c.Name}, written(ws)...)
	case "ReloadSignal":
		t.reloadSignal(ws[0])
	case "Group":
		if _, ok := t.one(parser.SectionContainer, "User"); !ok {
			t.diags.Errorf(ws[0].Pos(), "Group= without User=").Hintf("podman takes a group only with a user")
		}
	}
}

func written(ws []parser.Word) []emit.Arg {
	args := make([]emit.Arg, len(ws))
	for i, w := range ws {
		args[i] = emit.Written(w.Text)
	}
	return args
}

// signal refuses what podman would refuse when the container starts.
func (t *translator) signal(k parser.Key, w parser.Word) {
	if strings.ContainsAny(w.Text, "%$") {
		return
	}
	if _, err := signal.ParseSignalNameOrNumber(w.Text); err != nil {
		t.diags.Errorf(w.Pos(), "%s=: not a signal: %q", k.Name, w.Text).Hintf("write one like SIGINT or 2")
	}
}

// exposed refuses what podman would refuse when the container starts.
func (t *translator) exposed(ws []parser.Word) {
	for _, w := range ws {
		ports, protocol, _ := strings.Cut(w.Text, "/")
		first, last, isRange := strings.Cut(ports, "-")
		_, err := parser.ParsePort(first)
		if isRange && err == nil {
			_, err = parser.ParsePort(last)
		}
		known := slices.Contains([]string{"", "tcp", "udp", "sctp"}, strings.ToLower(protocol))
		if !strings.ContainsAny(w.Text, "%$") && (err != nil || !known) && w.Text != "" {
			t.diags.Errorf(w.Pos(), "ExposeHostPort=: not a port or range of ports: %q", w.Text).
				Hintf("write one like 80, 8000-8010 or 53/udp")
		}
	}
}

// entrypoint is the one String of which an empty value means something: no
// entrypoint at all.
func (t *translator) entrypoint() {
	if e, ok := t.file.Last(parser.SectionContainer, "Entrypoint"); ok {
		t.run("--entrypoint=" + parser.Unquote(e.Value))
	}
}

func (t *translator) notify(w parser.Word) {
	yes, err := parser.ParseBool(w.Text)
	switch {
	case strings.EqualFold(w.Text, "healthy"):
		t.app.Container.Notify = "healthy"
	case err != nil:
		t.diags.Errorf(w.Pos(), "Notify=: not known: %q", w.Text).Hintf("write yes, no or healthy")
	case yes:
		t.app.Container.Notify = "container"
	}
}

func (t *translator) network(ws []parser.Word) {
	for _, w := range ws {
		name, options, hasOptions := strings.Cut(w.Text, ":")
		if name == "" {
			continue
		}
		if resource, ok := t.otherContainer(w, name); ok {
			if hasOptions {
				t.diags.Errorf(w.Pos(), "Network=%s: a network that is another container's takes no options", w.Text)
			}
			t.run("--network", "container:"+resource)
			continue
		}
		if name == "container" && (t.section == parser.SectionPod || t.joins) {
			t.mayJoin(w, options, referred{})
		}
		if resource, ok := t.require(w, name, ".network"); ok {
			name = resource
		}
		if hasOptions {
			name += ":" + options
		}
		t.run("--network", name)
	}
}

func (t *translator) user(w parser.Word) {
	user := w.Text
	if g, ok := t.one(parser.SectionContainer, "Group"); ok {
		user += ":" + g.Text
	}
	t.run("--user", user)
}

// devices leaves a device with a dash in front out if the host does not have it
// now, as Quadlet does.
func (t *translator) devices(ws []parser.Word) {
	for _, w := range ws {
		device, optional := strings.CutPrefix(w.Text, "-")
		path, _, _ := strings.Cut(device, ":")
		if !optional {
			t.onHostPath(w, path)
		}
		if !optional || t.files.exists(path) {
			t.run("--device", device)
		}
	}
}

func (t *translator) volatileTmp(w parser.Word) {
	t.diags.Warnf(w.Pos(), "VolatileTmp= is deprecated").Hintf("write Tmpfs=/tmp")
	if w.Text == "yes" && !t.yes(parser.SectionContainer, "ReadOnly") {
		t.run("--tmpfs", "/tmp:rw,size=512M,mode=1777")
	}
}

func (t *translator) volumes(ws []parser.Word) {
	for _, w := range ws {
		source, rest, named := strings.Cut(w.Text, ":")
		if !named {
			t.run("-v", w.Text)
			continue
		}
		t.run("-v", t.source(w, source, ".volume", ".artifact")+":"+rest)
	}
}

// source resolves what a mount starts from: a file of one of the extensions,
// a path of the host, or a name of podman's.
func (t *translator) source(w parser.Word, source string, extensions ...string) string {
	if resource, ok := t.require(w, source, extensions...); ok {
		return resource
	}
	path := t.hostPath(source)
	if w.Key() == "Volume" || mountType(strings.Split(w.Text, ",")) == "bind" {
		t.onHostPath(w, path)
	}
	return path
}

// hostPath makes a path that starts with a dot absolute, and lets the service
// wait for the file system that an absolute path lies on.
func (t *translator) hostPath(source string) string {
	mount := strings.ReplaceAll(source, "$$", "$") // RequiresMountsFor= knows no variables
	if strings.HasPrefix(source, ".") {
		dir := strings.ReplaceAll(t.dir(), "%", "%%")
		mount, source = path.Join(dir, mount), path.Join(strings.ReplaceAll(dir, "$", "$$"), source)
	}
	if strings.HasPrefix(mount, "/") {
		t.app.Container.Mounts = append(t.app.Container.Mounts, emit.Value(emit.Written(mount)))
	}
	return source
}

// fileNear makes a relative path absolute, unless it starts with a specifier.
func (t *translator) fileNear(name string) string {
	specifier := strings.HasPrefix(name, "%") && !strings.HasPrefix(name, "%%")
	if path.IsAbs(name) || specifier {
		return name
	}
	return path.Join(strings.NewReplacer("%", "%%", "$", "$$").Replace(t.dir()), name)
}

// mountsOfHost are the types of Mount= whose source may be a path of the host
// or another file.
var mountsOfHost = []string{"volume", "bind", "glob", "image", "artifact"}

func (t *translator) mounts(ws []parser.Word) {
	for _, w := range ws {
		fields := strings.Split(w.Text, ",")
		kind := mountType(fields)
		if kind == "" {
			kind, fields = "volume", append([]string{"type=volume"}, fields...)
		}
		if !slices.Contains(mountsOfHost, kind) {
			t.run("--mount", w.Text)
			continue
		}
		t.run("--mount", strings.Join(t.mount(w, kind, fields), ","))
	}
}

// mount resolves the source of a mount. Only a volume may be without one: it
// has no name then.
func (t *translator) mount(w parser.Word, kind string, fields []string) []string {
	named := false
	for i, f := range fields {
		key, source, _ := strings.Cut(f, "=")
		if key == "source" || key == "src" {
			fields[i] = "source=" + t.source(w, source, ".volume", ".image", ".build", ".artifact")
			named = source != ""
		}
	}
	if !named && kind != "volume" {
		t.diags.Errorf(w.Pos(), "Mount=: no source= for type=%s", kind).Hintf("write type=%s,source=…,destination=…", kind)
	}
	return fields
}

func mountType(fields []string) string {
	for _, f := range fields {
		if kind, ok := strings.CutPrefix(f, "type="); ok {
			return kind
		}
	}
	return ""
}

func (t *translator) reloadSignal(w parser.Word) {
	c := &t.app.Container
	if len(c.Reload) > 0 {
		t.diags.Errorf(w.Pos(), "ReloadSignal= and ReloadCmd= are both set").Hintf("keep one of the two")
		return
	}
	c.Reload = []emit.Arg{"kill", "--signal", emit.Written(w.Text), c.Name}
}

// image ends the command line: what to run, and the command in it.
func (t *translator) image() {
	image, hasImage := t.one(parser.SectionContainer, "Image")
	rootfs, hasRootfs := t.one(parser.SectionContainer, "Rootfs")
	switch {
	case hasImage && hasRootfs:
		t.diags.Errorf(rootfs.Pos(), "Image= and Rootfs= are both set").Hintf("keep one of the two")
	case hasImage:
		if resource, ok := t.require(image, image.Text, ".image", ".build"); ok {
			t.run(resource)
		} else {
			t.shortName(image)
			t.onHost(image, image.Text)
			t.run(image.Text)
		}
	case hasRootfs:
		t.onHostPath(rootfs, strings.TrimSuffix(rootfs.Text, ":O"))
		t.run("--rootfs", rootfs.Text)
	default:
		t.noImage()
	}
	t.app.Container.Run = append(t.app.Container.Run, written(t.values(parser.SectionContainer, "Exec"))...)
}

// noImage is about a file that says nothing of what to run; where lines were
// lost, it may have said so there.
func (t *translator) noImage() {
	pos := t.start()
	for _, s := range t.file.Sections {
		switch {
		case s.Broken:
			return
		case s.Name == parser.SectionContainer && s.Label == "":
			pos = s.Pos
		}
	}
	t.diags.Errorf(pos, "no Image= or Rootfs= in %s", t.header(parser.SectionContainer)).
		Hintf("for example Image=docker.io/library/httpd:2.4")
}

// shortName warns of an image that podman has to look up in a list of
// registries, which may ask a person or find another image.
func (t *translator) shortName(w parser.Word) {
	registry, _, path := strings.Cut(w.Text, "/")
	named := path && (strings.ContainsAny(registry, ".:") || registry == "localhost")
	id := strings.HasPrefix(w.Text, "sha256:") || len(w.Text) == 64 && strings.Trim(w.Text, "0123456789abcdef") == ""
	if named || id || strings.ContainsAny(w.Text, "%$") {
		return
	}
	t.diags.Warnf(w.Pos(), "Image=%s is a short name", w.Text).
		Hintf("name the registry too, like docker.io/library/%s", w.Text)
}
