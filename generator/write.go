package generator

import (
	"bytes"
	"errors"
	"path"

	"golang.org/x/sys/unix"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// Write puts the trees into the directory at path. Nothing that is there is
// replaced: two generators that want one name are an error that names both
// sources.
func Write(path string, trees []Tree) parser.Diags {
	fd, err := unix.Open(path, unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_PATH, 0)
	if err != nil {
		var ds parser.Diags
		ds.Errorf(parser.Pos{File: path}, "%v", err)
		return ds
	}
	defer unix.Close(fd)
	diags := make([]parser.Diags, len(trees))
	parallel(len(trees), func(i int, w *worker) { diags[i] = w.writeTree(fd, trees[i]) })
	var all parser.Diags
	for _, ds := range diags {
		all = append(all, ds...)
	}
	return all
}

// writeTree writes one tree. The container's unit comes first: where its name
// is taken, none of the others may lead to it.
func (w *worker) writeTree(fd int, t Tree) parser.Diags {
	var ds parser.Diags
	pos := parser.Pos{File: t.Source}
	if t.Source == "" {
		pos.File = t.Name
	}
	for i := len(t.Units) - 1; i >= 0; i-- {
		if err := w.writeUnit(fd, t.Units[i]); err != nil {
			ds.Errorf(pos, "%v", err)
			return ds
		}
	}
	for _, l := range t.Links {
		if err := writeLink(fd, l); err != nil {
			ds.Errorf(pos, "%s: %v", l.Path, err)
		}
	}
	return ds
}

func (w *worker) writeUnit(fd int, u emit.Unit) error {
	w.buffer = u.AppendText(w.buffer[:0])
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	file, err := create(fd, u.Name, func() (int, error) { return unix.Openat(fd, u.Name, flags, 0o644) })
	if errors.Is(err, unix.EEXIST) {
		return errors.New(u.Name + " is there already" + madeFrom(fd, u.Name))
	}
	if err != nil {
		return errors.New(u.Name + ": " + err.Error())
	}
	return finish(file, u.Name, w.buffer)
}

// finish writes text and closes the file. There is no fsync: what is written
// here is made anew at every reload.
func finish(file int, name string, text []byte) error {
	for len(text) > 0 {
		n, err := unix.Write(file, text)
		if err != nil && err != unix.EINTR {
			unix.Close(file)
			return errors.New(name + ": " + err.Error())
		}
		text = text[max(n, 0):]
	}
	return unix.Close(file)
}

func writeLink(fd int, l emit.Link) error {
	_, err := create(fd, l.Path, func() (int, error) { return 0, unix.Symlinkat(l.Target, fd, l.Path) })
	return err
}

// create calls make, and once more after making the directory that name is in.
func create(fd int, name string, make func() (int, error)) (int, error) {
	file, err := make()
	if parent := path.Dir(name); err == unix.ENOENT && parent != "." {
		if err := unix.Mkdirat(fd, parent, 0o755); err != nil && err != unix.EEXIST {
			return -1, err
		}
		file, err = make()
	}
	return file, err
}

// madeFrom names the source of a unit that is there already.
func madeFrom(fd int, name string) string {
	file, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(file)
	text := make([]byte, 4096)
	n, _ := unix.Read(file, text)
	_, after, found := bytes.Cut(text[:max(n, 0)], []byte("\nSourcePath="))
	source, _, _ := bytes.Cut(after, []byte("\n"))
	if !found {
		return ", written by another generator"
	}
	return ", made from " + string(source)
}

// readFile reads a regular file of at most maxSize bytes.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return nil, err
	}
	if info.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.New("not a regular file")
	}
	if info.Size > maxSize {
		return nil, errors.New("larger than 1 MiB, which is no unit file")
	}
	text := make([]byte, info.Size+1)
	n := 0
	for n < len(text) {
		k, err := unix.Read(fd, text[n:])
		if err != nil && err != unix.EINTR {
			return nil, err
		}
		n += max(k, 0)
		if err == nil && n < len(text) {
			break // a short read of a regular file is its end
		}
	}
	return text[:n], nil
}
