package apply

import (
	"net"
	"testing"

	"podman-ondemand/manager"
)

func TestBindable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	_, port, _ := net.SplitHostPort(taken)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	takenUDP := packets.LocalAddr().String()
	for _, c := range []struct {
		name string
		l    manager.Listening
		err  string
	}{
		{"taken", manager.Listening{Streams: []string{"@name", taken}}, taken + ": address already in use"},
		{"taken for all addresses", manager.Listening{Streams: []string{"[::]:" + port}}, "[::]:" + port + ": address already in use"},
		{"IPv6 alone", manager.Listening{Streams: []string{"[::]:" + port}, IPv6Only: "ipv6-only"}, ""},
		{"a Unix socket", manager.Listening{Streams: []string{"/run/web.sock"}}, ""},
		{"not there", manager.Listening{Streams: []string{"192.0.2.1:80"}}, "192.0.2.1:80: cannot assign requested address"},
		{"not there yet", manager.Listening{Streams: []string{"192.0.2.1:8080"}, FreeBind: true}, ""},
		{"an interface", manager.Listening{Streams: []string{"[::1%lo]:8081", "[::1%1]:8081"}}, ""},
		{"taken for UDP", manager.Listening{Datagrams: []string{takenUDP}}, takenUDP + " (UDP): address already in use"},
		{"taken for UDP only", manager.Listening{Streams: []string{takenUDP}}, ""},
		{"free for UDP", manager.Listening{Datagrams: []string{"127.0.0.2:8082", "/run/web.sock"}}, ""},
		{"nothing", manager.Listening{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Bindable(c.l)
			if got := text(err); got != c.err {
				t.Errorf("%q, want %q", got, c.err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
