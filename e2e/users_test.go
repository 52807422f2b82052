//go:build e2e

package e2e

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// TestUsersDirs: what an administrator gives to all users or to one, each user's manager makes units of, but no other's, and not the
// system's. A file of the user's own with the same name comes first.
//
// It does not run beside TestUserWithoutLogin, whose user is one of all users.
func TestUsersDirs(t *testing.T) {
	const dir = "/etc/containers/systemd/users/"
	a := newApp(t)
	one := &app{t: t, name: a.name + "-one", port: a.port + 1, mark: a.mark}
	other := &app{t: t, name: a.name + "-other", port: a.port + 2, mark: a.mark}
	text := func(port int, message string) string {
		return "[Container]\nImage=localhost/testapp\nExec=-message " + message + "\nPublishPort=" + strconv.Itoa(port) + ":80\n[OnDemand]\nIdleTimeout=1s\n"
	}
	t.Cleanup(one.cleanUp)
	t.Cleanup(func() { host.inside("root", "sh", "-c", "rm -rf "+dir+a.name+"* "+dir+"[0-9]*/"+a.name+"*") })
	for file, text := range map[string]string{
		a.name + ".ondemand":               text(a.port, "all"),
		"1000/" + one.name + ".ondemand":   text(one.port, "one"),
		"1001/" + other.name + ".ondemand": text(other.port, "other"),
	} {
		host.asRoot(t, "sh", "-ec", `mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"`, "sh", dir+file, text)
	}
	host.reload(t)
	host.asRoot(t, "systemctl", "daemon-reload")
	a.mustAnswer("all")
	one.mustAnswer("one")
	if source := host.showSystem(t, a.socket(), "SourcePath"); source != "" {
		t.Errorf("the system manager has %s", source)
	}
	if state := host.show(t, other.socket(), "LoadState"); state != "not-found" {
		t.Errorf("another user's, for demo: %s", state)
	}
	a.mustSleep(10 * time.Second)
	host.write(t, a.file(), text(a.port, "own"))
	host.reload(t)
	a.mustAnswer("own")
	a.mustSleep(10 * time.Second)
	if err := os.Remove(host.home(a.file())); err != nil {
		t.Fatal(err)
	}
	host.reload(t)
	a.mustAnswer("all")
	record(t, "/etc/containers/systemd/users, users/UID", "for whom they are", "so it was")
}
