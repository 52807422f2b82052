package manager

import (
	"errors"
	"fmt"
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
