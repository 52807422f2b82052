package manager

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	godbus "github.com/godbus/dbus/v5"
)

func TestExit(t *testing.T) {
	for _, c := range []struct {
		code, status any
		want         Exit
	}{
		{int32(1), int32(3), Exit{Result: "success", Status: 3}},
		{int32(2), int32(9), Exit{Result: "success", Signal: 9}},
		{nil, nil, Exit{Result: "success"}},
	} {
		if got := exit("success", c.code, c.status); got != c.want {
			t.Errorf("%v, %v: got %+v", c.code, c.status, got)
		}
	}
}

func TestQueued(t *testing.T) {
	for _, c := range []struct {
		job  any
		want bool
	}{
		{[]any{uint32(0), godbus.ObjectPath("/")}, false},
		{[]any{uint32(71), godbus.ObjectPath("/org/freedesktop/systemd1/job/71")}, true},
		{nil, false},
	} {
		if got := queued(c.job); got != c.want {
			t.Errorf("%v: got %v", c.job, got)
		}
	}
}

func TestUnitPath(t *testing.T) {
	for unit, want := range map[string]godbus.ObjectPath{
		"web.socket":         "/org/freedesktop/systemd1/unit/web_2esocket",
		"4a-b@\\x2d.service": "/org/freedesktop/systemd1/unit/_34a_2db_40_5cx2d_2eservice",
		"Z9z_@[`{.target":    "/org/freedesktop/systemd1/unit/Z9z_5f_40_5b_60_7b_2etarget",
	} {
		if got := unitPath(unit); got != want {
			t.Errorf("%s: got %s", unit, got)
		}
	}
}

// TestResultOf: only the end of the job itself counts.
func TestResultOf(t *testing.T) {
	const mine, other = godbus.ObjectPath("/org/freedesktop/systemd1/job/7"), godbus.ObjectPath("/org/freedesktop/systemd1/job/70")
	removed := func(name string, job godbus.ObjectPath) *godbus.Signal {
		return &godbus.Signal{Name: "org.freedesktop.systemd1.Manager." + name, Body: []any{uint32(7), job, "web.socket", "failed"}}
	}
	for _, c := range []struct {
		signal *godbus.Signal
		want   string
	}{
		{removed("JobRemoved", mine), "failed"},
		{removed("JobRemoved", other), ""},
		{removed("JobNew", mine), ""},
		{&godbus.Signal{Name: "org.freedesktop.systemd1.Manager.JobRemoved"}, ""},
	} {
		if got := resultOf(c.signal, mine); got != c.want {
			t.Errorf("%v: got %q", c.signal, got)
		}
	}
}

// TestNoManager: the error names both places.
func TestNoManager(t *testing.T) {
	dir := t.TempDir()
	_, err := Connect(t.Context(), User, dir)
	if err == nil || !strings.Contains(err.Error(), dir+"/bus") || !strings.Contains(err.Error(), dir+"/systemd/private") {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	destructive := godbus.Error{Name: "org.freedesktop.systemd1.TransactionIsDestructive"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("stop web-proxy.service: %w", destructive), true},
		{godbus.Error{Name: "org.freedesktop.systemd1.NoSuchUnit"}, false},
		{errors.New("no service manager answers"), false},
		{nil, false},
	} {
		if got := Refused(c.err); got != c.want {
			t.Errorf("%v: got %v", c.err, got)
		}
	}
}
