package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
	"podman-ondemand/parser"
)

// quiet is a host on which nothing is wrong.
func quiet() Host {
	return Host{
		Scope:      manager.User,
		Exists:     func(string) error { return nil },
		Podman:     func(context.Context, ...string) (int, error) { return 0, nil },
		Bindable:   func(manager.Listening) error { return nil },
		FirstPort:  1024,
		ShortNames: func() ShortNames { return ShortNames{} },
		Specifiers: map[byte]string{'h': "/home/me", 't': "/run/user/1000"},
	}
}

// said are the messages about a file with these lines of [Container], the generator's aside.
func said(t *testing.T, h Host, name string, lines ...string) string {
	t.Helper()
	text := "[Container]\n" + strings.Join(lines, "\n") + "\n"
	src := generator.Source{Path: "/src/" + name + ".ondemand", Text: []byte(text)}
	r := generator.Generate([]generator.Source{src}, &generator.Files{}, emit.Options{User: true})
	if r.Diags.HasErrors() {
		t.Fatal(r.Diags)
	}
	r.Diags = nil
	return strings.ReplaceAll(h.Check(t.Context(), r).String(), "/src/", "")
}

const image = "Image=quay.io/me/x:1"

func TestNothingWrong(t *testing.T) {
	if got := said(t, quiet(), "web", image, "PublishPort=8080:80", "Volume=%h/x:/x", "Secret=s"); got != "" {
		t.Error(got)
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"Volume=%h/www:/x:Z", "web.ondemand:4:8: error: /home/me/www is not there, and podman does not make it: the container cannot start (mkdir -p /home/me/www)\n"},
		{`Volume=/a b:/x`, "web.ondemand:4:8: error: /a b is not there, and podman does not make it: the container cannot start (mkdir -p '/a b')\n"},
		{"Volume=./data:/x", "web.ondemand:4:8: error: /src/data is not there, and podman does not make it: the container cannot start (mkdir -p /src/data)\n"},
		{"Volume=data:/x", ""},
		{"Volume=%N-data:/x", ""},
		{"Volume=/x", ""},
		{"Volume=/srv/$NAME:/x", ""},
		{"Volume=%b/x:/x", ""},
		{"Mount=type=bind,source=/srv/a,destination=/x", "web.ondemand:4:7: error: /srv/a is not there, and podman does not make it: the container cannot start (mkdir -p /srv/a)\n"},
		{"Mount=type=glob,source=/srv/*,destination=/x", ""},
		{"Mount=type=tmpfs,destination=/x", ""},
		{"EnvironmentFile=a.env %t/b.env", "web.ondemand:4:17: error: /src/a.env is not there: the container cannot start\nweb.ondemand:4:23: error: /run/user/1000/b.env is not there: the container cannot start\n"},
		{"AddDevice=/dev/x:/dev/y:r -/dev/z vendor.com/class=name", "web.ondemand:4:11: error: /dev/x is not there: the container cannot start\n"},
		{"SeccompProfile=/x.json", "web.ondemand:4:16: error: /x.json is not there: the container cannot start\n"},
		{"SeccompProfile=unconfined", ""},
	} {
		h := quiet()
		h.Exists = func(string) error { return os.ErrNotExist }
		want := strings.ReplaceAll(c.want, "/src/", "")
		if d := cmp.Diff(want, said(t, h, "web", image, "PublishPort=8080:80", c.line)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, d)
		}
	}
	h := quiet()
	h.Exists = func(string) error { return unix.EACCES }
	if got, want := said(t, h, "web", image, "PublishPort=8080:80", "Volume=/root/x:/x"),
		"web.ondemand:4:8: warning: Volume= names /root/x, which cannot be looked at: permission denied\n"; got != want {
		t.Error(got)
	}
	h.Exists = func(string) error { return os.ErrNotExist }
	if got, want := said(t, h, "web", "Rootfs=%h/root:O", "PublishPort=8080:80"),
		"web.ondemand:2:8: error: /home/me/root is not there: the container cannot start\n"; got != want {
		t.Error(got)
	}
}

func TestImages(t *testing.T) {
	const noImage = "web.ondemand:2:7: error: there is no image "
	for _, c := range []struct {
		image, more string
		names       ShortNames
		want        string
	}{
		{"quay.io/me/x:1", "", ShortNames{}, "web.ondemand:2:7: warning: there is no image quay.io/me/x:1 here: the first connection waits while podman pulls it (podman pull quay.io/me/x:1)\n"},
		{"quay.io/me/x:1", "Pull=never", ShortNames{}, noImage + "quay.io/me/x:1 here, and Pull=never: the container cannot start (podman pull quay.io/me/x:1)\n"},
		{"localhost/x", "", ShortNames{}, noImage + "localhost/x here, and localhost/ is for images that were built here: the container cannot start\n"},
		{"localhost:5000/x", "", ShortNames{}, "web.ondemand:2:7: warning: there is no image localhost:5000/x here: the first connection waits while podman pulls it (podman pull localhost:5000/x)\n"},
		{"sha256:11", "", ShortNames{}, noImage + "sha256:11 here, and an id cannot be pulled: the container cannot start\n"},
		{"httpd:2.4", "", ShortNames{}, noImage + "httpd:2.4 here, and podman knows no registry for this short name: the container cannot start\n"},
		{"me/httpd", "", ShortNames{}, noImage + "me/httpd here, and podman knows no registry for this short name: the container cannot start\n"},
		{"httpd:2.4", "", ShortNames{Aliases: map[string]string{"httpd": "docker.io/library/httpd"}}, "web.ondemand:2:7: warning: there is no image httpd:2.4 here: the first connection waits while podman pulls docker.io/library/httpd:2.4 (podman pull httpd:2.4)\n"},
		{"httpd", "", ShortNames{Registries: []string{"docker.io"}}, "web.ondemand:2:7: warning: there is no image httpd here: the first connection waits while podman pulls docker.io/httpd (podman pull httpd)\n"},
		{"httpd", "", ShortNames{Registries: []string{"docker.io", "quay.io"}}, "web.ondemand:2:7: warning: there is no image httpd here: the first connection waits while podman pulls it (podman pull httpd)\n"},
	} {
		h := quiet()
		h.Podman = func(context.Context, ...string) (int, error) { return 1, nil }
		h.ShortNames = func() ShortNames { return c.names }
		if d := cmp.Diff(c.want, said(t, h, "web", "Image="+c.image, "PublishPort=8080:80", c.more)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.image, d)
		}
	}
}

func TestPodman(t *testing.T) {
	asked := []string{}
	h := quiet()
	h.Podman = func(_ context.Context, args ...string) (int, error) {
		asked = append(asked, strings.Join(args, " "))
		return 1, nil
	}
	got := said(t, h, "web", image, "PublishPort=8080:80", "Secret=a,type=env b a")
	want := "web.ondemand:2:7: warning: there is no image quay.io/me/x:1 here: the first connection waits while podman pulls it (podman pull quay.io/me/x:1)\n" +
		"web.ondemand:4:8: error: podman has no secret a: the container cannot start (podman secret create a FILE)\n" +
		"web.ondemand:4:19: error: podman has no secret b: the container cannot start (podman secret create b FILE)\n" +
		"web.ondemand:4:21: error: podman has no secret a: the container cannot start (podman secret create a FILE)\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"secret exists a", "secret exists b", "image exists quay.io/me/x:1"}, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	h.Podman = func(context.Context, ...string) (int, error) { return 0, errors.New("podman has not ended") }
	want = "podman: error: podman has not ended: images and secrets were not looked for (podman-ondemand doctor)\n"
	if got := said(t, h, "web", image, "PublishPort=8080:80", "Secret=a,type=env b a"); got != want {
		t.Error(got)
	}
}

func TestPorts(t *testing.T) {
	busy := func(port string, err error) func(manager.Listening) error {
		return func(l manager.Listening) error {
			if strings.HasSuffix(l.Streams[0], ":"+port) {
				return fmt.Errorf("%s: %w", l.Streams[0], err)
			}
			return nil
		}
	}
	ours := &managertest.Fake{
		Loaded: []manager.Unit{{Name: "x.socket", ActiveState: "active", SourcePath: "/src/x.ondemand"}},
		Listen: manager.Listening{Streams: []string{"[::]:8080"}},
	}
	quadlet := &managertest.Fake{Loaded: []manager.Unit{{Name: "web.service", ActiveState: "active", SourcePath: "/src/web.container"}}}
	foreign := &managertest.Fake{Loaded: []manager.Unit{{Name: "x.socket", ActiveState: "active", SourcePath: "/src/x.socket"}}, Listen: ours.Listen}
	const taken = "web.ondemand:3:13: error: 8080 is taken by somebody else: the socket cannot listen (see who: ss -lntup 'sport = :8080')\n"
	for _, c := range []struct {
		name     string
		publish  string
		bindable func(manager.Listening) error
		systemd  manager.Interface
		want     string
	}{
		{"taken", "8080:80", busy("8080", unix.EADDRINUSE), nil, taken},
		{"taken by a foreign socket", "8080:80", busy("8080", unix.EADDRINUSE), foreign, taken},
		{"one of several", "127.0.0.1:8079-8081:79-81", busy("8080", unix.EADDRINUSE), nil, strings.ReplaceAll(taken, "8080 is", "127.0.0.1:8080 is")},
		{"by a socket of ours", "8080:80", busy("8080", unix.EADDRINUSE), ours, ""},
		{"by what it was as a Quadlet", "8080:80", busy("8080", unix.EADDRINUSE), quadlet, ""},
		{"below 1024", "80:80", busy("80", unix.EACCES), nil,
			"web.ondemand:3:13: error: port 80 cannot be listened on without root: those below 1024 cannot (take another port, or: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80)\n"},
		{"something else", "[::1]:8080:80", busy("8080", unix.EAFNOSUPPORT), nil,
			"web.ondemand:3:13: error: [::1]:8080 cannot be listened on: address family not supported by protocol\n"},
	} {
		h := quiet()
		h.Bindable, h.Systemd = c.bindable, c.systemd
		if d := cmp.Diff(c.want, said(t, h, "web", image, "PublishPort="+c.publish)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestPod: each container of a pod has needs of its own.
func TestPod(t *testing.T) {
	h := quiet()
	h.Exists = func(string) error { return os.ErrNotExist }
	text := "[Pod]\nPublishPort=8080:80\nVolume=/srv/pod:/x\n[Container app]\n" + image + "\n[Container db]\n" + image + "\nVolume=%h/db:/db\n"
	r := generator.Generate([]generator.Source{{Path: "/src/pad.ondemand", Text: []byte(text)}}, &generator.Files{}, emit.Options{User: true})
	want := "/src/pad.ondemand:3:8: error: /srv/pod is not there, and podman does not make it: the container cannot start (mkdir -p /srv/pod)\n" +
		"/src/pad.ondemand:8:8: error: /home/me/db is not there, and podman does not make it: the container cannot start (mkdir -p /home/me/db)\n"
	if d := cmp.Diff(want, h.Check(t.Context(), r).String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestSocketProxyd(t *testing.T) {
	lines := []string{image, "PublishPort=8080:80", "[OnDemand]", "Proxy=systemd-socket-proxyd"}
	if got := said(t, quiet(), "web", lines...); got != "" {
		t.Error(got)
	}
	h := quiet()
	h.Exists = func(string) error { return os.ErrNotExist }
	want := "web.ondemand: error: /usr/lib/systemd/systemd-socket-proxyd is not there, for which Proxy= asks: connections are refused " +
		"(install the package of systemd that has it, or leave Proxy= out)\n"
	if d := cmp.Diff(want, said(t, h, "web", lines...)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestDatagrams: UDP has ports of its own.
func TestDatagrams(t *testing.T) {
	h := quiet()
	h.Bindable = func(l manager.Listening) error {
		if len(l.Datagrams) > 0 {
			return fmt.Errorf("x: %w", unix.EADDRINUSE)
		}
		return nil
	}
	want := "dns.ondemand:5:16: error: 5353 is taken by somebody else: the socket cannot listen (see who: ss -lntup 'sport = :5353')\n"
	if d := cmp.Diff(want, said(t, h, "dns", image, "[Socket]", "ListenStream=5353", "ListenDatagram=5353", "[OnDemand]", "Proxy=none")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestTemplate(t *testing.T) {
	h := quiet()
	h.Exists = func(path string) error { t.Log(path); return os.ErrNotExist }
	if got := said(t, h, "web@", image, "PublishPort=%i:80", "Volume=/srv/%i:/x"); got != "" {
		t.Error(got)
	}
	h.Bindable = func(manager.Listening) error { return fmt.Errorf("x: %w", unix.EADDRINUSE) }
	want := "web@8081.ondemand:3:13: error: 8081 is taken by somebody else: the socket cannot listen (see who: ss -lntup 'sport = :8081')\n" +
		"web@8081.ondemand:4:8: error: /srv/8081/web is not there, and podman does not make it: the container cannot start (mkdir -p /srv/8081/web)\n"
	if d := cmp.Diff(want, said(t, h, "web@8081", image, "PublishPort=%i:80", "Volume=/srv/%i/%p:/x")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestExpand(t *testing.T) {
	for _, c := range []struct {
		text, unit, want string
		ok               bool
	}{
		{"%h/a%%b$$c", "web.service", "/home/me/a%b$c", true},
		{"%n %N %p %i %I", "a-b@c.service", "a-b@c.service a-b@c a-b c c", true},
		{"%i", "a@.service", "", false},
		{"%I", "a@b-c.service", "", false},
		{"%Z", "web.service", "", false},
		{"%", "web.service", "", false},
		{"${A}", "web.service", "", false},
	} {
		if got, ok := quiet().expand(c.text, c.unit); ok != c.ok || ok && got != c.want {
			t.Errorf("%q in %s: %q, %v", c.text, c.unit, got, ok)
		}
	}
}

// What systemd says is shown at the line that it is about.
func TestSystemd(t *testing.T) {
	src := filepath.Join(t.TempDir(), "web.ondemand")
	text := "[Unit]\nRequires=nix.service\nFoo=1\n[Container]\n" + image + "\nPublishPort=8080:80\n[Service]\nExecStartPre=/opt/nope a\nMemoryMax=xx\n[Socket]\nSocketMode=9\n"
	if err := os.WriteFile(src, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := generator.Generate([]generator.Source{{Path: src, Text: []byte(text)}}, &generator.Files{}, emit.Options{User: true})
	line := func(unit, begins string) string {
		for _, u := range r.Trees[0].Units {
			for i, l := range strings.Split(string(u.AppendText(nil)), "\n") {
				if u.Name == unit && strings.HasPrefix(l, begins) {
					return fmt.Sprintf("%s:%d: ", unit, i+1)
				}
			}
		}
		t.Fatalf("%s has no %s", unit, begins)
		return ""
	}
	h := quiet()
	h.Analyze = func(context.Context, generator.Result) ([]string, error) {
		return []string{
			line("web.service", "Foo=") + "Unknown key 'Foo' in section [Unit], ignoring.",
			line("web.service", "MemoryMax=") + "Invalid memory limit 'xx', ignoring: Invalid argument",
			line("web.socket", "SocketMode=") + "Failed to parse SocketMode=9, ignoring: Invalid argument",
			line("web.service", "ExecStart=") + "Something about podman's line.",
			"web.service: Failed to create web.service/start: Unit nix.service not found.",
			"web.service: Command /opt/nope is not executable: No such file or directory",
			"web-proxy.service: Something else.",
			"other.service:3: Unknown key 'X' in section [Unit], ignoring.",
			"web.services: no unit of ours",
			"",
		}, nil
	}
	want := `web.ondemand:2:1: error: systemd: Failed to create web.service/start: Unit nix.service not found
web.ondemand:3:1: warning: systemd: Unknown key 'Foo' in section [Unit], ignoring
web.ondemand:8:1: error: systemd: Command /opt/nope is not executable: No such file or directory
web.ondemand:9:1: warning: systemd: Invalid memory limit 'xx', ignoring: Invalid argument
web.ondemand:11:1: warning: systemd: Failed to parse SocketMode=9, ignoring: Invalid argument
web.ondemand: error: systemd says of web.service: Something about podman's line
web.ondemand: error: systemd says of web-proxy.service: Something else
`
	got := strings.ReplaceAll(h.Check(t.Context(), r).String(), filepath.Dir(src)+"/", "")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	h.Analyze = func(context.Context, generator.Result) ([]string, error) { return nil, errors.New("too slow") }
	if got, want := h.Check(t.Context(), r).String(), "systemd-analyze: warning: too slow: systemd was not asked about the units\n"; got != want {
		t.Error(got)
	}
}

func TestReadAliases(t *testing.T) {
	got := map[string]string{}
	readAliases(got, "unqualified-search-registries = [\"x\"]\n[aliases]\n # a\n \"httpd\" = \"docker.io/library/httpd\"\n'a' = 'b.c/a'\n[[registry]]\nlocation = \"x\"\n")
	if d := cmp.Diff(map[string]string{"httpd": "docker.io/library/httpd", "a": "b.c/a"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestConclusion(t *testing.T) {
	var ds parser.Diags
	ds.Warnf(parser.Pos{}, "x")
	for _, c := range []struct {
		files int
		ds    parser.Diags
		want  string
	}{
		{0, nil, "no .ondemand files found"}, {1, nil, "1 file: nothing wrong"}, {2, nil, "2 files: nothing wrong"}, {0, ds, "0 files: 1 warning"},
	} {
		if got := conclusion(c.files, c.ds); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, file, want string }{
		{"web.ondemand", "/web.ondemand", "web.ondemand"},
		{"./web.ondemand", "/web.ondemand.d/10.conf", "web.ondemand.d/10.conf"},
		{"sub", "/sub/x/web.ondemand", "sub/x/web.ondemand"},
		{"sub", "/sub2/web.ondemand", here + "/sub2/web.ondemand"},
		{".", "/web.ondemand", "web.ondemand"},
		{here, "/web.ondemand", here + "/web.ondemand"},
	} {
		ds := parser.Diags{{Pos: parser.Pos{File: here + c.file}}}
		shorten(ds, []string{c.path})
		if got := ds[0].Pos.File; got != c.want {
			t.Errorf("%s: %s", c.path, got)
		}
	}
}
