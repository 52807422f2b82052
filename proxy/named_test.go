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

// startConmon starts a process that looks like the conmon of a container; we are the container's process.
func startConmon(t *testing.T, name string) (pid int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pidfile")
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Args = []string{"/usr/bin/conmon", "--api-version", "1", "-p", file, "-n", name, "--exit-command-arg", "-n", "--exit-command-arg", "cleanup"}
	cmd.Env = append(os.Environ(), "PROXY_TEST_AS=sleeper")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// podState is what systemd says about the service of a pod with one member.
func podState(active string) unitState {
	u := state(active, "running", "success")
	u.Name, u.Names, u.BoundBy = "app-pod.service", []string{"app-pod.service"}, []string{"member.service"}
	return u
}

// TestFindNamed: which containers of the right name count.
func TestFindNamed(t *testing.T) {
	t.Parallel()
	pid := startConmon(t, "systemd-app-infra")
	startConmon(t, "systemd-app-infra-2")
	for _, c := range []struct {
		name, owner string
		woken       string // ActiveState
		member      string
		found       bool
		why         string
	}{
		{"of the woken unit", "app-pod.service", "active", "", true, ""},
		{"of the woken unit while it starts", "app-pod.service", "activating", "", true, ""},
		{"of a unit that stops", "app-pod.service", "deactivating", "", false, "the container does not run"},
		{"of a unit that failed", "app-pod.service", "failed", "", false, "the container does not run"},
		{"of a member of the pod", "member.service", "active", "activating", true, ""},
		{"of a member that stops", "member.service", "active", "deactivating", false, "in member.service"},
		{"started by hand", "libpod-conmon-1.scope", "active", "", false,
			"the container does not run, but one of that name does in libpod-conmon-1.scope, which has nothing to do with app-pod.service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := outside{
				query: func(unit string) (unitState, error) {
					switch unit {
					case "app-pod.service":
						return podState(c.woken), nil
					case "member.service":
						return state(c.member, "running", "success"), nil
					}
					return unitState{}, errors.New("no service")
				},
				unitOf: func(asked int) (string, error) {
					if asked != pid {
						return "", errors.New("another process")
					}
					return c.owner, nil
				},
			}
			cfg := config{unit: "app-pod.service", container: "systemd-app-infra"}
			found, err := cfg.findNamed(o)
			if c.found {
				if err != nil {
					t.Fatal(err)
				}
				found.close()
			} else if err == nil || !errors.Is(err, errNoContainer) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want %s", err, c.why)
			}
		})
	}
}

// TestAwaitNamed: the waiting ends with the unit's start or the start timeout, and a unit may be active before its container is.
func TestAwaitNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		state unitState
		want  string
	}{
		{"cannot start", state("failed", "failed", "exit-code"), `web.service could not start (result "exit-code")`},
		{"runs no such container", active(manager.Unit{}), "web.service did not start the container none-such within 5s (it is active/running: the container does not run); see"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			o := outside{
				query: func(string) (unitState, error) { return c.state, nil },
				now:   func() time.Time { return now },
				sleep: func(d time.Duration) { now = now.Add(d) },
			}
			cfg := config{unit: "web.service", container: "none-such", startTimeout: 5 * time.Second}
			if _, err := awaitContainer(&cfg, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
