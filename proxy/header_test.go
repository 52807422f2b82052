package proxy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// v2 is a header of version 2 with this command, family and body.
func v2(command, family byte, body string) string {
	return signature2 + string([]byte{command, family, byte(len(body) >> 8), byte(len(body))}) + body
}

const (
	body4 = "\xc0\x00\x02\x01\xc6\x33\x64\x07\xc7\x38\x01\xbb" // 192.0.2.1 198.51.100.7 51000 443
	body6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xc7\x38\x01\xbb"
)

func TestParseHeader(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n", "192.0.2.1:51000 to 198.51.100.7:443"},
		{"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255:65535 to 0.0.0.0:0"},
		{"PROXY TCP6 2001:db8::1 2001:DB8::2 51000 443\r\n", "[2001:db8::1]:51000 to [2001:db8::2]:443"},
		{"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.7 1 2\r\n", "192.0.2.1:1 to 198.51.100.7:2"},
		{"PROXY UNKNOWN\r\n", "nobody"},
		{"PROXY UNKNOWN ffff:f...f:ffff 65535 whatever\r\n", "nobody"},
		{v2(0x21, 0x11, body4), "192.0.2.1:51000 to 198.51.100.7:443"},
		{v2(0x21, 0x21, body6), "[2001:db8::1]:51000 to [2001:db8::2]:443"},
		{v2(0x21, 0x11, body4+"\x02\x00\x04host"), "192.0.2.1:51000 to 198.51.100.7:443"},
		{v2(0x20, 0x00, ""), "nobody"},
		{v2(0x20, 0x11, body4), "nobody"},
		{v2(0x20, 0xff, "rubbish"), "nobody"},
		{v2(0x21, 0x00, ""), "nobody"},
		{v2(0x21, 0x12, body4), "nobody"},
		{v2(0x21, 0x31, strings.Repeat("\x00", 216)), "nobody"},
		{v2(0x20, 0, strings.Repeat("x", maxHeader-fixedHeader2)), "nobody"},
	} {
		for _, behind := range []string{"", "GET / HTTP/1.0\r\n\r\n", signature2} {
			h, err := parseHeader([]byte(c.in + behind))
			got := fmt.Sprint(h.from, " to ", h.to)
			if !h.from.IsValid() && !h.to.IsValid() {
				got = "nobody"
			}
			if err != nil || got != c.want || h.size != len(c.in) {
				t.Errorf("%q: got %s, %d bytes, %v; want %s, %d bytes", c.in, got, h.size, err, c.want, len(c.in))
			}
		}
		for i := range c.in {
			if _, err := parseHeader([]byte(c.in[:i])); err != errShort {
				t.Fatalf("%q: got %v of the first %d bytes, want %v", c.in, err, i, errShort)
			}
		}
	}
}

func TestParseBadHeader(t *testing.T) {
	for _, in := range []string{
		"GET / HTTP/1.0\r\n\r\n",
		"proxy TCP4 192.0.2.1 198.51.100.7 51000 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 51000\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443 \r\n",
		"PROXY  TCP4 192.0.2.1 198.51.100.7 51000 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 051000 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n",
		"PROXY TCP4 192.0.2.01 198.51.100.7 1 443\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n",
		"PROXY TCP6 192.0.2.1 198.51.100.7 1 443\r\n",
		"PROXY TCP6 fe80::1%eth0 2001:db8::2 1 443\r\n",
		"PROXY UDP4 192.0.2.1 198.51.100.7 1 443\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY \r\n",
		"PROXY \n",
		"PROXY UNKNOWN " + strings.Repeat("x", maxHeader1),
		v2(0x11, 0x11, body4),
		v2(0x22, 0x11, body4),
		v2(0x21, 0x41, body4),
		v2(0x21, 0x13, body4),
		v2(0x21, 0x11, body4[:11]),
		v2(0x21, 0x21, body4),
		v2(0x21, 0x31, body6),
		v2(0x20, 0, strings.Repeat("x", maxHeader))[:fixedHeader2],
		"\r\n\r\n\x00\r\nQUIT\r",
	} {
		if h, err := parseHeader([]byte(in)); err == nil || err == errShort {
			t.Errorf("%q: got %+v, %v; want an error", in, h, err)
		}
	}
}

// TestHeaders: what is written is what the specification shows, and is read back.
func TestHeaders(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, c := range []struct {
		version  headerVersion
		from, to netip.AddrPort
		want     string
	}{
		{header1, at("192.0.2.1:51000"), at("198.51.100.7:443"), "PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n"},
		{header1, at("[2001:db8::1]:51000"), at("[2001:db8::2]:443"), "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n"},
		{header1, netip.AddrPort{}, netip.AddrPort{}, "PROXY UNKNOWN\r\n"},
		{header2, at("192.0.2.1:51000"), at("198.51.100.7:443"), v2(0x21, 0x11, body4)},
		{header2, at("[2001:db8::1]:51000"), at("[2001:db8::2]:443"), v2(0x21, 0x21, body6)},
		{header2, netip.AddrPort{}, at("198.51.100.7:443"), v2(0x20, 0, "")},
		{noHeader, at("192.0.2.1:51000"), at("198.51.100.7:443"), ""},
	} {
		if got := string(c.version.header(c.from, c.to)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	mixed := header1.header(at("192.0.2.1:51000"), at("[2001:db8::2]:443"))
	if want := "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 51000 443\r\n"; string(mixed) != want {
		t.Errorf("got %q, want %q", mixed, want)
	}
}

// FuzzHeader checks what must hold for anything that a balancer, or who has its address, may send.
func FuzzHeader(f *testing.F) {
	for _, in := range []string{"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\nx", "PROXY UNKNOWN\r\n", "PROXY TCP6 ::1 ::2 1 2\r\n",
		v2(0x21, 0x11, body4), v2(0x21, 0x21, body6+"\x02\x00\x04host"), v2(0x20, 0, ""), signature2, "GET / HTTP/1.0\r\n\r\n"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := parseHeader(in)
		if err != nil {
			if h != (header{}) {
				t.Fatalf("%+v with %v", h, err)
			}
			if errors.Is(err, errShort) && len(in) > maxHeader {
				t.Fatalf("%d bytes are still not enough", len(in))
			}
			return
		}
		if h.size > len(in) || h.size > maxHeader || h.from.IsValid() != h.to.IsValid() {
			t.Fatalf("%+v of %d bytes", h, len(in))
		}
		if again, err := parseHeader(in[:h.size]); err != nil || again != h {
			t.Fatalf("%+v alone, %v; %+v with what follows", again, err, h)
		}
		if h.size > 1 {
			if _, err := parseHeader(in[:h.size-1]); err != errShort {
				t.Fatalf("%v without the last byte", err)
			}
		}
		for _, v := range []headerVersion{header1, header2} {
			out := v.header(h.from, h.to)
			if back, err := parseHeader(out); err != nil || back.from != h.from || back.to != h.to || back.size != len(out) {
				t.Fatalf("%q reads %+v, %v; want %+v", out, back, err, h)
			}
		}
	})
}
