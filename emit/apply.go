package emit

// applyStopTimeout is in seconds: for a file that was removed, the socket, the
// proxy and the container are stopped, each with systemd's usual 90 s.
const applyStopTimeout = "300"

// ApplyUnit makes podman-ondemand-apply@.service, one text for all
// applications. An instance of it is active while the socket it is named after
// is the one that the files ask for: systemd starts the instance of a new or
// changed file because sockets.target upholds it, and stops the instance of
// the text before because nothing upholds that any more.
//
// It is there even without an application, so that systemd can be asked
// whether it called the generator.
func ApplyUnit(opt Options) Unit {
	scope := Arg("--system")
	if opt.User {
		scope = "--user"
	}
	command := func(verb Arg) Value { return Exec(Literal(opt.Program), "apply", scope, verb, "%i") }
	return Unit{"podman-ondemand-apply@.service", []Section{
		{"Unit", []Option{
			{"Description", "Applies changes of %i after a reload"},
			{"Documentation", "man:podman-ondemand-generator(8)"},
			{"DefaultDependencies", "no"},
			// At boot the target starts the sockets; there is nothing to apply then.
			{"After", "sockets.target"},
			{"StopWhenUnneeded", "yes"},
		}},
		{"Service", []Option{
			{"Type", "oneshot"},
			{"RemainAfterExit", "yes"},
			{"RuntimeDirectory", "podman-ondemand-apply"},
			{"RuntimeDirectoryMode", "0700"},
			{"RuntimeDirectoryPreserve", "yes"},
			{"ExecStart", command("start")},
			{"ExecStop", command("stop")},
			{"TimeoutStopSec", applyStopTimeout},
			{"SyslogIdentifier", "podman-ondemand"},
		}},
	}}
}

// TargetUnit makes the drop-in by which sockets.target upholds an instance for
// each application.
func TargetUnit(apps []Application) Unit {
	var options []Option
	for _, app := range apps {
		if name := app.installed(); name != "" {
			options = append(options, Option{"Upholds", Text("podman-ondemand-apply@" + name + "-" + SocketHash(app) + ".service")})
		}
	}
	return Unit{"sockets.target.d/50-podman-ondemand.conf", []Section{{"Unit", options}}}
}
