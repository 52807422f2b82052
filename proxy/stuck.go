package proxy

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How long what stops all threads may take, where it takes some milliseconds: then we end with the stacks of all of them, and if not even that
// works, without.
const (
	stuckAfter  = 10 * time.Second
	killedAfter = 12 * time.Second
)

// sigevent is struct sigevent of sigevent(3type), as the kernel has it where pointers have eight bytes.
type sigevent struct {
	_      uint64
	signal int32
	notify int32
	_      [48]byte
}

// endIfStuck has the kernel end this process when done is not called within that time. Go has all threads make a system call by signals
// (syscall.AllThreadsSyscall), and no goroutine runs until each has: were one of them never to answer, nobody in the process could say so, and the
// clients would wait until their start is over. As it is, they stay in the queue, and the next proxy finds them there.
func endIfStuck(abort, kill time.Duration) (done func()) {
	var timers []int32
	for _, t := range []struct {
		signal unix.Signal
		after  time.Duration
	}{{unix.SIGABRT, abort}, {unix.SIGKILL, kill}} {
		if timer, errno := signalAfter(t.signal, t.after); errno == 0 {
			timers = append(timers, timer)
		}
	}
	return func() {
		for _, t := range timers {
			unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(t), 0, 0)
		}
	}
}

// signalAfter is a timer of the kernel's (timer_create(2)) that sends us a signal once. It counts the time in which the machine runs.
func signalAfter(signal unix.Signal, after time.Duration) (timer int32, errno unix.Errno) {
	event := sigevent{signal: int32(signal)} // SIGEV_SIGNAL is 0
	_, _, errno = unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer)))
	if errno != 0 {
		return 0, errno
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(after.Nanoseconds())}
	_, _, errno = unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
	return timer, errno
}
