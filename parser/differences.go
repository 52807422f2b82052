package parser

// Difference is one thing in which a file is not taken as Quadlet takes a
// .container file.
type Difference struct {
	// Subject is what it is about: keys, or a few words.
	Subject string
	// Text says in sentences what happens here, and what Quadlet does.
	Text string
}

// Differences lists them all: first those that are the point of it all, then
// what is an error or a warning here, then what is read in another way. Quadlet
// is that of podman 5.4 to 5.8 (podman-systemd.unit(5)); e2e/oracle_test.go
// compares with the installed one.
var Differences = []Difference{
	{"PublishPort=", "Where to listen on demand: systemd listens on the port of the host, and podman publishes nothing. " +
		"So each line names a port of the host; Quadlet lets podman choose one where there is none."},
	{"PublishPort= and UDP", "A port with /udp is an error, since connections are what is passed on; without a proxy (Proxy=none in [OnDemand]) it is fine."},
	{"Waiting for the network", "The container does not wait for the network, which on many systems costs the first client 90 seconds. " +
		"DefaultDependencies=yes in [Quadlet] brings that back; with Quadlet it is the default."},
	{"[Install]", "It is about the socket, and without it sockets.target wants that. " +
		"With Quadlet it is about the container, which does not start by itself without it. Also= is ignored with a warning."},
	{"Pods", "[Pod] and its containers are one file, with Quadlet each is one of its own. Its ExitPolicy= is continue and it is not restarted, since it is systemd that ends it; " +
		"with Quadlet stop, and on a failure. StartWithPod= has no effect: the container starts in its pod at the first connection. " +
		"What podman refuses for a container in a pod, as HostName=, is an error at once."},
	{"Type=", "Type=oneshot is an error: the service would count as started when the container has ended. With Quadlet it runs a task."},
	{"Start and stop", "TimeoutStartSec= is StartTimeout= of [OnDemand], the start limit has room for a container that is woken often, " +
		"and the exit statuses of SIGTERM and SIGKILL are no failure. Quadlet leaves all three to systemd's defaults. What is written in the file comes first."},
	{"One bad file", "It never costs another one anything, all that is wrong with it is said at once with line and column, and its port stays open. " +
		"Quadlet says the first thing only, and a file that cannot be read as a unit file takes all the others of its directory with it."},
	{"Order", "The same file makes the same units, byte for byte. Quadlet's arguments of podman are in another order each time."},
	{"Unknown keys and sections", "A warning with the nearest name that is known, and the rest of the file counts. " +
		"Quadlet makes nothing of a file with an unknown key, and does not mention an unknown section."},
	{"Booleans", "1, yes, y, true, t, on and 0, no, n, false, f, off, as with systemd. All else is an error, which Quadlet takes for no. " +
		"An empty one counts as not set, and not as no."},
	{"Notify=", "What is neither a boolean nor healthy is an error. Quadlet takes it for no."},
	{"Signals, ports and names", "What podman would refuse at the start, in front of a waiting client, is an error at once: " +
		"StopSignal=, ReloadSignal=, ExposeHostPort=, ContainerName=. SCTP in ExposeHostPort= is fine, which Quadlet refuses."},
	{"Versions", "A key or value that the installed podman is too old for is a warning that names both versions. " +
		"Keys that are newer than the installed Quadlet work, where podman can do what they ask for."},
	{"References", "A file that is not there is an error, and so is one that does not say the name that it must say. " +
		"One of which Quadlet can make no unit keeps the container from starting, where Quadlet puts an anonymous volume in its place."},
	{"References in [Unit]", "File names are replaced by the names of their units, as Quadlet does it from podman 5.5 on."},
	{"Mount=", "Without type= it is a volume; without source= only a volume. Quadlet 5 refuses both."},
	{"Empty words", `"" among words is an empty word. Quadlet ends the list there.`},
	{"Unknown escapes", "The backslash is kept, with a warning. Quadlet drops the whole line without one."},
	{"Quotes that are not closed", "An error where systemd takes it for one, and else a warning. Quadlet drops some of these lines, and says nothing."},
	{"Empty values", "They count as not set, but for Entrypoint=. With Quadlet an empty LogDriver= swallows the argument behind it, " +
		"an empty ServiceName= makes a unit without a name, and an empty SeccompProfile=, RemapUid= or RemapGid= counts as set."},
	{"Lines", "A line without = is ignored with a warning, an empty line ends a continued one, and what is continued at the end of the file is not lost. " +
		"Quadlet refuses the file, reads on in the next assignment, and loses it."},
	{"Names with a colon", "The container of a:b.ondemand is systemd-a_b, since podman takes no colon in a name."},
	{"[Service]", "ExecStart= is an error, since it is podman's; Delegate= and NotifyAccess= are what they must be. " +
		"Quadlet leaves a second ExecStart= in the unit, which systemd then refuses."},
}
