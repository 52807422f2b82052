package install

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

// newMachine has the system's manager and those of two users, and a program that is linked as a package links it.
func newMachine(t *testing.T) (m *machine, calls *[]string) {
	t.Helper()
	root, calls := t.TempDir(), &[]string{}
	m = &machine{run: root + "/run", program: root + "/usr/bin/podman-ondemand", dirs: map[manager.Scope][]string{
		manager.User:   {root + "/run/systemd/user-generators", root + "/local/user-generators", root + "/usr/lib/user-generators"},
		manager.System: {root + "/run/systemd/system-generators", root + "/local/system-generators", root + "/usr/lib/system-generators"},
	}}
	for _, file := range []string{"run/systemd/private", "run/user/1000/systemd/private", "run/user/1001/systemd/private", "run/user/1002/bus", "usr/bin/podman-ondemand"} {
		writeFile(t, filepath.Join(root, file))
	}
	for _, dirs := range m.dirs {
		makeLink(t, m.program, dirs[2])
	}
	var one sync.Mutex
	m.call = func(_ context.Context, r running, verb string) error {
		one.Lock()
		defer one.Unlock()
		*calls = append(*calls, verb+" "+r.String())
		return nil
	}
	return m, calls
}

func writeFile(t *testing.T, file string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o755)); err != nil {
		t.Fatal(err)
	}
}

func makeLink(t *testing.T, target, dir string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink(target, filepath.Join(dir, "podman-ondemand"))); err != nil {
		t.Fatal(err)
	}
}

func TestPackageAll(t *testing.T) {
	system, users := "of the system", []string{"of user 1000", "of user 1001"}
	for _, c := range []struct {
		name, verb string
		change     func(*testing.T, *machine)
		want       []string // each step's managers
		masked     []string
	}{
		{"reload", "reload", nil, []string{"reload " + system, "reload " + users[0], "reload " + users[1]}, nil},
		{"remove", "remove", nil, []string{
			"stop " + system, "stop " + users[0], "stop " + users[1], "forget " + system, "forget " + users[0], "forget " + users[1],
		}, []string{"system-generators", "user-generators"}},
		{"another installation comes first", "remove", func(t *testing.T, m *machine) {
			other := filepath.Join(m.run, "other")
			writeFile(t, other)
			makeLink(t, other, m.dirs[manager.User][1])
		}, []string{"stop " + system, "forget " + system}, []string{"system-generators"}},
		{"the administrator has masked it", "remove", func(t *testing.T, m *machine) {
			makeLink(t, "/dev/null", m.dirs[manager.User][1])
		}, []string{"stop " + system, "forget " + system}, []string{"system-generators"}},
		{"while an image is built", "remove", func(t *testing.T, m *machine) {
			if err := os.RemoveAll(m.run); err != nil {
				t.Fatal(err)
			}
		}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, calls := newMachine(t)
			if c.change != nil {
				c.change(t, m)
			}
			if err := m.packageAll(context.Background(), c.verb); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(c.want, inSteps(*calls)); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.masked, masked(m)); d != "" {
				t.Errorf("masks (-want +got):\n%s", d)
			}
		})
	}
}

// inSteps sorts the calls of a step, which are made at the same time; the steps keep their order.
func inSteps(calls []string) (all []string) {
	for _, verb := range []string{"reload", "stop", "forget"} {
		for _, who := range []string{"of the system", "of user 1000", "of user 1001", "of user 1002"} {
			for i, c := range calls {
				if c == verb+" "+who && (verb != "forget" || i >= len(calls)/2) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

func masked(m *machine) (all []string) {
	links, _ := filepath.Glob(filepath.Join(m.run, "systemd/*/podman-ondemand"))
	for _, link := range links {
		if target, _ := os.Readlink(link); target == "/dev/null" {
			all = append(all, filepath.Base(filepath.Dir(link)))
		}
	}
	return all
}

// TestPackageGoesOn: a manager that fails is named, and keeps nothing from the others.
func TestPackageGoesOn(t *testing.T) {
	m, _ := newMachine(t)
	count := 0
	m.call = func(context.Context, running, string) error { count++; return errors.New("broken") }
	users := m.dirs[manager.User]
	m.dirs[manager.User] = nil // one manager, so that the count needs no lock
	err := m.packageAll(context.Background(), "remove")
	if err == nil || strings.Count(err.Error(), "broken") != 2 || count != 2 {
		t.Errorf("%d calls: %v", count, err)
	}
	m.dirs[manager.User] = users
	if err := m.packageAll(context.Background(), "purge"); err == nil {
		t.Error("an unknown verb is no error")
	}
}

// packaged is a bench whose units were made by that program, and whose manager has a socket of them that listens.
func packaged(t *testing.T, program string) *bench {
	b := newBench(t)
	template := b.runtime + "/systemd/generator/podman-ondemand-apply@.service"
	if program == "" {
		program = b.program
	}
	b.write(t, template, "[Service]\nExecStart="+program+" apply --user start %i\n")
	check := manager.Unit{Name: checkUnit, LoadState: "loaded", ActiveState: "inactive", FragmentPath: template}
	b.systemd.Loaded = []manager.Unit{
		{Name: "web.socket", LoadState: "loaded", ActiveState: "active", FragmentPath: b.runtime + "/systemd/generator/web.socket", SourcePath: "/web.ondemand"},
		{Name: "foreign.socket", LoadState: "loaded", ActiveState: "active", FragmentPath: "/etc/foreign.socket"},
		{Name: "podman-ondemand-apply@web-1.service", LoadState: "loaded", ActiveState: "active", FragmentPath: template},
		check,
	}
	b.systemd.On = func(f *managertest.Fake, order string) {
		if order == "reload" { // the generator is masked
			f.Get(checkUnit).LoadState = "not-found"
		}
	}
	return b
}

func TestPackageStep(t *testing.T) {
	const another = "/home/me/.config/systemd/user-generators/podman-ondemand"
	for _, c := range []struct {
		name, verb string
		program    string // which has made the units
		want       []string
	}{
		{"reload", "reload", "", []string{"reload"}},
		{"stop", "stop", "", []string{"stop web.socket"}},
		{"forget", "forget", "", []string{"reload", "stop podman-ondemand-apply@web-1.service"}},
		{"reload, two installations", "reload", another, []string{"reload"}},
		{"stop, two installations", "stop", another, nil},
		{"forget, two installations", "forget", another, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := packaged(t, c.program)
			if err := b.packageStep(context.Background(), c.verb); err != nil {
				t.Error(err, b.text)
			}
			if d := cmp.Diff(c.want, b.systemd.Orders); d != "" {
				t.Errorf("orders (-want +got):\n%s", d)
			}
		})
	}
	b := packaged(t, "")
	b.reached = managertest.ErrNoManager
	if err := b.packageStep(context.Background(), "stop"); !errors.Is(err, managertest.ErrNoManager) {
		t.Error(err)
	}
	if err := packaged(t, "").packageStep(context.Background(), "remove"); err == nil {
		t.Error("remove is no step of one manager")
	}
}
