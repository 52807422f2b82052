package emit

import (
	"net/netip"
	"slices"
	"strings"
)

// proxyFence is what keeps the proxy from the rest of the machine. Each service
// manager is asked for all that it can enforce without keeping the proxy out of
// the container's namespaces; the other half of the fence is in the proxy
// itself, which needs less when it serves than when it starts.
func proxyFence(app Application, p pair, opt Options) []Option {
	if opt.User {
		return slices.Concat(fenceForAll, addressFamilies(app), fenceOfUsers)
	}
	return slices.Concat(fenceForAll, addressFamilies(app), fenceOfSystem, capabilities(app, p, opt), network(app, p), places(p, opt))
}

var fenceForAll = []Option{
	{"LimitNOFILE", "524288"},
	{"NoNewPrivileges", "yes"},
	{"SystemCallFilter", "@system-service setns"},
	{"SystemCallFilter", "~@resources @privileged"},
	{"SystemCallFilter", "capset seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"},
	{"SystemCallErrorNumber", "EPERM"},
	{"SystemCallArchitectures", "native"},
	{"MemoryDenyWriteExecute", "yes"},
	{"LockPersonality", "yes"},
	{"RestrictRealtime", "yes"},
	{"RestrictSUIDSGID", "yes"},
	{"ProtectProc", "invisible"},
	{"UMask", "0077"},
}

// addressFamilies are those of the proxy's sockets. Before the fence inside
// closes, the routes for clients' addresses are set with a netlink socket.
func addressFamilies(app Application) []Option {
	families := Value("AF_UNIX AF_INET AF_INET6")
	if app.keepsAddress() {
		families += " AF_NETLINK"
	}
	return []Option{{"RestrictAddressFamilies", families}}
}

// fenceOfUsers: each setting of a service that is missing was tried and keeps
// the proxy out of the container, or is not available without privileges.
var fenceOfUsers = []Option{
	{"RestrictNamespaces", "user net"},
}

// fenceOfSystem is what needs privileges.
var fenceOfSystem = []Option{
	{"ProtectSystem", "strict"},
	{"PrivateMounts", "yes"},
	{"PrivateDevices", "yes"},
	{"PrivateIPC", "yes"},
	{"ProtectClock", "yes"},
	{"ProtectControlGroups", "yes"},
	{"ProtectHostname", "yes"},
	{"ProtectKernelLogs", "yes"},
	{"ProtectKernelModules", "yes"},
	{"ProtectKernelTunables", "yes"},
	{"ProcSubset", "pid"},
	{"DevicePolicy", "closed"},
}

// hasOwnUser says whether the proxy serves as an unprivileged user that systemd
// makes for it. In front of a Unix socket it stays root, without capabilities:
// such a socket is often open to root only.
func hasOwnUser(p pair, opt Options) bool {
	return !opt.User && !slices.ContainsFunc(p.listeners, toUnix)
}

// toUnix says whether what is behind l is a Unix socket, toPath whether that is
// in the file system; an abstract one belongs to a network namespace.
func toUnix(l Listener) bool { return toPath(l) || strings.HasPrefix(l.Target, "@") }
func toPath(l Listener) bool {
	return strings.HasPrefix(l.Target, "/") || strings.HasPrefix(l.Target, "%t/")
}

// startsAsRoot: until it serves, the proxy enters the container and asks systemd
// to start things. It becomes the user itself ("!" in systemd.service(5)).
func startsAsRoot(p pair, opt Options) Value {
	if hasOwnUser(p, opt) {
		return "!"
	}
	return ""
}

// keepsAddress says whether the proxy makes connections from clients' addresses:
// only in a network namespace that is not the host's.
func (app Application) keepsAddress() bool { return app.KeepAddress && app.enters() }

// enters says whether the proxy looks for a container to enter.
func (app Application) enters() bool { return app.Existing == "" || app.Inside != "" }

// capabilities are those of the time before it serves.
func capabilities(app Application, p pair, opt Options) (options []Option) {
	var needed []Value
	namespaces := Value("yes")
	if app.enters() { // to open the namespace of another process, and to enter it
		needed, namespaces = append(needed, "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"), "net"
	}
	if app.keepsAddress() { // to set routes, and to take addresses
		needed = append(needed, "CAP_NET_ADMIN", "CAP_NET_RAW")
	}
	if hasOwnUser(p, opt) {
		options = append(options,
			Option{"DynamicUser", "yes"},
			Option{"SystemCallFilter", "setgroups setresgid setresuid"})
		needed = append(needed, "CAP_SETGID", "CAP_SETUID")
	}
	if hasOwnUser(p, opt) && app.existing() != "" { // the runtime directory is that user's
		needed = append(needed, "CAP_DAC_OVERRIDE")
	}
	needed = append(needed, "CAP_SETPCAP") // to give the others up for good
	return append(options,
		Option{"CapabilityBoundingSet", Words(needed...)},
		Option{"RestrictNamespaces", namespaces})
}

// network: the listening sockets are systemd's, and stay in the host's network,
// where the proxy itself need not be. What it may connect to does not count for
// the connections that it takes (systemd.resource-control(5), IPAddressAllow=).
func network(app Application, p pair) (options []Option) {
	onHost := func(l Listener) bool { return !toPath(l) }
	if app.enters() || !slices.ContainsFunc(p.listeners, onHost) {
		options = append(options, Option{"PrivateNetwork", "yes"})
	}
	addresses := []Value{"localhost"}
	if app.keepsAddress() { // a connection to itself, from an address that is nobody's, is how the proxy finds out whether that works
		addresses = append(addresses, "192.0.2.1", "2001:db8::1")
	}
	for _, l := range p.listeners {
		at, err := netip.ParseAddrPort(l.Target)
		if err != nil || at.Addr().IsLoopback() {
			continue
		}
		if address := Text(at.Addr().WithZone("").String()); !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return append(options,
		Option{"IPAddressDeny", "any"},
		Option{"IPAddressAllow", Words(addresses...)})
}

// places are directories that a Unix socket, or the program, may be in.
func places(p pair, opt Options) []Option {
	home, tmp := Value("yes"), Value("yes")
	for _, dir := range []string{"/home/", "/root/", "/run/user/"} {
		if strings.HasPrefix(opt.Program, dir) {
			home = "read-only"
		}
	}
	if slices.ContainsFunc(p.listeners, toPath) {
		home, tmp = "read-only", "no"
	}
	return []Option{{"ProtectHome", home}, {"PrivateTmp", tmp}}
}
