package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"podman-ondemand/emit"
	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

const (
	oldHash      = "000000aa000000aa"
	thisHash     = "000000bb000000bb"
	otherInstall = "000000bb000000cc" // the same socket, pulled in by something else
)

var (
	applied = record{hash: thisHash, state: wanted}
	idle    = record{hash: thisHash, state: unwanted}
	before  = record{hash: oldHash, state: wanted}
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
	var a applier
	a = applier{
		systemd: f, app: application{"web", thisHash}, dir: filepath.Join(t.TempDir(), "marks"), log: log,
		retry: time.Millisecond, patience: 5 * time.Millisecond,
		bindable: func(manager.Listening) error { return nil },
		podman: func(_ context.Context, args ...string) error {
			order := "podman " + strings.Join(args, " ")
			order = strings.ReplaceAll(order, filepath.Dir(a.dir), "RUN")
			f.Orders = append(f.Orders, order)
			return f.Fails[order]
		},
	}
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return a, log
}

var errTaken = errors.New("[::]:80: address already in use")

func failing(why string) string {
	return "<3>web: web.socket does not listen as the file says: " + why +
		". It is tried again from time to time. See: systemctl --user status web.socket"
}

// removing is stop where podman removes what it should.
func removing(a applier, ctx context.Context) error {
	left, err := a.stop(ctx)
	if left {
		err = errors.Join(err, errLeft)
	}
	return err
}

// starting is the first call of start.
func starting(a applier, ctx context.Context) error {
	_, err := a.start(ctx, nil)
	return err
}

type situation struct {
	name   string
	mark   record
	busy   []error  // what each try to bind to the addresses gives; then it works
	listen []string // ListenStream=
	dirs   []string // in the runtime directory
	units  []manager.Unit
	fails  map[string]error
	woken  string // what the proxy has left a note of
	on     func(*managertest.Fake, string)
	orders []string
	after  record // the mark
	log    []string
}

func (s situation) run(t *testing.T, verb func(applier, context.Context) error) {
	t.Helper()
	f := &managertest.Fake{Loaded: s.units, Fails: s.fails, On: s.on, Listen: manager.Listening{Streams: s.listen}}
	a, log := newApplier(t, f)
	tries := 0
	a.bindable = func(manager.Listening) error {
		if tries++; tries > len(s.busy) {
			return nil
		}
		return s.busy[tries-1]
	}
	for _, dir := range s.dirs {
		if err := os.MkdirAll(filepath.Join(filepath.Dir(a.dir), dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if s.woken != "" {
		note := filepath.Join(a.runtimeDir(a.app.proxy()), emit.WokenFile)
		if err := errors.Join(os.MkdirAll(filepath.Dir(note), 0o700), os.WriteFile(note, []byte(s.woken), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if s.mark != (record{}) {
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
	const begins = "<6>web: starting web.socket"
	const predecessor = "<6>web: web.service still runs as it was before it was started on demand, stopping it; the next connection starts it again"
	refused := &manager.JobError{Verb: "start", Unit: "web.socket", Result: "failed"}
	for _, s := range []situation{{
		name:  "boot: sockets.target has just started it",
		units: []manager.Unit{socket("active"), target},
		after: applied,
	}, {
		name:  "a reload that changed nothing",
		mark:  applied,
		units: []manager.Unit{socket("active"), target},
		after: applied,
	}, {
		name:  "a person stopped it",
		mark:  applied,
		units: []manager.Unit{socket("inactive"), target},
		after: applied,
	}, {
		name:   "a new file",
		units:  []manager.Unit{socket("inactive"), target},
		orders: []string{"start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:  "a new file at boot, before sockets.target is there",
		units: []manager.Unit{socket("inactive"), unit("sockets.target", "inactive")},
		after: idle,
	}, {
		name:  "a new file that nothing pulls in: empty WantedBy=",
		units: []manager.Unit{unit("web.socket", "inactive"), target},
		after: idle,
	}, {
		name: "pulled in by RequiredBy= of a unit that is coming up",
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "inactive", RequiredBy: []string{"my.target"}},
			unit("my.target", "activating"),
		},
		orders: []string{"start web.socket"}, after: applied, log: []string{begins},
	}, {
		name: "upheld by a unit that is up",
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "failed", UpheldBy: []string{"sockets.target"}}, target,
		},
		orders: []string{"reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:   "changed, asleep",
		mark:   before,
		units:  []manager.Unit{socket("active"), target},
		orders: []string{"restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:   "changed, awake",
		mark:   before,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:   "changed while waking up",
		mark:   before,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "activating"), target},
		orders: []string{"stop web-proxy.service", "restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:   "changed addresses: systemd left it dead after the reload, the proxy runs on",
		mark:   before,
		units:  []manager.Unit{socket("failed"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name: "changed, without our proxy: the container's service holds the sockets",
		mark: before,
		units: []manager.Unit{
			{Name: "web.socket", LoadState: "loaded", ActiveState: "active", Triggers: []string{"web.service"}},
			unit("web.service", "active"),
		},
		orders: []string{"stop web.service", "restart web.socket"}, after: idle, log: []string{changed},
	}, {
		name:   "changed, was stopped by a person, nothing that is up wants it",
		mark:   before,
		units:  []manager.Unit{socket("inactive"), unit("sockets.target", "inactive")},
		orders: nil, after: idle,
	}, {
		name:   "a socket that fails to start is logged, and tried again by the next instance",
		units:  []manager.Unit{socket("inactive"), target},
		fails:  map[string]error{"start web.socket": refused},
		orders: []string{"start web.socket", "start web.socket", "start web.socket"},
		after:  record{thisHash, failed, refused.Error()},
		log:    []string{begins, failing(refused.Error())},
	}, {
		name:   "after a failure back to what worked before",
		mark:   record{oldHash, failed, "x"},
		units:  []manager.Unit{socket("failed"), target},
		orders: []string{"reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:   "after a failed restart that left the old listeners",
		mark:   record{oldHash, failed, "x"},
		units:  []manager.Unit{socket("active"), target},
		orders: []string{"restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:   "the proxy cannot be stopped",
		mark:   before,
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active")},
		fails:  map[string]error{"stop web-proxy.service": errors.New("no answer")},
		orders: []string{"stop web-proxy.service", "stop web-proxy.service", "stop web-proxy.service"},
		after:  record{thisHash, failed, "no answer"},
		log:    []string{changed, failing("no answer")},
	}, {
		name:   "another application's proxy holds the port for a moment: the two have swapped their ports",
		mark:   before,
		busy:   []error{errTaken, errTaken},
		units:  []manager.Unit{socket("failed"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:  "a foreign program holds the port: the socket gets no order",
		mark:  before,
		busy:  []error{errTaken, errTaken, errTaken, errTaken, errTaken, errTaken, errTaken},
		units: []manager.Unit{socket("failed"), target},
		after: record{thisHash, failed, errTaken.Error()},
		log:   []string{begins, "<6>web: " + errTaken.Error() + ", waiting for it", failing(errTaken.Error())},
	}, {
		name:  "a port that takes privileges: why, without waiting",
		mark:  before,
		busy:  []error{fmt.Errorf("[::]:80: %w", unix.EACCES), errTaken},
		units: []manager.Unit{socket("failed"), target},
		after: record{thisHash, failed, "[::]:80: permission denied"},
		log: []string{begins, "<3>web: web.socket does not listen as the file says: [::]:80: permission denied. " +
			"Users may listen on ports from net.ipv4.ip_unprivileged_port_start on, see sysctl(8)"},
	}, {
		name:   "a Quadlet's container that publishes the port: web.container was renamed",
		units:  []manager.Unit{socket("failed"), unit("web.service", "active"), target},
		orders: []string{"stop web.service", "reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins, predecessor},
	}, {
		name:   "a container that a person has started under our text",
		dirs:   []string{"podman-ondemand/web/container.pid"},
		units:  []manager.Unit{socket("failed"), unit("web.service", "active"), target},
		orders: []string{"reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:   "a container with Proxy=none, which has the sockets, is to have a proxy",
		mark:   before,
		dirs:   []string{"podman-ondemand/web"},
		units:  []manager.Unit{socket("active"), unit("web.service", "active"), target},
		orders: []string{"stop web.service", "restart web.socket"}, after: applied, log: []string{changed, predecessor},
	}, {
		name:  "a container behind a proxy is to be one for each connection",
		mark:  before,
		dirs:  []string{"podman-ondemand/web/container.pid"},
		units: []manager.Unit{socket("active"), gone("web.service", "active"), gone("web-proxies.target", "active"), target},
		orders: []string{"stop web-proxies.target", "podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web.service", "stop web.service",
			"podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web.service", "restart web.socket"},
		after: applied,
		log:   []string{changed, "<6>web: the file has gone, stopping web-proxies.target", "<6>web: the file has gone, stopping web.service"},
	}, {
		name:  "a pod is to be one container: its containers have lost their units",
		mark:  before,
		dirs:  []string{"podman-ondemand/web/pod.id", "podman-ondemand/web-app"},
		units: []manager.Unit{socket("active"), unit("web.service", "active"), gone("web-app.service", "active"), unit("web-proxy.service", "active"), target},
		orders: []string{"podman pod rm --ignore --force --pod-id-file RUN/podman-ondemand/web/pod.id",
			"podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web-app.service", "stop web-app.service",
			"podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web-app.service", "stop web-proxy.service", "restart web.socket"},
		after: applied,
		log:   []string{changed, "<6>web: the file has gone, stopping web-app.service"},
	}, {
		name:   "in front of somebody else's unit there is to be a container",
		mark:   before,
		woken:  "app-pod.service",
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active"), unit("app-pod.service", "active"), target},
		orders: []string{"stop web-proxy.service", "stop app-pod.service", "restart web.socket"},
		after:  applied,
		log:    []string{changed, "<6>web: stopping app-pod.service, which the file had woken"},
	}, {
		name:   "a broken file with Unit= is mended: what said so is forgotten",
		mark:   applied,
		units:  []manager.Unit{socket("active"), gone("web.service", "failed"), target},
		orders: []string{"reset-failed web.service"},
		after:  applied,
	}, {
		name: "somebody else's service under our name is not stopped",
		units: []manager.Unit{
			socket("failed"), target,
			{Name: "web.service", LoadState: "loaded", ActiveState: "active", FragmentPath: "/home/me/.config/systemd/user/web.service"},
		},
		orders: []string{"reset-failed web.socket", "start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:   "changed and changed back at once: systemd has closed its listeners",
		mark:   applied,
		listen: []string{"@web", "127.0.0.1:80"},
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active"), target},
		orders: []string{"stop web-proxy.service", "restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:   "the same, found by the instance of the change",
		mark:   record{oldHash, wanted, ""},
		listen: []string{"[::]:80"},
		units:  []manager.Unit{socket("active"), upheld(), target},
		orders: []string{"restart web.socket"}, after: before,
		log: []string{"<6>web: the file has changed again, leaving it to the newer instance", changed},
	}, {
		name:   "nothing has changed, and it listens",
		mark:   applied,
		listen: []string{"[::]:80"},
		busy:   []error{errTaken},
		units:  []manager.Unit{socket("active"), unit("web-proxy.service", "active"), target},
		after:  applied,
	}, {
		name:   "[Install] has changed: something pulls it in now",
		mark:   record{hash: otherInstall, state: unwanted},
		units:  []manager.Unit{socket("inactive"), target},
		orders: []string{"start web.socket"}, after: applied, log: []string{begins},
	}, {
		name:  "[Install] has changed, it listens",
		mark:  record{hash: otherInstall, state: unwanted},
		units: []manager.Unit{socket("active"), unit("web-proxy.service", "active"), target},
		after: applied,
	}, {
		name:  "[Install] has changed: nothing pulls it in any more, it goes on listening",
		mark:  record{hash: otherInstall, state: wanted},
		units: []manager.Unit{unit("web.socket", "active"), target},
		after: idle,
	}, {
		name:  "[Install] has changed, a person stopped it before",
		mark:  record{hash: otherInstall, state: wanted},
		units: []manager.Unit{socket("inactive"), target},
		after: applied,
	}, {
		name:  "masked by a person",
		units: []manager.Unit{{Name: "web.socket", LoadState: "masked", ActiveState: "inactive"}, target},
		log:   []string{"<4>web: web.socket is masked, nothing to start"},
	}, {
		name:   "upheld, as systemd since 249 can tell",
		mark:   before,
		units:  []manager.Unit{socket("active"), upheld("sockets.target"), target},
		orders: []string{"restart web.socket"}, after: applied, log: []string{changed},
	}, {
		name:  "changed once more while this one waited for its turn",
		mark:  before,
		units: []manager.Unit{socket("active"), upheld(), target},
		after: before,
		log:   []string{"<6>web: the file has changed again, leaving it to the newer instance"},
	}} {
		t.Run(s.name, func(t *testing.T) { s.run(t, starting) })
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
	if err := (mark{a.dir, "web"}).write(before); err != nil {
		t.Fatal(err)
	}
	if err := starting(a, context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{"stop web-proxy.service", "restart web.socket", "stop web-proxy.service", "restart web.socket"}
	if d := cmp.Diff(want, f.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s\n%s", d, log)
	}
}

func TestStop(t *testing.T) {
	const rm = "podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web.service"
	const rmApp = "podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web-app.service"
	const rmPod = "podman pod rm --ignore --force --pod-id-file RUN/podman-ondemand/web/pod.id"
	stopping := func(unit string) string { return "<6>web: the file has gone, stopping " + unit }
	for _, s := range []situation{{
		name:  "only the text has changed, or the system goes down",
		mark:  applied,
		units: []manager.Unit{socket("active"), unit("web-proxy.service", "active")},
		after: applied,
	}, {
		name:   "removed while asleep",
		mark:   applied,
		units:  []manager.Unit{gone("web.socket", "active")},
		orders: []string{"stop web.socket"},
		log:    []string{stopping("web.socket")},
	}, {
		name:   "removed while awake",
		mark:   applied,
		units:  []manager.Unit{gone("web.service", "active"), gone("web-proxy.service", "active"), gone("web.socket", "active")},
		orders: []string{"stop web.socket", "stop web-proxy.service", rm, "stop web.service", rm},
		log:    []string{stopping("web.socket"), stopping("web-proxy.service"), stopping("web.service")},
	}, {
		name: "removed with several proxies, and with containers of single connections",
		mark: applied,
		units: []manager.Unit{gone("web.socket", "active"), gone("web-proxies.target", "active"),
			gone("web@1-[::1]:80-[::1]:9.service", "active"), unit("web@x.service", "active")},
		orders: []string{"stop web.socket", "stop web-proxies.target", "podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web@1-[::1]:80-[::1]:9.service",
			"stop web@1-[::1]:80-[::1]:9.service"},
		log: []string{stopping("web.socket"), stopping("web-proxies.target"), stopping("web@1-[::1]:80-[::1]:9.service")},
	}, {
		name:   "a Quadlet has errTaken over the name",
		mark:   applied,
		units:  []manager.Unit{gone("web.socket", "active"), unit("web.service", "active"), gone("web-proxy.service", "activating")},
		orders: []string{"stop web.socket", "stop web-proxy.service"},
		log:    []string{stopping("web.socket"), stopping("web-proxy.service")},
	}, {
		name:  "removed, was stopped by a person",
		mark:  applied,
		units: []manager.Unit{gone("web.socket", "inactive")},
	}, {
		name:  "nothing was ever there",
		units: nil,
	}, {
		name:   "the mark is another hash's: it changed, and went before that was applied",
		mark:   before,
		units:  []manager.Unit{gone("web.socket", "active")},
		orders: []string{"stop web.socket"},
		log:    []string{stopping("web.socket")},
	}, {
		name:   "it never came up, and no failed unit stays behind",
		mark:   record{thisHash, failed, "x"},
		units:  []manager.Unit{gone("web.socket", "failed"), gone("web.service", "failed"), unit("web-proxy.service", "failed")},
		orders: []string{"reset-failed web.socket", "reset-failed web.service"},
	}, {
		name:  "the container ends by SIGTERM without its SuccessExitStatus=",
		mark:  applied,
		units: []manager.Unit{gone("web.service", "active")},
		on: func(f *managertest.Fake, order string) {
			if order == "stop web.service" {
				f.Get("web.service").ActiveState = "failed"
			}
		},
		orders: []string{rm, "stop web.service", "reset-failed web.service", rm},
		log:    []string{stopping("web.service")},
	}, {
		name:   "one that cannot be stopped does not spare the others",
		mark:   applied,
		units:  []manager.Unit{gone("web.socket", "active"), gone("web.service", "active")},
		fails:  map[string]error{"stop web.socket": errors.New("no answer"), "unit web-proxy.service": errors.New("no such object")},
		orders: []string{"stop web.socket", rm, "stop web.service", rm},
		log:    []string{stopping("web.socket"), "<3>web: no answer", "<3>web: no such object", stopping("web.service")},
	}, {
		name:   "removed while awake, podman has stopped it and its directory is left",
		mark:   applied,
		dirs:   []string{"podman-ondemand/web"},
		units:  []manager.Unit{gone("web.service", "inactive")},
		orders: []string{rm},
	}, {
		name: "a pod removed while awake, and what is not its own",
		mark: applied,
		dirs: []string{"podman-ondemand/web/pod.id", "podman-ondemand/web-app", "podman-ondemand/web-other"},
		units: []manager.Unit{gone("web.socket", "active"), gone("web-proxy.service", "active"), gone("web.service", "active"),
			gone("web-app.service", "active"), gone("web-db.service", "failed"),
			unit("web-other.service", "active"), gone("web-foreign.service", "active"), gone("web2-app.service", "failed")},
		orders: []string{"stop web.socket", "stop web-proxy.service", rmApp, "stop web-app.service", rmApp,
			"reset-failed web-db.service", rmPod, "stop web.service", rmPod},
		log: []string{stopping("web.socket"), stopping("web-proxy.service"), stopping("web-app.service"), stopping("web.service")},
	}, {
		name:   "removed while awake, a container of its own",
		mark:   applied,
		units:  []manager.Unit{gone("web-proxy.service", "active")},
		orders: []string{"stop web-proxy.service"},
		log:    []string{stopping("web-proxy.service")},
	}, {
		name:   "removed while awake, Unit= was another one's",
		mark:   applied,
		woken:  "app-pod.service",
		units:  []manager.Unit{gone("web-proxy.service", "active"), unit("app-pod.service", "active")},
		orders: []string{"stop web-proxy.service", "stop app-pod.service"},
		log:    []string{stopping("web-proxy.service"), "<6>web: stopping app-pod.service, which the file had woken"},
	}, {
		name:   "removed while awake, Unit= was another one's, and the proxy has ended before we came",
		mark:   applied,
		woken:  "app-pod.service",
		units:  []manager.Unit{unit("app-pod.service", "active")},
		orders: []string{"stop app-pod.service"},
		log:    []string{"<6>web: stopping app-pod.service, which the file had woken"},
	}, {
		name:  "removed while awake, and another proxy is in front of the same unit",
		mark:  applied,
		woken: "app-pod.service",
		units: []manager.Unit{
			gone("web-proxy.service", "active"), unit("other-proxy.service", "active"),
			{Name: "app-pod.service", LoadState: "loaded", ActiveState: "active", WantedBy: []string{"other-proxy.service"}},
		},
		orders: []string{"stop web-proxy.service"},
		log:    []string{stopping("web-proxy.service")},
	}, {
		name:   "masked and removed",
		mark:   applied,
		units:  []manager.Unit{{Name: "web.socket", LoadState: "masked", ActiveState: "active"}},
		orders: []string{"stop web.socket"},
		log:    []string{stopping("web.socket")},
	}} {
		t.Run(s.name, func(t *testing.T) { s.run(t, removing) })
	}
}

// After a change systemd stops the old instance and starts the new one at the same time.
func TestStopAndStartAtTheSameTime(t *testing.T) {
	for range 20 {
		f := &managertest.Fake{Loaded: []manager.Unit{socket("active"), unit("sockets.target", "active")}}
		next, _ := newApplier(t, f)
		old := next
		old.app.hash = oldHash
		if err := (mark{next.dir, "web"}).write(before); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Add(2)
		go func() { defer wg.Done(); _, _ = old.stop(context.Background()) }()
		go func() { defer wg.Done(); _ = starting(next, context.Background()) }()
		wg.Wait()
		if got, _ := (mark{next.dir, "web"}).read(); got != applied {
			t.Fatalf("mark %q, want %q", got, applied)
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
	if err := starting(a, ctx); err == nil || !strings.Contains(err.Error(), "another instance still holds") {
		t.Errorf("error %v", err)
	}
	other := a
	other.app.name = "db"
	if err := starting(other, context.Background()); err != nil {
		t.Errorf("another application had to wait: %v", err)
	}
}

// The mark and its helpers are the only files, and a name cannot lead out of the directory.
func TestMarkFiles(t *testing.T) {
	a, _ := newApplier(t, &managertest.Fake{Loaded: []manager.Unit{socket("active"), unit("sockets.target", "active")}})
	if err := starting(a, context.Background()); err != nil {
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
	if err != nil || string(text) != thisHash+" wanted\n" {
		t.Errorf("mark %q (%v)", text, err)
	}
}

func TestNoMarkDirectory(t *testing.T) {
	a, _ := newApplier(t, &managertest.Fake{})
	a.dir = filepath.Join(a.dir, "missing")
	if err := starting(a, context.Background()); err == nil {
		t.Error("no error")
	}
}

// An instance whose own file was removed is still made by its template: it ends all the same, unless something asks for it.
// Another container uses the network of one whose file went: podman stops it and does not remove it. The next try does.
func TestStopUnderAnother(t *testing.T) {
	const rm = "podman rm -v -f -i --filter label=PODMAN_SYSTEMD_UNIT=web.service"
	f := &managertest.Fake{Loaded: []manager.Unit{gone("web.service", "active")}, Fails: map[string]error{rm: errors.New("has dependent containers")}}
	a, log := newApplier(t, f)
	dir := a.runtimeDir("web.service")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if left, err := a.stop(t.Context()); !left || err != nil {
		t.Errorf("left %v, %v", left, err)
	}
	if want := "<3>web: podman has not removed it: has dependent containers\n"; !strings.HasSuffix(log.String(), want) {
		t.Errorf("log %q", log)
	}
	delete(f.Fails, rm)
	if left, err := a.stop(t.Context()); left || err != nil {
		t.Errorf("the second try: left %v, %v", left, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("its directory is left")
	}
	if d := cmp.Diff([]string{rm, "stop web.service", rm, rm}, f.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s", d)
	}
}

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
			if err := removing(a, context.Background()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s.orders, f.Orders); d != "" {
				t.Errorf("orders (-want +got):\n%s", d)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	a := applier{app: application{name: "web"}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{busyError{fmt.Errorf("[::]:80: %w", unix.EADDRINUSE)}, "It will, once the address is free. Who has it: ss -ltnp"},
		{busyError{unix.EACCES}, "Users may listen on ports from net.ipv4.ip_unprivileged_port_start on, see sysctl(8)"},
		{&manager.JobError{}, "It is tried again from time to time. See: systemctl --user status web.socket"},
	} {
		if got := a.advice(c.err); got != c.want {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}

// TestTryAgain plays the rounds after a failure: what is logged, and when it is given up.
func TestTryAgain(t *testing.T) {
	busy := &failure{"failed", true}
	for _, c := range []struct {
		name   string
		state  string // of the socket, before the second try
		busy   error
		next   *failure
		orders []string
		after  record
		log    string
	}{
		{"still taken", "failed", errTaken, busy, nil, record{thisHash, failed, errTaken.Error()}, ""},
		{"free now", "failed", nil, nil, []string{"reset-failed web.socket", "start web.socket"}, applied, "<6>web: web.socket listens now\n"},
		{"started by hand", "active", errTaken, nil, nil, applied, ""},
		{"given up by hand: reset-failed", "inactive", nil, nil, nil, applied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &managertest.Fake{Loaded: []manager.Unit{socket("failed"), unit("sockets.target", "active")}}
			a, log := newApplier(t, f)
			a.bindable = func(manager.Listening) error { return errTaken }
			last, err := a.start(t.Context(), nil)
			if err != nil || last == nil || *last != *busy {
				t.Fatal(last, err)
			}
			log.Reset()
			f.Get("web.socket").ActiveState = c.state
			a.bindable = func(manager.Listening) error { return c.busy }
			next, err := a.start(t.Context(), last)
			if d := cmp.Diff(c.next, next, cmp.AllowUnexported(failure{})); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
			if d := cmp.Diff(c.orders, f.Orders); d != "" || log.String() != c.log {
				t.Errorf("log %q, orders (-want +got):\n%s", log, d)
			}
			if got, _ := (mark{a.dir, "web"}).read(); got != c.after {
				t.Errorf("mark %q, want %q", got, c.after)
			}
		})
	}
}

// A file of somebody else's that comes before one of the generator's is named.
func TestForeign(t *testing.T) {
	const dir, source = "/run/user/7/systemd/generator/", "/home/me/.config/containers/systemd/web.ondemand"
	ours := func(name, file, source string) manager.Unit {
		return manager.Unit{Name: name, LoadState: "loaded", ActiveState: "inactive", FragmentPath: file, SourcePath: source}
	}
	said := func(unit, file string) string {
		return "<4>web: " + unit + " is not the one that is made of the .ondemand file: systemd has it from " + file +
			". Connections may wait in vain. Remove or rename one of the two\n"
	}
	for _, c := range []struct {
		name, service, from string
		socket              string
		dropIn, starts      string // starts: what the proxy wants; "" where the socket starts the service itself
		want                string
	}{
		{"all ours", dir + "web.service", source, dir + "web.socket", "", "web.service", ""},
		{"a Quadlet's", dir + "web.service", "/home/me/.config/containers/systemd/web.container", dir + "web.socket", "", "web.service",
			said("web.service", "/home/me/.config/containers/systemd/web.container")},
		{"by hand", "/home/me/.config/systemd/user/web.service", "", dir + "web.socket", "/home/me/web.service.d/50-own.conf", "web.service",
			said("web.service", "/home/me/.config/systemd/user/web.service")},
		{"without a proxy", dir + "web.service", source, dir + "web.socket", "", "", ""},
		{"without a proxy, by hand", "/home/me/.config/systemd/user/web.service", "", dir + "web.socket", "", "",
			said("web.service", "/home/me/.config/systemd/user/web.service")},
		{"the socket by hand", dir + "web.service", source, "/etc/systemd/user/web.socket", "", "web.service",
			said("web.socket", "/etc/systemd/user/web.socket")},
		{"Unit= names a Quadlet of the same name", dir + "web.service", "/home/me/.config/containers/systemd/web.container", dir + "web.socket",
			dir + "web.service.d/50-web-ondemand.conf", "web.service", ""},
		{"Unit= names another one, and there is one of our name", "/usr/lib/systemd/user/web.service", "", dir + "web.socket", "", "pod.service", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			self := upheld("sockets.target")
			self.FragmentPath = dir + "podman-ondemand-apply@.service"
			s := ours("web.socket", c.socket, source)
			if c.socket != dir+"web.socket" {
				s.SourcePath = ""
			}
			proxy, service := ours("web-proxy.service", dir+"web-proxy.service", source), ours("web.service", c.service, c.from)
			proxy.Wants, service.DropInPaths = []string{c.starts}, []string{c.dropIn}
			loaded := []manager.Unit{self, service}
			if s.Triggers = []string{service.Name}; c.starts != "" {
				s.Triggers, loaded = []string{proxy.Name}, append(loaded, proxy)
			}
			a, log := newApplier(t, &managertest.Fake{Loaded: append(loaded, s)})
			if err := starting(a, t.Context()); err != nil || log.String() != c.want {
				t.Errorf("%v, log:\n%s want:\n%s", err, log, c.want)
			}
		})
	}
}

// What is left of an application that has gone: nothing, and nothing beside it is touched.
func TestNothingIsLeft(t *testing.T) {
	f := &managertest.Fake{Loaded: []manager.Unit{gone("web.socket", "active"), gone("web.service", "active")}}
	a, _ := newApplier(t, f)
	top := filepath.Dir(a.dir)
	for _, dir := range []string{"podman-ondemand/web", "podman-ondemand/web2", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, dir, "conmon.pid"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(top, "elsewhere"), filepath.Join(top, "podman-ondemand/web/link")); err != nil {
		t.Fatal(err)
	}
	if err := (mark{a.dir, "web"}).write(applied); err != nil {
		t.Fatal(err)
	}
	if err := removing(a, t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	_ = filepath.WalkDir(top, func(path string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, top))
		}
		return nil
	})
	if d := cmp.Diff([]string{"/elsewhere/conmon.pid", "/podman-ondemand/web2/conmon.pid"}, left); d != "" {
		t.Errorf("left over (-want +got):\n%s", d)
	}
	if _, err := os.Stat(filepath.Join(top, "podman-ondemand/web")); err == nil {
		t.Error("the directory is left")
	}
}

func TestRemoveBelowALink(t *testing.T) {
	top := t.TempDir()
	if err := os.MkdirAll(filepath.Join(top, "elsewhere/web"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"podman-ondemand", "elsewhere/db"} {
		if err := os.Symlink(filepath.Join(top, "elsewhere"), filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][2]string{{"podman-ondemand", "web"}, {"elsewhere", "db"}, {"nowhere", "web"}} {
		if err := removeBelow(filepath.Join(top, c[0]), c[1]); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "elsewhere/web")); err != nil {
		t.Error("a link was followed")
	}
	if _, err := os.Lstat(filepath.Join(top, "elsewhere/db")); err == nil {
		t.Error("the link itself is left")
	}
}

// A lock whose file was removed by the one who held it is worth nothing: the next one takes a new one.
func TestLockAfterRemove(t *testing.T) {
	m := mark{t.TempDir(), "web"}
	unlock, err := m.lock(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var second func()
	done := make(chan struct{})
	go func() { defer close(done); second, _ = m.lock(context.Background(), time.Millisecond) }()
	time.Sleep(20 * time.Millisecond)
	if err := m.remove(); err != nil {
		t.Fatal(err)
	}
	unlock()
	<-done
	defer second()
	if file, err := m.tryLock(); err != nil || file != nil {
		t.Errorf("a third one has it too: %v %v", file, err)
	}
}

// TestPatienceGoesByTheClock: tries that take long are fewer, and take no longer in all.
func TestPatienceGoesByTheClock(t *testing.T) {
	f := &managertest.Fake{Loaded: []manager.Unit{{Name: "web.socket", LoadState: "loaded", ActiveState: "inactive"}}}
	a, _ := newApplier(t, f)
	tries := 0
	a.bindable = func(manager.Listening) error {
		tries++
		time.Sleep(10 * time.Millisecond)
		return errTaken
	}
	if err := a.relisten(t.Context(), 50*a.retry, f.Start); !errors.Is(err, errTaken) {
		t.Errorf("got %v", err)
	}
	if tries != quietTries+1 {
		t.Errorf("%d tries of 10 ms within 50 ms, want %d, after which it has been said", tries, quietTries+1)
	}
}
