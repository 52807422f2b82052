package control

import (
	"os"
	"strings"
	"syscall"
	"time"

	"podman-ondemand/manager"
)

// readable is the text of a file, or nothing: the generator has said already what is wrong with it.
func readable(name string) []byte {
	text, _ := os.ReadFile(name)
	return text
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// changed is when one of the files was last written, or put in its place.
func changed(files []string) (last time.Time) {
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		at := info.ModTime()
		if s, ok := info.Sys().(*syscall.Stat_t); ok { // a file that was moved here is as old as it was, its status is not
			if moved := time.Unix(s.Ctim.Unix()); moved.After(at) {
				at = moved
			}
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// reloaded says whether systemd's unit is what the files become now. Our own path, which differs where another copy of the
// program is the generator, does not count.
func (a *App) reloaded(u manager.Unit) bool {
	ours, ok := a.unitFile(u.Name)
	if !ok || u.SourcePath != a.Source { // a unit that is not ours is a matter of its own
		return u.LoadState != "not-found"
	}
	self, _ := os.Executable()
	return sameText(string(ours.AppendText(nil)), string(readable(u.FragmentPath)), self)
}

// sameText compares two texts line by line; self in one of ours stands for any word.
func sameText(ours, theirs, self string) bool {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if before, after, ok := strings.Cut(a[i], self); a[i] != b[i] &&
			!(ok && self != "" && len(b[i]) >= len(before)+len(after) && strings.HasPrefix(b[i], before) && strings.HasSuffix(b[i], after)) {
			return false
		}
	}
	return true
}
