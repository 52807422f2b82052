package emit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

// TestTextRefuses makes sure that no value can become more than its line.
func TestTextRefuses(t *testing.T) {
	for _, value := range []string{"a\nb", "a\n[Service]", "a\rb", "a\x00b", `a\`, `a\\\`, `a\ `, "\xff"} {
		u := Unit{"x.service", []Section{{"Unit", []Option{{"Description", Passed(value)}}}}}
		if u.Check() == nil {
			t.Errorf("%q passes", value)
		}
	}
	u := Unit{"x.service", []Section{{"Unit", []Option{{"Description", `fine\\`}}}}}
	if err := u.Check(); err != nil {
		t.Error(err)
	}
}

// TestTextReadsBack takes go-systemd's reader as a second opinion on the text.
func TestTextReadsBack(t *testing.T) {
	app := Application{
		Name: "web", Source: "/a/b c.ondemand", Ready: "tcp",
		Listeners: []Listener{{Key: "ListenStream", Address: "8080", Target: "80"}},
		Container: Container{Name: "systemd-%N", Run: []Arg{Written("im age")}, Cgroups: "split", Notify: "conmon"},
	}
	for _, u := range Units(app, Options{Podman: "/usr/bin/podman", Program: "/opt/100% $x/po"}).Units {
		text := u.AppendText(nil)
		read, err := unit.DeserializeOptions(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var want []*unit.UnitOption
		for _, s := range u.Sections {
			for _, o := range s.Options {
				want = append(want, unit.NewUnitOption(s.Name, o.Key, string(o.Value)))
			}
		}
		if !unit.AllMatch(read, want) {
			t.Errorf("%s is read back as %v", u.Name, read)
		}
		if u.Name == "web-proxy.service" && !strings.Contains(string(text), `ExecStart=!"/opt/100%% $$x/po" proxy`) {
			t.Errorf("path of the program is not escaped:\n%s", text)
		}
	}
}

// TestSocketHash makes sure that a change of what a socket does gives another
// hash, and a change of anything else does not.
func TestSocketHash(t *testing.T) {
	base := Application{Name: "a", Listeners: []Listener{{Key: "ListenStream", Address: "80", Target: "80"}}}
	same, other := base, base
	same.Unit = []Option{{"Description", "new"}}
	same.Listeners = []Listener{{Key: "ListenStream", Address: "80", Target: "81"}} // the proxy's business
	other.Socket = []Option{{"Backlog", "1"}}
	hash := func(app Application) string { return socketHash(app, app.pairs()[0]) }
	if h := hash(base); h != hash(same) || h == hash(other) || len(h) != 16 {
		t.Errorf("hashes %s, %s, %s", h, hash(same), hash(other))
	}
}
