package install

import (
	"io/fs"
	"path/filepath"
)

// manPages are the manual pages and where they go, in the order of their names: man(1) looks into share/man beside a bin
// that is in PATH (manpath(1)).
func (h *host) manPages() []fs.DirEntry {
	if h.pages == nil {
		return nil
	}
	pages, _ := fs.ReadDir(h.pages, ".") // a file system in memory
	return pages
}

func (h *host) manDir() string { return filepath.Join(h.home, ".local/share/man") }

// manFile is the file of a page NAME.SECTION.
func (h *host) manFile(page string) string {
	return filepath.Join(h.manDir(), "man"+filepath.Ext(page)[1:], page)
}

// copyManPages: nothing depends on the pages, so a failure is only noted.
func (h *host) copyManPages() {
	any := false
	for _, page := range h.manPages() {
		content, err := fs.ReadFile(h.pages, page.Name())
		if err == nil {
			err = h.makeDir(filepath.Dir(h.manFile(page.Name())))
		}
		changed := false
		if err == nil {
			changed, _, err = put(h.manFile(page.Name()), content, 0o644)
		}
		if err != nil {
			h.note("no manual pages: %v", err)
			return
		}
		any = any || changed
	}
	switch {
	case any:
		h.done("manual pages in %s", h.manDir())
	case h.pages != nil:
		h.same("manual pages in %s", h.manDir())
	}
}
