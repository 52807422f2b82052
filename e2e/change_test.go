//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// kinds are the files that one application may be, behind the same port, and what each of them names its containers.
var kinds = []struct{ name, text string }{
	{"container", "[Container]\nImage=localhost/testapp\nPublishPort=PORT:80\n"},
	{"pod", "[Pod]\nPublishPort=PORT:80\n[Container app]\nImage=localhost/testapp\n"},
	{"Unit=", "[OnDemand]\nUnit=NAME-old.container\nContainer=NAME-old.container\nTarget=80\n[Socket]\nListenStream=PORT\n"},
	{"Unit= behind systemd-socket-proxyd", "[OnDemand]\nUnit=NAME-old.container\nContainer=NAME-old.container\nTarget=80\nProxy=systemd-socket-proxyd\n[Socket]\nListenStream=PORT\n"},
	{"nothing", ""},
}

// TestBecomesAnother: a file becomes one of another kind, or goes, while the application is awake. Nothing of what it was runs on,
// and the port goes on answering.
func TestBecomesAnother(t *testing.T) {
	const idle = "[OnDemand]\nIdleTimeout=3s\n"
	for _, from := range kinds[:len(kinds)-1] {
		for _, to := range kinds {
			if from == to {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				a := newApp(t)
				t.Cleanup(func() { a.noPod() })
				a.withFiles(map[string]string{"NAME-old.container": "[Container]\nImage=localhost/testapp\n[Service]\nSuccessExitStatus=143 137\n[Quadlet]\nDefaultDependencies=no\n"})
				a.write(from.text + idle)
				host.reload(t)
				a.mustListen(a.port)
				a.mustGet("/")
				if to.text == "" {
					a.remove()
				} else {
					a.write(to.text + idle)
				}
				host.reload(t)
				if to.text != "" {
					eventually(t, 20*time.Second, "a request is answered", func() bool { return a.get("/").err == nil })
				}
				var left string
				defer func() {
					if t.Failed() {
						t.Logf("left are: %s", left)
					}
				}()
				eventually(t, 20*time.Second, "nothing is left", func() bool {
					left = host.run(t, "podman", "ps", "-a", "--filter", "name=systemd-"+a.name, "--format", "{{.Names}} {{.Status}}") +
						host.systemctl(t, "list-units", "--no-legend", "--state=active,failed,activating", a.name+"*.service")
					return strings.TrimSpace(left) == ""
				})
			})
		}
	}
}
