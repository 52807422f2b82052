package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"podman-ondemand/manager"
)

// machine is what there is besides one user's home; tests make their own.
type machine struct {
	run     string                     // /run
	program string                     // this one
	dirs    map[manager.Scope][]string // where the managers look for generators
	call    func(ctx context.Context, m running, verb string) error
}

// running is a service manager that runs.
type running struct {
	scope   manager.Scope
	runtime string // the user's XDG_RUNTIME_DIR
}

func thisMachine() *machine {
	return &machine{
		run: "/run", program: "/proc/self/exe", call: callOne,
		dirs: map[manager.Scope][]string{manager.User: generatorDirs(manager.User), manager.System: generatorDirs(manager.System)},
	}
}

// generatorDirs are systemd's directories of generators; the first that has one of a name wins (systemd.generator(7)).
func generatorDirs(scope manager.Scope) []string {
	return within(strings.TrimPrefix(scope.String(), "--")+"-generators", "/run/systemd", "/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
}

// managers finds those that run, by the sockets that they make. Without systemd, as while an image is built, there are none.
func (m *machine) managers() []running {
	var all []running
	if isFile(filepath.Join(m.run, "systemd/private")) {
		all = append(all, running{manager.System, ""})
	}
	users, _ := filepath.Glob(filepath.Join(m.run, "user/*/systemd/private"))
	for _, socket := range users {
		all = append(all, running{manager.User, filepath.Dir(filepath.Dir(socket))})
	}
	return all
}

func (m *machine) packageAll(ctx context.Context, verb string) error {
	switch verb {
	case "reload":
		return m.each(ctx, m.managers(), "reload")
	case "remove":
		return m.remove(ctx)
	}
	return fmt.Errorf("%q is neither reload nor remove", verb)
}

// remove keeps systemd from calling the generator while the program is still there: once that is gone, systemd would keep the sockets
// that listen, and nothing could answer behind them. The package removes the masks with its files.
func (m *machine) remove(ctx context.Context) error {
	ours := map[manager.Scope]bool{manager.User: m.called(manager.User), manager.System: m.called(manager.System)}
	concerned := slices.DeleteFunc(m.managers(), func(r running) bool { return !ours[r.scope] })
	err := m.each(ctx, concerned, "stop")
	for _, r := range concerned {
		err = errors.Join(err, mask(m.dirs[r.scope][0]))
	}
	return errors.Join(err, m.each(ctx, concerned, "forget"))
}

// called says whether the generator of all users is this program, and not that of another installation, which may stay.
func (m *machine) called(scope manager.Scope) bool {
	generator, err := os.Stat(systemWide(m.dirs[scope]))
	own, ownErr := os.Stat(m.program)
	return err == nil && ownErr == nil && os.SameFile(generator, own)
}

// mask makes systemd leave out the generator of that name in all later directories (systemd.generator(7)).
func mask(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	err := os.Symlink("/dev/null", filepath.Join(dir, "podman-ondemand"))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// each calls the program for every one of the managers, at the same time: a container may take its time to stop.
func (m *machine) each(ctx context.Context, all []running, verb string) error {
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, r := range all {
		wait.Add(1)
		go func() {
			defer wait.Done()
			errs[i] = m.call(ctx, r, verb)
		}()
	}
	wait.Wait()
	return errors.Join(errs...)
}

// callOne runs "podman-ondemand package" for one manager, as its user.
func callOne(ctx context.Context, r running, verb string) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "package", r.scope.String(), verb)
	cmd.Env = []string{"HOME=/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if r.scope == manager.User {
		owner, err := ownerOf(r.runtime)
		if err != nil {
			return err
		}
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+r.runtime)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	}
	cmd.Dir = "/"
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s in the service manager %s: %w\n%s", verb, r, err, strings.TrimSpace(string(text)))
	}
	return nil
}

func (r running) String() string {
	if r.scope == manager.System {
		return "of the system"
	}
	return "of user " + filepath.Base(r.runtime)
}

// ownerOf takes the user's ids from the directory that systemd-logind has made: not every user is in /etc/passwd.
func ownerOf(runtime string) (*syscall.Credential, error) {
	info, err := os.Stat(runtime)
	if err != nil {
		return nil, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || strconv.FormatUint(uint64(s.Uid), 10) != filepath.Base(runtime) {
		return nil, fmt.Errorf("%s does not belong to the user whose it is to be", runtime)
	}
	return &syscall.Credential{Uid: s.Uid, Gid: s.Gid}, nil
}
