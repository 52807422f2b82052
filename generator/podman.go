package generator

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"podman-ondemand/parser"
)

// version is that of podman in its first two numbers; the zero value stands
// for one that is not known.
type version struct{ major, minor int }

// parseVersion reads the first two numbers of a version.
func parseVersion(s string) (v version, ok bool) {
	n, _ := fmt.Sscanf(s, "%d.%d", &v.major, &v.minor)
	if n != 2 || v.major < 1 || v.minor < 0 {
		return version{}, false
	}
	return v, true
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) older(than version) bool {
	return v.major < than.major || v.major == than.major && v.minor < than.minor
}

// tooNew warns of a key, or of a value of it, that asks for what the installed
// podman cannot do yet. Podman is asked for its version only where there is one.
func (t *translator) tooNew(k parser.Key, ws []parser.Word) {
	if k.Needs != "" && !(k.Kind == parser.Switch && ws[0].Text == "no") {
		t.needsPodman(ws[0], k.Name+"=", k.Needs)
	}
	for _, v := range parser.NewerValues {
		if v.Name != k.Name || v.Section != k.Section {
			continue
		}
		for _, w := range ws {
			if slices.ContainsFunc(strings.Split(w.Text, ","), func(s string) bool { return strings.EqualFold(s, v.Value) }) {
				t.needsPodman(w, k.Name+"=: "+v.Value, v.Needs)
			}
		}
	}
}

// needsPodman warns if podman is older than that.
func (t *translator) needsPodman(w parser.Word, what, needed string) {
	first, _ := parseVersion(needed)
	if installed := t.files.podmanVersion(); installed != (version{}) && installed.older(first) {
		t.diags.Warnf(w.Pos(), "%s needs podman %s or newer, podman %s is installed", what, first, installed).
			Hintf("leave it out, or the container will not start")
	}
}

// podmanPatience is how long podman may take to say its version: a generator
// holds up the boot.
const podmanPatience = time.Second

// podmanVersion asks podman for its version, which takes some 30 ms, or the
// cache: a file of two lines, which program the answer is of and what it said.
func (e environment) podmanVersion() version {
	info, err := os.Stat(e.podman)
	if err != nil {
		return version{}
	}
	program, cache := identity(e.podman, info), e.versionCache()
	if v, ok := cached(cache, program); ok {
		return v
	}
	v, ok := askVersion(e.podman)
	if ok && cache != "" {
		remember(cache, program+"\n"+v.String()+"\n")
	}
	return v
}

// askVersion runs podman, which fails where a home is missing; "/" is there.
func askVersion(podman string) (version, bool) {
	ctx, stop := context.WithTimeout(context.Background(), podmanPatience)
	defer stop()
	cmd := exec.CommandContext(ctx, podman, "--version")
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "XDG_CONFIG_HOME=/"}
	cmd.WaitDelay = podmanPatience / 10 // what it has started may hold its output open
	out, err := cmd.Output()
	_, answer, _ := strings.Cut(string(out), "version ")
	if err != nil {
		return version{}, false
	}
	return parseVersion(answer)
}

// identity is another one for each program that may say another version.
func identity(path string, info os.FileInfo) string {
	var inode uint64
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = s.Ino
	}
	return fmt.Sprintf("%q %d %d %d", path, inode, info.Size(), info.ModTime().UnixNano())
}

// versionCache is where a generator may write: systemd mounts all but /run
// read-only for those of the system (manager_run_generators, since 254), and
// nothing for those of a user. No application has a name with a dot in front,
// and so none has a runtime directory of this name. "": there is no place.
func (e environment) versionCache() string {
	run := "/run"
	if e.user {
		run = e.getenv("XDG_RUNTIME_DIR")
	}
	if !filepath.IsAbs(run) {
		return ""
	}
	return run + "/podman-ondemand/.podman-version"
}

// maxCache is more than the cache ever has, in bytes.
const maxCache = 8 << 10

// cached reads the cache. Whatever lies there can do no more than be wrong
// about a version.
func cached(path, program string) (version, bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return version{}, false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return version{}, false
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCache))
	answer, ok := strings.CutPrefix(string(text), program+"\n")
	if err != nil || !ok {
		return version{}, false
	}
	return parseVersion(answer)
}

// remember writes the cache, whole or not at all. Where that cannot be, podman
// is asked again the next time.
func remember(path, text string) {
	if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".podman-version-")
	if err != nil {
		return
	}
	_, err = f.WriteString(text)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), path) != nil {
		os.Remove(f.Name())
	}
}
