package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/install"
	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
	"podman-ondemand/parser"
)

// patient is a machine of a test, on which all is well at first.
type patient struct {
	t       *testing.T
	host    *Host
	systemd *managertest.Fake
	says    map[string]string // what commands print; "!TEXT" fails
	missing string            // a program that is not there
}

const mapped = `{"host":{"idMappings":{"uidmap":[{},{}],"gidmap":[{},{}]}}}`

func healthy(t *testing.T) *patient {
	p := &patient{t: t, says: map[string]string{
		"/usr/bin/podman --version":                 "podman version 5.4.2\n",
		"/usr/bin/podman info --format=json":        mapped,
		"systemctl is-active network-online.target": "inactive\n",
	}}
	p.systemd = &managertest.Fake{
		Vers:   "257.1",
		Loaded: []manager.Unit{{Name: install.CheckUnit, LoadState: "loaded", FragmentPath: "/run/g/podman-ondemand-apply@.service"}},
	}
	root := t.TempDir()
	p.host = &Host{
		Scope: manager.User, Root: root, UID: 1000, User: "me", Systemd: p.systemd, Version: "2", Podman: "/usr/bin/podman",
		Program: root + "/usr/bin/podman-ondemand", FirstPort: 1024,
		Installed: install.State{SystemWide: root + "/usr/bin/podman-ondemand"},
		Run: func(_ context.Context, command ...string) (string, error) {
			said, known := p.says[strings.ReplaceAll(strings.Join(command, " "), root, "")]
			if problem, fails := strings.CutPrefix(said, "!"); fails || !known {
				return "", errors.New(problem)
			}
			return said, nil
		},
		LookPath: func(name string) (string, error) {
			if name == p.missing {
				return "", os.ErrNotExist
			}
			return "/usr/bin/" + name, nil
		},
		Label:  func(string) (string, error) { return "system_u:object_r:bin_t:s0", nil },
		Verify: func(context.Context, generator.Result) parser.Diags { return nil },
	}
	for name, text := range map[string]string{
		"/etc/subuid": "me:100000:65536\n", "/etc/subgid": "1000:100000:65536\n", "/var/lib/systemd/linger/me": "",
		"/etc/os-release": "NAME=X\nID=ubuntu\nID_LIKE=debian\n", "/usr/bin/podman-ondemand": "program",
		"/sys/fs/cgroup/cgroup.controllers":                                              "cpu io memory pids\n",
		"/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "cpu memory pids\n",
	} {
		p.write(name, text)
	}
	return p
}

func (p *patient) write(name, text string) {
	p.t.Helper()
	path := p.host.Root + name
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) remove(name string) {
	p.t.Helper()
	if err := os.Remove(p.host.Root + name); err != nil {
		p.t.Fatal(err)
	}
}

// process makes one in /proc.
func (p *patient) process(pid, exe, uid string, args ...string) {
	p.write("/proc/"+pid+"/cmdline", strings.Join(args, "\x00")+"\x00")
	p.write("/proc/"+pid+"/status", "Name:\tx\nUid:\t"+uid+"\t"+uid+"\n")
	if err := os.Symlink(exe, p.host.Root+"/proc/"+pid+"/exe"); err != nil {
		p.t.Fatal(err)
	}
}

// files are those that the generator has read, all with one text.
func (p *patient) files(text string, names ...string) {
	var sources []generator.Source
	for _, name := range names {
		sources = append(sources, generator.Source{Path: "/src/" + name, Text: []byte(text)})
	}
	p.host.Files = generator.Generate(sources, &generator.Files{}, emit.Options{User: true})
}

// install makes a program of the user's own, with the settings.
func (p *patient) install(text string) {
	p.write("/home/podman-ondemand", text)
	p.host.Installed = install.State{
		Program: p.host.Root + "/home/podman-ondemand", DropIn: p.host.Root + "/home/user.conf.d/50.conf",
		Dir: p.host.Root + "/home", Installed: true, Configured: true,
	}
	p.systemd.Env = []string{"SYSTEMD_GENERATOR_PATH=" + p.host.Root + "/home:"}
}

func TestHealthy(t *testing.T) {
	p := healthy(t)
	for _, f := range p.host.Examine(t.Context()) {
		if f.Level != OK || len(f.Mend) > 0 {
			t.Errorf("%+v", f)
		}
	}
}

// Each thing that can be wrong, what is said of it, and the commands.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name string
		ill  func(p *patient)
		want string
	}{
		{"no manager", func(p *patient) { p.host.Systemd, p.host.SystemdErr = nil, errors.New("no bus") },
			"error systemd: the service manager does not answer, what depends on it is not checked: no bus\n  sudo loginctl enable-linger me\n  export XDG_RUNTIME_DIR=/run/user/1000\n"},
		{"old systemd", func(p *patient) { p.systemd.Vers = "248.3" },
			"error systemd: 248.3 is too old, 249 is needed: a newer release of the distribution has it\n"},
		{"no podman", func(p *patient) {
			p.says["/usr/bin/podman --version"] = "!no such file"
			p.says["/usr/bin/podman info --format=json"] = mapped
		}, "error podman: /usr/bin/podman cannot be run: no such file\n  sudo apt-get install podman\n"},
		{"old podman", func(p *patient) { p.says["/usr/bin/podman --version"] = "podman version 4.3.1\n" },
			"error podman: 4.3.1 is too old, 4.4 is needed: a newer release of the distribution has it\n"},
		{"podman does not work", func(p *patient) { p.says["/usr/bin/podman info --format=json"] = "!database is locked" },
			"error containers: podman does not work without root: database is locked\n  podman system migrate\n  podman info\n"},
		{"no newuidmap", func(p *patient) { p.missing = "newuidmap"; p.write("/etc/os-release", "ID=fedora\n") },
			"error sub-ids: newuidmap is not there: podman cannot give containers more than one user\n  sudo dnf install shadow-utils\n"},
		{"no sub-ids", func(p *patient) {
			p.write("/etc/subuid", "you:100000:65536\n")
			p.write("/etc/subgid", "")
			p.says["/usr/bin/podman info --format=json"] = `{}`
		}, "error sub-ids: me has no sub-uids and sub-gids: containers have one user only, most images do not run\n  sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 me\n  podman system migrate\n"},
		{"no sub-gids", func(p *patient) {
			p.write("/etc/subgid", "")
			p.says["/usr/bin/podman info --format=json"] = `{}`
		}, "error sub-ids: me has no sub-uids and sub-gids: containers have one user only, most images do not run\n  sudo usermod --add-subgids 165536-231071 me\n  podman system migrate\n"},
		{"sub-ids not in use", func(p *patient) { p.says["/usr/bin/podman info --format=json"] = `{}` },
			"error sub-ids: podman does not use the sub-uids and sub-gids of me yet\n  podman system migrate\n"},
		{"no nsenter", func(p *patient) { p.missing = "nsenter" },
			"error nsenter: nsenter is not there: the proxy cannot enter a container\n  sudo apt-get install util-linux\n"},
		{"not installed", func(p *patient) { p.host.Installed = install.State{}; p.systemd.Loaded = nil },
			"error generator: systemd does not call the generator: no .ondemand file has any effect\n  podman-ondemand install\n"},
		{"not any more", func(p *patient) { p.host.Installed = install.State{} },
			"error generator: systemd called it before, and will not after the next daemon-reload\n  podman-ondemand install\n"},
		{"not yet", func(p *patient) { p.systemd.Loaded = nil },
			"error generator: systemd has not called the generator\n  systemctl --user daemon-reload\n"},
		{"systemd does not tell", func(p *patient) { p.systemd.Fails = map[string]error{"unit " + install.CheckUnit: errors.New("lost")} },
			"error generator: lost\n"},
		{"no settings", func(p *patient) { p.install("program"); p.host.Installed.Configured = false; p.systemd.Env = nil },
			"error generator: systemd called it before, and will not after the next daemon-reload\n  podman-ondemand install\n" +
				"error settings: ROOT/home/user.conf.d/50.conf is not there: systemd does not look for ROOT/home/podman-ondemand\n  podman-ondemand install\n"},
		{"settings not read", func(p *patient) { p.install("program"); p.systemd.Loaded, p.systemd.Env = nil, nil },
			"error generator: systemd does not call the generator: no .ondemand file has any effect\n  podman-ondemand install\n" +
				"error settings: systemd has not read ROOT/home/user.conf.d/50.conf yet\n  systemctl --user daemon-reload\n"},
		{"two, and one of them older", func(p *patient) {
			p.host.Installed.SystemWide = ""
			p.install("older")
			p.host.Installed.SystemWide = p.host.Root + "/usr/bin/podman-ondemand"
			p.says["/home/podman-ondemand version"] = "podman-ondemand 1\n"
		}, "warning program: there are two: systemd takes ROOT/home/podman-ondemand, not ROOT/usr/bin/podman-ondemand, whatever is newer\n  podman-ondemand uninstall\n  systemctl --user daemon-reload\n" +
			"warning program: ROOT/home/podman-ondemand is another version (1) than this one (2)\n  ROOT/usr/bin/podman-ondemand install\n"},
		{"one that does not run", func(p *patient) { p.install("broken") },
			"warning program: ROOT/home/podman-ondemand is another version (it cannot be run) than this one (2)\n  ROOT/usr/bin/podman-ondemand install\n"},
		{"another version for all users", func(p *patient) {
			p.write("/bin/newer", "newer")
			p.host.Program = p.host.Root + "/bin/newer"
			p.says["/usr/bin/podman-ondemand version"] = "podman-ondemand 1\n"
		}, "warning program: ROOT/usr/bin/podman-ondemand is another version (1) than this one (2)\n"},
		{"an old proxy", func(p *patient) {
			exe := p.host.Root + "/usr/bin/podman-ondemand"
			p.process("7", exe+" (deleted)", "1000", "/usr/bin/podman-ondemand", "proxy", "--inside", "--unit=web.service", "80")
			p.process("8", exe, "1000", "/usr/bin/podman-ondemand", "proxy", "--unit=new.service", "80")
			p.process("9", exe+" (deleted)", "0", "/usr/bin/podman-ondemand", "proxy", "--unit=roots.service", "80")
			p.process("10", "/bin/sh", "1000", "sh", "proxy", "--unit=no.service")
		}, "warning proxies: web.service: the proxy runs an older program, until it sleeps or is stopped; the next connection starts the new one\n  systemctl --user stop web.service\n"},
		{"no linger", func(p *patient) { p.remove("/var/lib/systemd/linger/me") },
			"warning linger: the ports listen only while me is logged in\n  sudo loginctl enable-linger me\n"},
		{"waits for the network", func(p *patient) {
			p.files("[OnDemand]\nUnit=x-pod.service\nTarget=3000\n[Socket]\nListenStream=3001\n", "pad.ondemand")
			p.systemd.Loaded = append(p.systemd.Loaded, manager.Unit{Name: "x-pod.service", Wants: []string{waiter}})
		}, "warning network: nothing starts network-online.target, for which x-pod.service waits 90s before the first start; or write DefaultDependencies=no into [Quadlet] of that file\n" +
			"  sudo systemctl add-wants multi-user.target network-online.target\n  sudo systemctl start network-online.target\n"},
		{"low ports", func(p *patient) {
			p.files("[Container]\nImage=quay.io/x:1\nPublishPort=127.0.0.1:443:443\nPublishPort=80:80\nPublishPort=8080:80\n[Socket]\nListenStream=/x\n[OnDemand]\nContainerPort=80\n", "web.ondemand")
		}, "error ports: ports below 1024 cannot be listened on without root (web: 443, web: 80)\n  sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80\n" +
			"  sudo sh -c 'echo net.ipv4.ip_unprivileged_port_start=80 >/etc/sysctl.d/50-podman-ondemand.conf'\n"},
		{"cgroups v1", func(p *patient) { p.remove("/sys/fs/cgroup/cgroup.controllers") },
			"warning cgroups: this machine has cgroups v1 only: podman without root sets no limits\n  sudo grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1\n"},
		{"no controllers", func(p *patient) { p.write("/sys/fs/cgroup/cgroup.controllers", "cpu\n") },
			"warning cgroups: the kernel offers no controller for memory, pids: podman sets no such limits\n"},
		{"not delegated", func(p *patient) {
			p.write("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers", "memory pids\n")
		}, "warning cgroups: me may not use the controllers for cpu: podman sets no such limits (after these commands log in anew)\n" +
			"  sudo sh -c 'mkdir -p /etc/systemd/system/user@.service.d && printf \"[Service]\\nDelegate=cpu io memory pids\\n\" >/etc/systemd/system/user@.service.d/50-podman-ondemand.conf'\n  sudo systemctl daemon-reload\n"},
		{"SELinux without a policy", func(p *patient) { p.write("/sys/fs/selinux/enforce", "1") },
			"error selinux: it is enforced, and there is no policy for containers\n  sudo apt-get install container-selinux\n"},
		{"SELinux, bad label", func(p *patient) {
			p.write("/sys/fs/selinux/enforce", "1")
			p.write("/usr/share/containers/selinux/contexts", "")
			p.host.Label = func(string) (string, error) { return "unconfined_u:object_r:user_tmp_t:s0", nil }
		}, "error selinux: systemd may not execute ROOT/usr/bin/podman-ondemand: its label is unconfined_u:object_r:user_tmp_t:s0\n  restorecon -Fv ROOT/usr/bin/podman-ondemand\n"},
		{"files with errors", func(p *patient) {
			p.files("[Container]\nImage=quay.io/x:1\nPublishPort=8080:80\n", "a.ondemand")
			p.host.Verify = func(context.Context, generator.Result) parser.Diags {
				return parser.Diags{{Severity: parser.Error}, {}, {}}
			}
		}, "error files: 1 read: 1 error, 2 warnings\n  podman-ondemand verify\n"},
		{"files with warnings", func(p *patient) {
			p.files("[Container]\nImage=quay.io/x:1\nPublishPort=8080:80\n", "a.ondemand")
			p.host.Verify = func(context.Context, generator.Result) parser.Diags { return parser.Diags{{}} }
		}, "warning files: 1 read: 1 warning\n  podman-ondemand verify\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := healthy(t)
			c.ill(p)
			if d := cmp.Diff(c.want, p.complaints()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// complaints are the findings that are not ok.
func (p *patient) complaints() string {
	var b strings.Builder
	for _, f := range p.host.Examine(p.t.Context()) {
		if f.Level == OK {
			continue
		}
		b.WriteString(f.Level.String() + " " + f.Check + ": " + f.Text + "\n")
		for _, command := range f.Mend {
			b.WriteString("  " + command + "\n")
		}
	}
	return strings.ReplaceAll(b.String(), p.host.Root, "ROOT")
}

func TestSELinuxFine(t *testing.T) {
	p := healthy(t)
	p.write("/sys/fs/selinux/enforce", "1")
	p.write("/usr/share/containers/selinux/contexts", "")
	if got := p.complaints(); got != "" {
		t.Error(got)
	}
	p.write("/sys/fs/selinux/enforce", "0")
	p.remove("/usr/share/containers/selinux/contexts")
	if got := p.complaints(); got != "" {
		t.Error(got)
	}
}

// The system's manager has no user, and its commands need root.
func TestSystem(t *testing.T) {
	p := healthy(t)
	p.host.Scope, p.host.UID, p.host.User = manager.System, 0, "root"
	p.remove("/etc/subuid")
	p.remove("/var/lib/systemd/linger/me")
	if got := p.complaints(); got != "" {
		t.Error(got)
	}
	p.systemd.Loaded = nil
	if got, want := p.complaints(), "error generator: systemd has not called the generator\n  sudo systemctl daemon-reload\n"; got != want {
		t.Error(got)
	}
}

// Everything is looked at by somebody, in a fixed order.
func TestOutput(t *testing.T) {
	var text, data strings.Builder
	findings := []Finding{{"linger", Warning, "a\x1b", []string{"b c"}}, {"podman", OK, "5", nil}}
	printText(&text, findings)
	if d := cmp.Diff("warning  linger      a\\x1b\n                     b c\nok       podman      5\n", text.String()); d != "" {
		t.Error(d)
	}
	if err := printJSON(&data, findings); err != nil {
		t.Fatal(err)
	}
	want := `[
  {
    "check": "linger",
    "level": "warning",
    "message": "a\u001b",
    "commands": [
      "b c"
    ]
  },
  {
    "check": "podman",
    "level": "ok",
    "message": "5",
    "commands": []
  }
]
`
	if d := cmp.Diff(want, data.String()); d != "" {
		t.Error(d)
	}
}
