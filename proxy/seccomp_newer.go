//go:build !amd64 && !ppc64le && !s390x

package proxy

var olderCalls []uint32
