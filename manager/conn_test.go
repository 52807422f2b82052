package manager

import (
	"testing"

	godbus "github.com/godbus/dbus/v5"
)

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
