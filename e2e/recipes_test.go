//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// recipe is an application of examples/DIR, under its own name and port.
type recipe struct {
	*app
	dir string // as demo sees it
}

// takeRecipe copies examples/DIR into demo's home directory, for the application NAME in it. IdleTimeout= is made shorter by a drop-in,
// where there is one to shorten.
func takeRecipe(t *testing.T, dir, name string, port int) recipe {
	t.Helper()
	r := recipe{&app{t: t, name: name, port: port, mark: host.mark(t)}, "/home/demo/examples/" + dir}
	t.Cleanup(func() { host.inside("root", "rm", "-rf", r.dir, "/home/demo/"+r.file()+".d") })
	t.Cleanup(r.cleanUp)
	to := host.home("examples/" + dir)
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	copyTree(t, filepath.Join("../examples", dir), to)
	host.asRoot(t, "chown", "-R", "demo:", "/home/demo/examples")
	return r
}

// sleepsSoon is for those with a proxy of ours.
func (r recipe) sleepsSoon() recipe {
	r.t.Helper()
	host.write(r.t, r.file()+".d/50-test.conf", "[OnDemand]\nIdleTimeout=1s\n")
	return r
}

// follow enters the commands of the README, with root's rights after "sudo". What cannot be done on a host without a way out, the test
// does in another way: lines that begin with a key of instead are left to its function. At the end every file is where its first line
// says.
func (r recipe) follow(instead map[string]func()) {
	r.t.Helper()
	for _, block := range shellBlocks(r.t, filepath.Join("../examples", filepath.Base(r.dir), "README.md")) {
		for line := range strings.Lines(block) {
			r.enter(strings.TrimSpace(line), instead)
		}
	}
	r.mustBeInPlace()
	if _, err := os.Stat(host.home(r.file())); err == nil {
		r.mustBeFine()
	}
}

func (r recipe) enter(line string, instead map[string]func()) {
	r.t.Helper()
	for start, do := range instead {
		if strings.HasPrefix(line, start) {
			do()
			return
		}
	}
	user := "demo"
	if rest, ok := strings.CutPrefix(line, "sudo "); ok {
		user, line = "root", rest
	}
	if _, err := host.inside(user, "sh", "-ec", "cd "+r.dir+"; "+line); err != nil {
		r.t.Fatal(err)
	}
}

var place = regexp.MustCompile(`^# ([~/]\S+)\n`)

func (r recipe) mustBeInPlace() {
	r.t.Helper()
	files, err := os.ReadDir(host.home("examples/" + filepath.Base(r.dir)))
	if err != nil || len(files) < 2 {
		r.t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(host.home(filepath.Join("examples", filepath.Base(r.dir), f.Name())))
		m := place.FindSubmatch(text)
		if err != nil || m == nil && f.Name() != "README.md" {
			r.t.Fatalf("%s does not say where it belongs (%v)", f.Name(), err)
		}
		if m == nil {
			continue
		}
		at := strings.Replace(string(m[1]), "~", "/home/demo", 1)
		r.t.Cleanup(func() { host.inside("root", "rm", "-f", at) })
		if there, err := os.ReadFile(filepath.Join(host.root, at)); err != nil || string(there) != string(text) {
			r.t.Errorf("%s is not at %s as it is in the example: %v", f.Name(), m[1], err)
		}
	}
}

// serves wants this very body at the first request, sleep, and the body again.
func (r recipe) serves(body string) {
	r.t.Helper()
	r.mustListen(r.port)
	var took []string
	for range 2 {
		reply := r.mustGet("/")
		if reply.body != body {
			r.t.Fatalf("%q", reply.body)
		}
		took = append(took, ms(reply.took))
		r.mustSleep(30 * time.Second)
	}
	record(r.t, "examples/"+filepath.Base(r.dir), "wakes, sleeps, wakes", strings.Join(took, ", "))
}
