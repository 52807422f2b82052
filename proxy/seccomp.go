package proxy

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// servingCalls are the system calls of the serving stage and of Go's runtime in it, beside those with a condition (seccompFilter). Not among
// them is what opens a file, starts a program or looks at another process. The filter is our own because the libraries for it bring tables
// of all calls of all architectures, which every start of the program would pay for (half a megabyte, a third of the time).
var servingCalls = append([]uint32{
	// connections
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_RECVFROM, unix.SYS_RECVMSG,
	unix.SYS_SPLICE, unix.SYS_PIPE2, unix.SYS_ACCEPT4, unix.SYS_CONNECT, unix.SYS_SHUTDOWN, unix.SYS_CLOSE,
	unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PPOLL,
	// files that are open: the tables of sockets
	unix.SYS_PREAD64, unix.SYS_LSEEK, unix.SYS_FSTAT,
	// the end of the second process
	unix.SYS_WAIT4, unix.SYS_WAITID,
	// memory, threads, signals and time
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MREMAP, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_GETRANDOM,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
}, olderCalls...)

// calls are those of this serving stage: one that keeps the addresses of clients binds to them.
func (c *config) calls() []uint32 {
	calls := slices.Clip(servingCalls)
	if c.keeper != nil {
		calls = append(calls, unix.SYS_BIND)
	}
	if slices.Contains(c.datagram, true) {
		calls = append(calls, unix.SYS_RECVMMSG)
	}
	return calls
}

// types are those of its sockets.
func (c *config) types() []uint32 {
	if slices.Contains(c.datagram, true) {
		return []uint32{unix.SOCK_STREAM, unix.SOCK_DGRAM}
	}
	return []uint32{unix.SOCK_STREAM}
}

// auditArch is this architecture in the words of seccomp(2).
func auditArch() (uint32, error) {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, nil
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, nil
	case "ppc64le":
		return unix.AUDIT_ARCH_PPC64LE, nil
	case "riscv64":
		return unix.AUDIT_ARCH_RISCV64, nil
	case "s390x":
		return unix.AUDIT_ARCH_S390X, nil
	}
	return 0, errors.New("not on " + runtime.GOARCH)
}

// seccomp has every other system call fail with EPERM, in all threads.
func (c *config) seccomp() error {
	arch, err := auditArch()
	if err != nil {
		return err
	}
	filter := c.seccompFilter(arch, uint32(os.Getpid()))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	switch {
	case errno != 0:
		return errno
	case thread != 0:
		return errors.New("a thread did not take the filter")
	}
	return nil
}

// Where the fields of struct seccomp_data are (seccomp(2)); an argument has eight bytes.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// typeMask is what SOCK_NONBLOCK and SOCK_CLOEXEC leave of a socket's type (socket(2)).
const typeMask = 0xf

// fcntlCommands are those of the serving stage. Others have the kernel send signals to any process of ours (F_SETOWN).
var fcntlCommands = []uint32{
	unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC, unix.F_SETPIPE_SZ, unix.F_GETPIPE_SZ,
}

// seccompFilter is the program: a list of comparisons, each of which allows. What Landlock does not ask about is refused here: a socket is
// for TCP in one of the families, or for UDP where that is served, and no other protocol (there are MPTCP and SCTP); nothing connects by
// sending (MSG_FASTOPEN); a signal is for this process itself; and what is cloned is a thread.
func (c *config) seccompFilter(arch, pid uint32) []unix.SockFilter {
	f := []unix.SockFilter{load(offsetArch), jump(unix.BPF_JEQ, arch, 1, 0), give(deny), load(offsetNumber)}
	for _, number := range c.calls() {
		f = append(f, jump(unix.BPF_JEQ, number, 0, 1), give(allow))
	}
	return slices.Concat(f,
		call(unix.SYS_SOCKET, argument(1), and(typeMask), oneOf(c.types()...), argument(2), oneOf(0, unix.IPPROTO_TCP), argument(0), oneOf(c.families()...)),
		call(unix.SYS_SENDTO, argument(3), without(unix.MSG_FASTOPEN)),
		call(unix.SYS_SENDMSG, argument(2), without(unix.MSG_FASTOPEN)),
		call(unix.SYS_SENDMMSG, argument(3), without(unix.MSG_FASTOPEN)),
		call(unix.SYS_FCNTL, argument(1), oneOf(fcntlCommands...)),
		call(unix.SYS_TGKILL, argument(0), oneOf(pid)),
		call(unix.SYS_CLONE, argument(0), and(unix.CLONE_THREAD), oneOf(unix.CLONE_THREAD)),
		// What clone3(2) is to do lies in memory, where a filter does not see it; told that there is none, the C library takes clone(2).
		[]unix.SockFilter{jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), give(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)), give(deny)})
}

const allow, deny = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)

// call allows one system call, whose number is loaded, where its arguments pass all tests.
func call(number uint32, tests ...[]unix.SockFilter) []unix.SockFilter {
	body := append(slices.Concat(tests...), give(allow))
	return append([]unix.SockFilter{jump(unix.BPF_JEQ, number, 0, uint8(len(body)))}, body...)
}

// argument loads the lower half of an argument; what the filter looks at is an int in the kernel. The number of the call is gone then, and so
// each test after it denies by itself.
func argument(n uint32) []unix.SockFilter {
	offset := offsetArgs + 8*n
	if runtime.GOARCH == "s390x" { // big-endian
		offset += 4
	}
	return []unix.SockFilter{load(offset)}
}

func and(mask uint32) []unix.SockFilter {
	return []unix.SockFilter{{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}}
}

// oneOf denies all values but these.
func oneOf(values ...uint32) (f []unix.SockFilter) {
	for i, v := range values {
		f = append(f, jump(unix.BPF_JEQ, v, uint8(len(values)-i), 0))
	}
	return append(f, give(deny))
}

// without denies values with one of these bits.
func without(bits uint32) []unix.SockFilter {
	return []unix.SockFilter{jump(unix.BPF_JSET, bits, 0, 1), give(deny)}
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(test uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

func give(verdict uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
}
