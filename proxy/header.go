package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, versions 1 and 2, as HAProxy's doc/proxy-protocol.txt specifies it (sections 2.1 and 2.2): who calls
// somebody by way of a proxy. It is written and read here, and not by a library (github.com/pires/go-proxyproto is the usual
// one), as those read from a connection that may block: here what has come so far is looked at without taking it from the socket,
// and a header that is not complete yet must be told from one that never will be.

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	// maxHeader1 is the longest header of version 1, CR and LF included (section 2.1).
	maxHeader1 = 107
	// maxHeader bounds a header of version 2: 64 KiB could be said there, of which a balancer in use says some hundred bytes, and a
	// few thousand with a certificate of the client's.
	maxHeader = 4096
	// fixedHeader2 is what each header of version 2 begins with: the signature, the command, the family and the length of the rest.
	fixedHeader2 = 16
)

// The command and the families of version 2 that are about TCP, with the version in front of the first (section 2.2).
const (
	command2Local = 0x20
	command2Proxy = 0x21
	family2IPv4   = 0x11
	family2IPv6   = 0x21
	// Bytes of addresses and ports.
	addresses2IPv4 = 12
	addresses2IPv6 = 36
	addresses2Unix = 216
)

// header is one that has come. Without addresses the balancer speaks for itself (LOCAL), or does not know for whom (UNKNOWN, or
// another family than IP).
type header struct {
	size     int
	from, to netip.AddrPort
}

// errShort: all that is there can be the beginning of a header.
var errShort = errors.New("it is not complete")

// parseHeader reads the header of either version that b begins with. Any error but errShort is for good.
func parseHeader(b []byte) (header, error) {
	switch {
	case beginsLike(b, signature2):
		return parseHeader2(b)
	case beginsLike(b, signature1):
		return parseHeader1(b)
	}
	return header{}, fmt.Errorf("%.20q begins none", b)
}

// beginsLike tells whether b begins with the signature, or is the beginning of it.
func beginsLike(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}

// parseHeader1 reads a line: "PROXY TCP4 192.0.2.1 198.51.100.7 51000 443" CR LF.
func parseHeader1(b []byte) (header, error) {
	end := bytes.IndexByte(b[:min(len(b), maxHeader1)], '\n')
	switch {
	case end < 0 && len(b) >= maxHeader1:
		return header{}, fmt.Errorf("its line is longer than %d bytes", maxHeader1)
	case end < 0:
		return header{}, errShort
	case end == 0 || b[end-1] != '\r':
		return header{}, errors.New("its line does not end in CR and LF")
	}
	h := header{size: end + 1}
	line := string(b[:end-1])
	if rest, unknown := strings.CutPrefix(line, signature1+"UNKNOWN"); unknown && (rest == "" || rest[0] == ' ') {
		return h, nil
	}
	words := strings.Split(line, " ")
	if len(words) != 6 {
		return header{}, fmt.Errorf("%.120q is none", line)
	}
	from, ok1 := parseEnd1(words[1], words[2], words[4])
	to, ok2 := parseEnd1(words[1], words[3], words[5])
	if !ok1 || !ok2 {
		return header{}, fmt.Errorf("%.120q is none", line)
	}
	h.from, h.to = from, to
	return h, nil
}

// parseEnd1 reads an address of a family, TCP4 or TCP6, and a port, all in their one form.
func parseEnd1(family, address, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || a.Zone() != "" || portErr != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), family == "TCP4" && a.Is4() || family == "TCP6" && a.Is6()
}

// parseHeader2 reads the binary form. What stands behind the addresses (TLV) is passed over.
func parseHeader2(b []byte) (header, error) {
	if len(b) < fixedHeader2 {
		return header{}, errShort
	}
	command, family, size := b[12], b[13], fixedHeader2+int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command != command2Local && command != command2Proxy:
		return header{}, fmt.Errorf("its version and command are %#02x", command)
	case command == command2Proxy && (family>>4 > 3 || family&0xf > 2):
		return header{}, fmt.Errorf("its family is %#02x", family)
	case size > maxHeader:
		return header{}, fmt.Errorf("it has %d bytes, more than %d", size, maxHeader)
	case len(b) < size:
		return header{}, errShort
	}
	h := header{size: size}
	if command == command2Local { // whatever its family
		return h, nil
	}
	body := b[fixedHeader2:size]
	if len(body) < bodySize2(family) {
		return header{}, fmt.Errorf("%d bytes are too few for addresses of its family, %#02x", len(body), family)
	}
	switch family {
	case family2IPv4:
		h.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))
		h.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[4:])), binary.BigEndian.Uint16(body[10:]))
	case family2IPv6:
		h.from = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)).Unmap(), binary.BigEndian.Uint16(body[32:]))
		h.to = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[16:])).Unmap(), binary.BigEndian.Uint16(body[34:]))
	}
	return h, nil
}

// bodySize2 is how many bytes the addresses of a family take at least.
func bodySize2(family byte) int {
	return [...]int{0, addresses2IPv4, addresses2IPv6, addresses2Unix}[family>>4]
}

// headerVersion is the header that the application expects (ProxyProtocol=).
type headerVersion int

const (
	noHeader headerVersion = iota
	header1
	header2
)

// parseHeaderVersion reads --proxy-protocol.
func parseHeaderVersion(s string) (headerVersion, error) {
	switch s {
	case "":
		return noHeader, nil
	case "v1":
		return header1, nil
	case "v2":
		return header2, nil
	}
	return noHeader, fmt.Errorf("--proxy-protocol=%s: must be v1 or v2", s)
}

// header is what a connection to the application begins with, for who calls and what was called. Without these addresses it
// says that we speak for ourselves (LOCAL), in version 1 that they are not known (UNKNOWN).
func (v headerVersion) header(from, to netip.AddrPort) []byte {
	known := from.IsValid() && to.IsValid()
	switch {
	case v == noHeader:
		return nil
	case v == header1 && !known:
		return []byte(signature1 + "UNKNOWN\r\n")
	case v == header1:
		return header1Of(from, to)
	case !known:
		return append([]byte(signature2), command2Local, 0, 0, 0)
	}
	return header2Of(from, to)
}

// sameFamily makes IPv6 addresses of both where one of them is: a header has one family.
func sameFamily(from, to netip.AddrPort) (netip.Addr, netip.Addr, bool) {
	if from.Addr().Is4() && to.Addr().Is4() {
		return from.Addr(), to.Addr(), true
	}
	return netip.AddrFrom16(from.Addr().As16()), netip.AddrFrom16(to.Addr().As16()), false
}

func header1Of(from, to netip.AddrPort) []byte {
	a, b, is4 := sameFamily(from, to)
	family := "TCP6"
	if is4 {
		family = "TCP4"
	}
	return fmt.Appendf(nil, "%s%s %s %s %d %d\r\n", signature1, family, a, b, from.Port(), to.Port())
}

func header2Of(from, to netip.AddrPort) []byte {
	a, b, is4 := sameFamily(from, to)
	family, size := byte(family2IPv6), byte(addresses2IPv6)
	if is4 {
		family, size = family2IPv4, addresses2IPv4
	}
	h := append([]byte(signature2), command2Proxy, family, 0, size)
	h = append(h, a.AsSlice()...)
	h = append(h, b.AsSlice()...)
	h = binary.BigEndian.AppendUint16(h, from.Port())
	return binary.BigEndian.AppendUint16(h, to.Port())
}
