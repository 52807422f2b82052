//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// withFiles writes more files beside the application's and removes them at the end. NAME is replaced in names and texts.
func (a *app) withFiles(files map[string]string) {
	a.t.Helper()
	for name, text := range files {
		file := unitDir + strings.ReplaceAll(name, "NAME", a.name)
		host.write(a.t, file, strings.ReplaceAll(text, "NAME", a.name))
		a.t.Cleanup(func() { os.Remove(host.home(file)) })
	}
}

// TestQuadletsVolumeAndNetwork: what a renamed Quadlet refers to is made by Quadlet and used by the container.
func TestQuadletsVolumeAndNetwork(t *testing.T) {
	a := newApp(t)
	a.withFiles(map[string]string{
		"NAME.volume":  "[Volume]\nLabel=of=NAME\n[Quadlet]\nDefaultDependencies=no\n",
		"NAME.network": "[Network]\nNetworkName=net-NAME\nInternal=yes\n[Quadlet]\nDefaultDependencies=no\n",
	})
	t.Cleanup(func() {
		host.try("systemctl", "--user", "stop", a.name+"-network.service", a.name+"-volume.service")
		host.try("podman", "network", "rm", "-f", "net-"+a.name)
		host.try("podman", "volume", "rm", "-f", "systemd-"+a.name)
	})
	a.write(strings.Replace(plain, "[Container]\n", "[Container]\nVolume=NAME.volume:/data\nNetwork=NAME.network\n", 1))
	host.reload(t)
	a.mustListen(a.port)
	a.mustGet("/")
	got := host.run(t, "podman", "inspect", "systemd-"+a.name, "--format",
		"{{range .Mounts}}{{.Name}}{{end}} {{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}")
	want := "systemd-" + a.name + " net-" + a.name
	record(t, "volume and network of Quadlet", "used", fmt.Sprint(strings.TrimSpace(got) == want))
	if strings.TrimSpace(got) != want {
		t.Errorf("the container has %q, want %q", got, want)
	}
}

// TestDropIn: a drop-in counts after the next reload.
func TestDropIn(t *testing.T) {
	a := start(t, plain)
	a.withFiles(map[string]string{"NAME.ondemand.d/10-message.conf": "[Container]\nExec=\nExec=-listen 80 -message from-the-drop-in\n"})
	t.Cleanup(func() { os.Remove(host.home(unitDir + a.name + ".ondemand.d")) })
	host.reload(t)
	if got := a.mustGet("/").body; !strings.HasPrefix(got, "from-the-drop-in\n") {
		t.Errorf("answered %q", got)
	}
}

// TestTemplate: links to a template are instances with an address of their own; a link that is removed stops listening, though
// the template is still there.
func TestTemplate(t *testing.T) {
	a := newApp(t)
	text := strings.Replace(plain, "PORT:80", "127.0.0.1:%i:80", 1)
	a.withFiles(map[string]string{"NAME@.ondemand": text})
	instance := func(port int) *app {
		return &app{t: t, name: fmt.Sprintf("%s@%d", a.name, port), port: port, mark: a.mark}
	}
	var links []*app
	for _, port := range []int{a.port, a.port + 1} {
		i := instance(port)
		if err := os.Symlink(a.name+"@.ondemand", host.home(i.file())); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(i.cleanUp)
		links = append(links, i)
	}
	host.reload(t)
	for _, i := range links {
		i.mustListen(i.port)
		i.mustGet("/")
	}
	links[0].remove()
	host.reload(t)
	a.mustNotListen(a.port)
	links[1].mustGet("/")
	record(t, "template: one of two instances removed", "the other answers", "it does")
	byHand := instance(a.port + 2)
	t.Cleanup(byHand.cleanUp)
	host.systemctl(t, "start", byHand.name+".socket")
	host.reload(t)
	byHand.mustGet("/")
}
