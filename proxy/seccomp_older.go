//go:build amd64 || ppc64le || s390x

package proxy

import "golang.org/x/sys/unix"

// olderCalls are what newer architectures no longer have.
var olderCalls = []uint32{unix.SYS_POLL, unix.SYS_EPOLL_WAIT}
