package emit

import (
	"fmt"
	"hash/fnv"
)

// applyTimeout is in seconds, and more than the helper takes at most: for a
// file that was removed, the socket, the proxy and the container are stopped and
// removed, each with systemd's usual 90 s; and another instance may come first.
const applyTimeout = "600"

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
			{"StartLimitIntervalSec", "0"},
		}},
		{"Service", []Option{
			// Not oneshot: the process stays for as long as a port is taken, and a
			// job that does not end would keep the boot from being finished.
			{"Type", "notify"},
			{"RemainAfterExit", "yes"},
			// systemd does not answer, or the helper was killed: without this the
			// target would start it again at once.
			{"Restart", "on-failure"},
			{"RestartSec", "10"},
			{"RuntimeDirectory", "podman-ondemand-apply"},
			{"RuntimeDirectoryMode", "0700"},
			{"RuntimeDirectoryPreserve", "yes"},
			{"ExecStart", command("start")},
			{"ExecStop", command("stop")},
			{"TimeoutSec", applyTimeout},
			{"SyslogIdentifier", "podman-ondemand"},
		}},
	}}
}

// instanceHash tells one state of a pair from another that has to be applied: 8
// digits for the socket, which is restarted where they have changed, and 8 for
// what pulls it in, which may start it, and what else is to be looked at.
func instanceHash(app Application, p pair) string {
	h := fnv.New32a()
	for _, in := range app.Install {
		fmt.Fprintf(h, "%s=%s\n", in.Kind, in.Unit)
	}
	if app.Stops != "" { // when it is mended, the service that said so has to be forgotten
		fmt.Fprintln(h, "broken")
	}
	return fmt.Sprintf("%.8s%08x", socketHash(app, p), h.Sum32())
}

// TargetUnit makes the drop-in by which sockets.target upholds an instance for
// each socket of each application.
func TargetUnit(apps []Application) Unit {
	var options []Option
	for _, app := range apps {
		for _, p := range app.pairs() {
			if name := app.installed(p); name != "" {
				options = append(options, Option{"Upholds", Text("podman-ondemand-apply@" + name + "-" + instanceHash(app, p) + ".service")})
			}
		}
	}
	return Unit{"sockets.target.d/50-podman-ondemand.conf", []Section{{"Unit", options}}}
}
