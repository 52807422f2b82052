package proxy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"podman-ondemand/manager"
)

// state is what systemd says about a unit that it could load.
func state(active, sub, result string) unitState {
	return unitState{manager.Unit{LoadState: "loaded", ActiveState: active, SubState: sub}, result}
}

// active is a unit with a main process.
func active(u manager.Unit) unitState {
	u.LoadState, u.ActiveState, u.SubState = "loaded", "active", "running"
	return unitState{u, "success"}
}

// takenBack is a service whose start another unit's stop has taken back.
func takenBack(result string) unitState {
	u := state("inactive", "dead", result)
	u.Active, u.Starting = time.Unix(1000, 0), time.Unix(2000, 0)
	return u
}

// ended is a service that was active and has ended by itself.
func ended(result string) unitState {
	u := takenBack(result)
	u.Active, u.Starting = u.Starting, u.Active
	return u
}

// TestAwaitContainer plays what systemd may say while there is no container.
func TestAwaitContainer(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []unitState // one for each question; the last one stays
		err    error
		asked  int
		want   string // in the reason
	}{
		{"its start was taken back, twice", []unitState{takenBack("success")}, nil, 2,
			`web.service is not running (it is inactive/dead, result "success"): the next connection starts it`},
		{"a command before its start was", []unitState{takenBack("signal"), state("failed", "failed", "exit-code")}, nil, 2,
			`web.service could not start (result "exit-code")`},
		{"it failed", []unitState{takenBack("exit-code")}, nil, 1, `is not running (it is inactive/dead`},
		{"it has ended well", []unitState{ended("success")}, nil, 1, `is not running (it is inactive/dead`},
		{"failed at once", []unitState{state("failed", "failed", "exit-code")}, nil, 1,
			`web.service could not start (result "exit-code"): the next connection tries again; see journalctl --user -u web.service`},
		{"starts, then fails", []unitState{state("activating", "start", "success"), state("activating", "auto-restart", "exit-code"), state("failed", "failed", "timeout")}, nil, 3,
			`nobody has said within the start timeout that web.service is ready (result "timeout"): the next connection tries again`},
		{"between two of systemd's own steps", []unitState{state("failed", "failed-before-auto-restart", "exit-code"), state("inactive", "dead", "success")}, nil, 2,
			`is not running (it is inactive/dead`},
		{"start limit", []unitState{state("failed", "failed", "start-limit-hit")}, nil, 1,
			`the first connection after a pause of at most 30s starts it again`},
		{"for ever on its way", []unitState{state("activating", "start", "success")}, nil, 51,
			`did not start its container within 5s (it is activating/start)`},
		{"a condition is not met", []unitState{{manager.Unit{LoadState: "loaded", ActiveState: "inactive", SubState: "dead", Unmet: true}, "success"}}, nil, 1,
			`web.service was not started, because a Condition…= or Assert…= of it is not met: the next connection tries again; see systemctl --user status web.service`},
		{"masked", []unitState{{manager.Unit{LoadState: "masked", ActiveState: "inactive", SubState: "dead"}, "success"}}, nil, 1,
			`web.service cannot be started, it is masked; see systemctl --user status web.service`},
		{"another unit of that name", []unitState{active(manager.Unit{FragmentPath: "/etc/systemd/user/web.service"})}, nil, 21,
			`web.service is not ours: it was loaded from /etc/systemd/user/web.service, and is active without /nonexistent/a; rename one of the two`},
		{"a Quadlet of that name", []unitState{state("activating", "start", "success"), active(manager.Unit{FragmentPath: "/run/generator/web.service", SourcePath: "/etc/containers/systemd/web.container"})}, nil, 21,
			`it was loaded from /etc/containers/systemd/web.container, and`},
		{"what another unit of that name has left", []unitState{active(manager.Unit{SourcePath: "/etc/containers/systemd/web.ondemand"})}, nil, 21,
			`web.service is active without /nonexistent/a, as if another unit of that name had started it: systemctl --user stop web.service ends that`},
		{"systemd does not answer", []unitState{{}}, errors.New("no such bus"), 1,
			`systemd does not say why (no such bus)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, asked, started := time.Unix(0, 0), 0, 0
			o := outside{
				query: func(unit string) (unitState, error) {
					asked++
					return c.states[min(asked, len(c.states))-1], c.err
				},
				start: func() (bool, error) { started++; return started < 2, nil },
				now:   func() time.Time { return now },
				sleep: func(d time.Duration) { now = now.Add(d) },
			}
			cfg := config{unit: "web.service", userManager: true, startTimeout: 5 * time.Second, pidFile: "/nonexistent/a", conmonPIDFile: "/nonexistent/b"}
			_, err := awaitContainer(&cfg, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reason: %v\nwant: %s", err, c.want)
			}
			if asked != c.asked {
				t.Errorf("asked %d times, want %d", asked, c.asked)
			}
			if want := c.states[0].takenBack(); want != (started == 2) || !want && started > 0 {
				t.Errorf("started %d times", started)
			}
		})
	}
}

// TestAwaitContainerThatComesLater finds it when the files appear.
func TestAwaitContainerThatComesLater(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pid")
	o := outside{
		query: func(string) (unitState, error) { return state("activating", "start", "success"), nil },
		now:   time.Now,
		sleep: func(time.Duration) { os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())), 0o600) },
	}
	c, err := awaitContainer(&config{startTimeout: time.Minute, pidFile: name, conmonPIDFile: name}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if same, err := sameNamespace(c.netNS, "net"); !same || err != nil {
		t.Errorf("our own namespace is not recognised: %v", err)
	}
	if processEnded(c.pidfd) {
		t.Error("we are said to have ended")
	}
}

// TestAwaitContainerOfAStartTakenBack starts it again.
func TestAwaitContainerOfAStartTakenBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pid")
	clock, state := time.Unix(0, 0), takenBack("success")
	o := outside{
		query: func(string) (unitState, error) { return state, nil },
		start: func() (bool, error) {
			clock, state = clock.Add(10*foreignAfter), active(manager.Unit{})
			return false, os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())), 0o600)
		},
		now:   func() time.Time { return clock },
		sleep: func(d time.Duration) { clock = clock.Add(d) },
	}
	cfg := config{startTimeout: time.Minute, pidFile: name, conmonPIDFile: name}
	c, err := awaitContainer(&cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	c.close()
	state = takenBack("success")
	if err := isDown(&cfg, o); err != nil {
		t.Error("without a container: ", err)
	}
}

// TestAwaitContainerThatIsCleanedUp: the files are there and the process has ended, while systemd has not noticed. That is
// our own service, however long it takes.
func TestAwaitContainerThatIsCleanedUp(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "pid")
	os.WriteFile(name, []byte(strconv.Itoa(dead.Process.Pid)), 0o600)
	now := time.Unix(0, 0)
	o := outside{
		query: func(string) (unitState, error) { return active(manager.Unit{}), nil },
		now:   func() time.Time { return now },
		sleep: func(d time.Duration) { now = now.Add(d) },
	}
	_, err := awaitContainer(&config{unit: "web.service", startTimeout: 5 * time.Second, pidFile: name, conmonPIDFile: name}, o)
	if want := "did not start its container within 5s (it is active/running)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOpenContainer(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, pid, want string
	}{
		{"process has ended", strconv.Itoa(dead.Process.Pid), errNoContainer.Error()},
		{"file is being written", "", errNoContainer.Error()},
		{"file is something else", "web\n", `"web" is no process id`},
		{"negative", "-1", `"-1" is no process id`},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "pid")
			os.WriteFile(name, []byte(c.pid), 0o600)
			if _, err := findByFiles(name, name); err == nil || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestNsenterCommandLine(t *testing.T) {
	c := container{pidfd: 7, userNS: 8, netNS: 9}
	for user, want := range map[bool]string{
		true:  "nsenter --user=/proc/self/fd/8 --preserve-credentials --net=/proc/self/fd/9 --",
		false: "nsenter --net=/proc/self/fd/9 --",
	} {
		if got := strings.Join(c.nsenterArgs(user), " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	want := "/bin/self proxy --inside --pidfd=7 --waited=1.5s --ready=tcp 80"
	if got := strings.Join(c.secondStage("/bin/self", []string{"--ready=tcp", "80"}, 1500*time.Millisecond), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
