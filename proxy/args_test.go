package proxy

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func noEnv(string) string { return "" }

func TestParseArgs(t *testing.T) {
	userManager := func(k string) string { return map[string]string{"MANAGERPID": "72"}[k] }
	c, err := parseArgs(strings.Fields("--unit=web.service --pid-file=/a --conmon-pid-file=/b --idle-timeout=300s --start-timeout=1500ms "+
		"--max-connections=7 --ready=http:/healthz 80 /run/app.sock 10.0.0.1:3000 [::1]:81 @abstract"), userManager, io.Discard)
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
		{"--container=web 80", "--container needs --unit"},
		{"--container=web --unit=web.service --pid-file=/a --conmon-pid-file=/b 80", "takes the place of --pid-file"},
		{"--idle-timeout=5min 80", "unknown unit"},
		{"--start-timeout=0s 80", "longer than nothing"},
		{"--wake-from=192.0.2.1 --unit=web.service 80", "no address with the length"},
		{"--wake-from=192.0.2.1/32 80", "need --unit"},
		{"--proxy-protocol=v3 80", "must be v1 or v2"},
		{"--proxy-protocol=v1 --socket-proxyd 80", "has no PROXY protocol"},
		{"--held=0:x 80", "invalid syntax"},
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

func TestListenFDs(t *testing.T) {
	pid := fmt.Sprint(os.Getpid())
	for _, c := range []struct {
		pid, fds string
		want     []int
	}{
		{"", "", nil},
		{"1", "1", nil}, // another process's
		{pid, "2", []int{3, 4}},
		{pid, "", nil},
		{pid, "-1", nil},
		{pid, "many", nil},
	} {
		env := func(k string) string { return map[string]string{"LISTEN_PID": c.pid, "LISTEN_FDS": c.fds}[k] }
		if got := listenFDs(env); !slices.Equal(got, c.want) {
			t.Errorf("%s/%s: got %v, want %v", c.pid, c.fds, got, c.want)
		}
	}
}

func TestCheckSockets(t *testing.T) {
	d := openDoor(t, "tcp")
	for _, c := range []struct {
		fds  []int
		want string
	}{
		{[]int{d.fd}, "<nil>"},
		{nil, "this program is started by systemd"},
		{[]int{d.fd, d.fd}, "systemd passed 2 listening sockets for 1 target: "},
		{[]int{d.fd, d.fd}, "see journalctl -u web.socket"},
		{[]int{0, d.fd}, "socket 1 of 2: "},
	} {
		cfg := config{unit: "web.service", targets: make([]*target, 1)}
		if got := fmt.Sprint(cfg.checkSockets(c.fds)); !strings.Contains(got, c.want) {
			t.Errorf("%v: got %v, want %s", c.fds, got, c.want)
		}
	}
}

func TestCommandsToRecommend(t *testing.T) {
	for _, c := range []struct {
		cfg             config
		journal, status string
	}{
		{config{unit: "web.service", userManager: true}, "journalctl --user -u web.service", "systemctl --user status web.service"},
		{config{unit: "web.service"}, "journalctl -u web.service", "systemctl status web.service"},
		{config{userManager: true}, "journalctl --user", "systemctl --user"},
	} {
		if got := c.cfg.journal(); got != c.journal {
			t.Error(got)
		}
		if got := c.cfg.unitStatus(); got != c.status {
			t.Error(got)
		}
	}
}
