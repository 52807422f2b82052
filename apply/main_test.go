package apply

import (
	"testing"

	"podman-ondemand/manager"
)

func TestParse(t *testing.T) {
	const hash = "0123456789abcdef"
	for _, c := range []struct {
		name  string
		args  []string
		uid   int
		scope manager.Scope
		verb  string
		app   application
		err   string
	}{
		{name: "user", args: []string{"--user", "start", "web-" + hash}, verb: "start", app: application{"web", hash}},
		{name: "system", args: []string{"-system", "stop", "web-" + hash}, scope: manager.System, verb: "stop", app: application{"web", hash}},
		{name: "root's default", args: []string{"stop", "web-" + hash}, scope: manager.System, verb: "stop", app: application{"web", hash}},
		{name: "root's own manager", args: []string{"--user", "stop", "web-" + hash}, verb: "stop", app: application{"web", hash}},
		{name: "user's default", args: []string{"stop", "web-" + hash}, uid: 1000, verb: "stop", app: application{"web", hash}},
		{name: "the name has a dash", args: []string{"start", "my-web-app-" + hash}, uid: 1, verb: "start", app: application{"my-web-app", hash}},
		{name: "an instance", args: []string{"start", "web@a-b-" + hash}, uid: 1, verb: "start", app: application{"web@a-b", hash}},
		{name: "no arguments", err: "wants a verb and an instance"},
		{name: "no instance", args: []string{"start"}, err: "wants a verb and an instance"},
		{name: "too many", args: []string{"start", "a", "b"}, err: "wants a verb and an instance"},
		{name: "verb", args: []string{"restart", "web-" + hash}, err: `"restart" is neither start nor stop`},
		{name: "option", args: []string{"--all", "start", "web-" + hash}, err: "flag provided but not defined: -all"},
		{name: "no hash", args: []string{"start", "web"}, err: `"web" is not NAME-HASH`},
		{name: "no name", args: []string{"start", "-" + hash}, err: `"-` + hash + `" is not NAME-HASH`},
		{name: "short hash", args: []string{"start", "web-abc"}, err: `"web-abc": after the last "-" come 16 hexadecimal digits`},
		{name: "no hexadecimal digit", args: []string{"start", "web-0123456789abcdeg"}, err: `"web-0123456789abcdeg": after the last "-" come 16 hexadecimal digits`},
		{name: "a path", args: []string{"start", "../web-" + hash}, err: `"../web" cannot be the name of a unit`},
		{name: "a dot", args: []string{"start", ".web-" + hash}, err: `".web" cannot be the name of a unit`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse(c.args, c.uid)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || got != (command{c.scope, c.verb, c.app}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestUnitNames(t *testing.T) {
	for _, c := range []struct{ name, socket, proxy, service string }{
		{"web", "web.socket", "web-proxy.service", "web.service"},
		{"my-web", "my-web.socket", "my-web-proxy.service", "my-web.service"},
		{"web@1", "web@1.socket", "web-proxy@1.service", "web@1.service"},
	} {
		a := application{c.name, "0123456789abcdef"}
		if a.socket() != c.socket || a.proxy() != c.proxy || a.service() != c.service {
			t.Errorf("%s: %s %s %s", c.name, a.socket(), a.proxy(), a.service())
		}
	}
}

func TestStateDir(t *testing.T) {
	for _, c := range []struct {
		scope    manager.Scope
		dir, xdg string
		want     string
	}{
		{manager.User, "/run/user/7/podman-ondemand-apply", "/run/user/7", "/run/user/7/podman-ondemand-apply"},
		{manager.User, "/a:/b", "/run/user/7", "/a"},
		{manager.User, "", "/run/user/7", "/run/user/7/podman-ondemand-apply"},
		{manager.System, "", "", "/run/podman-ondemand-apply"},
	} {
		env := map[string]string{"RUNTIME_DIRECTORY": c.dir, "XDG_RUNTIME_DIR": c.xdg}
		if got := stateDir(c.scope, func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A name that is not ours may not fail: sockets.target would start it for ever.
func TestMainStatus(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"start", "web"}, 0}, {[]string{"stop", "web-xyz"}, 0}, {[]string{"start", "../a-0123456789abcdef"}, 0},
		{[]string{"restart", "web"}, 1}, {nil, 1},
	} {
		if got := Main(c.args); got != c.want {
			t.Errorf("%q: %d", c.args, got)
		}
	}
}

func TestLonger(t *testing.T) {
	pause := shortestPause
	for range 20 {
		pause = longer(pause, false)
	}
	if pause != longestPause || longer(shortestPause, false) != 2*shortestPause || longer(pause, true) != shortestPause {
		t.Error(pause)
	}
}
