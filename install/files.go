package install

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// put makes the file hold content with that mode, by a temporary file in the same directory and a rename: systemd may run
// the program at this moment, and a program that runs cannot be written to. It says whether the file was different, and
// whether it was there.
func put(path string, content []byte, mode fs.FileMode) (changed, existed bool, err error) {
	info, err := os.Lstat(path)
	existed = err == nil
	if existed && info.Mode() == mode {
		if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, content) {
			return false, true, nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, existed, err
	}
	return true, existed, replace(path, content, mode)
}

func replace(path string, content []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".podman-ondemand-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		os.Remove(temporary.Name())
	}
	return err
}

// makeDir makes a directory with those above it, and remembers what was not there.
func (h *host) makeDir(dir string) error {
	var missing []string
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		h.made = append(h.made, missing...)
	}
	return err
}

// isLinkTo says whether path is a symbolic link to target, and whether there is anything at all.
func isLinkTo(path, target string) (ours, exists bool) {
	if _, err := os.Lstat(path); err != nil {
		return false, false
	}
	now, err := os.Readlink(path)
	return err == nil && now == target, true
}

// remove deletes a file; one that is not there is fine.
func remove(path string) (removed bool, err error) {
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// onDemandFiles lists the .ondemand files below dir.
func onDemandFiles(dir string) []string {
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".ondemand" && !d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	return files
}
