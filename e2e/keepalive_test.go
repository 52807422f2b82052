//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestVanishedClient: a client whose machine is gone from one moment to the other sends no end of its connection. It is in a
// network of its own here, whose cable is pulled. This test runs alone: the test host's network is another one meanwhile, in which
// podman's pasta does not start.
func TestVanishedClient(t *testing.T) {
	a := start(t, plain+"[Container]\nNetwork=none\n[Socket]\nKeepAliveTimeSec=2\nKeepAliveIntervalSec=1\nKeepAliveProbes=3\n")
	const up = `
ip netns add vanish
ip link add vanish0 type veth peer name vanish1 netns vanish
ip addr add 10.77.0.1/24 dev vanish0
ip link set vanish0 up
ip -n vanish addr add 10.77.0.2/24 dev vanish1
ip -n vanish link set vanish1 up
`
	t.Cleanup(func() {
		asRoot(t, "systemctl stop vanish; ip link del vanish0; ip netns del vanish") // sockets may hold the network for a while
	})
	asRoot(t, up)
	asRoot(t, fmt.Sprintf(`systemd-run -q --collect --unit=vanish ip netns exec vanish bash -c 'exec 3<>/dev/tcp/10.77.0.1/%d; sleep 60'`, a.port))
	eventually(t, 10*time.Second, "the client is connected", func() bool {
		return strings.HasPrefix(host.show(t, a.proxy(), "StatusText"), "1 connection, ")
	})
	time.Sleep(4 * time.Second) // longer than a client that is gone would stay
	if s := a.state(a.container()); s != "active" {
		t.Fatalf("the client is there, and the container is %s", s)
	}
	asRoot(t, "ip -n vanish link set vanish1 down")
	began := time.Now()
	a.mustSleep(15 * time.Second)
	record(t, "a client vanishes, KeepAlive= of 5 s in all", "asleep within 15 s", ms(time.Since(began)))
}

// TestKeepAlive: what is accepted has the times of its listening socket.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	a := start(t, awake)
	a.idleConnection()
	out := host.run(t, "ss", "-Htno", "state", "established", "sport", "=", fmt.Sprint(a.port))
	if !strings.Contains(out, "timer:(keepalive,1min") {
		t.Errorf("ss: %s", out)
	}
	_, timer, _ := strings.Cut(out, "timer:")
	record(t, "KeepAlive= of an accepted connection", "keepalive,1min…", strings.TrimSpace(timer))
}

// TestConnectionIdleTimeout: an open page that asks for nothing does not keep the application awake.
func TestConnectionIdleTimeout(t *testing.T) {
	t.Parallel()
	a := start(t, plain+"ConnectionIdleTimeout=1s\n")
	a.idleConnection()
	began := time.Now()
	a.mustSleep(15 * time.Second)
	record(t, "an idle connection, ConnectionIdleTimeout=1s", "asleep within 15 s", ms(time.Since(began)))
	if log := host.journal(t, a.mark, "-u", a.proxy(), "-o", "cat"); !strings.Contains(log, "1 connection carried nothing for 1s: closed.") {
		t.Errorf("journal:\n%s", log)
	}
	if r := a.get("/sleep?ms=700"); r.err != nil {
		t.Error("a short silence: ", r.err)
	}
}
