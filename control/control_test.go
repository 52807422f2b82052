package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/emit"
	"podman-ondemand/figures"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

// files writes .ondemand files and makes the applications of them.
func files(t *testing.T, texts map[string]string) []App {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PODMAN_ONDEMAND_UNIT_DIRS", dir)
	return Apps(generator.Read(manager.User))
}

const web = "[Container]\nImage=localhost/x\nPublishPort=8080:80\n"

// host is a manager that has read all the files, with everything asleep.
func host(t *testing.T, apps []App) (Host, *managertest.Fake) {
	t.Helper()
	dir := t.TempDir()
	f := &managertest.Fake{More: map[string]manager.Details{}}
	for _, a := range apps {
		for _, name := range a.all() {
			state := "inactive"
			if strings.HasSuffix(name, ".socket") {
				state = "active"
				f.More[name] = manager.Details{Listening: manager.Listening{Streams: []string{"[::]:8080"}}}
			}
			u := manager.Unit{Name: name, LoadState: "loaded", ActiveState: state, SourcePath: a.Source, FragmentPath: filepath.Join(dir, name)}
			if text, ok := a.unitFile(name); ok {
				if err := os.WriteFile(u.FragmentPath, text.AppendText(nil), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f.Loaded = append(f.Loaded, u)
		}
	}
	return Host{manager.User, f, func(context.Context, []string, func(Entry) bool) error { return nil }}, f
}

// set changes a unit: its state, what it says and how it ended.
func set(f *managertest.Fake, unit, state, says, result string) {
	u := f.Get(unit)
	u.ActiveState, u.Starting = state, time.Now().Add(time.Hour)
	d := f.More[unit]
	d.StatusText, d.Result, d.ExitStatus = says, result, 125
	f.More[unit] = d
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(f *managertest.Fake)
		want State
		note string
	}{
		{"asleep", func(*managertest.Fake) {}, Asleep, ""},
		{"podman starts", func(f *managertest.Fake) { set(f, "web.service", "activating", "", "success") }, Starting, "podman starts the container"},
		{"the application starts", func(f *managertest.Fake) {
			set(f, "web.service", "active", "", "success")
			set(f, "web-proxy.service", "activating", "Waiting for the application on port 80", "success")
		}, Starting, "Waiting for the application on port 80"},
		{"asleep, with a scanner at the gate", func(f *managertest.Fake) {
			set(f, "web-proxy.service", "activating", figures.AtGate("12 connections closed that may not wake it"), "success")
		}, Asleep, ""},
		{"awake", func(f *managertest.Fake) {
			set(f, "web.service", "active", "", "success")
			set(f, "web-proxy.service", "active", "", "success")
		}, Awake, ""},
		{"started by hand", func(f *managertest.Fake) { set(f, "web.service", "active", "", "success") }, Awake, ""},
		{"stopping", func(f *managertest.Fake) { set(f, "web.service", "deactivating", "", "success") }, Stopping, ""},
		{"podman failed", func(f *managertest.Fake) {
			set(f, "web.service", "failed", "", "exit-code")
			set(f, "web-proxy.service", "activating", "Connections are refused: web.service could not start", "success")
		}, Failed, "web.service could not start"},
		{"podman failed a while ago", func(f *managertest.Fake) { set(f, "web.service", "failed", "", "exit-code") }, Failed, "web.service ended with exit status 125"},
		{"it fails too often", func(f *managertest.Fake) { set(f, "web.service", "failed", "", "start-limit-hit") }, Failed, `web.service ended with result "start-limit-hit"`},
		{"tries again", func(f *managertest.Fake) {
			set(f, "web.service", "activating", "", "exit-code")
			set(f, "web-proxy.service", "failed", "", "exit-code")
		}, Starting, "podman starts the container"},
		{"stopped", func(f *managertest.Fake) { set(f, "web.socket", "inactive", "", "success") }, Stopped, "nothing listens until podman-ondemand start web"},
		{"the port is taken", func(f *managertest.Fake) { set(f, "web.socket", "failed", "", "resources") }, Stopped, "the socket failed: web.socket could not listen: is the port taken, or does it need root?"},
		{"the socket is triggered too often", func(f *managertest.Fake) { set(f, "web.socket", "failed", "", "trigger-limit-hit") }, Stopped, `the socket failed: web.socket ended with result "trigger-limit-hit"`},
		{"the socket is masked", func(f *managertest.Fake) { f.Get("web.socket").LoadState = "masked" }, Stopped,
			"web.socket is masked: systemctl --user unmask web.socket, then systemctl --user daemon-reload"},
		{"the container is masked", func(f *managertest.Fake) { f.Get("web.service").LoadState = "masked" }, Asleep,
			"web.service is masked: systemctl --user unmask web.service, then systemctl --user daemon-reload"},
		{"not loaded", func(f *managertest.Fake) { f.Loaded = nil }, NotLoaded, "systemd has not read the file: run systemctl --user daemon-reload"},
	} {
		apps := files(t, map[string]string{"web.ondemand": web})
		h, f := host(t, apps)
		c.set(f)
		s, err := h.Look(context.Background(), apps[0])
		if err != nil || s.State != c.want || s.Note != c.note {
			t.Errorf("%s: %s, %q (%v), want %s, %q", c.name, s.State, s.Note, err, c.want, c.note)
		}
		if s.Reload || s.Newer {
			t.Errorf("%s: reload %v, newer %v", c.name, s.Reload, s.Newer)
		}
	}
}

func TestBroken(t *testing.T) {
	apps := files(t, map[string]string{
		"keeps.ondemand": web + "Notify=perhaps\n",
		"lost.ondemand":  "[Container]\nImage=localhost/x\n",
	})
	h, _ := host(t, apps)
	for _, a := range apps {
		s, err := h.Look(context.Background(), a)
		if err != nil || s.State != Broken || !strings.HasPrefix(s.Note, a.Name+".ondemand:") {
			t.Errorf("%s: %s, %q (%v)", a.Name, s.State, s.Note, err)
		}
	}
}

// TestChangedFile: a file that systemd has not read, and one that it has read since the container started.
func TestChangedFile(t *testing.T) {
	text := map[string]string{"web.ondemand": web}
	apps := files(t, text)
	h, f := host(t, apps)
	apps = files(t, map[string]string{"web.ondemand": web + "Environment=A=B\n"})
	f.Get("web.service").SourcePath = apps[0].Source
	s, _ := h.Look(context.Background(), apps[0])
	if !s.Reload || s.Note != "the file has changed: run systemctl --user daemon-reload" {
		t.Errorf("not read: %+v", s)
	}
	h, f = host(t, apps)
	set(f, "web.service", "active", "", "success")
	f.Get("web.service").Starting = time.Now().Add(-time.Hour)
	s, _ = h.Look(context.Background(), apps[0])
	if s.Reload || !s.Newer || s.Note != "a newer file waits for the next start" {
		t.Errorf("read, not started: %+v", s)
	}
	f.Get("web.service").SourcePath = "/another.container"
	if s, _ = h.Look(context.Background(), apps[0]); s.Reload {
		t.Error("a unit that is not ours is not compared with ours")
	}
}

func TestSameText(t *testing.T) {
	ours := "[Service]\nExecStart=/bin/self proxy 80\nX=1\n"
	for theirs, want := range map[string]bool{
		ours: true, strings.Replace(ours, "/bin/self", "/home/me/.config/x", 1): true, "": false,
		strings.Replace(ours, "80", "81", 1): false, strings.Replace(ours, "X=1", "X=2", 1): false, strings.Replace(ours, "/bin/self ", "", 1): false,
	} {
		if got := sameText(ours, theirs, "/bin/self"); got != want {
			t.Errorf("%v: %s", got, theirs)
		}
	}
}

func TestFigures(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web})
	h, f := host(t, apps)
	set(f, "web.service", "active", "", "success")
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, status := range []figures.Status{
		{Connections: 3, Total: 17, In: 100, Out: 2_000_000},
		{Total: 17, IdleSince: since, StopsAt: since.Add(time.Minute)},
	} {
		set(f, "web-proxy.service", "active", status.String(), "success")
		d := f.More["web.service"]
		d.Memory = 5000
		f.More["web.service"] = d
		s, err := h.Look(context.Background(), apps[0])
		if err != nil || s.Connections == nil || *s.Connections != status.Connections || *s.Total != status.Total || *s.BytesIn != status.In || *s.BytesOut != status.Out {
			t.Fatalf("%s: %+v (%v)", status, s, err)
		}
		if idle := s.IdleSince != nil; idle == status.IdleSince.IsZero() || idle && (!s.IdleSince.Equal(since) || !s.StopsAt.Equal(status.StopsAt)) {
			t.Errorf("%s: idle since %v", status, s.IdleSince)
		}
		if s.Memory == nil || *s.Memory != 5000 {
			t.Errorf("memory %v", s.Memory)
		}
	}
	set(f, "web-proxy.service", "active", figures.Status{IdleSince: since, KeptBy: "pad.service"}.String(), "success")
	if s, _ := h.Look(context.Background(), apps[0]); s.KeptBy != "pad.service" || s.Note != "kept awake by pad.service" {
		t.Errorf("%+v", s)
	}
	set(f, "web-proxy.service", "active", "something else", "success")
	if s, _ := h.Look(context.Background(), apps[0]); s.Connections != nil {
		t.Error("no figures are no zero")
	}
}

func TestSelect(t *testing.T) {
	apps := files(t, map[string]string{
		"web.ondemand": web, "web2.ondemand": strings.Replace(web, "8080", "8081", 1), "pad.ondemand": strings.Replace(web, "8080", "8082", 1),
		"t@.ondemand": strings.Replace(web, "8080", "%i", 1),
	})
	source := apps[slices.IndexFunc(apps, func(a App) bool { return a.Name == "web" })].Source
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"web"}, "web"}, {[]string{"web.ondemand"}, "web"}, {[]string{source}, "web"},
		{[]string{"web.socket"}, "web"}, {[]string{"web.service"}, "web"}, {[]string{"web-proxy.service"}, "web"},
		{[]string{"web*", "web"}, "web web2"}, {[]string{"pad", "web?"}, "pad web2"}, {[]string{"t@8090"}, "t@8090"}, {[]string{"t@8090.socket"}, "t@8090"},
		{[]string{"t@"}, "t@"}, {[]string{"*"}, "pad web web2"},
		{[]string{"wbe"}, "there is no application wbe, did you mean web?\nFiles are looked for in\n  /a\n  /b"},
		{[]string{"web", "nothing"}, "there is no application nothing\nFiles are looked for in\n  /a\n  /b"},
		{[]string{"/nowhere/web.ondemand"}, "there is no application /nowhere/web.ondemand, did you mean web?\nFiles are looked for in\n  /a\n  /b"},
	} {
		found, err := Select(apps, c.words, []string{"/a", "/b"})
		var names []string
		for _, a := range found {
			names = append(names, a.Name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.words, got, c.want)
		}
	}
}

func TestInstances(t *testing.T) {
	apps := files(t, map[string]string{"t@.ondemand": strings.Replace(web, "8080", "%i", 1)})
	h, f := host(t, nil)
	if all, err := h.Instances(context.Background(), apps); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if s, err := h.Look(context.Background(), apps[0]); err != nil || s.State != Stopped || s.Note != "a template: only its instances listen" || len(s.Units) != 0 {
		t.Errorf("the template: %+v (%v)", s, err)
	}
	for _, verb := range []func(context.Context, App) (string, error){h.Stop, h.Sleep} {
		if _, err := verb(context.Background(), apps[0]); err == nil || err.Error() != "t@ is a template: name one of its instances" {
			t.Errorf("the template: %v", err)
		}
	}
	f.Loaded = []manager.Unit{{Name: "t@8090.socket", LoadState: "loaded", ActiveState: "active"}}
	all, err := h.Instances(context.Background(), apps)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	want := []string{"t@8090.socket", "t-proxy@8090.service", "t@8090.service"}
	if d := cmp.Diff(want, all[0].all()); d != "" || all[0].Name != "t@8090" || all[0].Listen[0] != "8090" {
		t.Errorf("%s, %v: %s", all[0].Name, all[0].Listen, d)
	}
}

// TestGone: a file that was removed is no reason to be silent about what still runs.
func TestGone(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web})
	h, f := host(t, apps)
	f.Loaded = append(f.Loaded,
		manager.Unit{Name: "old.socket", LoadState: "loaded", ActiveState: "active", SourcePath: "/nowhere/old.ondemand", Triggers: []string{"old-proxy.service"}},
		manager.Unit{Name: "other.socket", LoadState: "loaded", ActiveState: "active", SourcePath: "/nowhere/other.container"},
	)
	gone, err := h.Gone(context.Background(), apps)
	if err != nil || len(gone) != 1 || gone[0].Name != "old" || fmt.Sprint(gone[0].Services()) != "[old.service old-proxy.service]" {
		t.Fatalf("%+v (%v)", gone, err)
	}
	s, err := h.Look(context.Background(), gone[0])
	if err != nil || s.State != Asleep || !s.Reload || s.Note != "its file is gone: run systemctl --user daemon-reload" {
		t.Errorf("%+v (%v)", s, err)
	}
}

// TestUnitsByUse: the units are known by what they are for, not by their names.
func TestUnitsByUse(t *testing.T) {
	mark := emit.Section{Name: "Service", Options: []emit.Option{{Key: "Environment", Value: "PODMAN_SYSTEMD_UNIT=%n"}}}
	starts := func(service string) []emit.Section {
		return []emit.Section{{Name: "Socket", Options: []emit.Option{{Key: "Service", Value: emit.Value(service)}}}}
	}
	tree := generator.Tree{Name: "pad", Source: "/pad.ondemand"}
	tree.Units = []emit.Unit{
		{Name: "pad.socket", Sections: starts("pad-proxy.service")}, {Name: "pad-proxy.service"},
		{Name: "pad-81.socket", Sections: starts("pad-81-proxy.service")}, {Name: "pad-81-proxy.service"},
		{Name: "pad-proxies.target"},
		{Name: "pad.service", Sections: []emit.Section{mark}}, {Name: "pad-db.service", Sections: []emit.Section{mark}},
	}
	a := newApp(tree, nil)
	got := fmt.Sprint(a.Sockets, a.Proxies, a.Containers, a.Others)
	if want := "[pad.socket pad-81.socket] [pad-proxy.service pad-81-proxy.service] [pad.service pad-db.service] [pad-proxies.target]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	tree.Units = []emit.Unit{{Name: "pad.socket", Sections: starts("pad.service")}, {Name: "pad.service", Sections: []emit.Section{mark}}}
	if a := newApp(tree, nil); len(a.Proxies) != 0 || len(a.Containers) != 1 {
		t.Errorf("without a proxy: %v %v", a.Proxies, a.Containers)
	}
}

func TestImages(t *testing.T) {
	apps := files(t, map[string]string{
		"web.ondemand":                   web,
		"web.ondemand.d/10-another.conf": "[Container]\nImage=localhost/y\n",
		"pod.ondemand":                   "[Container a]\nImage=localhost/a\n[Container b]\nImage=localhost/b\nPublishPort=1:1\n",
	})
	if got := apps[1].Image; got != "localhost/y" {
		t.Errorf("a drop-in's image counts, got %s", got)
	}
	if got := images([]string{apps[0].Source}); got != "localhost/a, localhost/b" {
		t.Errorf("got %s", got)
	}
}

func TestVerbs(t *testing.T) {
	up := func(f *managertest.Fake) {
		set(f, "web.service", "active", "", "success")
		set(f, "web-proxy.service", "active", "", "success")
	}
	propagated := func(f *managertest.Fake, order string) {
		if order == "stop web.service" || order == "stop web.socket" {
			f.Get("web.service").ActiveState, f.Get("web-proxy.service").ActiveState = "inactive", "inactive"
		}
	}
	start := func(h Host, a App) (string, error) { return h.Start(context.Background(), a) }
	stop := func(h Host, a App) (string, error) { return h.Stop(context.Background(), a) }
	sleep := func(h Host, a App) (string, error) { return h.Sleep(context.Background(), a) }
	restart := func(h Host, a App) (string, error) { return h.Restart(context.Background(), a, nil) }
	for _, c := range []struct {
		name   string
		verb   func(Host, App) (string, error)
		set    func(*managertest.Fake)
		orders string
		want   string
	}{
		{"start", start, func(f *managertest.Fake) { set(f, "web.socket", "inactive", "", "success") }, "start web.socket", "web listens on [::]:8080"},
		{"start what listens", start, up, "", "web listens already, on [::]:8080"},
		{"start what is not loaded", start, func(f *managertest.Fake) { f.Loaded = nil }, "", "web cannot be started: systemd has not read the file: run systemctl --user daemon-reload"},
		{"start fails", start, func(f *managertest.Fake) {
			set(f, "web.socket", "failed", "", "resources")
			f.Fails = map[string]error{"start web.socket": errors.New("no")}
		}, "start web.socket", "no\nSee podman-ondemand status web"},
		{"stop", stop, up, "stop web.socket", "web is stopped: nothing listens until \"podman-ondemand start web\", or the next login or boot"},
		{"stop what is stopped", stop, func(f *managertest.Fake) { set(f, "web.socket", "inactive", "", "") }, "", "web is stopped: nothing listens until \"podman-ondemand start web\", or the next login or boot"},
		{"sleep", sleep, up, "stop web.service", "web sleeps; the next connection wakes it"},
		{"sleep asleep", sleep, func(*managertest.Fake) {}, "", "web sleeps already"},
		{"sleep what is stopped", sleep, func(f *managertest.Fake) { set(f, "web.socket", "inactive", "", "") }, "", "web is stopped and stays so: \"podman-ondemand start web\" opens its port"},
		{"restart what is stopped", restart, func(f *managertest.Fake) { set(f, "web.socket", "failed", "", "resources") }, "", "web is stopped and stays so: \"podman-ondemand start web\" opens its port"},
		{"start what is masked", start, func(f *managertest.Fake) { f.Get("web.socket").LoadState = "masked" }, "", "web cannot be started: web.socket is masked: systemctl --user unmask web.socket, then systemctl --user daemon-reload"},
		{"restart asleep", restart, func(*managertest.Fake) {}, "", "web sleeps and stays asleep: its next start is a new one"},
	} {
		apps := files(t, map[string]string{"web.ondemand": web})
		h, f := host(t, apps)
		f.On = propagated
		c.set(f)
		said, err := c.verb(h, apps[0])
		if err != nil {
			said = err.Error()
		}
		if said != c.want || strings.Join(f.Orders, ", ") != c.orders {
			t.Errorf("%s: said %q, did %q", c.name, said, f.Orders)
		}
	}
}

// TestWake plays the rest of systemd: what happens to the units once somebody has connected.
func TestWake(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(f *managertest.Fake, c net.Conn)
		want string
	}{
		{"it wakes", func(f *managertest.Fake, _ net.Conn) {
			set(f, "web.service", "active", "", "success")
			set(f, "web-proxy.service", "active", "", "success")
		}, "web is awake after "},
		{"it wakes and closes a silent connection", func(f *managertest.Fake, c net.Conn) {
			set(f, "web.service", "active", "", "success")
			set(f, "web-proxy.service", "active", "", "success")
			c.Close()
		}, "web is awake after "},
		{"podman fails", func(f *managertest.Fake, c net.Conn) {
			set(f, "web.service", "failed", "", "exit-code")
			set(f, "web-proxy.service", "activating", figures.Refused("web.service could not start"), "success")
			c.Close()
		}, "web did not wake: no such image\nSee podman-ondemand status web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			apps := files(t, map[string]string{"web.ondemand": web})
			h, f := host(t, apps)
			d := f.More["web.socket"]
			d.Listening.Streams = []string{l.Addr().String()}
			f.More["web.socket"] = d
			h.Journal = func(_ context.Context, _ []string, each func(Entry) bool) error {
				now := fmt.Sprint(time.Now().Add(time.Minute).UnixMicro())
				each(Entry{"SYSLOG_IDENTIFIER": "web", "MESSAGE": "no such image", "__REALTIME_TIMESTAMP": now})
				each(Entry{"SYSLOG_IDENTIFIER": "systemd", "MESSAGE": "Failed to start", "__REALTIME_TIMESTAMP": now})
				return nil
			}
			go func() {
				conn, err := l.Accept()
				if err == nil {
					f.Do(func() { c.then(f, conn) })
				}
			}()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			said, err := h.Wake(ctx, apps[0], nil)
			if err != nil {
				said = err.Error()
			}
			if !strings.HasPrefix(said, c.want) {
				t.Errorf("said %q", said)
			}
		})
	}
}

// TestWakeAtTheGate: where not everybody may wake it systemd is asked, and not a connection made.
func TestWakeAtTheGate(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web + "[OnDemand]\nWakeFrom=192.0.2.1\n"})
	h, f := host(t, apps)
	said, err := h.Wake(context.Background(), apps[0], nil)
	if err != nil || !strings.HasPrefix(said, "web is awake after ") {
		t.Errorf("said %q, %v", said, err)
	}
	f.Do(func() {
		if d := cmp.Diff([]string{"start web.service", "start web-proxy.service"}, f.Orders); d != "" {
			t.Error(d)
		}
	})
}

func TestReachable(t *testing.T) {
	for stream, want := range map[string]string{
		"[::]:80": "[{tcp 127.0.0.1:80} {tcp [::1]:80}]", "0.0.0.0:80": "[{tcp 127.0.0.1:80}]", "192.0.2.1:80": "[{tcp 192.0.2.1:80}]",
		"[2001:db8::1]:80": "[{tcp [2001:db8::1]:80}]", "/run/x": "[{unix /run/x}]", "@x": "[{unix @x}]", "kobject-uevent 1": "[]",
	} {
		if got := fmt.Sprint(reachable(stream)); got != want {
			t.Errorf("%s: %s, want %s", stream, got, want)
		}
	}
}

func TestReadEntries(t *testing.T) {
	text := `{"MESSAGE":"plain","__REALTIME_TIMESTAMP":"1000000"}
{"MESSAGE":[104,105,255],"N":null}
{"MESSAGE":["first","second"]}
`
	var got []string
	enough, err := readEntries(strings.NewReader(text), func(e Entry) bool {
		got = append(got, e["MESSAGE"])
		return true
	})
	if d := cmp.Diff([]string{"plain", "hi\xff", "first"}, got); enough || err != nil || d != "" {
		t.Errorf("%v, %v: %s", enough, err, d)
	}
	if enough, err := readEntries(strings.NewReader(text), func(Entry) bool { return false }); !enough || err != nil {
		t.Errorf("%v, %v", enough, err)
	}
	if _, err := readEntries(strings.NewReader("no json\n"), func(Entry) bool { return true }); err == nil {
		t.Error("no error")
	}
}

func TestLastStarts(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web, "pad.ondemand": strings.Replace(web, "8080", "8081", 1)})
	h, _ := host(t, apps)
	h.Journal = func(_ context.Context, args []string, each func(Entry) bool) error {
		if !slices.Contains(args, "MESSAGE_ID="+figures.StartMessage) || !slices.Contains(args, "--reverse") {
			t.Errorf("asked for %q", args)
		}
		for i, podman := range []time.Duration{300, 200, 100} {
			e := Entry(figures.Start{Unit: "web.service", Podman: podman * time.Millisecond, Application: 20 * time.Millisecond}.Fields())
			e["_SYSTEMD_USER_UNIT"] = "web-proxy.service"
			e["__REALTIME_TIMESTAMP"] = fmt.Sprint(1_000_000 * (10 - i))
			if !each(e) {
				break
			}
		}
		return nil
	}
	all, err := h.All(context.Background(), apps)
	if err != nil || all[0].LastStart != nil || all[1].LastStart == nil || all[1].LastStart.Total != 320 || all[1].LastStart.At.Unix() != 10 {
		t.Errorf("%+v (%v)", all, err)
	}
	starts, err := h.Starts(context.Background(), apps[1], 2)
	if err != nil || len(starts) != 2 || starts[1].Podman != 200 {
		t.Errorf("%+v (%v)", starts, err)
	}
}

func TestMatches(t *testing.T) {
	units := []string{"web.socket", "web.service"}
	for scope, want := range map[manager.Scope]string{
		manager.System: "--unit=web.socket --unit=web.service",
		manager.User:   "_SYSTEMD_USER_UNIT=web.socket _SYSTEMD_USER_UNIT=web.service + USER_UNIT=web.socket USER_UNIT=web.service + SYSLOG_IDENTIFIER=web",
	} {
		if got := strings.Join(Host{Scope: scope}.Matches(units), " "); got != want {
			t.Errorf("%v: %s", scope, got)
		}
	}
}

// TestSaid: what systemd and podman do is not what went wrong.
func TestSaid(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web})
	h, _ := host(t, apps)
	h.Journal = func(_ context.Context, _ []string, each func(Entry) bool) error {
		for i, e := range []Entry{
			{"SYSLOG_IDENTIFIER": "web", "MESSAGE": "long ago", "__REALTIME_TIMESTAMP": "1"},
			{"SYSLOG_IDENTIFIER": "systemd", "MESSAGE": "Starting", "PRIORITY": "6"},
			{"SYSLOG_IDENTIFIER": "podman", "MESSAGE": "container create", "PRIORITY": "6"},
			{"SYSLOG_IDENTIFIER": "web", "MESSAGE": "image not known", "PRIORITY": "6"},
			{"SYSLOG_IDENTIFIER": "systemd", "MESSAGE": "Failed", "PRIORITY": "3"},
		} {
			if i > 0 {
				e["__REALTIME_TIMESTAMP"] = "2000001"
			}
			each(e)
		}
		return nil
	}
	said, err := h.Said(context.Background(), apps[0], time.UnixMicro(2_000_000), 5)
	var texts []string
	for _, p := range said {
		texts = append(texts, p.Text)
	}
	if d := cmp.Diff([]string{"image not known", "Failed"}, texts); err != nil || d != "" {
		t.Errorf("%v: %s", err, d)
	}
}

func TestShow(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	three, total, in, out := 3, int64(1204), int64(1_200_000), int64(33_400_000)
	r := Report{
		App: App{Name: "web", Files: []string{"/w/web.ondemand", "/w/web.ondemand.d/a.conf"}, Sockets: []string{"web.socket"}},
		Status: Status{
			Name: "web", State: Awake, Note: "a newer file waits for the next start", Newer: true, Listen: []string{"[::]:8080", "/run/web"}, Image: "localhost/x", File: "/w/web.ondemand",
			Connections: &three, Total: &total, BytesIn: &in, BytesOut: &out,
			Units: []UnitState{{Name: "web.socket", Load: "loaded", Active: "active", Sub: "running", Since: now.Add(-80 * time.Minute)}, {Name: "web-proxy.service", Load: "not-found", Active: "inactive"}},
		},
		Starts:   []ColdStart{{now.Add(-80 * time.Minute), 225, 210, 15, 231}, {now.Add(-90 * time.Minute), 15, 0, 15, 0}},
		Problems: []Problem{{At: now, Who: "web-proxy", Text: "The application does not answer on port 80 after 1min 30s (nothing listens there): the waiting connections are closed"}},
		Now:      now,
		Host:     Host{Scope: manager.User},
	}
	var b bytes.Buffer
	r.Show(&b)
	want := `● web - container on demand
     File: /w/web.ondemand
  Drop-In: /w/web.ondemand.d/a.conf
   Listen: [::]:8080, /run/web
    Image: localhost/x
    State: awake since 2026-03-01 10:40:00; 1h 20min ago
           a newer file waits for the next start
  Clients: 3 connections, 1,204 since start, 1.2 MB in, 33.4 MB out
    Units: web.socket         active (running)
           web-proxy.service  not-found
   Starts: WHEN                 TOTAL   PODMAN  APPLICATION  FIRST CLIENT
           2026-03-01 10:40:00  225 ms  210 ms  15 ms        231 ms
           2026-03-01 10:30:00  15 ms   0 ms    15 ms        -
  Journal: 2026-03-01 12:00:00 web-proxy: The application does not answer on
           port 80 after 1min 30s (nothing listens there): the waiting
           connections are closed
     Next: podman-ondemand restart web (takes the newer file up)
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestNext: whatever the state is, there is a next step or nothing to do, and an exit status.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		state  State
		status int
		want   string
	}{
		{Broken, 3, "mend the file, then systemctl --user daemon-reload"},
		{NotLoaded, 3, "systemctl --user daemon-reload  (systemd reads the file as it is now)"},
		{Stopped, 3, "podman-ondemand start web  (opens the port again)"},
		{Failed, 3, "podman-ondemand logs -n 50 web  (what it said)"},
		{Starting, 0, "podman-ondemand logs -f web  (what it says)"},
		{Stopping, 0, ""}, {Awake, 0, ""},
		{Asleep, 0, "podman-ondemand wake web  (or connect to it)"},
	} {
		r := Report{App: App{Name: "web"}, Status: Status{State: c.state}, Host: Host{Scope: manager.User}}
		first := append(r.next(), "")[0]
		if first != c.want || c.state.ExitStatus() != c.status {
			t.Errorf("%s: %q, %d", c.state, first, c.state.ExitStatus())
		}
	}
}

func TestCat(t *testing.T) {
	apps := files(t, map[string]string{"web.ondemand": web})
	h, f := host(t, apps)
	var b bytes.Buffer
	if err := h.Cat(context.Background(), &b, apps[0]); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "# /") {
			paths = append(paths, filepath.Base(strings.TrimSpace(line)))
		}
	}
	if d := cmp.Diff([]string{"web.ondemand", "web.socket", "web-proxy.service", "web.service"}, paths); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	f.Loaded = nil
	b.Reset()
	if err := h.Cat(context.Background(), &b, apps[0]); err != nil || !strings.Contains(b.String(), "# web.service, which systemd has not loaded\n# Automatically") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Second: "0s", 59 * time.Second: "59s", 80 * time.Second: "1min 20s", time.Hour: "1h", 26*time.Hour + 5*time.Minute: "1d 2h",
	} {
		if got := Ago(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
