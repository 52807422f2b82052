package generator

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"podman-ondemand/parser"
)

// environment is all that the generator takes from its surroundings.
type environment struct {
	user    bool // for a user's manager
	uid     int
	program string // absolute path of this program
	podman  string
	getenv  func(string) string
}

// surroundings asks the process. scope is "user", "system" or "", which leaves
// it to systemd's variable, to the directory that the program was called from,
// and to the user id (systemd.generator(7), "Environment").
func surroundings(scope string) environment {
	e := environment{uid: os.Getuid(), getenv: os.Getenv, podman: "/usr/bin/podman"}
	if p := os.Getenv("PODMAN"); p != "" {
		e.podman = p
	}
	var err error
	if e.program, err = os.Executable(); err != nil {
		e.program = "/usr/bin/podman-ondemand"
	}
	if scope == "" {
		scope = os.Getenv("SYSTEMD_SCOPE")
	}
	switch {
	case scope != "":
		e.user = scope == "user"
	case strings.Contains(os.Args[0], "/user-generators/"):
		e.user = true
	case strings.Contains(os.Args[0], "/system-generators/"):
	default:
		e.user = e.uid != 0
	}
	return e
}

// Where administrators and packages put files, as in podman-systemd.unit(5).
const (
	etcDir  = "/etc/containers/systemd"
	usrDir  = "/usr/share/containers/systemd"
	runDir  = "/run/containers/systemd"
	dirsVar = "PODMAN_ONDEMAND_UNIT_DIRS"
)

// dirs is the search path, the most important directory first.
func (e environment) dirs() ([]dir, parser.Diags) {
	if list := e.getenv(dirsVar); list != "" {
		return listed(list)
	}
	if !e.user {
		return []dir{{Path: runDir}, {Path: etcDir, skip: topUsers}, {Path: usrDir, skip: topUsers}}, nil
	}
	var dirs []dir
	if run := e.getenv("XDG_RUNTIME_DIR"); run != "" {
		dirs = append(dirs, dir{Path: run + "/containers/systemd"})
	}
	if config := e.configHome(); config != "" {
		dirs = append(dirs, dir{Path: config + "/containers/systemd"})
	}
	for _, base := range []string{etcDir, usrDir} {
		users := base + "/users"
		dirs = append(dirs, dir{Path: users + "/" + strconv.Itoa(e.uid)}, dir{Path: users, skip: topNumbers})
	}
	return dirs, nil
}

// unitDirs are the directories of systemd.unit(5) that hold units which are not
// generated, the most important first.
func (e environment) unitDirs() []unitDir {
	if !e.user {
		return []unitDir{
			{"/etc/systemd/system", true}, {"/run/systemd/system", true},
			{"/usr/local/lib/systemd/system", false}, {"/usr/lib/systemd/system", false},
		}
	}
	var dirs []unitDir
	if config := e.configHome(); config != "" {
		dirs = append(dirs, unitDir{config + "/systemd/user", true})
	}
	dirs = append(dirs, unitDir{"/etc/systemd/user", true}, unitDir{"/run/systemd/user", true})
	if home := e.getenv("HOME"); filepath.IsAbs(home) {
		dirs = append(dirs, unitDir{home + "/.local/share/systemd/user", false})
	}
	return append(dirs, unitDir{"/usr/local/lib/systemd/user", false}, unitDir{"/usr/lib/systemd/user", false})
}

func (e environment) configHome() string {
	if config := e.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return config
	}
	if home := e.getenv("HOME"); filepath.IsAbs(home) {
		return home + "/.config"
	}
	return ""
}

// listed reads PODMAN_ONDEMAND_UNIT_DIRS. What is not an absolute path counts
// for nothing: a generator has no directory of its own to start from.
func listed(list string) ([]dir, parser.Diags) {
	var dirs []dir
	var ds parser.Diags
	for _, path := range filepath.SplitList(list) {
		if filepath.IsAbs(path) {
			dirs = append(dirs, dir{Path: filepath.Clean(path)})
		} else {
			ds.Warnf(parser.Pos{File: dirsVar}, "not an absolute path, ignored: %q", path)
		}
	}
	return dirs, ds
}

// topUsers leaves the applications of users to the users' managers.
func topUsers(below, name string) bool { return below == "" && name == "users" }

// topNumbers leaves the applications of one user to that one.
func topNumbers(below, name string) bool {
	return below == "" && strings.Trim(name, "0123456789") == ""
}
