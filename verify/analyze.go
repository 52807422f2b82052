package verify

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"podman-ondemand/generator"
	"podman-ondemand/manager"
)

// analyzer runs systemd-analyze on units in a temporary directory. dirs is the search path of the files, nil for the usual one.
type analyzer struct {
	program    string
	scope      manager.Scope
	runtimeDir string
	dirs       []string
}

// newAnalyzer returns nil where there is no systemd-analyze.
func newAnalyzer(scope manager.Scope, runtimeDir string, dirs []string) func(context.Context, generator.Result) ([]string, error) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return nil
	}
	return analyzer{program, scope, runtimeDir, dirs}.run
}

// run returns what systemd-analyze says, a line each, without the directory in front of the units' names.
func (a analyzer) run(ctx context.Context, r generator.Result) ([]string, error) {
	dir, err := os.MkdirTemp("", "podman-ondemand-verify-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	units, quadlets := filepath.Join(dir, "units"), filepath.Join(dir, "quadlet")
	if err := errors.Join(os.Mkdir(units, 0o755), os.Mkdir(quadlets, 0o755)); err != nil {
		return nil, err
	}
	generator.Write(units, r.Trees)
	names, err := toAnalyze(r, units)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	a.quadlet(ctx, quadlets)
	cmd := exec.CommandContext(ctx, a.program, append([]string{a.scope.String(), "--man=no", "verify"}, names...)...)
	cmd.Dir = units
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+a.unitPath(units, quadlets), "SYSTEMD_LOG_TARGET=console",
		"SYSTEMD_LOG_LEVEL=notice", "SYSTEMD_COLORS=0", "SYSTEMD_LOG_LOCATION=0", "LC_ALL=C")
	said, err := cmd.CombinedOutput() // its status is not of interest: what it says is
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	var lines []string
	for _, line := range strings.Split(string(said), "\n") {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, units+"/"), "./"))
	}
	return lines, nil
}

// unitPath is where systemd-analyze looks for units: the new ones come before those that the manager has now.
func (a analyzer) unitPath(units, quadlets string) string {
	run := "/run/systemd/generator"
	if a.scope == manager.User {
		run = filepath.Join(a.runtimeDir, "systemd/generator")
	}
	return strings.Join([]string{units, quadlets, run, run + ".late", ""}, ":")
}

// quadlet makes the units of Quadlet's files, which ours may refer to. What it complains about is not ours to say.
func (a analyzer) quadlet(ctx context.Context, to string) {
	for _, program := range []string{"/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet"} {
		if _, err := os.Stat(program); err != nil {
			continue
		}
		args := []string{"-no-kmsg-log"}
		if a.scope == manager.User {
			args = append(args, "-user")
		}
		cmd := exec.CommandContext(ctx, program, append(args, to)...)
		cmd.Env = os.Environ()
		if a.dirs != nil {
			cmd.Env = append(cmd.Env, "QUADLET_UNIT_DIRS="+strings.Join(a.dirs, ":"))
		}
		_ = cmd.Run()
		return
	}
}

// toAnalyze are the units of the applications as systemd-analyze takes them: drop-ins and links are read with them, a
// template is looked at as an instance. A colon would separate a file from its alias; such units are reached through
// another one.
func toAnalyze(r generator.Result, dir string) ([]string, error) {
	var names []string
	colons := ""
	for _, o := range ownersOf(r) {
		_, template := instanceOf(o.name)
		switch {
		case template:
		case strings.Contains(o.name, ":"):
			colons += "Wants=" + o.name + "\n"
		default:
			names = append(names, "./"+o.name)
		}
		if o.name != o.unit.Name {
			if err := os.Symlink(o.unit.Name, filepath.Join(dir, o.name)); err != nil {
				return nil, err
			}
		}
	}
	if colons != "" {
		names = append(names, "./podman-ondemand-verify.target")
		if err := os.WriteFile(filepath.Join(dir, "podman-ondemand-verify.target"), []byte("[Unit]\n"+colons), 0o644); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}
