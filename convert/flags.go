package convert

import (
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// runFlag is one option of "podman run" or "docker run".
type runFlag struct {
	name  string
	short string // its letter
	// alone says that it takes no value but after a "=".
	alone bool
	// read converts it; nil: to the key that becomes this option (keyOf), or to
	// PodmanArgs=.
	read func(c *conversion, o option)
}

// flags is the table of options, those of podman-run(1) in the order of their
// names and then those that only docker has.
var flags = []runFlag{
	{name: "add-host"},
	{name: "annotation"},
	{name: "arch"},
	{name: "attach", short: "a", read: dropped("a service is attached to nothing; what it prints is in the journal")},
	{name: "authfile", read: (*conversion).fileOption},
	{name: "blkio-weight"},
	{name: "blkio-weight-device"},
	{name: "cap-add"},
	{name: "cap-drop"},
	{name: "cert-dir", read: (*conversion).fileOption},
	{name: "cgroup-conf"},
	{name: "cgroup-parent", read: dropped("the container lives in the control group of its service; Slice= in [Service] moves that")},
	{name: "cgroupns"},
	{name: "cgroups", read: (*conversion).cgroups},
	{name: "chrootdirs"},
	{name: "cidfile", read: own},
	{name: "conmon-pidfile", read: own},
	{name: "cpu-period"},
	{name: "cpu-quota"},
	{name: "cpu-rt-period"},
	{name: "cpu-rt-runtime"},
	{name: "cpu-shares", short: "c"},
	{name: "cpus"},
	{name: "cpuset-cpus"},
	{name: "cpuset-mems"},
	{name: "creds"},
	{name: "decryption-key", read: (*conversion).fileOption},
	{name: "detach", short: "d", alone: true, read: silent},
	{name: "detach-keys", read: silent},
	{name: "device", read: (*conversion).device},
	{name: "device-cgroup-rule"},
	{name: "device-read-bps"},
	{name: "device-read-iops"},
	{name: "device-write-bps"},
	{name: "device-write-iops"},
	{name: "disable-content-trust", alone: true, read: silent},
	{name: "dns"},
	{name: "dns-option"},
	{name: "dns-search"},
	{name: "entrypoint", read: (*conversion).entrypoint},
	{name: "env", short: "e", read: (*conversion).env},
	{name: "env-file", read: (*conversion).envFile},
	{name: "env-host", alone: true},
	{name: "env-merge"},
	{name: "expose", read: (*conversion).expose},
	{name: "gidmap"},
	{name: "gpus"},
	{name: "group-add"},
	{name: "group-entry"},
	{name: "health-cmd"},
	{name: "health-interval"},
	{name: "health-log-destination"},
	{name: "health-max-log-count"},
	{name: "health-max-log-size"},
	{name: "health-on-failure"},
	{name: "health-retries"},
	{name: "health-start-period"},
	{name: "health-startup-cmd"},
	{name: "health-startup-interval"},
	{name: "health-startup-retries"},
	{name: "health-startup-success"},
	{name: "health-startup-timeout"},
	{name: "health-timeout"},
	{name: "help", alone: true, read: silent},
	{name: "hostname", short: "h"},
	{name: "hosts-file"},
	{name: "hostuser"},
	{name: "http-proxy", alone: true},
	{name: "image-volume"},
	{name: "init", alone: true},
	{name: "init-path"},
	{name: "interactive", short: "i", alone: true, read: noTerminal},
	{name: "ip"},
	{name: "ip6"},
	{name: "ipc"},
	{name: "label", short: "l", read: (*conversion).label},
	{name: "label-file", read: (*conversion).fileOption},
	{name: "log-driver", read: (*conversion).logDriver},
	{name: "log-opt"},
	{name: "mac-address"},
	{name: "memory", short: "m"},
	{name: "memory-reservation"},
	{name: "memory-swap"},
	{name: "memory-swappiness"},
	{name: "mount", read: (*conversion).mount},
	{name: "name", read: (*conversion).containerName},
	{name: "network", read: (*conversion).network},
	{name: "network-alias"},
	{name: "no-healthcheck", alone: true},
	{name: "no-hostname", alone: true},
	{name: "no-hosts", alone: true},
	{name: "oom-kill-disable", alone: true},
	{name: "oom-score-adj"},
	{name: "os"},
	{name: "passwd", alone: true},
	{name: "passwd-entry"},
	{name: "personality"},
	{name: "pid"},
	{name: "pidfile", read: own},
	{name: "pids-limit"},
	{name: "platform"},
	{name: "pod", read: (*conversion).pod},
	{name: "pod-id-file", read: (*conversion).pod},
	{name: "preserve-fd", read: dropped("a service has no file descriptors of yours to pass on")},
	{name: "preserve-fds", read: dropped("a service has no file descriptors of yours to pass on")},
	{name: "privileged", alone: true},
	{name: "publish", short: "p", read: (*conversion).publish},
	{name: "publish-all", short: "P", alone: true, read: (*conversion).publishAll},
	{name: "pull"},
	{name: "quiet", short: "q", alone: true, read: silent},
	{name: "rdt-class"},
	{name: "read-only", alone: true},
	{name: "read-only-tmpfs", alone: true},
	{name: "replace", alone: true, read: silent},
	{name: "requires"},
	{name: "restart", read: (*conversion).restart},
	{name: "retry"},
	{name: "retry-delay"},
	{name: "rm", alone: true, read: silent},
	{name: "rmi", alone: true, read: dropped("the image stays, the next connection needs it again")},
	{name: "rootfs", alone: true, read: silent},
	{name: "sdnotify", read: (*conversion).sdnotify},
	{name: "seccomp-policy"},
	{name: "secret"},
	{name: "security-opt", read: (*conversion).securityOpt},
	{name: "shm-size"},
	{name: "shm-size-systemd"},
	{name: "sig-proxy", alone: true, read: silent},
	{name: "stop-signal"},
	{name: "stop-timeout"},
	{name: "subgidname"},
	{name: "subuidname"},
	{name: "sysctl"},
	{name: "systemd"},
	{name: "timeout"},
	{name: "tls-verify", alone: true},
	{name: "tmpfs"},
	{name: "tty", short: "t", alone: true, read: noTerminal},
	{name: "tz"},
	{name: "uidmap"},
	{name: "ulimit"},
	{name: "umask"},
	{name: "unsetenv"},
	{name: "unsetenv-all", alone: true},
	{name: "user", short: "u", read: (*conversion).user},
	{name: "userns"},
	{name: "uts"},
	{name: "variant"},
	{name: "volume", short: "v", read: (*conversion).volume},
	{name: "volumes-from"},
	{name: "workdir", short: "w"},

	{name: "cpu-count", read: dockerOnly},
	{name: "cpu-percent", read: dockerOnly},
	{name: "domainname", read: dockerOnly},
	{name: "health-start-interval", read: dockerOnly},
	{name: "io-maxbandwidth", read: dockerOnly},
	{name: "io-maxiops", read: dockerOnly},
	{name: "isolation", read: dockerOnly},
	{name: "kernel-memory", read: dockerOnly},
	{name: "link", read: dropped("podman has no links: put both containers into one network (Network=), where they find each other by name")},
	{name: "link-local-ip", read: dockerOnly},
	{name: "runtime", read: (*conversion).runtime},
	{name: "storage-opt", read: dockerOnly},
	{name: "use-api-socket", alone: true, read: dockerOnly},
	{name: "volume-driver", read: dockerOnly},
}

// aliases are other names of options.
var aliases = []struct{ name, is string }{
	{"dns-opt", "dns-option"},
	{"healthcheck-command", "health-cmd"},
	{"healthcheck-interval", "health-interval"},
	{"healthcheck-retries", "health-retries"},
	{"healthcheck-start-period", "health-start-period"},
	{"healthcheck-timeout", "health-timeout"},
	{"net", "network"},
	{"net-alias", "network-alias"},
}

// findFlag finds an option by its name or its letter.
func findFlag(name string) (runFlag, bool) {
	for _, a := range aliases {
		if a.name == name {
			name = a.is
		}
	}
	i := slices.IndexFunc(flags, func(f runFlag) bool { return f.name == name || f.short == name })
	if i < 0 {
		return runFlag{}, false
	}
	return flags[i], true
}

// keyOf finds the key that becomes the option NAME=VALUE, and the value that is
// left for it. The table of keys says so itself: its Arg is read backwards.
func keyOf(name, value string) (key parser.Key, rest string, ok bool) {
	for _, k := range parser.Keys {
		arg, found := strings.CutPrefix(k.Arg, "--"+name)
		if !found || k.Section != parser.SectionContainer {
			continue
		}
		before, after, _ := strings.Cut(arg, "%s")
		before = strings.TrimLeft(before, "= ")
		switch {
		case arg == "" || arg == " %s":
			return k, value, true
		case arg[0] != ' ' && arg[0] != '=' || after != "":
		case k.Kind == parser.Switch && value == before:
			return k, "yes", true
		case strings.HasSuffix(before, "=") || strings.HasSuffix(before, ":"):
			if rest, found := strings.CutPrefix(value, before); found && rest != "" {
				return k, rest, true
			}
		}
	}
	return parser.Key{}, value, false
}
