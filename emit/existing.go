package emit

import "strings"

// existingDropIn makes the drop-in for a unit that is there already: it goes
// when its socket is stopped, and may be woken as often as a container of ours.
// The rest of what binds the two is in the proxy's unit.
func existingDropIn(app Application) Unit {
	bonds := stopsWithSocket(app)
	if strings.HasSuffix(app.Name, "@") && !strings.Contains(app.Existing, "@.") {
		bonds = nil // the instances have a socket each, and the one unit together
	}
	return Unit{app.Existing + ".d/50-" + app.Name + "-ondemand.conf",
		[]Section{{"Unit", append(bonds, startLimit...)}}}
}
