package generator

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"podman-ondemand/parser"
)

// dir is a directory of the search path, which is searched with all that is
// below it.
type dir struct {
	Path string
	// skip says which directories below it are left out, by their path below
	// Path and their name.
	skip func(below, name string) bool
	// as is what the directory is called in units and messages, if not Path.
	as string
}

// find reads the .ondemand files of a search path, as Quadlet does it: all
// directories below those of the path, and of several files with one name the
// first. Missing directories are fine; files that cannot be read are errors.
// Files of Quadlet and drop-ins are noted, and read when somebody asks.
func find(dirs []dir) ([]Source, *Files, parser.Diags) {
	f := finder{
		names:   map[string]bool{},
		visited: map[string]bool{},
		files:   &Files{quadlets: map[string]place{}, dropIns: map[string][]place{}},
	}
	for _, d := range dirs {
		if d.as == "" {
			d.as = d.Path
		}
		f.walk(d, "", nil)
	}
	f.read()
	return f.sources, f.files, f.diags
}

type finder struct {
	sources []Source
	files   *Files
	diags   parser.Diags
	names   map[string]bool // base names that are taken
	visited map[string]bool // directories, against loops of links
}

// maxLinked bounds how many directories are searched behind one link: it may
// lead to "/".
const maxLinked = 1000

// linked is a link to a directory, and how many more are searched behind it.
type linked struct {
	path string
	left int
}

// follow counts a directory that is behind l, or is where a link begins.
func (f *finder) follow(l *linked, e fs.DirEntry, at place) (next *linked, ok bool) {
	if l == nil && e.Type()&fs.ModeSymlink != 0 {
		l = &linked{at.path, maxLinked}
	}
	if l == nil {
		return nil, true
	}
	if l.left--; l.left == -1 {
		f.diags.Warnf(parser.Pos{File: l.path}, "a link with more than %d directories behind it: the rest is not searched", maxLinked)
	}
	return l, l.left >= 0
}

// walk looks through what is in d at the path below, which may be behind a link.
func (f *finder) walk(d dir, below string, link *linked) {
	real, err := filepath.EvalSymlinks(d.Path + below)
	if err != nil || f.visited[real] {
		return
	}
	f.visited[real] = true
	entries, err := os.ReadDir(real)
	if err != nil {
		f.diags.Warnf(parser.Pos{File: d.as + below}, "%v", plain(err))
	}
	for _, e := range entries {
		at := place{disk: d.Path + below + "/" + e.Name(), path: d.as + below + "/" + e.Name()}
		switch mode := fileType(e, at.disk); {
		case !mode.IsDir():
			f.file(e.Name(), at, mode)
		case strings.HasSuffix(e.Name(), ".d"):
			f.dropInDir(e.Name(), at)
		case d.skip == nil || !d.skip(below, e.Name()):
			if link, ok := f.follow(link, e, at); ok {
				f.walk(d, below+"/"+e.Name(), link)
			}
		}
	}
}

// fileType follows links; a dangling one counts as a file, which then cannot be
// read.
func fileType(e fs.DirEntry, disk string) fs.FileMode {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type()
	}
	info, err := os.Stat(disk)
	if err != nil {
		return 0
	}
	return info.Mode().Type()
}

func (f *finder) file(name string, at place, mode fs.FileMode) {
	if _, ok := kindOf(name); !ok || f.names[name] || strings.HasPrefix(name, ".#") {
		return // .# is the lock of an editor
	}
	f.names[name] = true
	if mode&fs.ModeCharDevice != 0 {
		return // a link to /dev/null masks the name
	}
	f.files.quadlets[name] = at
	if strings.HasSuffix(name, Extension) {
		f.sources = append(f.sources, Source{Path: at.path, disk: at.disk})
	}
}

// dropInDir notes the drop-ins in a directory NAME.d.
func (f *finder) dropInDir(name string, at place) {
	of := strings.TrimSuffix(name, ".d")
	_, ofFile := kindOf(of)
	_, ofKind := kindOf("x." + of)
	if !ofFile && !ofKind {
		return
	}
	entries, err := os.ReadDir(at.disk)
	if err != nil {
		f.diags.Warnf(parser.Pos{File: at.path}, "%v", plain(err))
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".conf") {
			p := place{disk: at.disk + "/" + e.Name(), path: at.path + "/" + e.Name()}
			p.mask = fileType(e, p.disk)&fs.ModeCharDevice != 0
			f.files.dropIns[name] = append(f.files.dropIns[name], p)
		}
	}
}

// maxSize bounds what is read: more than systemd accepts in a single line is
// no unit file.
const maxSize = 1 << 20

// read fills the texts in, and drops the files that cannot be read.
func (f *finder) read() {
	diags := make([]parser.Diags, len(f.sources))
	parallel(len(f.sources), func(i int, _ *worker) {
		diags[i] = f.files.load(&f.sources[i])
	})
	var readable []Source
	for i, s := range f.sources {
		f.diags = append(f.diags, diags[i]...)
		if !diags[i].HasErrors() {
			readable = append(readable, s)
		}
	}
	f.sources = readable
}

// unreadable says why a file cannot be read, without its path.
func unreadable(disk string, err error) error {
	if info, lerr := os.Lstat(disk); lerr == nil && info.Mode()&fs.ModeSymlink != 0 && err == unix.ENOENT {
		return errors.New("a link that leads nowhere")
	}
	return plain(err)
}

// plain drops the path from an error whose message begins with it already.
func plain(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}
