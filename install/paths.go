package install

import (
	"os"
	"path/filepath"
	"slices"
)

// What install makes.
func (h *host) generatorDir() string { return filepath.Join(h.config, "systemd/user-generators") }
func (h *host) installed() string    { return filepath.Join(h.generatorDir(), "podman-ondemand") }
func (h *host) confDir() string      { return filepath.Join(h.config, "systemd/user.conf.d") }
func (h *host) dropIn() string       { return filepath.Join(h.confDir(), "50-podman-ondemand.conf") }
func (h *host) filesDir() string     { return filepath.Join(h.config, "containers/systemd") }
func (h *host) binDir() string       { return filepath.Join(h.home, ".local/bin") }
func (h *host) link() string         { return filepath.Join(h.binDir(), "podman-ondemand") }

// marksDir is where the apply helper remembers what it has applied.
func (h *host) marksDir() string { return filepath.Join(h.runtime, "podman-ondemand-apply") }

// pidsDir has the containers' runtime directories.
func (h *host) pidsDir() string { return filepath.Join(h.runtime, "podman-ondemand") }

// systemWide is the generator of all users, where a package has installed one.
func (h *host) systemWide() string { return systemWide(h.generators) }

// systemWide looks for it in systemd's directories; a link to /dev/null masks what is in later ones (systemd.generator(7)).
func systemWide(dirs []string) string {
	for _, dir := range dirs {
		path := filepath.Join(dir, "podman-ondemand")
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return path
		case err == nil:
			return ""
		}
	}
	return ""
}

func (h *host) inPath(dir string) bool { return slices.Contains(h.searchPath, dir) }

// emptied are the directories that install may have made, each before the one it is in.
func (h *host) emptied() []string {
	dirs := []string{
		h.generatorDir(), h.confDir(), filepath.Join(h.config, "systemd"),
		h.filesDir(), filepath.Join(h.config, "containers"), h.config,
	}
	return slices.Concat(dirs, h.shareDirs(), []string{h.binDir(), filepath.Join(h.home, ".local")})
}
