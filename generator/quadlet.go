package generator

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// quadletKind is a kind of file that others can refer to by its name
// (podman-systemd.unit(5)).
type quadletKind struct {
	extension string
	// suffix is what the name of its service ends in.
	suffix  string
	section string
	// names are the keys that name what podman makes of it, the first that is
	// set; without one it is "systemd-" and the file's name.
	names []string
	// named says that one of names must be set.
	named bool
}

var quadletKinds = []quadletKind{
	{".container", "", "Container", []string{"ContainerName"}, false},
	{Extension, "", "Container", []string{"ContainerName"}, false},
	{".volume", "-volume", "Volume", []string{"VolumeName"}, false},
	{".network", "-network", "Network", []string{"NetworkName"}, false},
	{".pod", "-pod", "Pod", []string{"PodName"}, false},
	{".image", "-image", "Image", []string{"ImageTag", "Image"}, true},
	{".build", "-build", "Build", []string{"ImageTag"}, true},
	{".artifact", "-artifact", "Artifact", []string{"Artifact"}, true},
	{".kube", "", "Kube", nil, false},
}

func hasPod(file *parser.File) bool {
	return slices.ContainsFunc(file.Sections, func(s parser.Section) bool { return s.Name == parser.SectionPod && !s.Broken })
}

// kindOf finds the kind of a file by its name.
func kindOf(name string) (quadletKind, bool) {
	i := slices.IndexFunc(quadletKinds, func(k quadletKind) bool {
		return path.Ext(name) == k.extension && name != k.extension
	})
	if i < 0 {
		return quadletKind{}, false
	}
	return quadletKinds[i], true
}

// referred is what a reference to a file stands for.
type referred struct {
	service  string // the unit that makes it
	resource string // the name that podman knows it by
	own      string // the base name of the units, of one of our own files that knows who wants it
	proxy    emit.Proxy
	accept   bool // it has a container for each connection, and none to refer to
	inPod    bool // podman lets nobody else into its network
}

// refer reads what a reference to file stands for. The file stays Quadlet's:
// it is looked at for its names only.
func (k quadletKind) refer(src Source) referred {
	file, _ := src.parse()
	base := strings.TrimSuffix(path.Base(src.Path), k.extension)
	r := referred{service: k.service(file, base)}
	for _, key := range k.names {
		e, ok := file.Last(k.section, key)
		if name := parser.Unquote(e.Value); ok && name != "" {
			// One of several tags is the first (podman-build.unit(5)).
			r.resource, _, _ = strings.Cut(name, " ")
			break
		}
	}
	if r.resource == "" && !k.named {
		r.resource = k.defaultName(base)
	}
	_, r.inPod = file.Last(k.section, "Pod")
	// The name is used in another unit, where %N would be that one's.
	r.resource = strings.ReplaceAll(r.resource, "%N", strings.TrimSuffix(r.service, ".service"))
	return r
}

// service is the name of the unit that the file becomes.
func (k quadletKind) service(file *parser.File, base string) string {
	if e, ok := file.Last(k.section, "ServiceName"); ok && e.Value != "" {
		return parser.Unquote(e.Value) + ".service"
	}
	return emit.UnitName(base, k.suffix, ".service")
}

func (k quadletKind) defaultName(base string) string {
	prefix, instance, template := strings.Cut(base, "@")
	switch {
	case !template:
		return "systemd-" + base
	case instance == "":
		instance = "%i"
	}
	if k.suffix == "" {
		return "systemd-" + prefix + "_" + instance
	}
	return "systemd-" + prefix + "-" + instance
}

// reference resolves w, whose part name is the name of a file of one of the
// extensions. ok says that name is such a reference, even one that leads nowhere.
func (t *translator) reference(w parser.Word, name string, extensions ...string) (r referred, ok bool) {
	k, ok := kindOf(name)
	if !ok || !slices.Contains(extensions, k.extension) {
		return r, false
	}
	src, found := t.files.find(name)
	if !found {
		t.diags.Errorf(inWord(w, name), "there is no file %s", name).
			Hintf("it is looked for by its name, in the directories of podman-systemd.unit(5)")
		return r, true
	}
	if k.extension == Extension {
		r = t.referOwn(src)
		if r.accept {
			t.diags.Errorf(inWord(w, name), "%s has a container for each connection, there is none to wait for", name).
				Hintf("that comes of Accept=yes in it")
		}
		return r, true
	}
	r = k.refer(src)
	if r.resource == "" {
		t.diags.Errorf(inWord(w, name), "%s does not say %s=", src.Path, k.names[len(k.names)-1])
	}
	return r, true
}

// require resolves a reference to something that must be there before the
// container starts: its service requires and follows the file's.
func (t *translator) require(w parser.Word, name string, extensions ...string) (resource string, ok bool) {
	r, ok := t.reference(w, name, extensions...)
	t.requireUnit(r.service)
	return r.resource, ok
}

func (t *translator) requireUnit(service string) {
	if service != "" && !slices.Contains(t.app.Container.Requires, service) {
		t.app.Container.Requires = append(t.app.Container.Requires, service)
	}
}

// inWord is the place of part in w.
func inWord(w parser.Word, part string) parser.Pos {
	return w.PosAt(max(strings.Index(w.Text, part), 0))
}
