package proxy

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSpanText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "300ms", 1500 * time.Millisecond: "1.5s", 5 * time.Minute: "5min",
		90 * time.Minute: "1h 30min", 49 * time.Hour: "2d 1h", 90 * time.Second: "1min 30s", infinity: "infinity",
	} {
		if got := spanText(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{unix.ECONNREFUSED, "nothing listens there"}, {unix.ENOENT, "the socket does not exist"},
		{unix.ETIMEDOUT, "it does not take connections"}, {errors.New("other"), "other"},
	} {
		if got := errorText(c.err); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
