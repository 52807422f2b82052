package proxy

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// servingCalls are the system calls of the serving stage and of Go's runtime in it, beside those with a condition (seccompFilter). Not among
// them is what opens a file, starts a program or looks at another process. The filter is our own because the libraries for it bring tables
// of all calls of all architectures, which every start of the program would pay for (half a megabyte, a third of the time).
var servingCalls = append([]uint32{
	// connections
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_RECVMSG, unix.SYS_SENDMSG,
	unix.SYS_SPLICE, unix.SYS_PIPE2, unix.SYS_ACCEPT4, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_SHUTDOWN, unix.SYS_CLOSE, unix.SYS_FCNTL,
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
	filter := seccompFilter(arch, uint32(os.Getpid()), c.families())
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

// Where the fields of struct seccomp_data are (seccomp(2)), the low half of an argument being that of a little-endian machine or of s390x.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArg0   = 16
)

// seccompFilter is the program: a list of comparisons, each of which allows. A socket is of one of the families, a signal is for this
// process itself, and what is cloned is a thread.
func seccompFilter(arch, pid uint32, families []uint32) []unix.SockFilter {
	const allow, deny = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	f := []unix.SockFilter{
		load(offsetArch), jump(unix.BPF_JEQ, arch, 1, 0), give(deny),
		load(offsetNumber),
	}
	for _, call := range servingCalls {
		f = append(f, jump(unix.BPF_JEQ, call, 0, 1), give(allow))
	}
	condition := func(call uint32, test uint16, values ...uint32) {
		check := []unix.SockFilter{load(lowHalf(offsetArg0))}
		for _, v := range values {
			check = append(check, jump(test, v, 0, 1), give(allow))
		}
		check = append(check, give(deny))
		f = append(f, jump(unix.BPF_JEQ, call, 0, uint8(len(check))))
		f = append(f, check...)
	}
	condition(unix.SYS_SOCKET, unix.BPF_JEQ, families...)
	condition(unix.SYS_TGKILL, unix.BPF_JEQ, pid)
	condition(unix.SYS_CLONE, unix.BPF_JSET, unix.CLONE_THREAD)
	// What clone3(2) is to do lies in memory, where a filter does not see it; told that there is none, the C library takes clone(2).
	f = append(f, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), give(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	return append(f, give(deny))
}

func lowHalf(offset uint32) uint32 {
	if runtime.GOARCH == "s390x" { // big-endian
		return offset + 4
	}
	return offset
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
