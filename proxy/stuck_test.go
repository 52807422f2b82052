package proxy

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuckMain has a thread that takes no signal and never comes back, and stops all of them.
func stuckMain() int {
	switch os.Args[1] {
	case "aborted":
		endIfStuck(100*time.Millisecond, time.Minute)
	case "killed":
		endIfStuck(time.Minute, 100*time.Millisecond)
	case "done":
		endIfStuck(time.Second, time.Second)()
		time.Sleep(1500 * time.Millisecond)
		return 0
	}
	started := make(chan bool)
	go func() {
		runtime.LockOSThread()
		all := unix.Sigset_t{}
		for i := range all.Val {
			all.Val[i] = ^uint64(0)
		}
		unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil)
		close(started)
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0) // raw, Go does not know that it waits
	}()
	<-started
	runtime.GC()
	return 0
}

// TestStuck: whoever cannot stop its threads ends all the same.
func TestStuck(t *testing.T) {
	for _, c := range []struct{ how, state, says string }{
		{"aborted", "exit status 2", "SIGABRT: abort"},
		{"killed", "signal: killed", ""},
		{"done", "exit status 0", ""},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], c.how)
			cmd.Env = append(os.Environ(), "PROXY_TEST_AS=stuck", "GOMAXPROCS=2")
			out, _ := cmd.CombinedOutput()
			if ctx.Err() != nil || cmd.ProcessState.String() != c.state || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, %v, wanted %q and %q; it said:\n%s", ctx.Err(), cmd.ProcessState, c.state, c.says, out)
			}
		})
	}
}
