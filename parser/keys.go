package parser

import "sync"

// Kind says how the assignments of a key are read. The first seven are those
// of podman's Quadlet.
type Kind int

const (
	// String is one value, the last assignment; one pair of double quotes
	// around it is removed, an empty value counts as not set.
	String Kind = iota
	// List has one value an assignment, taken as it is; an empty assignment
	// clears what came before, as in all kinds with several values.
	List
	// Words are words with quotes removed and backslashes kept.
	Words
	// LowerWords are Words in lower case.
	LowerWords
	// Args are words with quotes removed and escapes decoded.
	Args
	// LastArgs are the Args of the last assignment.
	LastArgs
	// Map are Args of the form NAME=VALUE or NAME; of one name the last counts.
	Map
	// Bool is a boolean that can be said either way: FLAG or FLAG=false.
	Bool
	// Switch is a boolean of which only yes makes a difference.
	Switch
	// TimeSpan is a time span of systemd.time(7).
	TimeSpan
	// Count is a whole number from zero up.
	Count
	// Choice is a word of a fixed list, which the key's reader knows.
	Choice
	// NoEffect is a key that is right elsewhere and does nothing here.
	NoEffect
)

// Key is one row of the table of keys. Everything that depends on which keys
// there are follows from the rows: reading, "unknown key", podman's arguments
// and their order, and the documentation.
type Key struct {
	Section string
	Name    string
	Kind    Kind
	// Since is the first podman whose Quadlet has the key; "" for our own.
	Since string
	// Needs is the first podman that can do what the key asks for: we write
	// podman's arguments ourselves, and most keys of a new Quadlet are old
	// arguments of podman. "" where every podman from 4.4 on can.
	Needs string
	// Arg is the podman argument that one value becomes, with %s in the value's
	// place and blanks between words; "" where that takes more than the value.
	Arg string
	// Doc is the first line of the key's documentation.
	Doc string
}

// Known sections, in the order in which a person would write them.
const (
	SectionUnit      = "Unit"
	SectionContainer = "Container"
	SectionPod       = "Pod"
	SectionOnDemand  = "OnDemand"
	SectionSocket    = "Socket"
	SectionService   = "Service"
	SectionInstall   = "Install"
	SectionQuadlet   = "Quadlet"
)

// Sections lists the sections that a file may have.
var Sections = []string{
	SectionUnit, SectionContainer, SectionPod, SectionOnDemand, SectionSocket,
	SectionService, SectionInstall, SectionQuadlet,
}

// Labelled lists the sections that may name one of several containers of the
// file, as [Container app].
var Labelled = []string{SectionUnit, SectionContainer, SectionService}

// Keys is the table. Rows with an Arg are in the order in which podman gets
// them, which is Quadlet's where Quadlet has one.
var Keys = []Key{
	// What podman gets in front of the container's own options.
	{SectionContainer, "ContainersConfModule", List, "4.8", "4.7", "", "containers.conf module to load"},
	{SectionContainer, "GlobalArgs", Args, "4.8", "", "", "Arguments between podman and its command"},
	{SectionContainer, "ContainerName", String, "4.4", "", "", "Name of the container, systemd-%N by default"},
	{SectionContainer, "ServiceName", String, "5.3", "", "", "Name of the units, the file's name by default"},

	{SectionContainer, "LogDriver", String, "4.5", "", "--log-driver %s", "Where the container logs to"},
	{SectionContainer, "LogOpt", Words, "5.2", "", "--log-opt %s", "Option of the log driver"},
	{SectionContainer, "CgroupsMode", String, "5.3", "", "", "How podman uses control groups, split by default"},
	{SectionContainer, "Entrypoint", String, "5.0", "", "", "Program to run in place of the image's; empty: none"},
	{SectionContainer, "Timezone", String, "4.4", "", "--tz %s", "Time zone in the container"},
	{SectionContainer, "PidsLimit", String, "4.7", "", "--pids-limit %s", "Most processes in the container"},
	{SectionContainer, "ShmSize", String, "4.7", "", "--shm-size %s", "Size of /dev/shm"},
	{SectionContainer, "WorkingDir", String, "4.6", "", "--workdir %s", "Working directory in the container"},
	{SectionContainer, "IP", String, "4.5", "", "--ip %s", "Fixed IPv4 address in the container's network"},
	{SectionContainer, "IP6", String, "4.5", "", "--ip6 %s", "Fixed IPv6 address in the container's network"},
	{SectionContainer, "HostName", String, "4.6", "", "--hostname %s", "Host name in the container"},
	{SectionContainer, "StopSignal", String, "5.2", "", "--stop-signal %s", "Signal that stops the container"},
	{SectionContainer, "StopTimeout", String, "5.0", "", "--stop-timeout %s", "Seconds from the stop signal to SIGKILL"},
	{SectionContainer, "Pull", String, "4.6", "", "--pull %s", "When to pull the image: always, missing, never, newer"},
	{SectionContainer, "Memory", String, "5.5", "", "--memory %s", "Most memory of the container"},
	{SectionContainer, "Retry", String, "5.5", "5.0", "--retry %s", "How often to try a pull again"},
	{SectionContainer, "RetryDelay", String, "5.5", "5.0", "--retry-delay %s", "Time between two tries of a pull"},
	{SectionContainer, "NetworkAlias", List, "5.2", "", "--network-alias %s", "Another name in the container's network"},
	{SectionContainer, "Ulimit", List, "4.7", "", "--ulimit %s", "Resource limit in the container"},
	{SectionContainer, "DNS", List, "4.7", "", "--dns %s", "DNS server"},
	{SectionContainer, "DNSOption", List, "4.7", "", "--dns-option %s", "Option of the DNS resolver"},
	{SectionContainer, "DNSSearch", List, "4.7", "", "--dns-search %s", "DNS search domain"},
	{SectionContainer, "GroupAdd", List, "5.1", "", "--group-add %s", "Another group of the container's user"},
	{SectionContainer, "AddHost", List, "5.3", "", "--add-host %s", "Line of /etc/hosts, as NAME:ADDRESS"},
	{SectionContainer, "Tmpfs", List, "4.5", "", "--tmpfs %s", "File system in memory, as PATH[:OPTIONS]"},
	{SectionContainer, "RunInit", Bool, "4.4", "", "--init", "Run a small init as process 1"},
	{SectionContainer, "EnvironmentHost", Bool, "4.4", "", "--env-host", "Pass the host's environment"},
	{SectionContainer, "HttpProxy", Bool, "5.7", "", "--http-proxy", "Pass the host's proxy variables"},
	{SectionContainer, "ReadOnlyTmpfs", Bool, "4.8", "", "--read-only-tmpfs", "Writable /tmp and /run with ReadOnly="},
	{SectionContainer, "Network", List, "4.4", "", "", "Network of the container; none works too"},
	{SectionContainer, "Notify", Choice, "4.4", "", "", "Who says that the container is ready: no, yes (it), healthy"},
	{SectionContainer, "NoNewPrivileges", Switch, "4.4", "", "--security-opt=no-new-privileges", "No new privileges by set-uid programs"},
	{SectionContainer, "SecurityLabelDisable", Switch, "4.5", "", "--security-opt label=disable", "No SELinux separation"},
	{SectionContainer, "SecurityLabelNested", Switch, "4.6", "4.5", "--security-opt label=nested", "SELinux labels inside the container"},
	{SectionContainer, "SecurityLabelType", String, "4.5", "", "--security-opt label=type:%s", "SELinux type of the processes"},
	{SectionContainer, "SecurityLabelFileType", String, "4.5", "", "--security-opt label=filetype:%s", "SELinux type of the files"},
	{SectionContainer, "SecurityLabelLevel", String, "4.5", "", "--security-opt label=level:%s", "SELinux level"},
	{SectionContainer, "AppArmor", String, "5.8", "", "--security-opt apparmor=%s", "AppArmor profile"},
	{SectionContainer, "AddDevice", Words, "4.4", "", "", "Device of the host; with - in front: if it is there"},
	{SectionContainer, "SeccompProfile", String, "4.4", "", "--security-opt seccomp=%s", "Seccomp profile"},
	{SectionContainer, "DropCapability", LowerWords, "4.4", "", "--cap-drop %s", "Capability to take away, or all"},
	{SectionContainer, "AddCapability", LowerWords, "4.4", "", "--cap-add %s", "Capability to add"},
	{SectionContainer, "Sysctl", Words, "4.6", "", "--sysctl %s", "Kernel setting in the container, as NAME=VALUE"},
	{SectionContainer, "ReadOnly", Bool, "4.4", "", "--read-only", "Read-only root file system"},
	{SectionContainer, "User", String, "4.4", "", "", "User in the container"},
	{SectionContainer, "Group", String, "4.4", "", "", "Group in the container, with User="},
	{SectionContainer, "UserNS", String, "4.5", "", "--userns %s", "User namespace, like keep-id or auto"},
	{SectionContainer, "UIDMap", Words, "4.8", "", "--uidmap %s", "Mapping of user ids"},
	{SectionContainer, "GIDMap", Words, "4.8", "", "--gidmap %s", "Mapping of group ids"},
	{SectionContainer, "SubUIDMap", String, "4.8", "", "--subuidname %s", "Name in /etc/subuid to map from"},
	{SectionContainer, "SubGIDMap", String, "4.8", "", "--subgidname %s", "Name in /etc/subgid to map from"},
	{SectionContainer, "RemapUsers", String, "4.4", "", "", "Deprecated, write UserNS="},
	{SectionContainer, "RemapUid", Words, "4.4", "", "", "Deprecated, write UIDMap="},
	{SectionContainer, "RemapGid", Words, "4.4", "", "", "Deprecated, write GIDMap="},
	{SectionContainer, "RemapUidSize", String, "4.4", "", "", "Deprecated, write UserNS=auto:size=N"},
	{SectionContainer, "Volume", List, "4.4", "", "", "Mount, as SOURCE:PATH[:OPTIONS]"},
	{SectionContainer, "AutoUpdate", String, "4.6", "", "--label io.containers.autoupdate=%s", "How podman-auto-update(1) updates it: registry, local"},
	{SectionContainer, "ExposeHostPort", List, "4.4", "", "--expose %s", "Port or range to expose, without publishing"},
	{SectionContainer, "ReloadCmd", LastArgs, "5.5", "", "", "Command in the container that reloads it"},
	{SectionContainer, "ReloadSignal", String, "5.5", "", "", "Signal to the container that reloads it"},
	{SectionContainer, "Pod", String, "5.0", "", "", "Pod to run in, a file NAME.pod of Quadlet"},
	{SectionContainer, "StartWithPod", Bool, "5.3", "", "", "No effect: it starts at the first connection"},
	{SectionContainer, "VolatileTmp", Switch, "4.4", "", "", "Deprecated, write Tmpfs=/tmp"},
	{SectionContainer, "PublishPort", List, "4.4", "", "", "Where to listen on demand, as [ADDRESS:]HOSTPORT:PORT"},
	{SectionContainer, "Environment", Map, "4.4", "", "--env %s", "Environment variable, as NAME=VALUE"},
	{SectionContainer, "Label", Map, "4.4", "", "--label %s", "Label, as NAME=VALUE"},
	{SectionContainer, "Annotation", Map, "4.4", "", "--annotation %s", "Annotation, as NAME=VALUE"},
	{SectionContainer, "Mask", Args, "4.6", "", "--security-opt mask=%s", "Path to hide"},
	{SectionContainer, "Unmask", Args, "4.6", "", "--security-opt unmask=%s", "Path not to hide, or ALL"},
	{SectionContainer, "EnvironmentFile", Args, "4.4", "", "", "File with environment variables"},
	{SectionContainer, "Secret", Args, "4.5", "", "--secret %s", "Secret of podman-secret(1)"},
	{SectionContainer, "Mount", Args, "4.5", "", "", "Mount, as type=TYPE,source=…,destination=…"},
	{SectionContainer, "HealthCmd", String, "4.5", "", "--health-cmd %s", "Command that checks the health"},
	{SectionContainer, "HealthInterval", String, "4.5", "", "--health-interval %s", "Time between two checks"},
	{SectionContainer, "HealthOnFailure", String, "4.5", "", "--health-on-failure %s", "What happens when it is unhealthy"},
	{SectionContainer, "HealthLogDestination", String, "5.3", "5.3", "--health-log-destination %s", "Where the checks are logged"},
	{SectionContainer, "HealthMaxLogCount", String, "5.3", "5.3", "--health-max-log-count %s", "Most checks in the log"},
	{SectionContainer, "HealthMaxLogSize", String, "5.3", "5.3", "--health-max-log-size %s", "Most characters of a logged check"},
	{SectionContainer, "HealthRetries", String, "4.5", "", "--health-retries %s", "Failed checks until it is unhealthy"},
	{SectionContainer, "HealthStartPeriod", String, "4.5", "", "--health-start-period %s", "Time in which failed checks do not count"},
	{SectionContainer, "HealthTimeout", String, "4.5", "", "--health-timeout %s", "Longest time of a check"},
	{SectionContainer, "HealthStartupCmd", String, "4.5", "", "--health-startup-cmd %s", "Command that checks the start"},
	{SectionContainer, "HealthStartupInterval", String, "4.5", "", "--health-startup-interval %s", "Time between two checks of the start"},
	{SectionContainer, "HealthStartupRetries", String, "4.5", "", "--health-startup-retries %s", "Failed checks of the start until a restart"},
	{SectionContainer, "HealthStartupSuccess", String, "4.5", "", "--health-startup-success %s", "Good checks until it has started"},
	{SectionContainer, "HealthStartupTimeout", String, "4.5", "", "--health-startup-timeout %s", "Longest time of a check of the start"},
	{SectionContainer, "PodmanArgs", Args, "4.4", "", "", "More arguments of podman-run(1)"},
	{SectionContainer, "Image", String, "4.4", "", "", "Image to run"},
	{SectionContainer, "Rootfs", String, "4.5", "", "", "Directory to run in the place of an image"},
	{SectionContainer, "Exec", LastArgs, "4.4", "", "", "Command in the container, in the place of the image's"},

	// The arguments of podman-pod-create(1).
	{SectionPod, "ContainersConfModule", List, "5.0", "4.7", "", "containers.conf module to load"},
	{SectionPod, "GlobalArgs", Args, "5.0", "", "", "Arguments between podman and its command"},
	{SectionPod, "PodName", String, "5.0", "", "", "Name of the pod, systemd- and the file's name by default"},
	{SectionPod, "ServiceName", String, "5.3", "", "", "Name of the units, the file's name by default"},
	{SectionPod, "ExitPolicy", Choice, "5.6", "", "", "What the pod does when its last container has ended, continue by default"},
	{SectionPod, "StopTimeout", Count, "5.7", "", "", "Seconds from the stop signal to SIGKILL, 10 by default"},
	{SectionPod, "IP", String, "5.3", "", "--ip %s", "Fixed IPv4 address in the pod's network"},
	{SectionPod, "IP6", String, "5.3", "", "--ip6 %s", "Fixed IPv6 address in the pod's network"},
	{SectionPod, "HostName", String, "5.5", "", "--hostname %s", "Host name in the pod"},
	{SectionPod, "ShmSize", String, "5.4", "", "--shm-size %s", "Size of /dev/shm"},
	{SectionPod, "NetworkAlias", List, "5.3", "", "--network-alias %s", "Another name in the pod's network"},
	{SectionPod, "DNS", List, "5.3", "", "--dns %s", "DNS server"},
	{SectionPod, "DNSOption", List, "5.3", "", "--dns-option %s", "Option of the DNS resolver"},
	{SectionPod, "DNSSearch", List, "5.3", "", "--dns-search %s", "DNS search domain"},
	{SectionPod, "AddHost", List, "5.3", "", "--add-host %s", "Line of /etc/hosts, as NAME:ADDRESS"},
	{SectionPod, "Network", List, "5.0", "", "", "Network of podman-network(1), a mode, or a file"},
	{SectionPod, "PublishPort", List, "5.0", "", "", "Port to listen on, as [ADDRESS:]HOSTPORT:PORT"},
	{SectionPod, "UserNS", String, "5.3", "", "--userns %s", "User namespace of the pod"},
	{SectionPod, "UIDMap", Words, "5.3", "", "--uidmap %s", "Mapping of user ids"},
	{SectionPod, "GIDMap", Words, "5.3", "", "--gidmap %s", "Mapping of group ids"},
	{SectionPod, "SubUIDMap", String, "5.3", "", "--subuidname %s", "Name in /etc/subuid"},
	{SectionPod, "SubGIDMap", String, "5.3", "", "--subgidname %s", "Name in /etc/subgid"},
	{SectionPod, "RemapUsers", String, "5.3", "", "", "Deprecated: write UserNS="},
	{SectionPod, "RemapUid", Words, "5.3", "", "", "Deprecated: belongs to RemapUsers="},
	{SectionPod, "RemapGid", Words, "5.3", "", "", "Deprecated: belongs to RemapUsers="},
	{SectionPod, "RemapUidSize", String, "5.3", "", "", "Deprecated: belongs to RemapUsers="},
	{SectionPod, "Volume", List, "5.0", "", "", "Volume of all containers, as SOURCE:DESTINATION[:OPTIONS]"},
	{SectionPod, "Label", Map, "5.6", "", "--label %s", "Label, as NAME=VALUE"},
	{SectionPod, "PodmanArgs", Args, "5.0", "", "", "More arguments of podman-pod-create(1)"},

	{SectionOnDemand, "Unit", String, "", "", "", "Unit that is there already, or a file of Quadlet, to wake in place of a container"},
	{SectionOnDemand, "Target", Words, "", "", "", "Where that unit listens, behind each address in [Socket]"},
	{SectionOnDemand, "Container", String, "", "", "", "Container in whose network Target= is, by its name or its file, in place of the host's"},
	{SectionOnDemand, "ContainerPort", Words, "", "", "", "Port in the container behind each address in [Socket]"},
	{SectionOnDemand, "IdleTimeout", TimeSpan, "", "", "", "How long nobody is connected until it stops, 5min by default"},
	{SectionOnDemand, "StartTimeout", TimeSpan, "", "", "", "How long a connection waits for the application, 90s by default"},
	{SectionOnDemand, "DrainTimeout", TimeSpan, "", "", "", "How long connections may go on when it is stopped or restarted, 5s by default"},
	{SectionOnDemand, "ConnectionIdleTimeout", TimeSpan, "", "", "", "Close connections that carried nothing for so long; none by default"},
	{SectionOnDemand, "FlowTimeout", TimeSpan, "", "", "", "How long a flow of UDP datagrams lasts without one, 60s by default"},
	{SectionOnDemand, "IdleCheck", LastArgs, "", "", "", "Command in the container that can keep it from being put to sleep"},
	{SectionOnDemand, "Ready", Choice, "", "", "", "What counts as ready: tcp, or http:[PORT]/PATH"},
	{SectionOnDemand, "WakeOn", Choice, "", "", "", "What wakes it: connection (the default), or data, for which the client must have said something"},
	{SectionOnDemand, "WakeFrom", Words, "", "", "", "Addresses and prefixes from which it may be woken; everybody by default"},
	{SectionOnDemand, "AllowFrom", Words, "", "", "", "Addresses and prefixes that are served; everybody by default"},
	{SectionOnDemand, "ProxyProtocol", Choice, "", "", "", "PROXY protocol header that the application expects: v1 or v2"},
	{SectionOnDemand, "ProxyProtocolFrom", Words, "", "", "", "Addresses and prefixes of balancers in front that send such a header"},
	{SectionOnDemand, "ClientAddress", Choice, "", "", "", "Whom the application sees as its peer: the client (keep, the default) or the proxy"},
	{SectionOnDemand, "Proxy", Choice, "", "", "", "What stands in front: podman-ondemand, systemd-socket-proxyd or none"},
	{SectionOnDemand, "MaxConnections", Count, "", "", "", "Most connections at a time, others wait; 0: no limit"},

	{SectionInstall, "WantedBy", Words, "", "", "", "Units that start the socket, sockets.target by default"},
	{SectionInstall, "RequiredBy", Words, "", "", "", "Units that require the socket"},
	{SectionInstall, "UpheldBy", Words, "", "", "", "Units that keep the socket listening"},
	{SectionInstall, "DefaultInstance", String, "", "", "", "Instance of a template that is installed"},
	{SectionInstall, "Alias", Words, "", "", "", "Another name of the socket unit, NAME.socket"},

	{SectionInstall, "Also", NoEffect, "", "", "", "Other units to install"},

	{SectionQuadlet, "DefaultDependencies", Switch, "5.0", "", "", "Wait for the network before the container starts; no by default"},
}

// NewerValue is a value that needs a newer podman than its key.
type NewerValue struct {
	Section, Name string
	// Value is what the value of the key is, or for Mount= a part of it.
	Value string
	Needs string
}

// NewerValues is the table of them.
var NewerValues = []NewerValue{
	{SectionContainer, "Notify", "healthy", "4.7"},
	{SectionContainer, "Mount", "type=glob", "4.7"},
	{SectionContainer, "Mount", "type=artifact", "5.5"},
}

// PassedThrough says whether the keys of a section are systemd's own, and not
// in the table.
func PassedThrough(section string) bool {
	return section == SectionUnit || section == SectionService || section == SectionSocket
}

// place is where a key stands in a file.
type place struct{ section, name string }

// rows finds the rows of Keys; a file makes some sixty such searches.
var rows = sync.OnceValue(func() map[place]int {
	rows := make(map[place]int, len(Keys))
	for i := range Keys {
		rows[place{Keys[i].Section, Keys[i].Name}] = i
	}
	return rows
})

// FindKey returns the row of a key.
func FindKey(section, name string) (Key, bool) {
	i, ok := rows()[place{section, name}]
	if !ok {
		return Key{}, false
	}
	return Keys[i], true
}
