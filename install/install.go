package install

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/manager"
)

// install does all steps and checks the result with systemd. It says whether it works.
func (h *host) install(ctx context.Context) bool {
	if !h.notRoot("install", "install the package, or run: make install (it is then there for all users)") {
		return false
	}
	if err := checkDir(h.generatorDir()); err != nil {
		return h.fail(h.generatorDir()+": "+err.Error(), "Set XDG_CONFIG_HOME to another directory, for systemd too, or "+forAll)
	}
	if path := h.systemWide(); path != "" {
		h.note("%s is there for all users already; yours comes before it", path)
	}
	systemd, err := h.connect(ctx)
	if err == nil {
		defer systemd.Close()
		if !h.suitable(ctx, systemd) {
			return false
		}
	}
	if !h.copyProgram() || !h.makeFilesDir() || !h.linkProgram() {
		return false
	}
	h.copyShared()
	if !h.setEnvironment(ctx, systemd) {
		return false
	}
	if err != nil {
		return h.unreachable(err)
	}
	works := h.check(ctx, systemd)
	works = h.checkPodman(ctx) && works
	h.checkLinger()
	if works {
		h.done("podman-ondemand works. Write NAME.ondemand into %s, then: systemctl --user daemon-reload", h.filesDir())
	}
	return works
}

const forAll = "have the administrator install podman-ondemand for all users."

func (h *host) notRoot(command, instead string) bool {
	if h.uid != 0 {
		return true
	}
	return h.fail("podman-ondemand "+command+" is for one user without root", "As root: "+instead)
}

func (h *host) copyProgram() bool {
	content, err := os.ReadFile(h.program)
	if err != nil {
		return h.fail("cannot read this program: " + err.Error())
	}
	if err := h.makeDir(h.generatorDir()); err != nil {
		return h.fail("cannot install the program: " + err.Error())
	}
	changed, existed, err := put(h.installed(), content, 0o755)
	switch {
	case err != nil:
		return h.fail("cannot install the program: " + err.Error())
	case !changed:
		h.same("program %s is this version, %s", h.installed(), h.version)
	case existed:
		h.done("program %s replaced by version %s", h.installed(), h.version)
	default:
		h.done("program %s, version %s", h.installed(), h.version)
	}
	if h.noexec(h.generatorDir()) {
		return h.fail(h.generatorDir()+" is on a file system that is mounted noexec: nothing can be run from there",
			"Have it mounted without noexec, or "+forAll)
	}
	return true
}

func (h *host) makeFilesDir() bool {
	if info, err := os.Stat(h.filesDir()); err == nil && info.IsDir() {
		h.same("directory %s for .ondemand files", h.filesDir())
		return true
	}
	if err := h.makeDir(h.filesDir()); err != nil {
		return h.fail("cannot make the directory for .ondemand files: " + err.Error())
	}
	h.done("directory %s for .ondemand files", h.filesDir())
	return true
}

// linkProgram puts the command into ~/.local/bin. Nothing depends on it, so a person's own file there is left alone.
func (h *host) linkProgram() bool {
	ours, exists := isLinkTo(h.link(), h.installed())
	switch {
	case ours:
		h.same("command %s", h.link())
	case exists:
		h.note("%s is not a link of ours and stays as it is", h.link())
		return true
	default:
		if err := h.makeLink(); err != nil {
			return h.fail("cannot link the command: " + err.Error())
		}
		h.done("command %s", h.link())
	}
	if !h.inPath(h.binDir()) {
		h.note("%s is not in your PATH: add it, or log in again where the system adds it by itself", h.binDir())
	}
	return true
}

func (h *host) makeLink() error {
	if err := h.makeDir(h.binDir()); err != nil {
		return err
	}
	return os.Symlink(h.installed(), h.link())
}

// setEnvironment makes the manager search the directory of the program. systemd is nil where no manager answers.
func (h *host) setEnvironment(ctx context.Context, systemd manager.Interface) bool {
	others := h.settings()
	value, err := current(ctx, systemd, len(others) > 0)
	if err != nil {
		return h.fail(err.Error())
	}
	_, err = os.Lstat(h.dropIn())
	own, has := err == nil, searches(value, h.generatorDir())
	if systemd == nil { // only the files are left to ask
		has = slices.ContainsFunc(others, h.mentionsUs)
	}
	switch {
	case len(others) > 0 && has:
		h.same("%s has %s in %s", others[0], h.generatorDir(), variable)
		return true
	case len(others) > 0:
		return h.conflict(value, others[0])
	case value != "" && !own && !has:
		return h.conflict(value, "")
	}
	return h.writeDropIn()
}

// current is the manager's value of the variable, read from its files again where a person may just have written to one.
// A value whose file has gone stays until the manager ends.
func current(ctx context.Context, systemd manager.Interface, again bool) (string, error) {
	if systemd == nil {
		return "", nil
	}
	if again {
		if err := systemd.Reload(ctx); err != nil {
			return "", err
		}
	}
	environ, err := systemd.Environment(ctx)
	value, _ := lookup(environ, variable)
	return value, err
}

// conflict refuses to put our value in the place of a person's own, which is set in that file or, "", in none: a drop-in
// would replace it, not add to it.
func (h *host) conflict(value, file string) bool {
	both, err := assignment(h.generatorDir() + ":" + value)
	if err != nil {
		return h.fail(err.Error())
	}
	line := "  ManagerEnvironment=" + both
	if file == "" {
		return h.fail("systemd has a "+variable+" from elsewhere: "+value,
			"Set both in a file of your own, "+filepath.Join(h.confDir(), "60-generators.conf")+":",
			"  [Manager]", line, "and run podman-ondemand install again.")
	}
	return h.fail(variable+" is set already, in "+file,
		"Put our directory in front there, and run podman-ondemand install again:", line)
}

func (h *host) writeDropIn() bool {
	err := h.makeDir(h.confDir())
	if err != nil {
		return h.fail("cannot tell systemd about the program: " + err.Error())
	}
	text, err := dropInText(h.generatorDir(), h.allMade())
	if err != nil {
		return h.fail(err.Error())
	}
	changed, _, err := put(h.dropIn(), []byte(text), 0o644)
	switch {
	case err != nil:
		return h.fail("cannot tell systemd about the program: " + err.Error())
	case changed:
		h.done("settings %s", h.dropIn())
	default:
		h.same("settings %s", h.dropIn())
	}
	return true
}

// oldestSystemd is the first version with Upholds= and StopPropagatedFrom=, which the units need (systemd's NEWS).
// ManagerEnvironment= is older by one.
const oldestSystemd = 249

// suitable says whether that manager is new enough, and reads these files.
func (h *host) suitable(ctx context.Context, systemd manager.Interface) bool {
	version, err := systemd.Version(ctx)
	if err != nil {
		return h.fail(err.Error())
	}
	if n := leadingNumber(version); n > 0 && n < oldestSystemd {
		return h.fail("systemd "+version+" is too old: Upholds= and StopPropagatedFrom= came with "+strconv.Itoa(oldestSystemd),
			"Without them there is no way; a newer release of your distribution has a newer systemd.")
	}
	environ, err := systemd.Environment(ctx)
	if err != nil {
		return h.fail(err.Error())
	}
	if config := managersConfig(environ); config != "" && config != h.config {
		return h.fail("your systemd reads its settings in "+config+", XDG_CONFIG_HOME here is "+h.config,
			"Run it with systemd's own: XDG_CONFIG_HOME="+config+" podman-ondemand install")
	}
	return true
}

// leadingNumber reads "252.39-1~deb12u2" and "v257"; 0 where there is none.
func leadingNumber(version string) int {
	version = strings.TrimPrefix(version, "v")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	n, _ := strconv.Atoi(version[:end])
	return n
}

func (h *host) unreachable(err error) bool {
	return h.fail("your service manager (systemd --user) does not answer: "+err.Error(),
		"Log in as "+h.user+" itself, not by su or sudo; or let the manager run without a login:",
		"  sudo loginctl enable-linger "+h.user,
		"  export XDG_RUNTIME_DIR=/run/user/"+strconv.Itoa(h.uid),
		"Then run podman-ondemand install again: the files are in place, but nothing could be checked.")
}

// checkLinger only hints: without lingering everything works while the user is logged in.
func (h *host) checkLinger() {
	if _, err := os.Stat(filepath.Join(h.linger, h.user)); err == nil {
		h.same("your service manager runs from boot on (lingering)")
		return
	}
	h.note("the ports listen only while %s is logged in; to have them from boot on: loginctl enable-linger", h.user)
}
