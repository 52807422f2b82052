package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The routing table in which everything is local, and where the rule that leads to it stands: right behind that of the local table, so that
// what the container itself has in the way of rules does not come first. Each is asked for only by answers from the loopback address
// to another machine, which would otherwise go nowhere.
const (
	answersTable    = 1865305
	receiversTable  = 1865306
	answersPriority = 1
)

// loopbackIndex is the number of the loopback interface in every network namespace (LOOPBACK_IFINDEX in the kernel).
const loopbackIndex = 1

// family is an address family.
type family struct {
	number             int
	loopback, anywhere string
	itself, nobody     string // a loopback address, and one that is nobody's (RFC 5737, RFC 3849), which our unit allows
}

var families = []family{
	{unix.AF_INET, "127.0.0.0/8", "0.0.0.0/0", "127.0.0.1", "192.0.2.1"},
	{unix.AF_INET6, "::1/128", "::/0", "::1", "2001:db8::1"},
}

// addRoutes has the answers to clients of that family come back to us: `ip rule add from 127.0.0.0/8 iif lo table N` and `ip route add
// local 0.0.0.0/0 dev lo table N`. They are there once for each network namespace, however many proxies it has had, and go with
// it. It takes CAP_NET_ADMIN.
func (f family) addRoutes() error {
	_, from, err := net.ParseCIDR(f.loopback)
	if err != nil {
		return err
	}
	rule := netlink.NewRule()
	rule.Src = from
	return f.add(rule, answersTable, nil)
}

// addReceiver does that for what the application sends from a UDP port: a socket that is bound to every address chooses the one to send from by
// the route, which so has to say that it is the loopback one: `ip rule add ipproto udp sport PORT iif lo table M` and `ip route add local 0.0.0.0/0
// dev lo src 127.0.0.1 table M`. It is there from Linux 4.17 on.
func (f family) addReceiver(port uint16) error {
	rule := netlink.NewRule()
	rule.IPProto, rule.Sport = unix.IPPROTO_UDP, netlink.NewRulePortRange(port, port)
	return f.add(rule, receiversTable, net.ParseIP(f.itself))
}

// add has a rule, for what this network namespace sends itself, lead to a table in which everything is local. Both may be there already.
func (f family) add(rule *netlink.Rule, table int, source net.IP) error {
	_, to, err := net.ParseCIDR(f.anywhere)
	if err != nil {
		return err
	}
	route := netlink.Route{LinkIndex: loopbackIndex, Table: table, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST, Dst: to, Family: f.number, Src: source}
	rule.Family, rule.Priority, rule.Table, rule.IifName = f.number, answersPriority, table, "lo"
	for _, add := range []func() error{
		func() error { return netlink.RouteAdd(&route) },
		func() error { return netlink.RuleAdd(rule) },
	} {
		if err := add(); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("the answers cannot be routed (%w)", err)
		}
	}
	return nil
}

// works makes a connection from somebody else's address to a socket of our own. Where that does not succeed, as behind a filter in the
// container, no client's would.
func (k *keeper) works(f family) error {
	l, err := net.Listen("tcp", net.JoinHostPort(f.itself, "0"))
	if err != nil {
		return err
	}
	defer l.Close()
	at := tcpAddress(l.Addr().(*net.TCPAddr).AddrPort())
	fd, pending, err := k.dialFrom(&at, netip.AddrPortFrom(netip.MustParseAddr(f.nobody), 0))
	if err != nil {
		return fmt.Errorf("their addresses cannot be taken (%w)", err)
	}
	unix.Close(fd)
	if pending {
		return errors.New("the answers do not come back")
	}
	return nil
}
