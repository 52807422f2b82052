//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSoakMisbehaviour: what an application does to itself costs its port nothing, and leaves no process.
func TestSoakMisbehaviour(t *testing.T) {
	for _, c := range []struct {
		name, exec string
		answers    bool
		within     time.Duration // for each request
		requests   int
	}{
		{"ignores SIGTERM", "-ignore-term", true, 10 * time.Second, 1},
		{"takes long to listen", "-delay " + either("4s", "20s"), true, 30 * time.Second, 1},
		{"listens, then dies at once", "-exit-after 20ms", false, 10 * time.Second, either(5, 50)},
		{"forks and leaves", "-fork", false, 10 * time.Second, either(5, 50)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, plain+"[Container]\nStopTimeout=2\nExec="+c.exec+"\n")
			var replies []reply
			for range c.requests {
				r := a.get("/")
				replies = append(replies, r)
				if c.answers && r.err != nil || r.took > slack*c.within {
					t.Errorf("%v after %v", r.err, r.took)
				}
			}
			n, _ := answered(replies)
			eventually(t, 20*time.Second, "neither the proxy nor the container is up", func() bool {
				return a.isDown(a.proxy()) && a.isDown(a.container())
			})
			record(t, "an application that "+c.name, "socket alive, nothing left", fmt.Sprintf("%d of %d answered, slowest %s", n, len(replies), ms(slowest(replies))))
			for _, program := range []string{"podman-ondemand", "podman", "conmon", "testapp"} {
				for _, unit := range a.units() {
					if pid, left := process(t, unit, program); left {
						t.Errorf("left over in %s: %s, process %d", unit, program, pid)
					}
				}
			}
			if left := a.allContainers(); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
			if !listens(t, a.port) {
				t.Error("the socket is gone")
			}
		})
	}
}

// isDown says whether a unit is at rest.
func (a *app) isDown(unit string) bool {
	state := a.state(unit)
	return state == "inactive" || state == "failed"
}

// cannotStart wants requests to be let go in time with a reason in the journal, nothing to be tried while nobody asks, and an answer
// when the cause is gone.
func (a *app) cannotStart(what, reason string, within time.Duration, mend func()) {
	a.t.Helper()
	slowest := time.Duration(0)
	for range either(2, 10) {
		r := a.get("/")
		slowest = max(slowest, r.took)
		if r.err == nil || r.took > slack*within {
			a.t.Errorf("%s: %v after %v", what, r.err, r.took)
		}
	}
	eventually(a.t, 5*time.Second, "the journal says: "+reason, func() bool {
		return strings.Contains(host.journal(a.t, a.mark, "-o", "cat"), reason)
	})
	eventually(a.t, 10*time.Second, "no further try", func() bool { return a.state(a.proxy()) != "activating" && a.state(a.container()) != "activating" })
	before := host.show(a.t, a.container(), "ExecMainStartTimestampMonotonic")
	time.Sleep(2 * time.Second)
	if after := host.show(a.t, a.container(), "ExecMainStartTimestampMonotonic"); after != before {
		a.t.Error("tried again while nobody asked")
	}
	mend()
	took := eventually(a.t, 31*time.Second, what+": an answer", func() bool { return a.get("/").err == nil })
	record(a.t, what, "let go <= "+within.String()+", then answers", fmt.Sprintf("let go after %s; mended: answers after %s", ms(slowest), ms(took)))
}

// TestSoakRegistry: one that says nothing. Podman waits 10 s for it at each try, and has systemd's timeout extended for as long as it
// pulls (EXTEND_TIMEOUT_USEC= in sd_notify(3)), so it is podman that lets go.
func TestSoakRegistry(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", a.port+5))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // what connects to it waits in the kernel's queue
	image := fmt.Sprintf("127.0.0.1:%d/%s:latest", a.port+5, a.name)
	a.write(strings.Replace(plain, "localhost/testapp", image+"\nPodmanArgs=--retry=1", 1))
	host.reload(t)
	a.mustListen(a.port)
	a.cannotStart("a registry that says nothing", "TLS handshake timeout", 25*time.Second, func() {
		host.run(t, "podman", "tag", "localhost/testapp", image)
		t.Cleanup(func() { host.try("podman", "untag", "localhost/testapp", image) })
	})
}

// TestSoakDiskFull: podman's storage on a file system of its own, which is full. With a run root of its own, too: podman counts there who
// has mounted which layer, and forgets those of another storage, whose containers then start without their files.
func TestSoakDiskFull(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	small := "/home/demo/" + a.name
	root := func(args ...string) { host.asRoot(t, args...) }
	root("mkdir", small)
	root("mount", "-t", "tmpfs", "-o", "size=4m,uid=1000,gid=1000,mode=700", "tmpfs", small)
	run := "/run/user/1000/" + a.name
	storage := []string{"--root", small, "--runroot", run, "--storage-opt", "additionalimagestore=/home/demo/.local/share/containers/storage"}
	t.Cleanup(func() {
		host.try(append(append([]string{"podman"}, storage...), "rm", "-a", "-f", "-t0")...)
		root("umount", "-l", small)
		root("rmdir", small)
		root("rm", "-rf", "--one-file-system", run)
	})
	a.write(plain + "[Container]\nGlobalArgs=" + strings.Join(storage, " ") + "\n")
	host.reload(t)
	a.mustListen(a.port)
	a.mustGet("/")
	a.mustSleep(10 * time.Second)
	host.run(t, "sh", "-c", "cat /dev/zero >"+small+"/full 2>/dev/null || true")
	a.cannotStart("podman's storage is full", "no space left on device", 5*time.Second, func() { host.run(t, "rm", small+"/full") })
}

// TestSoakPodmanHangs runs alone: all applications use the same podman. After the start timeout systemd waits for "podman rm" as well,
// for TimeoutStopSec=, which is 90 s where a person says nothing; less would cut short a container that may take its time to stop.
func TestSoakPodmanHangs(t *testing.T) {
	a := newApp(t)
	hang := "hang-" + a.name
	host.write(t, hang, "#!/bin/sh\nexec sleep 1000\n")
	if err := os.Chmod(host.home(hang), 0o755); err != nil {
		t.Fatal(err)
	}
	host.asRoot(t, "mount", "--bind", "/home/demo/"+hang, "/usr/bin/podman")
	mend := sync.OnceFunc(func() { host.asRoot(t, "umount", "/usr/bin/podman") })
	defer mend()
	a.write(plain + "StartTimeout=2s\n[Service]\nTimeoutStopSec=5\n")
	host.reload(t)
	a.mustListen(a.port)
	a.cannotStart("a podman that hangs, 2 s + 5 s to remove it", "start operation timed out", 15*time.Second, mend)
}
