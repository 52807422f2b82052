package generator

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakePodman is a program that says a version, and writes down each call.
func fakePodman(t *testing.T, answer string) (e environment, calls func() int) {
	t.Helper()
	dir := t.TempDir()
	log := dir + "/log"
	script := "#!/bin/sh\necho \"$1 $HOME\" >>" + log + "\n" + answer + "\n"
	if err := os.WriteFile(dir+"/podman", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	e = environment{user: true, podman: dir + "/podman", getenv: func(string) string { return dir + "/run" }}
	return e, func() int {
		text, _ := os.ReadFile(log)
		if n := strings.Count(string(text), "--version /\n"); n == strings.Count(string(text), "\n") {
			return n
		}
		t.Fatalf("called otherwise: %q", text)
		return 0
	}
}

// TestVersionIsCached: podman is asked once, and again when it is another one.
func TestVersionIsCached(t *testing.T) {
	e, calls := fakePodman(t, "echo podman version 4.9.3-rhel")
	for range 3 {
		if v := e.podmanVersion(); v != (version{4, 9}) || calls() != 1 {
			t.Fatalf("%v after %d calls", v, calls())
		}
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(e.podman, later, later); err != nil {
		t.Fatal(err)
	}
	if e.podmanVersion(); calls() != 2 {
		t.Errorf("%d calls for two programs", calls())
	}
	if left, _ := filepath.Glob(filepath.Dir(e.versionCache()) + "/.podman-version-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestVersionCacheIsHostile: whatever lies in the cache's place, the generator
// neither waits for it nor writes through it.
func TestVersionCacheIsHostile(t *testing.T) {
	for name, put := range map[string]func(path, outside string) error{
		"a pipe":      func(path, _ string) error { return syscall.Mkfifo(path, 0o644) },
		"a directory": func(path, _ string) error { return os.MkdirAll(path+"/x", 0o755) },
		"a link":      func(path, outside string) error { return os.Symlink(outside, path) },
		"a device":    func(path, _ string) error { return os.Symlink("/dev/zero", path) },
		"nothing":     func(path, _ string) error { return os.WriteFile(path, nil, 0o644) },
		"no answer":   func(path, _ string) error { return os.WriteFile(path, []byte(strings.Repeat("\n", 1<<20)), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			e, calls := fakePodman(t, "echo podman version 5.4.2")
			outside := t.TempDir() + "/outside"
			if err := os.WriteFile(outside, []byte("kept"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(e.versionCache()), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := put(e.versionCache(), outside); err != nil {
				t.Fatal(err)
			}
			if v := e.podmanVersion(); v != (version{5, 4}) || calls() != 1 {
				t.Errorf("%v after %d calls", v, calls())
			}
			if text, _ := os.ReadFile(outside); string(text) != "kept" {
				t.Errorf("written through a link: %q", text)
			}
		})
	}
}

// TestVersionUnknown: a podman that cannot say its version costs a bounded time.
func TestVersionUnknown(t *testing.T) {
	for name, answer := range map[string]string{
		"it fails": "echo podman version 5.4.2; exit 1", "it says nothing": "", "it says nonsense": "echo podman version x.y",
		"it hangs": "exec sleep 60", "something of it hangs": "echo podman version 5.4.2; sleep 60 & exit 1", "a negative one": "echo podman version -1.-2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := fakePodman(t, answer)
			begin := time.Now()
			if v := e.podmanVersion(); v != (version{}) {
				t.Errorf("%v", v)
			}
			if took := time.Since(begin); took > 10*podmanPatience {
				t.Errorf("it took %v", took)
			}
			if _, err := os.Lstat(e.versionCache()); err == nil {
				t.Error("and it is remembered")
			}
		})
	}
	if v := (environment{user: true, podman: "/nonexistent", getenv: os.Getenv}).podmanVersion(); v != (version{}) {
		t.Errorf("a podman that is not there: %v", v)
	}
}

// TestVersionWithoutCache: where nothing can be written podman is asked each time.
func TestVersionWithoutCache(t *testing.T) {
	e, calls := fakePodman(t, "echo podman version 5.4.2")
	e.getenv = func(string) string { return "" }
	for range 2 {
		if v := e.podmanVersion(); v != (version{5, 4}) {
			t.Errorf("%v", v)
		}
	}
	e.getenv = func(string) string { return "/dev/null" }
	if v := e.podmanVersion(); v != (version{5, 4}) || calls() != 3 {
		t.Errorf("%v after %d calls", v, calls())
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"4.9", "4.10", true}, {"4.10", "4.9", false}, {"4.9", "5.0", true}, {"5.0", "4.9", false}, {"5.4", "5.4", false},
	} {
		a, _ := parseVersion(c.a)
		b, _ := parseVersion(c.b)
		if a.older(b) != c.want {
			t.Errorf("%s older than %s: %v", c.a, c.b, !c.want)
		}
	}
}
