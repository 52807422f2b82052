package generator

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"podman-ondemand/emit"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
)

// Read makes what the generator of a manager would write after a daemon-reload,
// for a person who asks.
func Read(scope manager.Scope) Result {
	return run(surroundingsOf(scope))
}

func surroundingsOf(scope manager.Scope) environment {
	if scope == manager.System {
		return surroundings("system")
	}
	return surroundings("user")
}

// ReadPaths is Read as if the files and directories at paths were in the search
// path, and has only what is about them: a file is read with what is beside it, a
// directory with all that is below it. dirs is the search path. The error is that
// of a path that is neither.
func ReadPaths(scope manager.Scope, paths []string) (r Result, dirs []string, err error) {
	env := surroundingsOf(scope)
	search, _ := env.dirs()
	var chosen []string
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			return r, nil, err
		}
		d, err := around(path)
		if err != nil {
			return r, nil, err
		}
		chosen = append(chosen, path)
		if !slices.ContainsFunc(search, func(s dir) bool { return isBelow(s.Path, d.Path) }) {
			search = slices.Insert(search, 0, d)
		}
	}
	r = env.run(search)
	r.only(chosen)
	for _, d := range search {
		dirs = append(dirs, d.Path)
	}
	return r, dirs, nil
}

// around is the directory in which the file or directory at path is looked at.
func around(path string) (dir, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return dir{}, err
	case info.IsDir():
		return dir{Path: path}, nil
	case filepath.Ext(path) != Extension:
		return dir{}, &fs.PathError{Op: "verify", Path: path, Err: errNotOurs(filepath.Ext(path))}
	}
	return dir{Path: filepath.Dir(path), skip: func(string, string) bool { return true }}, nil
}

type notOurs string

func (e notOurs) Error() string { return string(e) }

// errNotOurs says what to do with a file that ends in ext.
func errNotOurs(ext string) notOurs {
	switch ext {
	case ".container", ".socket", ".service":
		return "not an " + Extension + " file: podman-ondemand convert makes one of it"
	case ".pod", ".kube", ".network", ".volume", ".image", ".build", ".artifact":
		return "not an " + Extension + " file, but one of Quadlet, which such files can refer to"
	case ".conf":
		return "a drop-in without its " + Extension + " file beside it: verify that file, or the search path"
	}
	return "not an " + Extension + " file, and no directory"
}

// WithDropIns is the file of a drop-in, or of a directory of drop-ins, where that lies beside it; any other path is path itself.
func WithDropIns(path string) string {
	dir := path
	if filepath.Ext(path) == ".conf" {
		dir = filepath.Dir(path)
	}
	file, ok := strings.CutSuffix(filepath.Clean(dir), ".d")
	if _, err := os.Stat(file); !ok || filepath.Ext(file) != Extension || err != nil {
		return path
	}
	return file
}

// isBelow says whether path is dir or below it, when links are followed.
func isBelow(dir, path string) bool {
	dir, path = real(dir), real(path)
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func real(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// only keeps what is about the files and directories at paths.
func (r *Result) only(paths []string) {
	chosen := func(file string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return isBelow(path, file) })
	}
	about := map[string]bool{}
	keep := func(trees []Tree) []Tree {
		return slices.DeleteFunc(trees, func(t Tree) bool {
			if t.Source != "" && !chosen(t.Source) {
				return true
			}
			for _, file := range t.Files {
				about[file] = true
			}
			return false
		})
	}
	r.Trees, r.NotGenerated = keep(r.Trees), keep(r.NotGenerated)
	r.Diags = slices.DeleteFunc(r.Diags, func(d parser.Diag) bool {
		return !about[d.Pos.File] && !chosen(d.Pos.File) && !mentions(d, about)
	})
	for _, path := range paths {
		r.shadowed(path, about)
	}
}

// mentions says whether a message about another file is about one of these, too: both want the same port.
func mentions(d parser.Diag, files map[string]bool) bool {
	for file := range files { // order does not matter
		if strings.Contains(d.Text, file) || strings.Contains(d.Hint, file) {
			return true
		}
	}
	return false
}

// shadowed warns of a file that does not count.
func (r *Result) shadowed(path string, about map[string]bool) {
	if filepath.Ext(path) != Extension || slices.ContainsFunc(r.Diags, func(d parser.Diag) bool { return isBelow(path, d.Pos.File) }) {
		return
	}
	for file := range about { // order does not matter: it only looks for one
		if isBelow(path, file) {
			return
		}
	}
	r.Diags.Warnf(parser.Pos{File: path}, "another file of this name comes before it in the search path, ignored").
		Hintf("rename one of the two")
}

// Sources are the files of all applications, with their drop-ins, in the order
// in which they are read.
func (r Result) Sources() []Tree {
	all := slices.DeleteFunc(slices.Concat(r.Trees, r.NotGenerated), func(t Tree) bool { return t.Source == "" })
	slices.SortStableFunc(all, func(a, b Tree) int { return cmp.Compare(a.Source, b.Source) })
	return all
}

func run(env environment) Result {
	dirs, diags := env.dirs()
	r := env.run(dirs)
	r.Diags = slices.Concat(diags, r.Diags)
	return r
}

// run makes what the generator would write if dirs were the search path.
func (e environment) run(dirs []dir) Result {
	sources, files, found := find(dirs)
	files.unitDirs = e.unitDirs()
	files.podman = sync.OnceValue(e.podmanVersion)
	r := Generate(sources, files, emit.Options{Podman: e.podman, Program: e.program, User: e.user})
	r.Diags = slices.Concat(found, r.Diags)
	return r
}
