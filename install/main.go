// Package install sets podman-ondemand up for one user without root, and undoes that.
//
// systemd does not search a home directory for generators. It does so once SYSTEMD_GENERATOR_PATH names one, and a user may
// set that variable in user.conf.d (systemd-user.conf(5)). Whether it took is not guessed from files: systemd is asked for
// its environment and for a unit that only the generator can have made.
package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// Help is what install does.
const Help = `Sets podman-ondemand up for the user who runs it, without root:
  - copies the program to ~/.config/systemd/user-generators/podman-ondemand;
  - tells the user's systemd to call it after each daemon-reload, by
    ~/.config/systemd/user.conf.d/50-podman-ondemand.conf;
  - makes ~/.config/containers/systemd, where .ondemand files go;
  - links ~/.local/bin/podman-ondemand to the program;
  - puts the manual pages, and completions for bash and fish, into
    ~/.local/share;
  - runs a daemon-reload and asks systemd whether all that took.
The exit status is 0 only if it works. Run it again at any time; a newer
program replaces the older one.
`

// UninstallHelp is what uninstall does.
const UninstallHelp = `Undoes podman-ondemand install: stops the user's applications, removes the
program and what install has written, and asks systemd whether it is gone.
Your .ondemand files stay.
`

// timeout bounds a whole call; a container may take its time to stop.
const timeout = 10 * time.Minute

// Install is `podman-ondemand install`. The result is the exit status.
func Install(version string, completions []Completion) int {
	return run(func(ctx context.Context, h *host) bool {
		h.version, h.share = version, sharedFiles(completions)
		return h.install(ctx)
	})
}

// Uninstall is `podman-ondemand uninstall`. The result is the exit status.
func Uninstall(completions []Completion) int {
	return run(func(ctx context.Context, h *host) bool {
		h.share = sharedFiles(completions)
		return h.uninstall(ctx)
	})
}

func run(do func(context.Context, *host) bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	h, err := thisHost(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
		return 1
	}
	if !do(ctx, h) {
		return 1
	}
	return 0
}

// host is the machine and the user as this package sees them; tests make their own.
type host struct {
	home, config, runtime string // $HOME, $XDG_CONFIG_HOME, $XDG_RUNTIME_DIR
	scope                 manager.Scope
	user                  string
	uid                   int
	searchPath            []string // $PATH
	program               string   // what is copied
	version               string   // of that
	generators            []string // systemd's directories for all users' generators
	confs                 []string // directories with a user.conf and a user.conf.d, besides config
	linger                string   // systemd-logind's directory with one file per user whose manager starts at boot

	made []string // directories that were not there

	share []sharedFile

	noexec  func(dir string) bool
	podman  func(context.Context) (string, error) // what `podman --version` prints
	connect func(context.Context) (manager.Interface, error)

	out, err io.Writer
}

func thisHost(getenv func(string) string) (*host, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(home) {
		return nil, errors.New("$HOME is not an absolute path")
	}
	h := &host{
		home: filepath.Clean(home), config: getenv("XDG_CONFIG_HOME"), runtime: getenv("XDG_RUNTIME_DIR"),
		uid: os.Getuid(), user: strconv.Itoa(os.Getuid()),
		searchPath: filepath.SplitList(getenv("PATH")),
		program:    "/proc/self/exe",
		generators: generatorDirs(manager.User),
		confs:      []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"},
		linger:     "/var/lib/systemd/linger",
		noexec:     noexec, podman: podmanVersion,
		out: os.Stdout, err: os.Stderr,
	}
	if !filepath.IsAbs(h.config) { // the XDG Base Directory Specification: a relative one is to be ignored
		h.config = filepath.Join(h.home, ".config")
	}
	if h.runtime == "" {
		h.runtime = "/run/user/" + strconv.Itoa(h.uid)
	}
	if u, err := user.Current(); err == nil {
		h.user = u.Username
	}
	h.connect = func(ctx context.Context) (manager.Interface, error) {
		conn, err := manager.Connect(ctx, h.scope, h.runtime)
		if err != nil {
			return nil, err // not conn: an interface that holds a nil pointer is not nil
		}
		return conn, nil
	}
	return h, nil
}

func within(name string, dirs ...string) []string {
	for i := range dirs {
		dirs[i] = filepath.Join(dirs[i], name)
	}
	return dirs
}

func noexec(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Flags&unix.ST_NOEXEC != 0
}

func podmanVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "podman", "--version").Output()
	return string(out), err
}
