package install

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

// running puts an application that is awake into the manager, and somebody else's units next to it.
func (b *bench) running() {
	generated := func(name, source string) manager.Unit {
		return manager.Unit{
			Name: name, LoadState: "loaded", ActiveState: "active", SourcePath: source,
			FragmentPath: b.runtime + "/systemd/generator/" + name,
		}
	}
	web := b.filesDir() + "/web.ondemand"
	b.systemd.Loaded = append(b.systemd.Loaded,
		generated("web-proxy.service", web), generated("web.service", web), generated("web.socket", web),
		generated("db.service", b.filesDir()+"/db.container"),
		manager.Unit{Name: "dbus.socket", LoadState: "loaded", ActiveState: "active", FragmentPath: "/usr/lib/systemd/user/dbus.socket"},
		manager.Unit{Name: "podman-ondemand-apply@web-0123456789abcdef.service", LoadState: "loaded", ActiveState: "active"})
}

// The reload takes the units of a generator that has gone away, but not what is active.
func (b *bench) keepInstances() {
	b.systemd.On = func(f *managertest.Fake, order string) {
		if order != "reload" {
			return
		}
		b.reload()
		f.Loaded = []manager.Unit{{
			Name: "podman-ondemand-apply@web-0123456789abcdef.service", LoadState: "not-found", ActiveState: "active",
		}}
	}
}

func (b *bench) installQuietly(t *testing.T) {
	t.Helper()
	if !b.install(context.Background()) {
		t.Fatal(b.text)
	}
	b.said()
	b.systemd.Orders = nil
}

const (
	removedConf    = "done  removed /home/.config/systemd/user.conf.d/50-podman-ondemand.conf"
	removedProgram = "done  removed /home/.config/systemd/user-generators/podman-ondemand"
	removedCommand = "done  removed /home/.local/bin/podman-ondemand"
	saidGone       = "ok    systemd no longer calls the generator"
)

func TestUninstallStopsWhatIsOurs(t *testing.T) {
	b := newBench(t)
	b.installQuietly(t)
	b.running()
	b.keepInstances()
	b.write(t, filepath.Join(b.marksDir(), "web"), "0123456789abcdef\n")
	b.write(t, b.filesDir()+"/web.ondemand", "")
	b.write(t, b.filesDir()+"/more/db.ondemand", "")
	b.expect(t, b.uninstall(context.Background()), true,
		"done  stopped web.socket", "done  stopped web-proxy.service", "done  stopped web.service",
		removedConf, removedProgram, removedCommand,
		"note  your files stay:",
		"      /home/.config/containers/systemd/more/db.ondemand",
		"      /home/.config/containers/systemd/web.ondemand",
		saidReload, saidGone)
	want := []string{
		"stop web.socket", "stop web-proxy.service", "stop web.service", "reload",
		"stop podman-ondemand-apply@web-0123456789abcdef.service",
	}
	if d := cmp.Diff(want, b.systemd.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s", d)
	}
	if _, err := os.Stat(b.marksDir()); err == nil {
		t.Error("the marks are left")
	}
}

// A directory that was there before install stays, also an empty one.
func TestUninstallLeavesWhatWasThere(t *testing.T) {
	b := newBench(t)
	for _, dir := range []string{b.binDir(), b.filesDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.installQuietly(t)
	b.installQuietly(t) // the second call makes none, and forgets none
	b.expect(t, b.uninstall(t.Context()), true, removedConf, removedProgram, removedCommand, saidReload, saidGone)
	want := []string{"./", ".config/", ".config/containers/", ".config/containers/systemd/", ".local/", ".local/bin/"}
	if d := cmp.Diff(want, b.tree(t)); d != "" {
		t.Errorf("left over (-want +got):\n%s", d)
	}
}

// Units that have failed do not stay as "not-found failed", and pid files do not stay either.
func TestUninstallForgetsFailures(t *testing.T) {
	b := newBench(t)
	b.installQuietly(t)
	b.running()
	b.keepInstances()
	for _, name := range []string{"web.socket", "web-proxy.service", "web.service", "db.service"} {
		b.systemd.Get(name).ActiveState = "failed"
	}
	on := b.systemd.On
	b.systemd.On = func(f *managertest.Fake, order string) {
		on(f, order)
		if order == "reload" {
			f.Loaded[0].ActiveState = "failed"
		}
	}
	b.write(t, b.runtime+"/podman-ondemand/web/conmon.pid", "1")
	if !b.uninstall(t.Context()) {
		t.Error(b.text)
	}
	want := []string{
		"reset-failed web.socket", "reset-failed web-proxy.service", "reset-failed web.service", "reload",
		"reset-failed podman-ondemand-apply@web-0123456789abcdef.service",
	}
	if d := cmp.Diff(want, b.systemd.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s", d)
	}
	if _, err := os.Stat(b.runtime + "/podman-ondemand"); err == nil {
		t.Error("the pid files are left")
	}
}

func TestUninstall(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(*testing.T, *bench)
		works bool
		text  []string
	}{{
		"root", func(t *testing.T, b *bench) { b.uid = 0 }, false,
		[]string{"error podman-ondemand uninstall is for one user without root", "      As root: remove the package"},
	}, {
		"no manager", func(t *testing.T, b *bench) { b.reached = managertest.ErrNoManager }, true,
		[]string{
			"note  your service manager does not answer (no service manager answers): only files are removed",
			removedConf, removedProgram, removedCommand,
		},
	}, {
		"there for all users too", func(t *testing.T, b *bench) {
			b.running()
			b.write(t, b.generators[0]+"/podman-ondemand", "")
		}, true,
		[]string{
			"note  /usr/user-generators/podman-ondemand is there for all users and takes over: nothing is stopped",
			removedConf, removedProgram, removedCommand, saidReload,
		},
	}, {
		"one unit does not stop", func(t *testing.T, b *bench) {
			b.running()
			b.systemd.Fails = map[string]error{"stop web.socket": errors.New("no answer")}
		}, false,
		[]string{
			"error no answer", "      See: systemctl --user status web.socket",
			"done  stopped web-proxy.service", "done  stopped web.service",
			removedConf, removedProgram, removedCommand, saidReload, saidGone,
		},
	}, {
		"a command of the person's own", func(t *testing.T, b *bench) {
			_ = os.Remove(b.link())
			b.write(t, b.link(), "#!/bin/sh")
		}, true,
		[]string{
			"note  /home/.local/bin/podman-ondemand is not a link of ours and stays",
			removedConf, removedProgram, saidReload, saidGone,
		},
	}, {
		"a setting of the person's own", func(t *testing.T, b *bench) {
			b.write(t, b.config+"/systemd/user.conf", "[Manager]\nManagerEnvironment=SYSTEMD_GENERATOR_PATH="+b.generatorDir()+":\n")
		}, true,
		[]string{
			removedConf, removedProgram, removedCommand,
			"note  /home/.config/systemd/user.conf still has /home/.config/systemd/user-generators in SYSTEMD_GENERATOR_PATH",
			saidReload, saidGone,
		},
	}, {
		"something else writes the template", func(t *testing.T, b *bench) {
			b.systemd.On = func(f *managertest.Fake, _ string) {
				f.Loaded = []manager.Unit{{Name: checkUnit, LoadState: "loaded", ActiveState: "inactive", FragmentPath: "/run/generator/x"}}
			}
		}, false,
		[]string{
			removedConf, removedProgram, removedCommand, saidReload,
			"error systemd still has /run/generator/x",
			"      Something else makes it: systemctl --user cat podman-ondemand-apply@check.service",
		},
	}, {
		"the reload fails", func(t *testing.T, b *bench) {
			b.systemd.Fails = map[string]error{"reload": errors.New("daemon-reload: no answer")}
		}, false,
		[]string{
			removedConf, removedProgram, removedCommand,
			"error daemon-reload: no answer", "      See: journalctl --user -n 20",
		},
	}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.installQuietly(t)
			c.make(t, b)
			b.expect(t, b.uninstall(context.Background()), c.works, c.text...)
		})
	}
}
