//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"podman-ondemand/convert"
)

// converted converts something into the application's file, reloads and waits until the port listens. The container has the
// application's name.
func converted(t *testing.T, a *app, source ...string) {
	t.Helper()
	t.Cleanup(func() { host.try("podman", "rm", "-f", "-i", "-t0", a.name) })
	args := []string{"podman-ondemand", "convert", "-o", "/home/demo/" + a.file()}
	said, err := host.try(append(args, source...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	host.reload(t)
	a.mustListen(a.port)
}

// command is a podman run command line of the application, with more options.
func (a *app) command(options ...string) []string {
	words := []string{"podman", "run", "-d", "--name", a.name, "-p", fmt.Sprintf("%d:80", a.port)}
	return append(append(words, options...), "localhost/testapp", "-message", "it's $HOME, 100%", "-listen", "80")
}

const convertedMessage = "it's $HOME, 100%"

// answers expects the message of command at the first connection.
func (a *app) answers(t *testing.T, what string) {
	t.Helper()
	r := a.mustAnswer(convertedMessage)
	record(t, "converted: "+what, "answers", ms(r.took))
}

func TestConvertCommandLine(t *testing.T) {
	a := newApp(t)
	converted(t, a, append([]string{"--"}, a.command("-it", "--restart", "always", "-e", "A=b c")...)...)
	a.answers(t, "a command line")
}

func TestConvertReadme(t *testing.T) {
	a := newApp(t)
	a.withText(t, "readme.txt", fmt.Sprintf(`
$ docker pull localhost/testapp
$ docker run -d \
    --name=%s --restart=unless-stopped \
    -p "%d:80" \
    localhost/testapp -message "it's \$HOME, 100%%"
`, a.name, a.port))
	converted(t, a, "/home/demo/"+a.name+"/readme.txt")
	a.answers(t, "a README")
}

// withText writes a file of a directory of the application's own.
func (a *app) withText(t *testing.T, name, text string) {
	t.Helper()
	host.write(t, a.name+"/"+name, text)
	t.Cleanup(func() { os.RemoveAll(host.home(a.name)) })
}

func TestConvertQuadlet(t *testing.T) {
	a := newApp(t)
	a.withText(t, a.name+".container", fmt.Sprintf("[Container]\nImage=localhost/testapp\nContainerName=%s\nPublishPort=%d:80\n"+
		"Exec=-message \"it's $$HOME, 100%%%%\"\n[Service]\nRestart=always\n[Install]\nWantedBy=default.target\n", a.name, a.port))
	converted(t, a, "/home/demo/"+a.name+"/"+a.name+".container")
	a.answers(t, "a Quadlet")
}

// trio and trioProxy are what people copy from the web.
const trio = `[Socket]
ListenStream=127.0.0.1:%d
[Install]
WantedBy=sockets.target
`

const trioProxy = `[Unit]
Requires=NAME.service
After=NAME.service
[Service]
ExecStart=/usr/lib/systemd/systemd-socket-proxyd --exit-idle-time=1s 127.0.0.1:%d
`

func TestConvertTrio(t *testing.T) {
	for _, c := range []struct{ what, file, text string }{
		{"a trio with podman run", "NAME.service", `[Unit]
StopWhenUnneeded=yes
[Service]
ExecStartPre=-/usr/bin/podman rm -f NAME
ExecStart=/usr/bin/podman run --rm --name NAME -p 127.0.0.1:%d:80 localhost/testapp \
  -message "it's $$HOME, 100%%%%"
ExecStop=/usr/bin/podman stop NAME
`},
		{"a trio with a Quadlet", "NAME.container", `[Unit]
StopWhenUnneeded=yes
[Container]
Image=localhost/testapp
ContainerName=NAME
PublishPort=127.0.0.1:%d:80
Exec=-message "it's $$HOME, 100%%%%"
[Quadlet]
DefaultDependencies=no
`},
	} {
		t.Run(c.file[len("NAME."):], func(t *testing.T) {
			a := newApp(t)
			name := strings.NewReplacer("NAME", a.name)
			a.withText(t, a.name+"-proxy.socket", fmt.Sprintf(trio, a.port))
			a.withText(t, a.name+"-proxy.service", name.Replace(fmt.Sprintf(trioProxy, a.port+1)))
			a.withText(t, name.Replace(c.file), name.Replace(fmt.Sprintf(c.text, a.port+1)))
			old := a.runs(t, a.name+"-proxy.socket")
			converted(t, a, "/home/demo/"+a.name)
			a.answers(t, c.what)
			if got := a.mustGet("/"); got.line("instance") == old.line("instance") || firstLine(got.body) != firstLine(old.body) {
				t.Errorf("answered %q, and before the conversion %q", got.body, old.body)
			}
			eventually(t, 15*time.Second, "it sleeps", func() bool { return a.state(a.container()) == "inactive" })
			a.answers(t, c.what+", again")
		})
	}
}

// runs has the old units of the application's directory serve it, from a socket or as a service, and gives what it answered. Then they are
// removed, as docs/migrating.md says. What had a socket has fallen asleep before.
func (a *app) runs(t *testing.T, unit string) reply {
	t.Helper()
	entries, err := os.ReadDir(host.home(a.name))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		to := ".config/systemd/user/" + e.Name()
		if strings.HasSuffix(to, ".container") {
			to = unitDir + e.Name()
		}
		text, err := os.ReadFile(host.home(a.name + "/" + e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		host.write(t, to, string(text))
		names = append(names, to)
	}
	host.reload(t)
	host.systemctl(t, "start", unit)
	var r reply
	eventually(t, 10*time.Second, "the old units answer", func() bool { r = a.get("/"); return r.err == nil })
	if strings.HasSuffix(unit, ".socket") {
		eventually(t, 15*time.Second, "the old units sleep", func() bool { return a.isDown(a.container()) })
	}
	host.systemctl(t, "stop", unit, strings.TrimSuffix(unit, ".socket"))
	for _, name := range names {
		if err := os.Remove(host.home(name)); err != nil {
			t.Fatal(err)
		}
	}
	host.reload(t)
	return r
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

func TestConvertRunningContainer(t *testing.T) {
	a := newApp(t)
	host.run(t, a.command()...)
	t.Cleanup(func() { host.try("podman", "rm", "-f", "-i", "-t0", a.name) })
	host.run(t, "podman-ondemand", "convert", "-o", "/home/demo/"+a.name+"/web.ondemand", "--container", a.name)
	t.Cleanup(func() { os.RemoveAll(host.home(a.name)) })
	host.run(t, "podman", "rm", "-f", "-t0", a.name)
	text, err := os.ReadFile(host.home(a.name + "/web.ondemand"))
	if err != nil {
		t.Fatal(err)
	}
	a.write(string(text))
	host.reload(t)
	a.mustListen(a.port)
	a.answers(t, "a container")
}

// TestConvertGenerateSystemd takes what the installed podman makes.
func TestConvertGenerateSystemd(t *testing.T) {
	a := newApp(t)
	words := a.command()
	words[1] = "create"
	host.run(t, append(words[:2], words[3:]...)...) // without -d
	t.Cleanup(func() { host.try("podman", "rm", "-f", "-i", "-t0", a.name) })
	text := host.run(t, "sh", "-c", "podman generate systemd --new --name "+a.name+" 2>/dev/null")
	a.withText(t, "container-"+a.name+".service", text)
	host.run(t, "podman", "rm", "-f", "-t0", a.name)
	a.runs(t, "container-"+a.name+".service")
	converted(t, a, "/home/demo/"+a.name+"/container-"+a.name+".service")
	a.answers(t, "podman generate systemd")
}

// inspectFormat is what of a container must not change by the conversion.
const inspectFormat = `{{range .Config.Env}}{{.}}
{{end}}{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.Hostname}} ` +
	`{{.Config.StopSignal}} {{json .HostConfig.Tmpfs}} {{.HostConfig.ReadonlyRootfs}} {{json .HostConfig.CapDrop}} {{json .HostConfig.ExtraHosts}} ` +
	`{{.HostConfig.ShmSize}} {{json .Config.Healthcheck}} {{json .HostConfig.SecurityOpt}} {{.HostConfig.OomScoreAdj}} {{json .HostConfig.Ulimits}} {{json .Config.Annotations}}`

// TestConvertSameContainer: the container of the result is that of the command line.
func TestConvertSameContainer(t *testing.T) {
	a := newApp(t)
	words := a.command("-e", "A=b c", "-e", `Q=say "x" \n $HOME 100%`, "-eEMPTY=", "-e", "S=it's;#", "--hostname=my-host", "-w", "/tmp", "--user", "7:8",
		"--tmpfs", "/tmp:rw,size=1m", "--read-only", "--cap-drop=ALL", "--add-host", "db:10.0.0.1", "--shm-size=1m", "--stop-signal", "SIGINT",
		"--health-cmd", `CMD-SHELL test "$A" = 'b c' || exit 1`, "--security-opt", "no-new-privileges", "--ulimit", "nofile=512:512", "--oom-score-adj", "500",
		"--annotation", "io.x=a b", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--health-interval=disable")
	host.run(t, append([]string{"podman", "create", "--rm"}, words[3:]...)...)
	want := host.run(t, "podman", "inspect", a.name, "--format", inspectFormat)
	host.run(t, "podman", "rm", "-f", "-t0", a.name)
	converted(t, a, append([]string{"--"}, words...)...)
	a.answers(t, "many options")
	got := host.run(t, "podman", "inspect", a.name, "--format", inspectFormat)
	if want, got := comparable(want), comparable(got); want != got {
		t.Errorf("another container:\n%s\nthan that of the command line:\n%s", got, want)
	}
}

// startedOnly is what podman adds to a container that has been started, and what systemd's environment brings.
var startedOnly = regexp.MustCompile(`(?m)^(PODMAN_SYSTEMD_UNIT|NOTIFY_SOCKET|HOME|HOSTNAME)=.*\n|,?"(org\.systemd|org\.opencontainers|io\.container\.)[^,}]*|,\{"Name":"RLIMIT_NPROC"[^}]*\}`)

// comparable is what inspectFormat gives, without that and with the variables in order: podman's own order is random.
func comparable(inspected string) string {
	lines := strings.Split(startedOnly.ReplaceAllString(inspected, ""), "\n")
	slices.Sort(lines)
	return strings.ReplaceAll(strings.Join(lines, "\n"), "{,", "{")
}

var helpLine = regexp.MustCompile(`(?m)^ {2,6}(-\w, )?--([a-z0-9-]+)( \S+)? {2,}`)

// TestConvertKnowsPodmansOptions: each option of the installed podman is known, and whether it takes a value.
func TestConvertKnowsPodmansOptions(t *testing.T) {
	options := helpLine.FindAllStringSubmatch(host.run(t, "podman", "run", "--help"), -1)
	if len(options) < 100 {
		t.Fatalf("only %d options in podman run --help", len(options))
	}
	for _, o := range options {
		letter, name, takes := strings.TrimSuffix(o[1], ", "), "--"+o[2], o[3] != ""
		for _, word := range []string{letter, name} {
			if word == "" {
				continue
			}
			r, ds := convert.Run(convert.Request{Words: []string{"podman", "run", "-p", "1:1", word, "localhost/first", "localhost/second"}, Dir: "/", Home: "/root"})
			image := "Image=localhost/first\n"
			if takes {
				image = "Image=localhost/second\n"
			}
			if name == "--rootfs" {
				image = "Rootfs="
			}
			if !strings.Contains(r.Text, image) || strings.Contains(ds.String(), "unknown") {
				t.Errorf("%s: takes a value: %v\n%s%s", word, takes, ds, r.Text)
			}
		}
	}
	record(t, "options of podman run that convert knows", fmt.Sprint(len(options)), fmt.Sprint(len(options)))
}

// verifyScript generates the units of $1/in and lets systemd look at them.
const verifyScript = `set -e; cd "$1"; mkdir out; PODMAN_ONDEMAND_UNIT_DIRS=$PWD/in SYSTEMD_SCOPE=user podman-ondemand "$PWD/out"
cd out; SYSTEMD_UNIT_PATH=$PWD: systemd-analyze --user --man=no verify ./*.socket ./*.service 2>&1 || true`

// TestConvertedVerify: systemd has nothing to say about the units of the golden results.
func TestConvertedVerify(t *testing.T) {
	results, err := filepath.Glob("../convert/testdata/*/out.ondemand")
	if err != nil || len(results) == 0 {
		t.Fatalf("no results (%v)", err)
	}
	seen, all := 0, 0
	for _, path := range results {
		name := filepath.Base(filepath.Dir(path))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(filepath.Join(filepath.Dir(path), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(said), ": error: ") || strings.Contains(string(text), "\nUnit=") {
			continue // incomplete, or about a unit that is not there
		}
		all++
		first, _, _ := strings.Cut(string(said), "\n")
		file := strings.TrimPrefix(first, "name: ")
		if strings.HasSuffix(file, "@") {
			file += "8090" // an instance, which systemd can look at
		}
		host.write(t, "converted/"+name+"/in/"+file+".ondemand", string(text))
		t.Cleanup(func() { os.RemoveAll(host.home("converted")) })
		if out := host.run(t, "sh", "-c", verifyScript, "sh", "/home/demo/converted/"+name); out != "" {
			t.Errorf("%s: %s", name, out)
			continue
		}
		seen++
	}
	record(t, "converted files through systemd-analyze verify", "all, without a word", fmt.Sprintf("%d of %d", seen, all))
}
