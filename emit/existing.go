package emit

import "strings"

// existing is the unit of somebody else's that the file wakes, or would if it were
// not broken.
func (app Application) existing() string {
	if app.Stops != "" {
		return app.Stops
	}
	return app.Existing
}

// existingDropIn makes the drop-in for a unit that is there already: it goes
// when its socket is stopped, and may be woken as often as a container of ours.
// The rest of what binds the two is in the proxy's unit. A person's own lines
// count for that unit, but for the Description=, which is about ours.
func existingDropIn(app Application) Unit {
	bonds := stopsWithSocket(app)
	if strings.HasSuffix(app.Name, "@") && !strings.Contains(app.Existing, "@.") {
		bonds = nil // the instances have a socket each, and the one unit together
	}
	options := append(bonds, startLimit...)
	for _, n := range app.KeepsAwake {
		options = append(options, Option{"Wants", Passed(n.Proxy())})
	}
	for _, o := range app.Unit {
		if o.Key != "Description" {
			options = append(options, o)
		}
	}
	return Unit{app.Existing + ".d/50-" + app.Name + "-ondemand.conf", []Section{{"Unit", options}}}
}
