//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRecipeWeb(t *testing.T) {
	t.Parallel()
	httpd.make(t)
	r := takeRecipe(t, "web", "web", 8080).sleepsSoon()
	r.follow(nil)
	r.serves("hello\n")
}

// TestRecipeFixedAddress: the address comes after the socket, and no other address of the host answers.
func TestRecipeFixedAddress(t *testing.T) {
	t.Parallel()
	httpd.make(t)
	r := takeRecipe(t, "fixed-address", "site", 8081).sleepsSoon()
	r.follow(nil)
	r.mustListen(r.port)
	if reply := r.get("/"); reply.err == nil {
		t.Errorf("127.0.0.1 answers: %q", reply.body)
	}
	r.ip = "192.0.2.10"
	host.asRoot(t, "ip", "address", "add", r.ip+"/32", "dev", "lo")
	t.Cleanup(func() { host.inside("root", "ip", "address", "del", r.ip+"/32", "dev", "lo") })
	r.serves("hello\n")
}

// TestRecipeHedgeDoc has the application of e2e/pad in the place of HedgeDoc: it reads the same address of its database.
func TestRecipeHedgeDoc(t *testing.T) {
	t.Parallel()
	if err := padImage(); err != nil {
		t.Fatal(err)
	}
	derived(t, "quay.io/hedgedoc/hedgedoc:1.10.8", "FROM localhost/pad", `ENTRYPOINT ["app"]`)
	derived(t, "docker.io/library/postgres:17", "FROM localhost/pad", "ENV PGDATA=/var/lib/postgresql/data", `ENTRYPOINT ["db"]`)
	r := takeRecipe(t, "hedgedoc", "hedgedoc", 3000).sleepsSoon()
	t.Cleanup(func() { host.try("podman", "volume", "rm", "-f", "hedgedoc-database", "hedgedoc-uploads") })
	r.follow(nil)
	r.mustListen(r.port)
	first := must(t, requestWithin(slack*time.Minute, "tcp", r.address(), "/add?kept"))
	awake := r.idleConnection()
	if n := strings.Count(host.run(t, "podman", "ps", "-q", "--filter", "label=org.example.service=notes"), "\n"); n != 2 {
		t.Errorf("%d containers have the label", n)
	}
	if said := host.unitFiles(t, "hedgedoc*"); strings.Contains(said, "change-me") {
		t.Errorf("the password is in a unit:\n%s", said)
	}
	awake.Close()
	r.mustSleep(30 * time.Second)
	again := r.mustGet("/")
	if again.body != "kept\n" {
		t.Errorf("after a sleep the database has %q", again.body)
	}
	record(t, "examples/hedgedoc", "wakes, sleeps, knows it", ms(first.took)+", "+ms(again.took))
}

// TestRecipeLimits: systemd has taken the limits, and the container's process is below the control group that they are of.
func TestRecipeLimits(t *testing.T) {
	t.Parallel()
	httpd.make(t)
	r := takeRecipe(t, "limits", "limited", 8084)
	r.follow(nil)
	r.mustListen(r.port)
	if reply := r.mustGet("/"); reply.body != "It works!\n" {
		t.Errorf("%q", reply.body)
	}
	for property, want := range map[string]string{"MemoryMax": "268435456", "CPUQuotaPerSecUSec": "500ms", "TasksMax": "200"} {
		if got := host.show(t, r.container(), property); got != want {
			t.Errorf("%s=%s, want %s", property, got, want)
		}
	}
	pid := strings.TrimSpace(host.run(t, "podman", "inspect", "--format", "{{.State.Pid}}", "systemd-limited"))
	group := host.show(t, r.container(), "ControlGroup")
	if said := host.run(t, "cat", "/proc/"+pid+"/cgroup"); !strings.Contains(said, "::"+group+"/") {
		t.Errorf("the container is not below %s: %s", group, said)
	}
	// Only where the machine has the controllers for control groups v2 the kernel knows of it, too.
	inKernel := "no memory controller here"
	if limit, err := os.ReadFile(host.path(t, filepath.Join("/sys/fs/cgroup", group, "memory.max"))); err == nil {
		if inKernel = strings.TrimSpace(string(limit)); inKernel != "268435456" {
			t.Errorf("memory.max: %s", inKernel)
		}
	}
	record(t, "examples/limits, memory.max in the kernel", "268435456", inKernel)
}

// TestRecipeListenFDs: lighttpd ends by itself, after a second where the example has 300.
func TestRecipeListenFDs(t *testing.T) {
	t.Parallel()
	lighttpd := debianImage{name: "localhost/lighttpd", programs: []string{"/usr/sbin/lighttpd"},
		does: entrypoint(t, "listen-fds", `"300"`, `"1"`)}
	r := takeRecipe(t, "listen-fds", "pages", 8085)
	r.follow(map[string]func(){"podman build": func() { lighttpd.reads(t, "etc/lighttpd.conf", "listen-fds/lighttpd.conf").make(t) }})
	r.serves("hello\n")
}

// TestRecipeEachConnection: rsync reads a file through a container of its own, and cannot write one.
func TestRecipeEachConnection(t *testing.T) {
	t.Parallel()
	rsync := debianImage{name: "localhost/rsync", programs: []string{"/usr/bin/rsync", "/bin/sh"},
		does: entrypoint(t, "each-connection")}
	r := takeRecipe(t, "each-connection", "files", 8730)
	r.follow(map[string]func(){
		"podman build": func() { rsync.reads(t, "etc/rsyncd.conf", "each-connection/rsyncd.conf").make(t) },
		"rsync rsync:": func() { r.mustListen(r.port); r.enter("rsync rsync://localhost:8730/files/", nil) }, // nobody types that fast
	})
	host.write(t, "files/note", "to be read\n")
	host.run(t, "rsync", "rsync://localhost:8730/files/note", "fetched")
	if got := host.run(t, "cat", "fetched"); got != "to be read\n" {
		t.Errorf("%q", got)
	}
	if said, err := host.try("rsync", "fetched", "rsync://localhost:8730/files/"); err == nil {
		t.Errorf("it can be written to: %s", said)
	}
	eventually(t, 20*time.Second, "nothing of them is left", func() bool { return r.containers() == 0 && r.connections() == 0 })
	record(t, "examples/each-connection", "read, and only read", "so it was")
}

// TestRecipeOneOfTwo: one wakes, the other sleeps, and an answer that is under way comes to its end.
func TestRecipeOneOfTwo(t *testing.T) {
	t.Parallel()
	derived(t, "ghcr.io/ggml-org/llama.cpp:server", "FROM localhost/testapp", `ENTRYPOINT ["/testapp", "-listen", "8080", "--"]`)
	coder := takeRecipe(t, "one-of-two", "coder", 8087)
	coder.follow(nil)
	writer := recipe{&app{t: t, name: "writer", port: 8088, mark: coder.mark}, coder.dir}
	t.Cleanup(writer.cleanUp)
	writer.mustListen(writer.port)
	coder.mustGet("/")
	var took []string
	for i := range 4 {
		awake, other := coder, writer
		if i%2 == 1 {
			awake, other = writer, coder
		}
		last := make(chan reply)
		go func() { last <- awake.get("/sleep?ms=4000") }()
		eventually(t, 3*time.Second, "the request is with the application", func() bool {
			return strings.HasPrefix(host.show(t, awake.proxy(), "StatusText"), "1 connection,")
		})
		took = append(took, ms(other.mustGet("/").took))
		if awake.running() {
			t.Errorf("%s runs beside %s", awake.name, other.name)
		}
		must(t, <-last)
		if s := awake.state(awake.socket()); s != "active" {
			t.Errorf("its socket is %s", s)
		}
	}
	record(t, "examples/one-of-two, turned round 4 times", "never both, nothing lost", strings.Join(took, ", "))
}
