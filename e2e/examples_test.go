//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"podman-ondemand/packaging/examples"
)

// TestExamples runs the examples of the documents with the test application in the place of their images: the port answers at
// the first connection. It keeps their names and ports, so it does not run beside itself or other tests.
func TestExamples(t *testing.T) {
	all, err := examples.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, b := range all {
		if !b.IsOnDemand() {
			continue
		}
		files, missing := examples.Files(all, b)
		if len(missing) > 0 {
			t.Errorf("%s cannot be run: no document shows %s", b.Place(), strings.Join(missing, ", "))
			continue
		}
		t.Run(b.Name+" of "+strings.Replace(b.Place(), "/", " ", -1), func(t *testing.T) { runExample(t, b, files) })
		ran++
	}
	record(t, "examples of the documents", "each answers", fmt.Sprintf("%d ran", ran))
}

func runExample(t *testing.T, b examples.Block, files map[string]string) {
	mark := host.mark(t)
	var listens []string
	for name, text := range files {
		text = withTestApp(t, text)
		name := strings.Replace(name, "@.", "@8081.", 1) // a template is tried as one of its instances
		host.write(t, unitDir+name, text)
		t.Cleanup(func() { os.Remove(host.home(unitDir + name)) })
		if strings.HasPrefix(name, strings.TrimSuffix(b.Name, ".ondemand")) && strings.HasSuffix(name, ".ondemand") {
			listens = address(strings.ReplaceAll(text, "%i", "8081"))
		}
	}
	app := strings.TrimSuffix(strings.Replace(b.Name, "@.", "@8081.", 1), ".ondemand")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := host.try("sh", "-c", "journalctl --user -q --no-pager -o cat --after-cursor '"+mark+"' | tail -n 40")
			t.Logf("%s", out)
		}
		stopExample(t, app, files)
	})
	host.reload(t)
	eventually(t, 10*time.Second, b.Name+" listens", func() bool { return host.show(t, app+".socket", "ActiveState") == "active" })
	began := time.Now()
	out, err := host.try(append(append([]string{"curl", "-sS", "--max-time", "60"}, listens...), "http://localhost/")...)
	if err != nil || !strings.HasPrefix(out, "hello\n") {
		t.Errorf("%s: answered %q: %v", b.Place(), out, err)
	}
	t.Logf("answered after %s", ms(time.Since(began)))
}

// stopExample removes the files, which stops ours, and then stops what Quadlet has made of others.
func stopExample(t *testing.T, app string, files map[string]string) {
	pods := []string{}
	for name := range files {
		os.Remove(host.home(unitDir + strings.Replace(name, "@.", "@8081.", 1)))
		if pod, ok := strings.CutSuffix(name, ".pod"); ok {
			pods = append(pods, pod+"-pod.service")
		}
	}
	host.reload(t)
	eventually(t, 20*time.Second, app+" has gone", func() bool {
		return host.systemctl(t, "list-units", "-q", "--plain", app+".socket", app+".service", "podman-ondemand-apply@"+app+"-*") == ""
	})
	if len(pods) > 0 {
		host.systemctl(t, append([]string{"stop"}, pods...)...)
	}
}

var (
	image     = regexp.MustCompile(`(?m)^Image=.*$`)
	published = regexp.MustCompile(`(?m)^PublishPort=(?:(?:[\d.]+|\[[^]]*\]):)?(\d+|%i):(\d+)(?:/tcp)?$`)
	behind    = regexp.MustCompile(`(?m)^(?:ContainerPort|Target)=(?:.*:)?(\d+)$`)
	stream    = regexp.MustCompile(`(?m)^ListenStream=(.*)$`)
	hostPath  = regexp.MustCompile(`(?m)^Volume=%h/([^:]+):`)
	secret    = regexp.MustCompile(`(?m)^Secret=([^,\n]+)`)
)

// withTestApp puts the test application in the place of the images, the first listening where the example says and others of
// the pod beside it, and makes what the host must have: directories and secrets.
func withTestApp(t *testing.T, text string) string {
	port := 3000 // of a container in a pod, which does not say it itself
	for _, r := range []*regexp.Regexp{published, behind} {
		if m := r.FindStringSubmatch(text); m != nil {
			port, _ = strconv.Atoi(m[len(m)-1])
		}
	}
	for _, m := range hostPath.FindAllStringSubmatch(text, -1) {
		host.run(t, "mkdir", "-p", m[1])
	}
	for _, m := range secret.FindAllStringSubmatch(text, -1) {
		host.run(t, "sh", "-c", `printf x | podman secret create --replace "$1" -`, "sh", m[1])
	}
	if strings.Contains(text, "\nProxy=none\n") {
		return image.ReplaceAllString(text, "Image=localhost/testapp\nExec=-activated")
	}
	return image.ReplaceAllStringFunc(text, func(string) string {
		port++
		return fmt.Sprintf("Image=localhost/testapp\nExec=-listen %d", port-1)
	})
}

// address is how curl reaches the first thing that the example listens on.
func address(text string) []string {
	if m := published.FindStringSubmatch(text); m != nil {
		return []string{"--connect-to", "::localhost:" + m[1]}
	}
	m := stream.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	if path, ok := strings.CutPrefix(m[1], "%t/"); ok {
		return []string{"--unix-socket", "/run/user/1000/" + path}
	}
	return []string{"--connect-to", "::localhost:" + m[1]}
}
