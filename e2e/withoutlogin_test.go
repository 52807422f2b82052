//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shellBlocks are the commands that a page has people enter.
func shellBlocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestUserWithoutLogin does what docs/without-login.md says, word for word but for the image, the port and the name of the application.
func TestUserWithoutLogin(t *testing.T) {
	t.Parallel()
	blocks := shellBlocks(t, "../docs/without-login.md")
	if len(blocks) != 4 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	a := newApp(t)
	root := func(script string) string {
		t.Helper()
		out, err := host.inside("root", "sh", "-ec", script)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	t.Cleanup(func() {
		host.inside("root", "sh", "-c", "systemctl stop user@$(id -u house); loginctl disable-linger house; rm -rf /etc/containers/systemd/users/$(id -u house); userdel -r house")
	})
	// logind wants to know who asks, which it cannot of what came into the test host from outside.
	root(strings.Replace(blocks[0], "loginctl", "systemd-run --quiet --wait loginctl", 1))
	house := "cd / && runuser -u house -- env HOME=/var/lib/house XDG_RUNTIME_DIR=/run/user/$(id -u house) "
	eventually(t, slack*20*time.Second, "its manager is there", func() bool {
		_, err := host.inside("root", "systemctl", "--user", "-M", "house@", "is-active", "sockets.target")
		return err == nil
	})
	root("cp -r /home/demo/testapp /var/lib/house/ && chown -R house: /var/lib/house/testapp")
	root(house + "podman build --quiet --tag localhost/testapp /var/lib/house/testapp")
	root(strings.NewReplacer("docker.io/library/httpd:2.4", "localhost/testapp", "8080:80", fmt.Sprintf("%d:80", a.port)).Replace(blocks[1]))
	a.mustListen(a.port)
	r := a.mustGet("/")
	if said := root(strings.Split(blocks[2], "\n")[0]); !strings.Contains(said, "web-proxy.service") || !strings.Contains(said, "active (running)") {
		t.Errorf("systemctl status:\n%s", said)
	}
	if said := root(blocks[3]); !strings.Contains(said, "systemd-web") {
		t.Errorf("podman ps:\n%s", said)
	}
	if said := root(house + "podman-ondemand list"); !strings.Contains(said, "web") || !strings.Contains(said, "awake") {
		t.Errorf("podman-ondemand list:\n%s", said)
	}
	record(t, "an application of a user without a login", "answers", ms(r.took))
}
