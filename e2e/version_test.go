//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestPodmanTooOld: the generator asks the installed podman, also in the mount namespace that systemd makes for the generators of the
// system, and keeps the answer where it may write there.
func TestPodmanTooOld(t *testing.T) {
	installed := strings.TrimPrefix(strings.TrimSpace(host.run(t, "podman", "--version")), "podman version ")
	text := "[Container]\nImage=localhost/testapp\nPublishPort=127.0.0.1:PORT:80\nMount=type=artifact,source=localhost/a,destination=/a\n"
	warning := "needs podman 5.5 or newer, podman " + installed[:strings.LastIndex(installed, ".")] + " is installed"

	a := newApp(t)
	a.write(text)
	host.reload(t)
	eventually(t, 5*time.Second, "the user's journal says: "+warning, func() bool {
		return strings.Contains(host.journal(t, a.mark, "-t", "podman-ondemand-generator"), warning)
	})
	mustKeepVersion(t, "/run/user/1000")

	file := "/etc/containers/systemd/podmantooold.ondemand"
	script := "mkdir -p /etc/containers/systemd && printf '%s' '" + strings.Replace(text, "PORT", "29999", 1) + "' >" + file + "; systemctl daemon-reload"
	t.Cleanup(func() {
		host.inside("root", "sh", "-c", "rm -f "+file+"; systemctl daemon-reload; systemctl stop podmantooold.socket")
	})
	if _, err := host.inside("root", "sh", "-c", script); err != nil {
		t.Fatal(err)
	}
	mustKeepVersion(t, "/run")
}

func mustKeepVersion(t *testing.T, run string) {
	t.Helper()
	cache := host.path(t, run+"/podman-ondemand/.podman-version")
	if text, err := os.ReadFile(cache); err != nil || !strings.HasPrefix(string(text), `"/usr/bin/podman" `) {
		t.Errorf("%s: %q %v", cache, text, err)
	}
}
