package doctor

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/manager"
)

// What the administrator decides.

func (e *examiner) linger() {
	if _, err := os.Stat(e.path("/var/lib/systemd/linger/" + e.User)); err == nil {
		e.ok("the service manager of %s runs from boot on", e.User)
		return
	}
	if e.UID == 0 {
		return
	}
	e.warn(commands("sudo loginctl enable-linger "+e.User), "the ports listen only while %s is logged in", e.User)
}

// waiter is the unit by which Quadlet's units wait for the network; it waits 90 s where nobody starts network-online.target.
const waiter = "podman-user-wait-network-online.service"

func (e *examiner) network() {
	waiting := e.waiting()
	if len(waiting) == 0 {
		e.ok("no application waits for the network")
		return
	}
	said, _ := e.Run(e.ctx, "systemctl", "is-active", "network-online.target")
	if strings.TrimSpace(said) == "active" {
		e.ok("network-online.target is reached")
		return
	}
	e.warn(commands("sudo systemctl add-wants multi-user.target network-online.target", "sudo systemctl start network-online.target"),
		"nothing starts network-online.target, for which %s waits 90s before the first start; or write DefaultDependencies=no into [Quadlet] of that file",
		strings.Join(waiting, ", "))
}

// waiting are the units that wait: those of Quadlet that applications need, and containers that are told to.
func (e *examiner) waiting() []string {
	var units []string
	for _, t := range e.Files.Trees {
		if t.App.Container.WaitForNetwork {
			units = append(units, t.App.Name+".service")
		}
		for _, name := range append(slices.Clone(t.App.Container.Requires), t.App.Existing) {
			if name != "" && e.waits(name) && !slices.Contains(units, name) {
				units = append(units, name)
			}
		}
	}
	return units
}

func (e *examiner) waits(unit string) bool {
	if e.Systemd == nil {
		return false
	}
	u, err := e.Systemd.Unit(e.ctx, unit)
	return err == nil && slices.Contains(u.Wants, waiter)
}

// ports finds those that only root may listen on.
func (e *examiner) ports() {
	lowest, names := 0, []string{}
	for _, t := range e.Files.Trees {
		for _, l := range t.App.Listeners {
			n := port(string(l.Address))
			if n == 0 || n >= e.FirstPort || e.UID == 0 {
				continue
			}
			if lowest == 0 || n < lowest {
				lowest = n
			}
			names = append(names, t.Name+": "+strconv.Itoa(n))
		}
	}
	if lowest == 0 {
		e.ok("those from %d on can be listened on without root, the files want no other", e.FirstPort)
		return
	}
	setting := "net.ipv4.ip_unprivileged_port_start=" + strconv.Itoa(lowest)
	e.fail(commands("sudo sysctl -w "+setting, "sudo sh -c 'echo "+setting+" >/etc/sysctl.d/50-podman-ondemand.conf'"),
		"ports below %d cannot be listened on without root (%s)", e.FirstPort, strings.Join(names, ", "))
}

// port is that of an address of ListenStream=, 0 of any other.
func port(address string) int {
	if n, err := strconv.Atoi(address); err == nil {
		return n
	}
	ip, _ := netip.ParseAddrPort(address)
	return int(ip.Port())
}

// controllers are those that keys of containers need: Memory=, PidsLimit=, and CPU limits.
var controllers = []string{"cpu", "memory", "pids"}

func (e *examiner) cgroups() {
	all, err := os.ReadFile(e.path("/sys/fs/cgroup/cgroup.controllers"))
	if err != nil {
		e.warn(commands("sudo grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1"),
			"this machine has cgroups v1 only: podman without root sets no limits")
		return
	}
	if missing := without(string(all)); len(missing) > 0 {
		e.warn(nil, "the kernel offers no controller for %s: podman sets no such limits", strings.Join(missing, ", "))
		return
	}
	if e.Scope == manager.System {
		e.ok("v2")
		return
	}
	uid := strconv.Itoa(e.UID)
	own, err := os.ReadFile(e.path("/sys/fs/cgroup/user.slice/user-" + uid + ".slice/user@" + uid + ".service/cgroup.controllers"))
	if missing := without(string(own)); err == nil && len(missing) > 0 {
		const dir = "/etc/systemd/system/user@.service.d"
		e.warn(commands(`sudo sh -c 'mkdir -p `+dir+` && printf "[Service]\nDelegate=cpu io memory pids\n" >`+dir+`/50-podman-ondemand.conf'`,
			"sudo systemctl daemon-reload"),
			"%s may not use the controllers for %s: podman sets no such limits (after these commands log in anew)", e.User, strings.Join(missing, ", "))
		return
	}
	e.ok("v2, with %s", strings.Join(controllers, ", "))
}

// without are the controllers that a list lacks.
func without(list string) []string {
	have := strings.Fields(list)
	return slices.DeleteFunc(slices.Clone(controllers), func(c string) bool { return slices.Contains(have, c) })
}

// badLabels are types that systemd may not execute.
var badLabels = []string{"unlabeled_t", "tmp_t", "user_tmp_t", "default_t", "container_file_t"}

func (e *examiner) selinux() {
	enforcing, err := os.ReadFile(e.path("/sys/fs/selinux/enforce"))
	switch {
	case err != nil:
		e.ok("not in use")
		return
	case strings.TrimSpace(string(enforcing)) != "1":
		e.ok("permissive")
		return
	}
	if _, err := os.Stat(e.path("/usr/share/containers/selinux/contexts")); err != nil {
		e.fail(e.installPackage("container-selinux", "container-selinux"), "it is enforced, and there is no policy for containers")
		return
	}
	program := e.installedProgram()
	if program == "" {
		return
	}
	label, err := e.Label(program)
	_, rest, _ := strings.Cut(label, "_r:")
	kind, _, _ := strings.Cut(rest, ":")
	switch {
	case err != nil:
		e.warn(nil, "the label of %s cannot be read: %v", program, err)
	case slices.Contains(badLabels, kind):
		e.fail(commands("restorecon -Fv "+program), "systemd may not execute %s: its label is %s", program, label)
	default:
		e.ok("enforcing; %s is %s", program, kind)
	}
}
