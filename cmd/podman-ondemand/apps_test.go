package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"podman-ondemand/control"
	"podman-ondemand/manager"
)

// out runs a command line that has to work.
func out(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(args, &stdout, &stderr); status != 0 {
		t.Fatalf("%q: status %d\n%s", args, status, stderr.String())
	}
	return stdout.String()
}

// TestCompletionScripts: what the shell is given is a script. bash is there wherever this is built; the others are asked where
// they are.
func TestCompletionScripts(t *testing.T) {
	for _, c := range []struct{ shell, check string }{{"bash", "-n"}, {"zsh", "-n"}, {"fish", "--no-execute"}} {
		script := out(t, "completion", c.shell)
		if !strings.Contains(script, "__complete") {
			t.Errorf("%s: no completion:\n%s", c.shell, script)
		}
		if _, err := exec.LookPath(c.shell); err != nil && c.shell != "bash" {
			continue
		}
		file := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command(c.shell, c.check, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c.shell, err, said)
		}
	}
}

func TestCompleteKeys(t *testing.T) {
	if got := out(t, "__complete", "explain", "OnDemand.Idle"); !strings.HasPrefix(got, "OnDemand.IdleTimeout\t") {
		t.Errorf("got %s", got)
	}
	if got := out(t, "__complete", "explain", "Idle"); !strings.HasPrefix(got, "IdleTimeout\t") {
		t.Errorf("got %s", got)
	}
	if got := out(t, "__complete", "list", "--format", ""); !strings.HasPrefix(got, "json\n") {
		t.Errorf("got %s", got)
	}
}

func TestExplain(t *testing.T) {
	want := "[Container] User=\n    User in the container\n    In podman's Quadlet since 4.4\n"
	if got := out(t, "explain", "user"); got != want {
		t.Errorf("got %s", got)
	}
	if got := out(t, "explain", "Container.Image="); !strings.HasPrefix(got, "[Container] Image=\n") {
		t.Errorf("got %s", got)
	}
	for _, section := range []string{"OnDemand", "[ondemand]"} {
		if got := out(t, "explain", section); !strings.Contains(got, "IdleTimeout=\n    How long nobody is connected") || strings.Contains(got, "Image=") {
			t.Errorf("got %s", got)
		}
	}
	for _, c := range []struct {
		word   string
		status int
		want   string
	}{
		{"Imgae", failed, "Error: no key Imgae, did you mean Image=?\n"},
		{"OnDemand.Volume", failed, "Error: no key OnDemand.Volume, but in [Container] and [Pod]\n"},
		{"ListenStream", failed, "Error: no key ListenStream\n"},
		{"", misused, "Error: name a key or a section, for example Volume or OnDemand\n"},
	} {
		var stderr bytes.Buffer
		if status := run(append([]string{"explain"}, strings.Fields(c.word)...), &bytes.Buffer{}, &stderr); status != c.status || !strings.HasPrefix(stderr.String(), c.want) {
			t.Errorf("%s: %d, %s", c.word, status, stderr.String())
		}
	}
}

func TestNamesAreWanted(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"stop"}, "name an application, or say --all"},
		{[]string{"stop", "--all", "web"}, "--all and the name of an application are two things"},
		{[]string{"wake"}, "name an application"},
		{[]string{"list", "--quiet", "--format=json"}, "if any flags in the group [quiet format] are set none of the others can be; [format quiet] were all set"},
	} {
		var stderr bytes.Buffer
		if status := run(c.args, &bytes.Buffer{}, &stderr); status != misused || !strings.HasPrefix(stderr.String(), "Error: "+c.want+"\n") {
			t.Errorf("%q: %d, %s", c.args, status, stderr.String())
		}
	}
}

func statuses() []control.Status {
	three, total, idle := 3, int64(17), time.Now().Add(-80*time.Second)
	memory := uint64(12_300_000)
	return []control.Status{
		{Name: "pad", State: control.Asleep, Listen: []string{"/run/pad"}, Unit: "pad-pod.service"},
		{Name: "web", State: control.Awake, Note: "a newer file waits", Listen: []string{"[::]:80", "[::]:81"}, Image: "localhost/x", Connections: &three, Total: &total,
			IdleSince: &idle, Memory: &memory, LastStart: &control.ColdStart{Total: 225}},
	}
}

func TestListFormats(t *testing.T) {
	for _, c := range []struct {
		flags listFlags
		want  string
	}{
		{listFlags{}, `NAME  STATE   LISTEN            IMAGE            CONNECTIONS  IDLE      COLD START  MEMORY   NOTE
pad   asleep  /run/pad          pad-pod.service  -            -         -           -        
web   awake   [::]:80, [::]:81  localhost/x      3            1min 20s  225 ms      12.3 MB  a newer file waits
`},
		{listFlags{format: "table", noHeading: true}, `pad  asleep  /run/pad          pad-pod.service  -  -         -       -        
web  awake   [::]:80, [::]:81  localhost/x      3  1min 20s  225 ms  12.3 MB  a newer file waits
`},
		{listFlags{quiet: true}, "pad\nweb\n"},
		{listFlags{format: "{{.Name}} {{.State}} {{.Connections}}"}, "pad asleep -\nweb awake 3\n"},
		{listFlags{format: "table {{.Name}}\t{{.Total}}"}, "NAME  TOTAL\npad   -\nweb   17\n"},
		{listFlags{format: "table {{.Name}}", noHeading: true}, "pad\nweb\n"},
	} {
		var b bytes.Buffer
		if err := c.flags.print(&b, statuses(), !c.flags.noHeading); err != nil || b.String() != c.want {
			t.Errorf("%+v (%v):\n%s\nwant\n%s", c.flags, err, b.String(), c.want)
		}
	}
	for format, want := range map[string]string{
		"{{.Name}} {{.Nonsense}}": "The fields are those of --format json",
		"yaml":                    "--format yaml: write json, table or a Go template",
	} {
		var b bytes.Buffer
		wrong := listFlags{format: format}
		if err := wrong.print(&b, statuses(), true); err == nil || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("%s: %v, printed %q", format, err, b.String())
		}
	}
	asJSON := listFlags{format: "json"}
	var b bytes.Buffer
	if err := asJSON.print(&b, statuses(), true); err != nil || !strings.Contains(b.String(), `"Connections": 3`) || strings.Count(b.String(), "Connections") != 1 {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

// TestColumnsKeepTheirWidth: colors are bytes, too.
func TestColumnsKeepTheirWidth(t *testing.T) {
	r := row{statuses()[1], true}
	head := headings(true)[0]["State"]
	if len(r.State())-len("awake") != len(head)-len("STATE") {
		t.Errorf("%q below %q", r.State(), head)
	}
}

func TestDiffering(t *testing.T) {
	before, now := statuses(), statuses()
	now[0].IdleSince, now[1] = nil, before[1]
	if news := differing(before, now); len(news) != 0 {
		t.Errorf("%v", news)
	}
	now[0].State = control.Starting
	if news := differing(before, now); len(news) != 1 || news[0].Name != "pad" {
		t.Errorf("%v", news)
	}
}

func TestLogsArgs(t *testing.T) {
	apps := []control.App{{Name: "web", Containers: []string{"web.service"}, Proxies: []string{"web-proxy.service"}, Sockets: []string{"web.socket"}}}
	got := strings.Join(logsArgs(control.Host{Scope: manager.System}, apps, true, "5"), " ")
	if want := "journalctl --system --follow --lines=5 --unit=web.service --unit=web-proxy.service"; got != want {
		t.Errorf("got %s", got)
	}
}

// TestProgressForNobody: what is no terminal sees nothing, and what is done hears that nobody listens.
func TestProgressForNobody(t *testing.T) {
	var b bytes.Buffer
	progress{&b, time.Nanosecond}.during("web: wake", func(tell func(string)) {
		if tell != nil {
			t.Error("somebody listens")
		}
	})
	if b.Len() > 0 {
		t.Errorf("said %q", b.String())
	}
}

func TestProgressLine(t *testing.T) {
	var b bytes.Buffer
	var text atomic.Value
	text.Store(strings.Repeat("x", 100))
	stop := make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() { close(stop) })
	progress{&b, time.Millisecond}.show(&text, stop)
	first := "\r\x1b[K" + strings.Repeat("x", 68) + " (1 s)\r\x1b[K"
	if !strings.HasPrefix(b.String(), first) || !strings.HasSuffix(b.String(), "\r\x1b[K") {
		t.Errorf("said %q", b.String())
	}
	b.Reset()
	progress{&b, time.Hour}.show(&text, stop)
	if b.Len() > 0 {
		t.Errorf("what is quick needs no word: %q", b.String())
	}
}
