package apply

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

const (
	oldHash  = "00000000000000aa"
	thisHash = "00000000000000bb"
)

// unit is a loaded unit in that state.
func unit(name, active string) manager.Unit {
	return manager.Unit{Name: name, LoadState: "loaded", ActiveState: active}
}

// gone is a unit in that state whose file was removed.
func gone(name, active string) manager.Unit {
	return manager.Unit{Name: name, LoadState: "not-found", ActiveState: active}
}

// socket is web.socket as the generator writes it.
func socket(active string) manager.Unit {
	u := unit("web.socket", active)
	u.WantedBy = []string{"sockets.target"}
	u.Triggers = []string{"web-proxy.service"}
	return u
}

func upheld(by ...string) manager.Unit {
	u := unit("podman-ondemand-apply@web-"+thisHash+".service", "activating")
	u.UpheldBy = append([]string{}, by...)
	return u
}

func newApplier(t *testing.T, f *managertest.Fake) (applier, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	return applier{
		systemd: f, app: application{"web", thisHash}, dir: t.TempDir(), log: log, retry: time.Millisecond,
	}, log
}

type situation struct {
	name   string
	mark   string
	units  []manager.Unit
	fails  map[string]error
	on     func(*managertest.Fake, string)
	orders []string
	after  string // the mark
	log    []string
}

func (s situation) run(t *testing.T, verb func(applier, context.Context) error) {
	f := &managertest.Fake{Loaded: s.units, Fails: s.fails, On: s.on}
	a, log := newApplier(t, f)
	if s.mark != "" {
		if err := (mark{a.dir, "web"}).write(s.mark); err != nil {
			t.Fatal(err)
		}
	}
	if err := verb(a, context.Background()); err != nil {
		t.Errorf("error: %v", err)
	}
	if d := cmp.Diff(s.orders, f.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s", d)
	}
	after, err := mark{a.dir, "web"}.read()
	if err != nil || after != s.after {
		t.Errorf("mark afterwards %q (%v), want %q", after, err, s.after)
	}
	var got []string
	if log.Len() > 0 {
		got = strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	}
	if d := cmp.Diff(s.log, got); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}

func TestStart(t *testing.T) {
	target := unit("sockets.target", "active")
	const changed = "<6>web: web.socket has changed, restarting it"
	const starting = "<6>web: starting web.socket"
	for _, s := range []situation{{
		name:  "boot: sockets.target has just started it",
		units: []manager.Unit{socket("active"), target},
		after: thisHash,
	}, {
		name:  "a reload that changed nothing",
		mark:  thisHash,
		units: []manager.Unit{socket("active"), target},
		after: thisHash,
	}, {
		name:  "a person stopped it",
		mark:  thisHash,
		units: []manager.Unit{socket("inactive"), target},
		after: thisHash,
	}, {
		name:   "a new file",
		units:  []manager.Unit{socket("inactive"), target},
		orders: []string{"start web.socket"}, after: thisHash, log: []string{starting},
	}, {
		name:  "a new file at boot, before sockets.target is there",
		units: []manager.Unit{socket("inactive"), unit("sockets.target", "inactive")},
		after: thisHash,
	}, {
		name:  "a new file that nothing pulls in: empty WantedBy=",
		units: []manager.Unit{unit("web.socket", "inactive"), target},
		after: thisHash,
	}, {
		name: "pulled in by RequiredBy= of a unit that is coming up",
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "inactive", RequiredBy: []string{"my.target"}},
			unit("my.target", "activating"),
		},
		orders: []string{"start web.socket"}, after: thisHash, log: []string{starting},
	}, {
		name: "upheld by a unit that is up",
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "failed", UpheldBy: []string{"sockets.target"}}, target,
		},
		orders: []string{"start web.socket"}, after: thisHash, log: []string{starting},
	}, {
		name:   "changed, asleep",
		mark:   oldHash,
		units:  []manager.Unit{socket("active"), target},
		orders: []string{"restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:   "changed, awake",
		mark:   oldHash,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:   "changed while waking up",
		mark:   oldHash,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "activating"), target},
		orders: []string{"stop web-proxy.service", "restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:   "changed addresses: systemd left it dead after the reload, the proxy runs on",
		mark:   oldHash,
		units:  []manager.Unit{socket("failed"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "start web.socket"}, after: thisHash, log: []string{starting},
	}, {
		name: "changed, without our proxy: the container's service holds the sockets",
		mark: oldHash,
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "active", Triggers: []string{"web.service"}},
			unit("web.service", "active"),
		},
		orders: []string{"stop web.service", "restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:   "changed, was stopped by a person, nothing that is up wants it",
		mark:   oldHash,
		units:  []manager.Unit{socket("inactive"), unit("sockets.target", "inactive")},
		orders: nil, after: thisHash,
	}, {
		name:   "a socket that fails to start is logged, and tried again by the next instance",
		units:  []manager.Unit{socket("inactive"), target},
		fails:  map[string]error{"start web.socket": &manager.JobError{Verb: "start", Unit: "web.socket", Result: "failed"}},
		orders: []string{"start web.socket"}, after: markFailed,
		log: []string{starting, `<3>web: web.socket does not listen as the file says: the start of web.socket ended with "failed". See: systemctl --user status web.socket; once that is mended: systemctl --user start web.socket`},
	}, {
		name:   "after a failure back to what worked before",
		mark:   markFailed,
		units:  []manager.Unit{socket("failed"), target},
		orders: []string{"start web.socket"}, after: thisHash, log: []string{starting},
	}, {
		name:   "after a failed restart that left the old listeners",
		mark:   markFailed,
		units:  []manager.Unit{socket("active"), target},
		orders: []string{"restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:   "the proxy cannot be stopped",
		mark:   oldHash,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active")},
		fails:  map[string]error{"stop web-proxy.service": errors.New("no answer")},
		orders: []string{"stop web-proxy.service"}, after: markFailed,
		log: []string{changed, "<3>web: web.socket does not listen as the file says: no answer. See: systemctl --user status web.socket; once that is mended: systemctl --user start web.socket"},
	}, {
		name:  "masked by a person",
		units: []manager.Unit{{Name: "web.socket", LoadState: "masked", ActiveState: "inactive"}, target},
		log:   []string{"<4>web: web.socket is masked, nothing to start"},
	}, {
		name:   "upheld, as systemd since 249 can tell",
		mark:   oldHash,
		units:  []manager.Unit{socket("active"), upheld("sockets.target"), target},
		orders: []string{"restart web.socket"}, after: thisHash, log: []string{changed},
	}, {
		name:  "changed once more while this one waited for its turn",
		mark:  oldHash,
		units: []manager.Unit{socket("active"), upheld(), target},
		after: oldHash,
		log:   []string{"<6>web: the file has changed again, leaving it to the newer instance"},
	}} {
		t.Run(s.name, func(t *testing.T) { s.run(t, applier.start) })
	}
}

// A client that comes between the proxy's stop and the socket's restart wakes the proxy, and the socket refuses.
func TestStartProxyWokenInBetween(t *testing.T) {
	f := &managertest.Fake{Loaded: []manager.Unit{socket("active"), unit("web-proxy.service", "active")}}
	f.Fails = map[string]error{"restart web.socket": errors.New("refused")}
	f.On = func(f *managertest.Fake, order string) {
		if len(f.Orders) < 2 {
			f.Get("web-proxy.service").ActiveState = "active"
			return
		}
		delete(f.Fails, "restart web.socket")
	}
	a, log := newApplier(t, f)
	if err := (mark{a.dir, "web"}).write(oldHash); err != nil {
		t.Fatal(err)
	}
	if err := a.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{"stop web-proxy.service", "restart web.socket", "stop web-proxy.service", "restart web.socket"}
	if d := cmp.Diff(want, f.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s\n%s", d, log)
	}
}

func TestStop(t *testing.T) {
	stopping := func(unit string) string { return "<6>web: the file has gone, stopping " + unit }
	for _, s := range []situation{{
		name:  "only the text has changed, or the system goes down",
		mark:  thisHash,
		units: []manager.Unit{socket("active"), unit("web-proxy.service", "active")},
		after: thisHash,
	}, {
		name:   "removed while asleep",
		mark:   thisHash,
		units:  []manager.Unit{gone("web.socket", "active")},
		orders: []string{"stop web.socket"},
		log:    []string{stopping("web.socket")},
	}, {
		name:   "removed while awake",
		mark:   thisHash,
		units:  []manager.Unit{gone("web.service", "active"), gone("web-proxy.service", "active"), gone("web.socket", "active")},
		orders: []string{"stop web.socket", "stop web-proxy.service", "stop web.service"},
		log:    []string{stopping("web.socket"), stopping("web-proxy.service"), stopping("web.service")},
	}, {
		name:   "a Quadlet has taken over the name",
		mark:   thisHash,
		units:  []manager.Unit{gone("web.socket", "active"), unit("web.service", "active"), gone("web-proxy.service", "activating")},
		orders: []string{"stop web.socket", "stop web-proxy.service"},
		log:    []string{stopping("web.socket"), stopping("web-proxy.service")},
	}, {
		name:  "removed, was stopped by a person",
		mark:  thisHash,
		units: []manager.Unit{gone("web.socket", "inactive")},
	}, {
		name:  "nothing was ever there",
		units: nil,
	}, {
		name:   "the mark is a newer hash's",
		mark:   oldHash,
		units:  []manager.Unit{gone("web.socket", "active")},
		orders: []string{"stop web.socket"}, after: oldHash,
		log: []string{stopping("web.socket")},
	}, {
		name:   "it never came up, and no failed unit stays behind",
		mark:   markFailed,
		units:  []manager.Unit{gone("web.socket", "failed"), gone("web.service", "failed"), unit("web-proxy.service", "failed")},
		orders: []string{"reset-failed web.socket", "reset-failed web.service"},
	}, {
		name:  "the container ends by SIGTERM without its SuccessExitStatus=",
		mark:  thisHash,
		units: []manager.Unit{gone("web.service", "active")},
		on: func(f *managertest.Fake, order string) {
			if order == "stop web.service" {
				f.Get("web.service").ActiveState = "failed"
			}
		},
		orders: []string{"stop web.service", "reset-failed web.service"},
		log:    []string{stopping("web.service")},
	}, {
		name:   "one that cannot be stopped does not spare the others",
		mark:   thisHash,
		units:  []manager.Unit{gone("web.socket", "active"), gone("web.service", "active")},
		fails:  map[string]error{"stop web.socket": errors.New("no answer"), "unit web-proxy.service": errors.New("no such object")},
		orders: []string{"stop web.socket", "stop web.service"},
		log:    []string{stopping("web.socket"), "<3>web: no answer", "<3>web: no such object", stopping("web.service")},
	}, {
		name:   "masked and removed",
		mark:   thisHash,
		units:  []manager.Unit{{Name: "web.socket", LoadState: "masked", ActiveState: "active"}},
		orders: []string{"stop web.socket"},
		log:    []string{stopping("web.socket")},
	}} {
		t.Run(s.name, func(t *testing.T) { s.run(t, applier.stop) })
	}
}

// After a change systemd stops the old instance and starts the new one at the same time.
func TestStopAndStartAtTheSameTime(t *testing.T) {
	for range 20 {
		f := &managertest.Fake{Loaded: []manager.Unit{socket("active"), unit("sockets.target", "active")}}
		next, _ := newApplier(t, f)
		old := next
		old.app.hash = oldHash
		if err := (mark{next.dir, "web"}).write(oldHash); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Add(2)
		go func() { defer wg.Done(); _ = old.stop(context.Background()) }()
		go func() { defer wg.Done(); _ = next.start(context.Background()) }()
		wg.Wait()
		if got, _ := (mark{next.dir, "web"}).read(); got != thisHash {
			t.Fatalf("mark %q, want %q", got, thisHash)
		}
		if d := cmp.Diff([]string{"restart web.socket"}, f.Orders); d != "" {
			t.Fatalf("orders (-want +got):\n%s", d)
		}
	}
}

func TestLockIsBounded(t *testing.T) {
	a, _ := newApplier(t, &managertest.Fake{})
	unlock, err := mark{a.dir, "web"}.lock(context.Background(), a.retry)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := a.start(ctx); err == nil || !strings.Contains(err.Error(), "another instance still holds") {
		t.Errorf("error %v", err)
	}
	other := a
	other.app.name = "db"
	if err := other.start(context.Background()); err != nil {
		t.Errorf("another application had to wait: %v", err)
	}
}

// The mark and its helpers are the only files, and a name cannot lead out of the directory.
func TestMarkFiles(t *testing.T) {
	a, _ := newApplier(t, &managertest.Fake{Loaded: []manager.Unit{socket("active")}})
	if err := a.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if d := cmp.Diff([]string{".web.lock", "web"}, names); d != "" {
		t.Error(d)
	}
	text, err := os.ReadFile(filepath.Join(a.dir, "web"))
	if err != nil || string(text) != thisHash+"\n" {
		t.Errorf("mark %q (%v)", text, err)
	}
}

func TestNoMarkDirectory(t *testing.T) {
	a, _ := newApplier(t, &managertest.Fake{})
	a.dir = filepath.Join(a.dir, "missing")
	if err := a.start(context.Background()); err == nil {
		t.Error("no error")
	}
}

// An instance whose own file was removed is still made by its template: it ends all the same, unless something asks for it.
func TestStopOfAnInstance(t *testing.T) {
	instance := func(name, template, active string) manager.Unit {
		return manager.Unit{Name: name, LoadState: "loaded", ActiveState: active, FragmentPath: "/run/generator/" + template}
	}
	for _, s := range []struct {
		name     string
		wantedBy []string
		template string
		orders   []string
	}{
		{"its file was removed", nil, "web@.socket", []string{"stop web@1.socket", "stop web-proxy@1.service", "stop web@1.service"}},
		{"the proxy wants its sockets", []string{"web-proxy@1.service"}, "web@.socket",
			[]string{"stop web@1.socket", "stop web-proxy@1.service", "stop web@1.service"}},
		{"the template's default instance", []string{"sockets.target"}, "web@.socket", nil},
		{"its file was changed", nil, "web@1.socket", nil},
	} {
		t.Run(s.name, func(t *testing.T) {
			socket := instance("web@1.socket", s.template, "active")
			socket.WantedBy, socket.Triggers = s.wantedBy, []string{"web-proxy@1.service"}
			f := &managertest.Fake{Loaded: []manager.Unit{
				socket, instance("web-proxy@1.service", "web-proxy@.service", "active"), instance("web@1.service", "web@.service", "active"),
			}}
			a, _ := newApplier(t, f)
			a.app.name = "web@1"
			if err := a.stop(context.Background()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s.orders, f.Orders); d != "" {
				t.Errorf("orders (-want +got):\n%s", d)
			}
		})
	}
}
