package proxy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMark: only a failure soon after the start counts as one of the start.
func TestMark(t *testing.T) {
	for _, c := range []struct {
		name, before, result string
		after                time.Duration
		want                 string
	}{
		{"could not start", started, "exit-code", time.Second, startFail},
		{"ended well", started, "success", time.Second, started},
		{"failed after a while", started, "signal", shortLife, started},
		{"a round that only refused", "", "exit-code", time.Second, ""},
		{"twice", startFail, "exit-code", time.Second, startFail},
	} {
		t.Run(c.name, func(t *testing.T) {
			mark := filepath.Join(t.TempDir(), ".web")
			if c.before != "" {
				if err := os.WriteFile(mark, []byte(c.before+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := rememberEnd(mark, c.result, time.Now().Add(c.after)); err != nil {
				t.Fatal(err)
			}
			if got, _ := readMark(mark, time.Now()); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestActivateWords: a wrong call is one, and a command that is not there says so.
func TestActivateWords(t *testing.T) {
	mark := filepath.Join(t.TempDir(), ".web")
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, 2}, {[]string{"start"}, 2}, {[]string{"start", mark}, 2}, {[]string{"ended"}, 2}, {[]string{"begin", mark}, 2},
		{[]string{"ended", mark}, 0}, {[]string{"start", mark, "/nowhere/podman"}, 1},
	} {
		if got := Activate(c.args); got != c.want {
			t.Errorf("%q: %d, want %d", c.args, got, c.want)
		}
	}
	if what, _ := readMark(mark, time.Now()); what != started {
		t.Errorf("the start is not remembered: %q", what)
	}
}

// TestRefuseOtherKinds: what is no listening socket is emptied, but for a connection, which is somebody's.
func TestRefuseOtherKinds(t *testing.T) {
	for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_STREAM} {
		pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		for _, text := range []string{"a", "b"} {
			if _, err := unix.Write(pair[1], []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		want := map[int]int{unix.SOCK_DGRAM: 2, unix.SOCK_STREAM: 0}[kind]
		if n := refuse(pair[:1], 10*time.Millisecond); n != want || waiting(pair[0]) != (want == 0) {
			t.Errorf("kind %d: %d thrown away, want %d", kind, n, want)
		}
	}
}
