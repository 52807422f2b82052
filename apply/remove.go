package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/manager"
)

// errLeft says that podman still has a container or a pod whose file was removed.
var errLeft = errors.New("podman has not removed it")

// stop cleans up after an application whose file was removed. Where the socket's unit is still there, or something pulls it
// in, only its text has changed, or the system goes down: nothing to do. It says whether podman has left a container behind,
// which it does as long as another container uses its network: that of an application whose file went at the same time.
func (a applier) stop(ctx context.Context) (left bool, err error) {
	m := mark{a.dir, a.app.name}
	unlock, err := m.lock(ctx, a.retry)
	if err != nil {
		return false, err
	}
	defer unlock()
	socket, err := a.systemd.Some(ctx, a.app.socket(), socketProperties...)
	template := fromTemplate(socket) && !asked(socket)
	if err != nil || socket.LoadState == "loaded" && !template {
		return false, err
	}
	// The socket first, or the next client would wake the others again. Once their files are gone systemd no longer knows
	// of any order between them.
	connections, err := a.systemd.Units(ctx, a.app.connections())
	if err != nil {
		a.logf(levelErr, "%v", err)
	}
	woken := a.woken()
	names := append([]string{a.app.socket(), a.app.proxy(), a.app.proxies()}, a.members(ctx)...)
	for _, name := range append(append(names, a.app.service()), connections...) {
		if err := a.clear(ctx, name, template); err != nil {
			a.logf(levelErr, "%v", err)
			left = left || errors.Is(err, errLeft)
		}
	}
	if woken != "" && !template {
		if err := a.putToSleep(ctx, woken); err != nil {
			a.logf(levelErr, "%v", err)
		}
	}
	// Whatever hash the mark has: a newer instance waits for the lock, and finds that nothing was applied.
	// The second is what "podman-ondemand activate" remembers.
	return left, errors.Join(m.remove(), removeBelow(filepath.Dir(a.runtimeDir(a.app.service())), "."+a.app.name))
}

// fromTemplate says whether u is an instance without a file of its own.
func fromTemplate(u manager.Unit) bool {
	prefix, _, instance := strings.Cut(u.Name, "@")
	return instance && path.Base(u.FragmentPath) == prefix+"@"+path.Ext(u.Name)
}

// asked says whether anything wants the socket but the proxy, which wants the sockets that it gets.
func asked(socket manager.Unit) bool {
	return slices.ContainsFunc(socket.PulledInBy(), func(name string) bool { return !slices.Contains(socket.Triggers, name) })
}

// clear stops a unit whose file has gone and leaves no failed one behind: with its file went its SuccessExitStatus=, and a
// container that ends by SIGTERM now counts as failed. A unit with a file is somebody else's who took over the name: a
// Quadlet's web.container after web.ondemand. An instance may have lost its own file and still be made by its template.
func (a applier) clear(ctx context.Context, name string, template bool) error {
	u, err := a.systemd.Some(ctx, name, "LoadState", "ActiveState", "FragmentPath")
	if err != nil || u.LoadState != "not-found" && name != a.app.socket() && !(template && fromTemplate(u)) {
		return err
	}
	switch isContainer := !slices.Contains([]string{a.app.socket(), a.app.proxy(), a.app.proxies()}, name); {
	case !isContainer || u.LoadState != "not-found":
		return a.end(ctx, u)
	case name == a.app.service() || a.isMember(name):
		return a.clearContainer(ctx, u)
	}
	return errors.Join(a.removeContainer(ctx, u.Name), a.end(ctx, u))
}

// woken names the unit of somebody else's that the proxy has woken ([OnDemand] Unit=), "" without one. systemd knows nothing of it any more,
// and the proxy may have ended since; but then nobody has removed its note.
func (a applier) woken() string {
	unit, _ := os.ReadFile(filepath.Join(a.runtimeDir(a.app.proxy()), emit.WokenFile))
	return string(unit)
}

// putToSleep stops the unit, as the end of the proxy would have done while its file was there, but not where somebody else
// wants it: another proxy in front of the same unit.
func (a applier) putToSleep(ctx context.Context, unit string) error {
	dir := a.runtimeDir(a.app.proxy())
	if err := removeBelow(filepath.Dir(dir), filepath.Base(dir)); err != nil {
		return err
	}
	u, err := a.systemd.Some(ctx, unit, append([]string{"LoadState", "ActiveState"}, manager.PullsIn...)...)
	if err != nil || u.LoadState != "loaded" || u.Down() || a.wanted(ctx, u) {
		return err
	}
	a.logf(levelInfo, "stopping %s, which the file had woken", unit)
	return a.systemd.Stop(ctx, unit)
}

// isMember says whether name is made as that of a pod's container is.
func (a applier) isMember(name string) bool {
	ok, _ := path.Match(a.app.member("*"), name)
	return ok
}

// members names the services of a pod's containers, NAME-MEMBER.service. They had the same file as the pod and went with it:
// what has no file any more, and has a directory of ours or has failed, can be nothing else, or is of another file that was
// removed.
func (a applier) members(ctx context.Context) []string {
	all, err := a.systemd.Units(ctx, a.app.member("*"))
	if err != nil {
		a.logf(levelErr, "%v", err)
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(name string) bool {
		if name == a.app.proxy() || name == a.app.proxies() {
			return true
		}
		u, err := a.state(ctx, name)
		_, missing := os.Lstat(a.runtimeDir(name))
		return err != nil || u.LoadState != "not-found" || missing != nil && u.ActiveState != "failed"
	})
}

// end stops the unit, and makes systemd forget it where it has failed.
func (a applier) end(ctx context.Context, u manager.Unit) error {
	if !u.Down() {
		a.logf(levelInfo, "the file has gone, stopping %s", u.Name)
		if err := a.systemd.Stop(ctx, u.Name); err != nil {
			return err
		}
	}
	u, err := a.state(ctx, u.Name)
	if err == nil && u.ActiveState == "failed" {
		err = a.systemd.ResetFailed(ctx, u.Name)
	}
	return err
}

// clearContainer does what the ExecStop= and ExecStopPost= of the container's service did, which have gone with its file:
// systemd's own kill alone races with podman's clean-up, and podman may be left with a container that runs no more. The
// directory stays as long as podman has the container, for the next try to know of it.
func (a applier) clearContainer(ctx context.Context, u manager.Unit) error {
	dir := a.runtimeDir(u.Name)
	_, err := os.Lstat(dir)
	if u.Down() && err != nil {
		return a.end(ctx, u) // it sleeps: nothing is left
	}
	if !u.Down() {
		_ = a.removeContainer(ctx, u.Name) // what is in its way is in the way of the next one
	}
	errs := a.end(ctx, u)
	if err := a.removeContainer(ctx, u.Name); err != nil {
		return errors.Join(errs, fmt.Errorf("%w: %w", errLeft, err))
	}
	return errors.Join(errs, removeBelow(filepath.Dir(dir), filepath.Base(dir)))
}

// podID is the file in which podman leaves the name of a pod.
const podID = "pod.id"

// removeContainer has podman remove what that service has started: a pod, which it leaves the name of, or a container. podman
// gives its containers the label.
func (a applier) removeContainer(ctx context.Context, service string) error {
	ctx, cancel := context.WithTimeout(ctx, manager.JobTimeout)
	defer cancel()
	pod := filepath.Join(a.runtimeDir(service), podID)
	if _, err := os.Lstat(pod); err == nil {
		return a.podman(ctx, "pod", "rm", "--ignore", "--force", "--pod-id-file", pod)
	}
	return a.podman(ctx, "rm", "-v", "-f", "-i", "--filter", "label=PODMAN_SYSTEMD_UNIT="+service)
}

// removeBelow removes the directory name in dir with what is in it. It follows no link: where dir is one it does nothing.
func removeBelow(dir, name string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, name)) // removes a link, not what it leads to
}
