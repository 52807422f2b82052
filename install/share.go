package install

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"podman-ondemand/packaging/man"
)

// Completion is how a shell completes the command's words: where it looks for the script below ~/.local/share, and what writes that.
type Completion struct {
	File  string
	Write func(io.Writer) error
}

// sharedFile is a file below ~/.local/share.
type sharedFile struct {
	name    string // relative
	content []byte
}

// sharedFiles are the manual pages, which man(1) finds in the share/man beside a bin that is in PATH (manpath(1)), and the completions.
func sharedFiles(completions []Completion) []sharedFile {
	var files []sharedFile
	pages, _ := fs.ReadDir(man.Pages, ".") // a file system in memory
	for _, page := range pages {
		content, _ := fs.ReadFile(man.Pages, page.Name())
		files = append(files, sharedFile{path.Join("man", "man"+path.Ext(page.Name())[1:], page.Name()), content})
	}
	for _, c := range completions {
		var script bytes.Buffer
		if c.Write(&script) == nil {
			files = append(files, sharedFile{c.File, script.Bytes()})
		}
	}
	return files
}

func (h *host) shareDir() string { return filepath.Join(h.home, ".local/share") }

// shareDirs are all directories that hold shared files, each before the one it is in.
func (h *host) shareDirs() []string {
	dirs := []string{h.shareDir()}
	for _, f := range h.share {
		for dir := path.Dir(f.name); dir != "."; dir = path.Dir(dir) {
			dirs = append(dirs, filepath.Join(h.shareDir(), dir))
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return slices.Compact(dirs)
}

// copyShared: nothing depends on these files, so a failure is only noted.
func (h *host) copyShared() {
	any := false
	for _, f := range h.share {
		file := filepath.Join(h.shareDir(), f.name)
		err, changed := h.makeDir(filepath.Dir(file)), false
		if err == nil {
			changed, _, err = put(file, f.content, 0o644)
		}
		if err != nil {
			h.note("no manual pages and completions: %v", err)
			return
		}
		any = any || changed
	}
	switch {
	case any:
		h.done("manual pages and completions in %s", h.shareDir())
	case len(h.share) > 0:
		h.same("manual pages and completions in %s", h.shareDir())
	}
}

// removeShared removes the files of this program; that one is not there is fine.
func (h *host) removeShared() bool {
	any := false
	for _, f := range h.share {
		removed, err := remove(filepath.Join(h.shareDir(), f.name))
		if err != nil {
			return h.fail("cannot remove: " + err.Error())
		}
		any = any || removed
	}
	if any {
		h.done("removed the manual pages and completions in %s", h.shareDir())
	}
	return true
}
