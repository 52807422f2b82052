package generator

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// Translate makes the application of a source. With an error in the Diags
// it holds no more than its place (Broken), if that. files is what it can refer to.
func Translate(src Source, files *Files) (emit.Application, parser.Diags) {
	file, diags := src.parse()
	t := translator{file: file, files: files, section: parser.SectionContainer, diags: append(diags, file.Check()...)}
	t.app.Source = src.Path
	t.labels()
	t.name()
	t.proxy()
	t.existing()
	switch {
	case t.app.Existing != "":
	case t.section == parser.SectionPod:
		t.pod()
	default:
		t.container()
	}
	t.sockets()
	t.onDemand()
	t.units()
	t.members()
	t.install()
	t.diags.Sort()
	t.diags = slices.Compact(t.diags) // a key that is read twice is wrong once
	t.broken()
	return t.app, t.diags
}

// broken lets an application with errors keep its place, if it is known where
// it listens: a live port must not die of a typo.
func (t *translator) broken() {
	if !t.diags.HasErrors() {
		return
	}
	if !t.listens {
		t.guessListeners()
	}
	if !t.listens || !validName(t.app.Name) || t.app.Existing != "" && !t.replaceable() {
		return
	}
	if strings.HasSuffix(t.app.Existing, ".service") {
		t.app.Stops = t.app.Existing
	}
	if t.app.Existing != "" {
		t.app.Existing, t.app.Inside, t.app.IdleCheck = "", "", emit.IdleCheck{}
	}
	for _, d := range t.diags {
		if d.Severity == parser.Error {
			t.app.Broken = append(t.app.Broken, d.String())
		}
	}
	t.brokenMembers()
}

// replaceable says whether a unit of our own can refuse connections in the place
// of the existing one.
func (t *translator) replaceable() bool {
	return t.app.Existing != t.app.Name+".service" && t.app.Proxy != emit.NoProxy
}

// translator fills app from file, section by section, and collects all that is
// wrong on the way.
type translator struct {
	file  *parser.File
	files *Files
	app   emit.Application
	diags parser.Diags
	// section is what the keys of podman's stand in: [Container], or [Pod] in a
	// file with several containers.
	section string
	// label is the container's name in such a file, and podOf the translator of
	// its pod; "" and nil for what has no other one above it.
	label string
	podOf *translator
	// joins says that the container is in a pod of Quadlet's.
	joins bool
	// insidePod says that Container= beside Unit= names one of a pod.
	insidePod bool
	// listens says that all its addresses could be read.
	listens bool
}

// start is the place for messages about what the file lacks.
func (t *translator) start() parser.Pos { return parser.Pos{File: t.file.Name, Line: 1, Col: 1} }

// values reads a key of the table.
func (t *translator) values(section, name string) []parser.Word {
	k, ok := parser.FindKey(section, name)
	if !ok {
		panic("not in the table of keys: " + section + "." + name)
	}
	return t.read(k)
}

func (t *translator) read(k parser.Key) []parser.Word {
	ws, ds := t.file.Values(k)
	t.diags = append(t.diags, ds...)
	if len(ws) > 0 {
		t.tooNew(k, ws)
	}
	return ws
}

// one reads a key that has one value at most.
func (t *translator) one(section, name string) (parser.Word, bool) {
	ws := t.values(section, name)
	if len(ws) == 0 {
		return parser.Word{}, false
	}
	return ws[0], true
}

func (t *translator) yes(section, name string) bool {
	w, ok := t.one(section, name)
	return ok && w.Text == "yes"
}

// dir is the directory that relative paths in the file start from.
func (t *translator) dir() string { return path.Dir(t.app.Source) }

// name finds the base name of the units: ServiceName=, or the file's own. What
// stands behind "@" is always the file's.
func (t *translator) name() {
	t.app.Name = strings.TrimSuffix(path.Base(t.app.Source), Extension)
	pos := parser.Pos{File: t.file.Name}
	what := "the file name"
	if w, ok := t.one(t.section, "ServiceName"); ok {
		_, instance, template := strings.Cut(t.app.Name, "@")
		t.app.Name, pos, what = w.Text, w.Pos(), "ServiceName="
		if template {
			t.app.Name += "@" + instance
		}
	}
	if !validName(t.app.Name) {
		t.diags.Errorf(pos, "%s makes no unit name: %q", what, t.app.Name).
			Hintf("letters, digits and any of : - _ . make one that does not begin with a dot, %d at the most", maxName)
	}
}

// maxName leaves room in the 255 characters of a unit name for the longest one
// of an application, podman-ondemand-apply@NAME-HASH.service.
const maxName = 200

// validName says whether name can be the base of a unit name (systemd.unit(5),
// "Description"). A backslash, which could be, makes no name for a container.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' && name[0] != '@' &&
		!strings.ContainsFunc(name, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
				strings.ContainsRune(`:-_.@`, c))
		})
}
