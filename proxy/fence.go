package proxy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// fence gives up for good, in every thread, what the serving stage does not need: capabilities, files, programs, other processes, other
// addresses than its targets. What a client makes of it can then pass bytes on, and nothing more. All that it still wants of the rest of the
// machine is open before: the sockets, the messages to systemd, and the second process that asks for it (asker.go).
//
// A kernel that lacks a part of it lacks that part; this is said once.
func (c *config) fence(log logger) {
	defer endIfStuck(stuckAfter, killedAfter)()
	var missing []string
	for _, part := range []struct {
		name string
		set  func() error
	}{
		{"it is root", c.becomeUser},
		{"capabilities are kept", func() error { return dropCapabilities(c.capabilities()) }},
		{"Landlock does not keep it from files and addresses", c.landlock},
		{"seccomp does not keep it from system calls", c.seccomp},
	} {
		if err := part.set(); err != nil {
			missing = append(missing, fmt.Sprintf("%s (%v)", part.name, err))
		}
	}
	if len(missing) > 0 {
		log(prioNotice, "The proxy is less fenced in than it could be: %s.", strings.Join(missing, "; "))
	}
}

// Bits of PR_SET_SECUREBITS (capabilities(7)): no program gains capabilities by the user id 0, which we may have in the container's user
// namespace; each with its lock.
const noRoot = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<6 | 1<<7

// becomeUser makes all threads those of the user that systemd has made for our unit (DynamicUser= in systemd.exec(5)), where we were started
// as root to enter the container. Its number is that of the owner of our runtime directory (RuntimeDirectory= there): a static program does
// not see such users by name.
func (c *config) becomeUser() error {
	if !c.dynamicUser || os.Getuid() != 0 {
		return nil
	}
	var dir unix.Stat_t
	name := os.Getenv("RUNTIME_DIRECTORY")
	if err := unix.Stat(name, &dir); err != nil {
		return fmt.Errorf("the runtime directory %q: %w", name, err)
	}
	if dir.Uid == 0 || dir.Gid == 0 {
		return fmt.Errorf("%s is root's", name)
	}
	uid, gid := int(dir.Uid), int(dir.Gid)
	if err := takeBoundingSet(); err != nil { // it takes CAP_SETPCAP, which goes with being root
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return err
	}
	return syscall.Setresuid(uid, uid, uid)
}

// capabilities are what serving takes: binding to the address of somebody else is for CAP_NET_RAW (IP_TRANSPARENT in ip(7)), of the user
// namespace that owns the container's network.
func (c *config) capabilities() uint32 {
	if c.keeper == nil {
		return 0
	}
	return 1 << unix.CAP_NET_RAW
}

// dropCapabilities takes every capability that we have or could be given (capabilities(7)), but those in keep; those of the container's user
// namespace came with entering it. None comes back: the secure bits and the bounding set, which need CAP_SETPCAP and so go first, and
// no_new_privs in our unit see to that.
func dropCapabilities(keep uint32) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has, kept [2]unix.CapUserData
	if err := unix.Capget(&header, &has[0]); err != nil {
		return err
	}
	if has[0].Effective&(1<<unix.CAP_SETPCAP) != 0 {
		if err := takeBoundingSet(); err != nil {
			return err
		}
	}
	psx.Syscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0) // before Linux 4.3 there are none
	kept[0].Effective, kept[0].Permitted = keep&has[0].Permitted, keep&has[0].Permitted
	if _, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&kept[0])), 0); errno != 0 {
		return errno
	}
	return nil
}

// takeBoundingSet takes from it what is there, and lets no program gain anything by the user id 0; the kernel knows where the list ends.
func takeBoundingSet() error {
	if _, _, errno := psx.Syscall3(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, noRoot, 0); errno != 0 {
		return errno
	}
	for capability := uintptr(0); ; capability++ {
		switch has, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, capability, 0); {
		case errno == unix.EINVAL:
			return nil
		case errno != 0:
			return errno
		case has == 0:
			continue
		}
		if _, _, errno := psx.Syscall3(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, capability, 0); errno != 0 {
			return errno
		}
	}
}

// landlockWanted is the first version of Landlock's interface with all that is asked for here (landlock(7)).
const landlockWanted = 6

// landlock allows no file, no connection but to the targets' TCP ports, and neither signals nor abstract Unix sockets to others.
func (c *config) landlock() error {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if errno != 0 {
		return errno
	}
	var rules []landlock.Rule
	for _, port := range c.ports() {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	if err := c.handled().BestEffort().Restrict(rules...); err != nil {
		return err
	}
	if err := landlock.MustConfig(c.scopes()).BestEffort().RestrictScoped(); err != nil {
		return err
	}
	if abi < landlockWanted {
		return fmt.Errorf("version %d of %d", abi, landlockWanted)
	}
	return nil
}

// handled is what needs a rule: files, and ports to connect to and to bind to; not the latter where the addresses of clients are kept, of which
// nobody knows the ports before. To listen is not among the system calls that are left.
func (c *config) handled() landlock.Config {
	if c.keeper == nil {
		return landlock.V5
	}
	const files = 1<<16 - 1 // all in version 5
	return landlock.MustConfig(landlock.AccessFSSet(files), landlock.AccessNetSet(unix.LANDLOCK_ACCESS_NET_CONNECT_TCP))
}

// scopes is what is kept from processes outside: signals, and connections to abstract Unix sockets, unless a target is one. Landlock knows no
// rule for a single one.
func (c *config) scopes() landlock.ScopedSet {
	isAbstract := func(t *target) bool { return strings.HasPrefix(t.name, "@") }
	if slices.ContainsFunc(c.allTargets(), isAbstract) {
		return unix.LANDLOCK_SCOPE_SIGNAL
	}
	return unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
}

// ports are those of the targets, in order.
func (c *config) ports() (ports []uint16) {
	for _, t := range c.allTargets() {
		for _, a := range t.addrs {
			if a.family != unix.AF_UNIX {
				ports = append(ports, a.port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// allTargets are those of the connections, and that of the readiness check.
func (c *config) allTargets() []*target {
	if c.ready.target == nil {
		return c.targets
	}
	return append(slices.Clip(c.targets), c.ready.target)
}

// families are the address families of the targets' sockets.
func (c *config) families() []uint32 {
	families := []uint32{unix.AF_INET, unix.AF_INET6}
	if slices.ContainsFunc(c.allTargets(), func(t *target) bool { return !t.tcp() }) {
		return append(families, unix.AF_UNIX)
	}
	return families
}
