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

// takeRecipe copies examples/DIR into demo's home directory, for the application NAME in it. At the end of the test the files are gone
// from where they belong, too.
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
	for _, f := range r.files() {
		t.Cleanup(func() { host.inside("root", "rm", "-f", f.place) })
	}
	return r
}

// placed is a file of a recipe, and where it belongs.
type placed struct{ name, text, place string }

var place = regexp.MustCompile(`^# ([~/]\S+)\n`)

// files are those of the recipe but its README: each says in its first line where it belongs.
func (r recipe) files() (all []placed) {
	r.t.Helper()
	dir := filepath.Join("../examples", filepath.Base(r.dir))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		r.t.Fatalf("%d files: %v", len(entries), err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			r.t.Fatal(err)
		}
		if m := place.FindStringSubmatch(string(text)); m != nil {
			all = append(all, placed{e.Name(), string(text), strings.Replace(m[1], "~", "/home/demo", 1)})
		} else if e.Name() != "README.md" {
			r.t.Fatalf("%s does not say where it belongs", e.Name())
		}
	}
	return all
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
	all := strings.Join(shellBlocks(r.t, filepath.Join("../examples", filepath.Base(r.dir), "README.md")), "")
	if strings.Contains(all, " ~/.config/containers/systemd/\n") && !makesUnitDir.MatchString(all) {
		r.t.Error("the README copies into a directory that it does not make") // which other tests have made here
	}
	for line := range strings.Lines(all) {
		r.enter(strings.TrimSpace(line), instead)
	}
	for _, f := range r.files() {
		if there, err := os.ReadFile(filepath.Join(host.root, f.place)); err != nil || string(there) != f.text {
			r.t.Errorf("%s is not at %s as it is in the example: %v", f.name, f.place, err)
		}
	}
	if _, err := os.Stat(host.home(r.file())); err == nil {
		r.mustBeFine()
	}
}

var makesUnitDir = regexp.MustCompile(`mkdir -p .*~/\.config/containers/systemd\b`)

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
