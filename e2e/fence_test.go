//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// TestProxyIsFencedIn reads from the kernel what a serving proxy may still do, in each of its threads, and has systemd judge its unit.
func TestProxyIsFencedIn(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	threads := mustBeFenced(t, a.mainPID(a.proxy()), netRaw)
	if said := host.journal(t, a.mark, "-o", "cat", "-u", a.proxy()); strings.Contains(said, "less fenced in") {
		t.Error(said)
	}
	mustBeExposed(t, "a user's", 7, threads, host.run(t, "systemd-analyze", "--user", "security", "--no-pager", a.proxy()))
	mustBeOurs(t, "/run/user/1000/podman-ondemand", "/run/user/1000/systemd/generator")
	info, err := os.Stat(host.path(t, "/run/user/1000/podman-ondemand/"+a.name))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of the pid files: %v, %v", info, err)
	}
}

// TestSystemProxyIsFencedIn: a rootful container behind a port below 1024. The proxy serves as a user without rights, and yet falls asleep, asks
// IdleCheck= and tells the journal how the start went.
func TestSystemProxyIsFencedIn(t *testing.T) {
	t.Parallel()
	const name, port = "rootful", "81"
	file, proxy := "/etc/containers/systemd/"+name+".ondemand", name+"-proxy.service"
	root := func(args ...string) string {
		t.Helper()
		out, err := host.inside("root", args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	t.Cleanup(func() {
		host.inside("root", "sh", "-c", "rm -f "+file+"; systemctl daemon-reload; systemctl stop "+name+".socket "+proxy+" "+name+".service")
	})
	root("podman", "build", "--quiet", "--tag", "localhost/testapp", "/home/demo/testapp")
	root("sh", "-c", "mkdir -p /etc/containers/systemd; printf '"+`[Container]\nImage=localhost/testapp\nNetwork=none\nPublishPort=`+port+
		`:80\nPublishPort=`+port+`:7/udp\nExec=-listen 80 -udp 7\n[OnDemand]\nFlowTimeout=2s\nIdleTimeout=10s\nIdleCheck=/testapp -busy\n`+"' >"+file+"; systemctl daemon-reload; systemctl start "+name+".socket")
	get := func() {
		t.Helper()
		client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Get("http://127.0.0.1:" + port + "/")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	get()
	if err := addStrangers(); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{stranger, stranger6} {
		a := app{t: t, name: name, port: 81}
		if seen, own := a.seenFrom(from); seen != own {
			t.Errorf("%s is seen as %s", own, seen)
		}
		f := a.flow(from)
		if seen, _, err := f.ask("who", time.Minute, time.Second); err != nil || seen != f.LocalAddr().String() {
			t.Errorf("by UDP %s is seen as %s, %v", f.LocalAddr(), seen, err)
		}
	}
	pid := host.showSystem(t, proxy, "MainPID")
	threads := mustBeFenced(t, pid, netRaw)
	if status := root("cat", "/proc/"+pid+"/status"); strings.Contains(status, "Uid:\t0") || strings.Contains(status, "Gid:\t0") {
		t.Errorf("it serves as root:\n%s", status)
	}
	mustBeExposed(t, "the system's", 2, threads, root("systemd-analyze", "security", "--no-pager", proxy))
	mustBeOurs(t, "/run/podman-ondemand", "/run/systemd/generator")
	eventually(t, slack*time.Minute, "asleep", func() bool {
		return host.showSystem(t, proxy, "ActiveState") == "inactive" && host.showSystem(t, name+".service", "ActiveState") == "inactive"
	})
	said := root("journalctl", "-b", "-q", "--no-pager", "-o", "cat", "-u", proxy)
	if strings.Contains(said, "less fenced in") || !strings.Contains(said, name+".service answers after") || strings.Contains(said, "IdleCheck= ") {
		t.Errorf("its journal:\n%s", said)
	}
	if s := host.showSystem(t, name+"-idle-check.service", "ExecMainStatus"); s != "0" || host.showSystem(t, name+"-idle-check.service", "ExecMainStartTimestampMonotonic") == "0" {
		t.Errorf("IdleCheck= was not asked, or its status is %s; the journal of the proxy:\n%s", s, said)
	}
	get()
}

// TestIntruder puts a program in the proxy's place, in its unit and in the container's namespaces: all that it can do is to connect to the target.
func TestIntruder(t *testing.T) {
	t.Parallel()
	program := exec.Command("go", "test", "-c", "-buildvcs=false", "-o", host.home("intruder"), "../proxy")
	program.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := program.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a := start(t, longIdle())
	host.write(t, "intruder-secret", "secret")
	victim := host.show(t, "dbus.service", "MainPID")
	_, command, _ := strings.Cut(host.unitFiles(t, a.proxy()), "ExecStart=/usr/bin/podman-ondemand ")
	command, _, _ = strings.Cut(command, "\n")
	dropIn := ".config/systemd/user/" + a.proxy() + ".d/intruder.conf"
	host.write(t, dropIn, "[Service]\nEnvironment=PROXY_TEST_AS=intruder \"INTRUDER=22 "+victim+" /home/demo/intruder-secret\"\nExecStart=\nExecStart=/home/demo/intruder "+command+"\n")
	t.Cleanup(func() {
		os.RemoveAll(filepath.Dir(host.home(dropIn)))
		os.Remove(host.home("intruder-secret"))
		os.Remove(host.home("intruder"))
	})
	host.reload(t)
	host.systemctl(t, "start", "--no-block", a.proxy())
	var said map[string]bool
	eventually(t, time.Minute, "the intruder's report", func() bool {
		for line := range strings.Lines(host.journal(t, a.mark, "-o", "cat", "-u", a.proxy())) {
			if json.Unmarshal([]byte(line), &said) == nil {
				return true
			}
		}
		return false
	})
	for what, can := range said {
		if can != (what == "connects to its target") {
			t.Errorf("it %s: %v", what, can)
		}
	}
	record(t, "what an intruder in the proxy's place can do", "only its target", fmt.Sprintf("%d ways tried", len(said)))
}

// netRaw is CAP_NET_RAW alone, as /proc has it, by which the addresses of clients are kept.
const netRaw = "0000000000002000"

// mustBeFenced looks at all threads of a process, which have these capabilities and no others, and tells how many there are.
func mustBeFenced(t *testing.T, pid string, capabilities string) int {
	t.Helper()
	tasks, err := filepath.Glob(host.path(t, "/proc/"+pid+"/task/*/status"))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		for _, want := range []string{"CapInh:\t0000000000000000", "CapPrm:\t" + capabilities, "CapEff:\t" + capabilities, "CapBnd:\t0000000000000000",
			"CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(string(text), want+"\n") {
				t.Errorf("a thread has not %s:\n%s", want, text)
			}
		}
	}
	return len(tasks)
}

// mustBeExposed reads systemd's figure for a unit and bounds it.
func mustBeExposed(t *testing.T, whose string, most float64, threads int, said string) {
	t.Helper()
	m := exposure.FindStringSubmatch(said)
	if m == nil {
		t.Fatal("systemd-analyze security has no figure")
	}
	record(t, "systemd-analyze security, "+whose+" proxy", fmt.Sprintf("<= %.1f", most), fmt.Sprintf("%s, %d threads fenced in", m[1], threads))
	if figure, err := strconv.ParseFloat(m[1], 64); err != nil || figure > most {
		t.Errorf("exposure %s", m[1])
	}
}

// mustBeOurs: no file of ours can be written by others. While another test reloads, systemd has no generator's directory, and find says so.
func mustBeOurs(t *testing.T, dirs ...string) {
	t.Helper()
	find := append(append([]string{"find", "/usr/bin/podman-ondemand"}, dirs...), "!", "-type", "l", "-perm", "/022")
	eventually(t, 5*time.Second, "nothing that others can write", func() bool {
		out, err := host.inside("root", find...)
		if out != "" {
			t.Fatalf("others can write: %s", out)
		}
		return err == nil
	})
}
