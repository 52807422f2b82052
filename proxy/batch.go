package proxy

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many datagrams one system call takes or gives at most.
	batchSize = 64
	// maxDatagram is what one can hold, or several in a row that the kernel has put together (UDP_GRO in udp(7)).
	maxDatagram = 1 << 16
	// controlSize has room for the address that was called, and for the length of those put together.
	controlSize = 128
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	n      uint32
}

// batch is room for datagrams on their way: they are read into it and written out of it. Its pages cost memory when they are first used.
type batch struct {
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
	names    [batchSize]unix.RawSockaddrInet6 // as large as any IP address
	control  [batchSize][controlSize]byte
	data     []byte
}

func newBatch() *batch { return &batch{data: make([]byte, batchSize*maxDatagram)} }

// read takes what waits in fd, at most batchSize datagrams.
func (b *batch) read(fd int) (n int, err error) {
	for i := range b.messages {
		v := &b.vectors[i]
		v.Base = &b.data[i*maxDatagram]
		v.SetLen(maxDatagram)
		h := &b.messages[i].header
		*h = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.names[i])), Namelen: unix.SizeofSockaddrInet6, Iov: v, Control: &b.control[i][0]}
		h.SetIovlen(1)
		h.SetControllen(controlSize)
	}
	return b.call(unix.SYS_RECVMMSG, fd, 0, batchSize)
}

// call is recvmmsg(2) or sendmmsg(2) with the messages from first on.
func (b *batch) call(number uintptr, fd, first, n int) (done int, err error) {
	for {
		r, _, errno := unix.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&b.messages[first])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// size is the length of a datagram that was read, or of several in a row.
func (b *batch) size(i int) int { return int(b.messages[i].n) }

// from is who has sent it.
func (b *batch) from(i int) netip.AddrPort { return addrPortOfRaw(&b.names[i]) }

// addrPortOfRaw is addrPortOf without a copy of the kernel's address.
func addrPortOfRaw(name *unix.RawSockaddrInet6) netip.AddrPort {
	switch name.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), bigEndian(v4.Port))
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), bigEndian(name.Port))
	}
	return netip.AddrPort{}
}

// bigEndian reads a port as it is in the kernel's addresses.
func bigEndian(port uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&port))[:])
}

// called is the address that was called, and how long each is of several in a row, 0 if it is one. It is told beside a datagram (IP_PKTINFO in
// ip(7), IPV6_PKTINFO in ipv6(7), UDP_GRO in udp(7)).
//
// Of a broadcast it is our own address on that network, from which an answer can leave.
func (b *batch) called(i int) (to called, segment int) {
	var v4 netip.Addr
	rest := b.control[i][:b.messages[i].header.Controllen]
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.SOL_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			v4 = netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Spec_dst)
		case header.Level == unix.SOL_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			to = called6((*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0])))
		case header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4:
			segment = int(int32(binary.NativeEndian.Uint32(data)))
		}
		rest = next
	}
	switch {
	case !v4.IsValid() || v4.IsUnspecified():
	case to.addr.Is6(): // a socket for both families
		to = called{addr: netip.AddrFrom16(v4.As16())}
	default:
		to = called{addr: v4}
	}
	return to, segment
}

// called6 is the address to answer from; to a group's that is up to the kernel.
func called6(info *unix.Inet6Pktinfo) called {
	switch addr := netip.AddrFrom16(info.Addr); {
	case addr.IsMulticast():
		return called{netip.IPv6Unspecified(), info.Ifindex}
	case addr.IsLinkLocalUnicast():
		return called{addr, info.Ifindex}
	default:
		return called{addr: addr}
	}
}

// called is an address of ours: the very address, as the socket's family has it, and its link if it means nothing without.
type called struct {
	addr netip.Addr
	link uint32
}

// control is what an answer needs beside it to leave from there; nil where that is not known.
func (c called) control() []byte {
	switch {
	case c.addr.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: c.addr.As4()})
	case c.addr.Is6():
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: c.addr.As16(), Ifindex: c.link})
	}
	return nil
}

// address makes message i, with what was read into it, one to somebody: a nil name is whom the socket is connected to. control is what an
// answer needs to leave from the right address.
func (b *batch) address(i int, name *unix.RawSockaddrInet6, nameLen uint32, control []byte, segment int) {
	size := b.size(i)
	h := &b.messages[i].header
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(name)), nameLen
	b.vectors[i].SetLen(size)
	n := copy(b.control[i][:], control)
	if segment > 0 && segment < size {
		n += putSegment(b.control[i][n:], uint16(segment))
	}
	h.Control = nil
	if n > 0 {
		h.Control = &b.control[i][0]
	}
	h.SetControllen(n)
}

// putSegment has the kernel cut what is sent into datagrams of this length (UDP_SEGMENT in udp(7)).
func putSegment(to []byte, segment uint16) int {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&to[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(to[unix.CmsgLen(0):], segment)
	return unix.CmsgSpace(2)
}

// write sends the messages from first up to before end, and returns how many it could not send, and the last reason. What is made of several
// datagrams is sent one by one where the device does not take it as it is.
func (b *batch) write(fd, first, end int) (lost int, why error) {
	for first < end {
		n, err := b.call(unix.SYS_SENDMMSG, fd, first, end-first)
		if err != nil {
			var one int
			if one, err = b.writePieces(fd, first, err); one > 0 {
				lost, why = lost+one, err
			}
			n = 1
		}
		first += n
	}
	return lost, why
}

// writePieces is for message i, which could not be sent for a reason: again, datagram by datagram.
func (b *batch) writePieces(fd, i int, reason error) (lost int, why error) {
	h := &b.messages[i].header
	size, segment := b.size(i), 0
	rest := b.control[i][:h.Controllen]
	kept := 0
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		if header.Level == unix.SOL_UDP && header.Type == unix.UDP_SEGMENT {
			segment = int(binary.NativeEndian.Uint16(data))
			break
		}
		kept += len(rest) - len(next)
		rest = next
	}
	if segment == 0 || reason == unix.EAGAIN || reason == unix.ECONNREFUSED {
		return 1, reason
	}
	h.SetControllen(kept)
	if kept == 0 {
		h.Control = nil
	}
	for from := 0; from < size; from += segment {
		b.vectors[i].Base = &b.data[i*maxDatagram+from]
		b.vectors[i].SetLen(min(segment, size-from))
		if _, err := b.call(unix.SYS_SENDMMSG, fd, i, 1); err != nil {
			lost, why = lost+1, err
		}
	}
	return lost, why
}
