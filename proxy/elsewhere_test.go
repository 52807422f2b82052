package proxy

import (
	"strings"
	"testing"
	"time"
)

func TestElsewhere(t *testing.T) {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const http = "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n"
	const connected = "   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0\n"
	const https6 = "   2: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000\n"
	for tables, want := range map[string]string{
		"":                                       "nor on any other TCP port",
		heading + connected:                      "nor on any other TCP port",
		heading + http + connected:               "but on port 80",
		heading + https6 + http + heading + http: "but on ports 80, 443",
	} {
		if got := elsewhere(listening(tables)); got != want {
			t.Errorf("%s%q, want %q", tables, got, want)
		}
	}
	if got := elsewhere([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}); got != "but on ports 1, 2, 3, 4, 5, 6, 7, 8, and more" {
		t.Errorf("%q", got)
	}
}

// TestOtherPort: inside a container the message says where it listens instead, and the status keeps what went wrong.
func TestOtherPort(t *testing.T) {
	t.Parallel()
	application(t, "", echo)
	cfg := testConfig(t, freePort(t))
	cfg.startTimeout, cfg.inside = 100*time.Millisecond, true
	cfg.openTables()
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	r.exits(1)
	if want := " after 100ms (nothing listens there, but on port"; !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
	if want := "STATUS=Connections are refused: the application does not answer on port "; !strings.Contains(r.said(), want) {
		t.Errorf("status does not say %q:\n%s", want, r.said())
	}
}
