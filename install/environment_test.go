package install

import (
	"testing"
)

// The quoted forms were read back as they are here by the user managers of systemd 252 and 257.
func TestAssignment(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"/home/me/g:", "SYSTEMD_GENERATOR_PATH=/home/me/g:"},
		{"/home/o d/g:", `"SYSTEMD_GENERATOR_PATH=/home/o d/g:"`},
		{"/home/50%h/g:", "SYSTEMD_GENERATOR_PATH=/home/50%%h/g:"},
		{"/home/o d q%h ü%%:", `"SYSTEMD_GENERATOR_PATH=/home/o d q%%h ü%%%%:"`},
		{`/home/o d "q%h'x:`, `"SYSTEMD_GENERATOR_PATH=/home/o d \"q%%h'x:"`},
		{`/home/b\x20:`, `"SYSTEMD_GENERATOR_PATH=/home/b\\x20:"`},
		{"/home/it's:", `"SYSTEMD_GENERATOR_PATH=/home/it's:"`},
		{"/a#b;c$d:", "SYSTEMD_GENERATOR_PATH=/a#b;c$d:"},
	} {
		if got, err := assignment(c.value); err != nil || got != c.want {
			t.Errorf("%q:\n got %s (%v)\nwant %s", c.value, got, err, c.want)
		}
	}
	for _, value := range []string{"/a\nExecStart=x", "/a\x00", "/a\xff", "/a\t"} {
		if got, err := assignment(value); err == nil {
			t.Errorf("%q: no error, %q", value, got)
		}
	}
}

func TestCheckDir(t *testing.T) {
	for dir, good := range map[string]bool{
		"/home/me": true, "/home/o d %": true, "/a:b": false, `/a\b`: false, "/a'b": false, `/a"b`: false, "/a\nb": false,
	} {
		if err := checkDir(dir); (err == nil) != good {
			t.Errorf("%q: %v", dir, err)
		}
	}
}

func TestSearches(t *testing.T) {
	for _, c := range []struct {
		value string
		want  bool
	}{
		{"/g:", true}, {"/g", true}, {"/a:/g/:/b", true}, {"/g//", true},
		{"", false}, {":", false}, {"/gg:", false}, {"/a/g:", false},
	} {
		if got := searches(c.value, "/g"); got != c.want {
			t.Errorf("%q: %v", c.value, got)
		}
	}
}

func TestManagersConfig(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"HOME=/h"}, "/h/.config"},
		{[]string{"HOME=/h", "XDG_CONFIG_HOME=/c/"}, "/c"},
		{[]string{"HOME=/h", "XDG_CONFIG_HOME=relative"}, "/h/.config"},
		{nil, ""},
	} {
		if got := managersConfig(c.environ); got != c.want {
			t.Errorf("%q: %s", c.environ, got)
		}
	}
}

func TestThisHost(t *testing.T) {
	t.Setenv("HOME", "/h/")
	env := map[string]string{"XDG_CONFIG_HOME": "relative", "PATH": "/a:/b"}
	h, err := thisHost(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if h.installed() != "/h/.config/systemd/user-generators/podman-ondemand" || !h.inPath("/b") || h.runtime == "" {
		t.Errorf("%+v", h)
	}
	env["XDG_CONFIG_HOME"], env["XDG_RUNTIME_DIR"] = "/c", t.TempDir()
	if h, _ = thisHost(func(name string) string { return env[name] }); h.dropIn() != "/c/systemd/user.conf.d/50-podman-ondemand.conf" {
		t.Error(h.dropIn())
	}
	if _, err := h.connect(t.Context()); err == nil {
		t.Error("a manager answers in an empty directory")
	}
	t.Setenv("HOME", "relative")
	if _, err := thisHost(func(string) string { return "" }); err == nil {
		t.Error("no error for a relative home")
	}
}
