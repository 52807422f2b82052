package install

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

// bench is a user's home in a temporary directory and a service manager that behaves as systemd does: a reload reads
// user.conf.d and runs the generator.
type bench struct {
	*host
	systemd *managertest.Fake
	text    *bytes.Buffer
	deaf    bool  // the manager reads no user.conf.d
	mute    bool  // the generator writes nothing
	reached error // why the manager cannot be reached
}

func newBench(t *testing.T) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{text: &bytes.Buffer{}, systemd: &managertest.Fake{Vers: "257.7-1", Env: []string{"HOME=" + root + "/home"}}}
	b.host = &host{
		home: root + "/home", config: root + "/home/.config", runtime: root + "/run", user: "me", uid: 1000,
		searchPath: []string{root + "/home/.local/bin"},
		program:    root + "/program", version: "1.0",
		generators: []string{root + "/usr/user-generators"}, confs: []string{root + "/etc"}, linger: root + "/linger",
		noexec: func(string) bool { return false },
		podman: func(context.Context) (string, error) { return "podman version 5.4.2\n", nil },
		out:    b.text, err: b.text,
	}
	b.connect = func(context.Context) (manager.Interface, error) {
		if b.reached != nil {
			return nil, b.reached
		}
		return b.systemd, nil
	}
	b.systemd.On = func(_ *managertest.Fake, order string) {
		if order == "reload" {
			b.reload()
		}
	}
	b.write(t, b.program, "the program")
	b.write(t, filepath.Join(b.linger, "me"), "")
	if err := os.Mkdir(b.home, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// reload does to the fake what a daemon-reload does to systemd. Like there, a variable once set stays.
func (b *bench) reload() {
	files, _ := filepath.Glob(filepath.Join(b.confDir(), "*.conf"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if _, value, ok := strings.Cut(string(text), variable+"="); ok && !b.deaf {
			value, _, _ = strings.Cut(value, "\n")
			b.systemd.Env = []string{b.systemd.Env[0], variable + "=" + value}
		}
	}
	value, _ := lookup(b.systemd.Env, variable)
	_, err := os.Stat(b.installed())
	if b.mute || err != nil || !searches(value, b.generatorDir()) {
		b.systemd.Loaded = nil
		return
	}
	b.systemd.Loaded = append(b.systemd.Loaded, manager.Unit{
		Name: checkUnit, LoadState: "loaded", ActiveState: "inactive",
		FragmentPath: b.runtime + "/systemd/generator/podman-ondemand-apply@.service",
	})
}

func (b *bench) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// said is what was printed since the last call, with the temporary directory written as "".
func (b *bench) said() []string {
	text := strings.ReplaceAll(b.text.String(), filepath.Dir(b.home), "")
	b.text.Reset()
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func (b *bench) expect(t *testing.T, got, want bool, text ...string) {
	t.Helper()
	if got != want {
		t.Errorf("works: %v, want %v", got, want)
	}
	if d := cmp.Diff(text, b.said()); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
}

// tree lists all below the home: directories end in "/", links have their target.
func (b *bench) tree(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(b.home, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(b.home, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(path)
			name += " -> " + strings.TrimPrefix(target, b.home)
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	saidProgram = "done  program /home/.config/systemd/user-generators/podman-ondemand, version 1.0"
	saidFiles   = "done  directory /home/.config/containers/systemd for .ondemand files"
	saidCommand = "done  command /home/.local/bin/podman-ondemand"
	saidConf    = "done  settings /home/.config/systemd/user.conf.d/50-podman-ondemand.conf"
	saidReload  = "done  daemon-reload"
	saidHas     = "ok    systemd has the directory in its SYSTEMD_GENERATOR_PATH"
	saidCalls   = "ok    systemd calls the generator: /run/systemd/generator/podman-ondemand-apply@.service"
	saidPodman  = "ok    podman 5.4.2"
	saidLinger  = "ok    your service manager runs from boot on (lingering)"
	saidWorks   = "done  podman-ondemand works. Write NAME.ondemand into /home/.config/containers/systemd, then: systemctl --user daemon-reload"

	sameProgram = "ok    program /home/.config/systemd/user-generators/podman-ondemand is this version, 1.0"
	sameFiles   = "ok    directory /home/.config/containers/systemd for .ondemand files"
	sameCommand = "ok    command /home/.local/bin/podman-ondemand"
	sameConf    = "ok    settings /home/.config/systemd/user.conf.d/50-podman-ondemand.conf"
)

func TestInstallTwiceThenUpgradeThenUninstallTwice(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	b.expect(t, b.install(ctx), true, saidProgram, saidFiles, saidCommand, saidConf, saidReload, saidHas, saidCalls, saidPodman, saidLinger, saidWorks)
	want := []string{
		"./", ".config/", ".config/containers/", ".config/containers/systemd/", ".config/systemd/",
		".config/systemd/user-generators/", ".config/systemd/user-generators/podman-ondemand",
		".config/systemd/user.conf.d/", ".config/systemd/user.conf.d/50-podman-ondemand.conf",
		".local/", ".local/bin/", ".local/bin/podman-ondemand -> /.config/systemd/user-generators/podman-ondemand",
	}
	if d := cmp.Diff(want, b.tree(t)); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	text, _ := os.ReadFile(b.dropIn())
	made := "# made by podman-ondemand install: " + b.home
	want2 := made + "/.config/systemd/user-generators\n" + made + "/.config/systemd\n" + made + "/.config\n" +
		made + "/.config/containers/systemd\n" + made + "/.config/containers\n" +
		made + "/.local/bin\n" + made + "/.local\n" + made + "/.config/systemd/user.conf.d\n"
	if want := want2 + "[Manager]\nManagerEnvironment=SYSTEMD_GENERATOR_PATH=" + b.home + "/.config/systemd/user-generators:\n"; string(text) != want {
		t.Errorf("drop-in %q, want %q", text, want)
	}
	if info, err := os.Stat(b.installed()); err != nil || info.Mode() != 0o755 {
		t.Errorf("program: %v %v", info.Mode(), err)
	}

	b.expect(t, b.install(ctx), true, sameProgram, sameFiles, sameCommand, sameConf, saidReload, saidHas, saidCalls, saidPodman, saidLinger, saidWorks)

	b.write(t, b.program, "a newer one")
	b.version = "1.1"
	b.expect(t, b.install(ctx), true,
		"done  program /home/.config/systemd/user-generators/podman-ondemand replaced by version 1.1",
		sameFiles, sameCommand, sameConf, saidReload, saidHas, saidCalls, saidPodman, saidLinger, saidWorks)

	b.expect(t, b.uninstall(ctx), true,
		"done  removed /home/.config/systemd/user.conf.d/50-podman-ondemand.conf",
		"done  removed /home/.config/systemd/user-generators/podman-ondemand",
		"done  removed /home/.local/bin/podman-ondemand",
		saidReload, "ok    systemd no longer calls the generator")
	if d := cmp.Diff([]string{"./"}, b.tree(t)); d != "" {
		t.Errorf("left over (-want +got):\n%s", d)
	}
	b.expect(t, b.uninstall(ctx), true,
		"ok    /home/.config/systemd/user.conf.d/50-podman-ondemand.conf is not there",
		"ok    /home/.config/systemd/user-generators/podman-ondemand is not there",
		saidReload, "ok    systemd no longer calls the generator")
}

// TestInstall has one row for each thing that may be in the way.
func TestInstall(t *testing.T) {
	before := []string{saidProgram, saidFiles, saidCommand}
	after := []string{saidReload, saidHas, saidCalls, saidPodman, saidLinger, saidWorks}
	list := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	one := func(lines ...string) []string { return lines }
	for _, c := range []struct {
		name  string
		make  func(*testing.T, *bench)
		works bool
		text  []string
	}{{
		"root", func(t *testing.T, b *bench) { b.uid = 0 }, false,
		one("error podman-ondemand install is for one user without root",
			"      As root: install the package, or run: make install (it is then there for all users)"),
	}, {
		"no manager", func(t *testing.T, b *bench) { b.reached = managertest.ErrNoManager }, false,
		list(before, one(saidConf,
			"error your service manager (systemd --user) does not answer: no service manager answers",
			"      Log in as me itself, not by su or sudo; or let the manager run without a login:",
			"        sudo loginctl enable-linger me",
			"        export XDG_RUNTIME_DIR=/run/user/1000",
			"      Then run podman-ondemand install again: the files are in place, but nothing could be checked.")),
	}, {
		"systemd 248", func(t *testing.T, b *bench) { b.systemd.Vers = "248.3-1" }, false,
		one("error systemd 248.3-1 is too old: Upholds= and StopPropagatedFrom= came with 249",
			"      Without them there is no way; a newer release of your distribution has a newer systemd."),
	}, {
		"systemd 249", func(t *testing.T, b *bench) { b.systemd.Vers = "249.11-0ubuntu3" }, true,
		list(before, one(saidConf), after),
	}, {
		"a version that nobody can read", func(t *testing.T, b *bench) { b.systemd.Vers = "git" }, true,
		list(before, one(saidConf), after),
	}, {
		"systemd looks elsewhere", func(t *testing.T, b *bench) {
			b.systemd.Env = append(b.systemd.Env, "XDG_CONFIG_HOME=/elsewhere")
		}, false,
		one("error your systemd reads its settings in /elsewhere, XDG_CONFIG_HOME here is /home/.config",
			"      Run it with systemd's own: XDG_CONFIG_HOME=/elsewhere podman-ondemand install"),
	}, {
		"a path that systemd cannot run", func(t *testing.T, b *bench) { b.config = `/a"b` }, false,
		one(`error /a"b/systemd/user-generators: systemd runs no program whose path has a quote or a backslash in it`,
			"      Set XDG_CONFIG_HOME to another directory, for systemd too, or have the administrator install podman-ondemand for all users."),
	}, {
		"noexec", func(t *testing.T, b *bench) { b.noexec = func(string) bool { return true } }, false,
		one(saidProgram,
			"error /home/.config/systemd/user-generators is on a file system that is mounted noexec: nothing can be run from there",
			"      Have it mounted without noexec, or have the administrator install podman-ondemand for all users."),
	}, {
		"the program cannot be written", func(t *testing.T, b *bench) { b.write(t, b.config, "a file") }, false,
		one("error cannot install the program: mkdir /home/.config: not a directory"),
	}, {
		"a person's own setting", func(t *testing.T, b *bench) {
			b.write(t, b.confDir()+"/own.conf", "[Manager]\n ManagerEnvironment=SYSTEMD_GENERATOR_PATH=/mine:\n")
		}, false,
		list(before, one("error SYSTEMD_GENERATOR_PATH is set already, in /home/.config/systemd/user.conf.d/own.conf",
			"      Put our directory in front there, and run podman-ondemand install again:",
			"        ManagerEnvironment=SYSTEMD_GENERATOR_PATH=/home/.config/systemd/user-generators:/mine:")),
	}, {
		"a person's own setting with our directory", func(t *testing.T, b *bench) {
			b.write(t, b.confDir()+"/own.conf", "[Manager]\nManagerEnvironment=SYSTEMD_GENERATOR_PATH="+b.generatorDir()+"/:/mine:\n")
		}, true,
		list(before, one("ok    /home/.config/systemd/user.conf.d/own.conf has /home/.config/systemd/user-generators in SYSTEMD_GENERATOR_PATH"), after),
	}, {
		"the same, and no manager to ask", func(t *testing.T, b *bench) {
			b.reached = managertest.ErrNoManager
			b.write(t, b.config+"/systemd/user.conf", "[Manager]\nManagerEnvironment=SYSTEMD_GENERATOR_PATH="+b.generatorDir()+":\n")
		}, false,
		list(before, one("ok    /home/.config/systemd/user.conf has /home/.config/systemd/user-generators in SYSTEMD_GENERATOR_PATH",
			"error your service manager (systemd --user) does not answer: no service manager answers",
			"      Log in as me itself, not by su or sudo; or let the manager run without a login:",
			"        sudo loginctl enable-linger me",
			"        export XDG_RUNTIME_DIR=/run/user/1000",
			"      Then run podman-ondemand install again: the files are in place, but nothing could be checked.")),
	}, {
		"the administrator's setting, a comment and another variable do not count", func(t *testing.T, b *bench) {
			b.write(t, b.confs[0]+"/user.conf", "[Manager]\n#ManagerEnvironment=SYSTEMD_GENERATOR_PATH=/x\nManagerEnvironment=A=b\n")
		}, true, list(before, one(saidConf), after),
	}, {
		"a value from the environment", func(t *testing.T, b *bench) {
			b.systemd.Env = append(b.systemd.Env, variable+"=/from/pam:")
		}, false,
		list(before, one("error systemd has a SYSTEMD_GENERATOR_PATH from elsewhere: /from/pam:",
			"      Set both in a file of your own, /home/.config/systemd/user.conf.d/60-generators.conf:",
			"        [Manager]",
			"        ManagerEnvironment=SYSTEMD_GENERATOR_PATH=/home/.config/systemd/user-generators:/from/pam:",
			"      and run podman-ondemand install again.")),
	}, {
		"our own value, left from before", func(t *testing.T, b *bench) {
			b.systemd.Env = append(b.systemd.Env, variable+"="+b.generatorDir()+":")
		}, true, list(before, one(saidConf), after),
	}, {
		"a drop-in of an older version of ours", func(t *testing.T, b *bench) {
			b.write(t, b.dropIn(), "[Manager]\nManagerEnvironment=SYSTEMD_GENERATOR_PATH=/old:\n")
			b.systemd.Env = append(b.systemd.Env, variable+"=/old:")
		}, true, list(before, one(saidConf), after),
	}, {
		"systemd does not take it up", func(t *testing.T, b *bench) { b.deaf = true }, false,
		list(before, one(saidConf, saidReload, "error systemd did not take up /home/.config/systemd/user.conf.d/50-podman-ondemand.conf",
			"      See whether it complains: journalctl --user -n 50 -g user.conf",
			"      and whether a login from anew helps (it ends what runs now): loginctl terminate-user me",
			saidPodman, saidLinger)),
	}, {
		"the generator does not work", func(t *testing.T, b *bench) { b.mute = true }, false,
		list(before, one(saidConf, saidReload, saidHas,
			"error systemd knows where the program is, but the program made no units (podman-ondemand-apply@check.service: not-found)",
			"      See what it says: journalctl --user -n 50 -t podman-ondemand",
			"      and by hand: /home/.config/systemd/user-generators/podman-ondemand generate --dry-run",
			saidPodman, saidLinger)),
	}, {
		"the reload fails", func(t *testing.T, b *bench) {
			b.systemd.Fails = map[string]error{"reload": errors.New("daemon-reload: no answer")}
		}, false,
		list(before, one(saidConf, "error daemon-reload: no answer", "      See: journalctl --user -n 20", saidPodman, saidLinger)),
	}, {
		"no podman", func(t *testing.T, b *bench) {
			b.podman = func(context.Context) (string, error) { return "", errors.New("not found in $PATH") }
		}, false,
		list(before, one(saidConf, saidReload, saidHas, saidCalls, "error podman cannot be run: not found in $PATH",
			"      Install podman 4.4 or newer, for example: sudo apt install podman", saidLinger)),
	}, {
		"an old podman", func(t *testing.T, b *bench) {
			b.podman = func(context.Context) (string, error) { return "podman version 4.3.1\n", nil }
		}, false,
		list(before, one(saidConf, saidReload, saidHas, saidCalls, "error podman 4.3.1 is too old: 4.4 is needed",
			"      Install a newer podman, for example from your distribution's backports.", saidLinger)),
	}, {
		"no lingering", func(t *testing.T, b *bench) { b.linger = "/nowhere" }, true,
		list(before, one(saidConf, saidReload, saidHas, saidCalls, saidPodman,
			"note  the ports listen only while me is logged in; to have them from boot on: loginctl enable-linger", saidWorks)),
	}, {
		"not in PATH", func(t *testing.T, b *bench) { b.searchPath = []string{"/usr/bin"} }, true,
		list(before, one("note  /home/.local/bin is not in your PATH: add it, or log in again where the system adds it by itself", saidConf), after),
	}, {
		"a command of the person's own", func(t *testing.T, b *bench) { b.write(t, b.link(), "#!/bin/sh") }, true,
		list(one(saidProgram, saidFiles, "note  /home/.local/bin/podman-ondemand is not a link of ours and stays as it is", saidConf), after),
	}, {
		"there for all users", func(t *testing.T, b *bench) { b.write(t, b.generators[0]+"/podman-ondemand", "") }, true,
		list(one("note  /usr/user-generators/podman-ondemand is there for all users already; yours comes before it"), before, one(saidConf), after),
	}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			c.make(t, b)
			b.expect(t, b.install(context.Background()), c.works, c.text...)
		})
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]int{"252.39-1~deb12u2": 252, "v257": 257, "247 (247.3-7)": 247, "": 0, "git": 0} {
		if got := leadingNumber(version); got != want {
			t.Errorf("%q: %d", version, got)
		}
	}
}
