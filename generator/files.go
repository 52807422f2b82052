package generator

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// Source is the text of one file and its absolute path, with the drop-ins that
// count for it in the order in which they count.
type Source struct {
	Path    string
	Text    []byte
	DropIns []Source

	disk string // where it is read from
	// unread says which drop-ins could not be read: the file keeps its place.
	unread parser.Diags
}

// parse reads the file, and its drop-ins as if they stood at its end.
func (s Source) parse() (*parser.File, parser.Diags) {
	file, diags := parser.Parse(s.Path, s.Text)
	diags = append(diags, s.unread...)
	for _, d := range s.DropIns {
		more, ds := parser.Parse(d.Path, d.Text)
		file.Sections = append(file.Sections, more.Sections...)
		diags = append(diags, ds...)
	}
	return file, diags
}

// files are the paths of what s is read from, in the order in which it counts.
func (s Source) files() []string {
	paths := []string{s.Path}
	for _, d := range s.DropIns {
		paths = append(paths, d.Path)
	}
	return paths
}

// Files is what a search has found besides the .ondemand files that it was
// for: what these can refer to, and drop-ins.
type Files struct {
	quadlets map[string]place   // by file name
	dropIns  map[string][]place // by the name of the directory, the most important first
	// unitDirs are where systemd looks for units as well; units are the names
	// that are there, once somebody has asked.
	unitDirs []unitDir
	units    map[string]unitDir
	// podman is the version of the installed podman, once somebody has asked.
	podman func() version
}

// podmanVersion is the version of the installed podman, if it is known.
func (f *Files) podmanVersion() version {
	if f.podman == nil {
		return version{}
	}
	return f.podman()
}

// unitDir is a directory of the unit search path (systemd.unit(5)). Of two units
// of one name systemd takes that of a directory that comes first: before the
// generators'.
type unitDir struct {
	path  string
	first bool
}

// installedUnit finds a unit of that name which no generator has made. first
// says that systemd takes it, "" that there is none. What a person has masked
// is not there.
func (f *Files) installedUnit(name string) (path string, first bool) {
	if f.units == nil {
		f.units = map[string]unitDir{}
		for i := len(f.unitDirs) - 1; i >= 0; i-- { // the first of them counts
			entries, _ := os.ReadDir(f.unitDirs[i].path)
			for _, e := range entries {
				f.units[e.Name()] = f.unitDirs[i]
			}
		}
	}
	dir, ok := f.units[name]
	if !ok {
		return "", false
	}
	path = dir.path + "/" + name
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	return path, dir.first
}

// place is where a file lies, and what it is called in units and messages.
type place struct {
	disk, path string
	mask       bool // a link to /dev/null: there is no such file
}

// exists says whether the host has a file or device at path.
func (f *Files) exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// has says whether there is a file of that name to refer to.
func (f *Files) has(name string) bool { _, ok := f.quadlets[name]; return ok }

// find returns the file of that name, if there is one that can be read.
func (f *Files) find(name string) (Source, bool) {
	at, ok := f.quadlets[name]
	if !ok {
		return Source{}, false
	}
	src := Source{Path: at.path, disk: at.disk}
	return src, !f.load(&src).HasErrors()
}

// load reads a source and its drop-ins. It returns what is wrong with the source.
func (f *Files) load(src *Source) parser.Diags {
	var ds parser.Diags
	var err error
	if src.Text, err = readFile(src.disk); err != nil {
		ds.Errorf(parser.Pos{File: src.Path}, "%v, nothing is generated", unreadable(src.disk, err))
	}
	for _, at := range f.dropInsOf(path.Base(src.Path)) {
		text, err := readFile(at.disk)
		if err != nil {
			src.unread.Errorf(parser.Pos{File: at.path}, "%v", unreadable(at.disk, err))
		}
		src.DropIns = append(src.DropIns, Source{Path: at.path, Text: text})
	}
	return ds
}

// dropInsOf finds the drop-ins of a file: of several with one name that of the
// most specific directory, all of them in the order of their names
// (systemd.unit(5), "Description").
func (f *Files) dropInsOf(name string) []place {
	if len(f.dropIns) == 0 {
		return nil
	}
	var found []place
	taken := map[string]bool{}
	for _, dir := range dropInDirs(name) {
		for _, at := range f.dropIns[dir] {
			if base := path.Base(at.path); !taken[base] {
				taken[base] = true
				found = append(found, at)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b place) int { return cmp.Compare(path.Base(a.path), path.Base(b.path)) })
	return slices.DeleteFunc(found, func(at place) bool { return at.mask })
}

// dropInDirs names the directories with drop-ins of a file, the most specific
// first: for a-b@i.ondemand these are a-b@i.ondemand.d, a-b@.ondemand.d,
// a-@.ondemand.d, a-.ondemand.d and ondemand.d.
func dropInDirs(name string) []string {
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	dirs := []string{name + ".d"}
	prefix, instance, template := strings.Cut(base, "@")
	if template && instance != "" {
		dirs = append(dirs, prefix+"@"+ext+".d")
	}
	for i := strings.LastIndexByte(strings.TrimSuffix(prefix, "-"), '-'); i > 0; i = strings.LastIndexByte(prefix[:i], '-') {
		if template {
			dirs = append(dirs, prefix[:i+1]+"@"+ext+".d")
		}
		dirs = append(dirs, prefix[:i+1]+ext+".d")
	}
	return append(dirs, ext[1:]+".d")
}
