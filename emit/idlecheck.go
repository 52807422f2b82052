package emit

import (
	"strings"
)

// IdleCheck is a command that is asked before the application is put to sleep.
type IdleCheck struct {
	// Command runs in the container; any exit status but zero says not to.
	Command []Arg
	// Member is the container of a pod that it runs in, by the base name of its
	// service.
	Member string
}

// checkTimeout is how many seconds the command has. The proxy waits a little
// longer (proxy/check.go).
const checkTimeout Value = "30"

// checks says whether there is something to ask.
func (app Application) checks() bool { return len(app.IdleCheck.Command) > 0 }

// idleCheck is the unit that asks.
func (app Application) idleCheck() string { return app.file("-idle-check", ".service") }

// idleCheckUnit makes NAME-idle-check.service, which the proxy starts when it is
// idle: it cannot run podman itself, inside the container's namespaces. The exit
// status is an answer and no failure ("-"); the proxy reads it from systemd.
func idleCheckUnit(app Application, opt Options) Unit {
	c := app.checked()
	command := []Arg{"exec", c.Name}
	for _, a := range app.IdleCheck.Command {
		command = append(command, a.inUnit(app.checkedUnit()))
	}
	return Unit{app.idleCheck(), []Section{
		app.unitSection(": asks "+app.what()+" whether it may sleep",
			Option{"StartLimitIntervalSec", "0"}, // it is asked as often as IdleTimeout= says
		),
		{"Service", []Option{
			{"Type", "oneshot"},
			{"ExecStart", "-" + Exec(podman(c, opt, command...)...)},
			{"TimeoutStartSec", checkTimeout},
			{"TimeoutStopSec", "5"},
			{"SyslogIdentifier", "%N"},
		}},
	}}
}

// checked is the container that is asked, as a unit of another name calls it.
func (app Application) checked() Container {
	c := app.Container
	switch {
	case app.Existing != "":
		return Container{Name: Written(app.Inside)}
	case app.Pod != nil:
		for _, m := range app.Pod.Members {
			if m.Name == app.IdleCheck.Member {
				c = m.Container
			}
		}
	}
	unit := app.checkedUnit()
	global := make([]Arg, len(c.Global))
	for i, a := range c.Global {
		global[i] = a.inUnit(unit)
	}
	return Container{Name: c.Name.inUnit(unit), Global: global}
}

// checkedUnit is the service of that container.
func (app Application) checkedUnit() string {
	if app.Pod != nil {
		return UnitName(app.IdleCheck.Member, "", ".service")
	}
	return app.container()
}

// inUnit lets a word mean in another unit of the same application what it means
// in unit: the specifiers for the unit's name are replaced (systemd.unit(5)).
// Those for an instance mean the same in both.
func (a Arg) inUnit(unit string) Arg {
	name := string(Sibling(unit))
	base := strings.TrimSuffix(name, ".service")
	prefix, _, _ := strings.Cut(base, "@")
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	return Arg(strings.NewReplacer("%%", "%%", "%n", name, "%N", base, "%p", prefix, "%j", last,
		"%P", strings.ReplaceAll(prefix, "-", "/"), "%J", last).Replace(string(a)))
}
