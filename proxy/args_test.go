package proxy

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func noEnv(string) string { return "" }

func TestParseArgs(t *testing.T) {
	c, err := parseArgs(strings.Fields("--unit=web.service --pid-file=/a --conmon-pid-file=/b --idle-timeout=300s --start-timeout=1500ms "+
		"--max-connections=7 --ready=http:/healthz --user 80 /run/app.sock 10.0.0.1:3000 [::1]:81 @abstract"), noEnv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.unit, c.pidFile, c.conmonPIDFile, c.idleTimeout, c.startTimeout, c.maxConnections, c.ready, c.userManager)
	if want := "web.service /a /b 5m0s 1.5s 7 /healthz of port 80 true"; strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(want), "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var targets []string
	for _, x := range c.targets {
		for _, a := range x.addrs {
			targets = append(targets, a.network+" "+a.text)
		}
	}
	if got, want := strings.Join(targets, ", "), "tcp 127.0.0.1:80, tcp [::1]:80, unix /run/app.sock, tcp 10.0.0.1:3000, tcp [::1]:81, unix @abstract"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDefaults(t *testing.T) {
	c, err := parseArgs([]string{"80"}, noEnv, io.Discard)
	if err != nil || c.idleTimeout != 5*time.Minute || c.startTimeout != 90*time.Second || c.maxConnections != 0 || c.ready.http || c.pidfd != -1 {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = parseArgs([]string{"--idle-timeout=infinity", "80"}, noEnv, io.Discard)
	if err != nil || c.idleTimeout != infinity {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWrongArgs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "no target given"},
		{"0", `target "0" is neither`},
		{"65536", `target "65536" is neither`},
		{"http", `target "http" is neither`},
		{"run/app.sock", "is neither"},
		{"--max-connections=-1 80", "must be 0 or more"},
		{"--pid-file=/a 80", "only of use together"},
		{"--idle-timeout=5min 80", "unknown unit"},
		{"--start-timeout=0s 80", "longer than nothing"},
		{"--ready=https:/ 80", "must be tcp, http:/path"},
		{"--ready=http:80 80", "must be tcp, http:/path"},
		{"--ready=http:x/ 80", `target "x" is neither`},
		{"--ready=http:/a\x7fb 80", "must be written as %20"},
	} {
		if _, err := parseArgs(strings.Fields(c.args), noEnv, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.args, err, c.want)
		}
	}
}

func TestReadyOnAnotherPort(t *testing.T) {
	c, err := parseArgs([]string{"--ready=http:8081/ok", "80"}, noEnv, io.Discard)
	if err != nil || c.ready.target.name != "port 8081" || c.ready.path != "/ok" {
		t.Errorf("%+v, %v", c.ready, err)
	}
}

func TestListenFDsErrors(t *testing.T) {
	pid := fmt.Sprint(os.Getpid())
	for _, c := range []struct{ pid, fds, want string }{
		{"", "", "started by systemd"},
		{"1", "1", "started by systemd"},
		{pid, "2", `passed "2" listening sockets for 1 targets`},
		{pid, "", `passed "" listening sockets for 1 targets`},
	} {
		env := func(k string) string { return map[string]string{"LISTEN_PID": c.pid, "LISTEN_FDS": c.fds}[k] }
		if _, err := listenFDs(env, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s/%s: got %v, want %s", c.pid, c.fds, err, c.want)
		}
	}
}

func TestJournalCommand(t *testing.T) {
	if got := (&config{unit: "web.service", userManager: true}).journal(); got != "journalctl --user -u web.service" {
		t.Error(got)
	}
	if got := (&config{unit: "web.service"}).journal(); got != "journalctl -u web.service" {
		t.Error(got)
	}
}
