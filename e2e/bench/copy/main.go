// Copy is the floor that the generator is measured against: "copy FROM TO" copies a tree of small files and links as the generator writes
// one, and has nothing to find out for that. It does so the cheapest way that we know: one system call for each step, no check, one buffer
// for each thread, and as many threads as the generator has.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const threads = 2

func main() {
	debug.SetGCPercent(-1) // as the generator does
	if err := copyTree(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "copy: "+err.Error())
		os.Exit(1)
	}
}

// tree is one that is copied: the directories that it and the copy are in, and what is in it.
type tree struct {
	from, to int
	entries  []entry
	next     atomic.Int64 // of entries
}

type entry struct {
	path string // below both
	link bool
}

func copyTree(from, to string) (err error) {
	var t tree
	if t.from, err = unix.Open(from, unix.O_DIRECTORY|unix.O_PATH, 0); err != nil {
		return err
	}
	if t.to, err = unix.Open(to, unix.O_DIRECTORY|unix.O_PATH, 0); err != nil {
		return err
	}
	if err := t.list(from, ""); err != nil {
		return err
	}
	return t.copyAll()
}

// list adds all files and links of a directory, in no order, and makes the directories in the copy.
func (t *tree) list(root, below string) error {
	dir, err := os.Open(filepath.Join(root, below))
	if err != nil {
		return err
	}
	defer dir.Close()
	found, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, f := range found {
		path := below + f.Name()
		if !f.IsDir() {
			t.entries = append(t.entries, entry{path, f.Type()&os.ModeSymlink != 0})
			continue
		}
		if err := unix.Mkdirat(t.to, path, 0o755); err != nil {
			return err
		}
		if err := t.list(root, path+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) copyAll() error {
	var all sync.WaitGroup
	errs := make([]error, threads)
	for i := range errs {
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = t.copySome()
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// copySome copies one entry after the other that no other thread has taken.
func (t *tree) copySome() error {
	buffer := make([]byte, 1<<16)
	for i := t.next.Add(1) - 1; int(i) < len(t.entries); i = t.next.Add(1) - 1 {
		copyEntry := t.copyFile
		if t.entries[i].link {
			copyEntry = t.copyLink
		}
		if err := copyEntry(t.entries[i].path, buffer); err != nil {
			return fmt.Errorf("%s: %w", t.entries[i].path, err)
		}
	}
	return nil
}

func (t *tree) copyLink(path string, buffer []byte) error {
	n, err := unix.Readlinkat(t.from, path, buffer)
	if err != nil {
		return err
	}
	return unix.Symlinkat(string(buffer[:n]), t.to, path)
}

// copyFile copies one that is smaller than the buffer.
func (t *tree) copyFile(path string, buffer []byte) error {
	from, err := unix.Openat(t.from, path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	n, err := unix.Read(from, buffer)
	unix.Close(from)
	if err != nil {
		return err
	}
	to, err := unix.Openat(t.to, path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := unix.Write(to, buffer[:n]); err != nil {
		return err
	}
	return unix.Close(to)
}
