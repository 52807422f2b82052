package generator

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"podman-ondemand/parser"
)

// dir is a place in the search path. Its zero value beyond Path is a directory
// that is searched with all that is below it.
type dir struct {
	Path string
	// skip says which directories below it are left out, by their path below
	// Path and their name.
	skip func(below, name string) bool
}

// Find reads the .ondemand files of a search path, as Quadlet does it: all
// directories below those of the path, and of several files with one name the
// first. Missing directories are fine; files that cannot be read are errors.
func find(dirs []dir) ([]Source, parser.Diags) {
	f := finder{names: map[string]bool{}, visited: map[string]bool{}}
	for _, d := range dirs {
		f.walk(d, d.Path, "")
	}
	f.read()
	return f.sources, f.diags
}

type finder struct {
	sources []Source
	diags   parser.Diags
	names   map[string]bool // base names that are taken
	visited map[string]bool // directories, against loops of links
}

// walk looks through the directory at path, which is below its dir.
func (f *finder) walk(d dir, path, below string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || f.visited[real] {
		return
	}
	f.visited[real] = true
	entries, err := os.ReadDir(real)
	if err != nil {
		f.diags.Warnf(parser.Pos{File: path}, "%v", plain(err))
	}
	for _, e := range entries {
		f.entry(d, path, below, e)
	}
}

func (f *finder) entry(d dir, path, below string, e fs.DirEntry) {
	name := e.Name()
	full := path + "/" + name
	mode := e.Type()
	if mode&fs.ModeSymlink != 0 {
		mode = target(full)
	}
	switch {
	case mode.IsDir():
		if !strings.HasSuffix(name, ".d") && (d.skip == nil || !d.skip(below, name)) {
			f.walk(d, full, below+"/"+name)
		}
	case strings.HasSuffix(name, Extension) && !f.names[name]:
		f.names[name] = true
		if mode&fs.ModeCharDevice == 0 { // a link to /dev/null masks the name
			f.sources = append(f.sources, Source{Path: full})
		}
	}
}

// target is the type of what a link leads to; a dangling one counts as a file,
// which then cannot be read.
func target(link string) fs.FileMode {
	info, err := os.Stat(link)
	if err != nil {
		return 0
	}
	return info.Mode().Type()
}

// maxSize bounds what is read: more than systemd accepts in a single line is
// no unit file.
const maxSize = 1 << 20

// read fills the texts in, and drops the files that cannot be read.
func (f *finder) read() {
	errs := make([]error, len(f.sources))
	parallel(len(f.sources), func(i int, _ *worker) {
		f.sources[i].Text, errs[i] = readFile(f.sources[i].Path)
	})
	var readable []Source
	for i, s := range f.sources {
		if errs[i] != nil {
			f.diags.Errorf(parser.Pos{File: s.Path}, "%v", plain(errs[i]))
			continue
		}
		readable = append(readable, s)
	}
	f.sources = readable
}

// plain drops the path from an error whose message begins with it already.
func plain(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}
