package emit

import (
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
)

// socketUnit makes NAME.socket (systemd.socket(5)). A person's own lines stand
// last, so that they count.
func socketUnit(app Application) Unit {
	return Unit{app.socket(), []Section{
		// Starts are bounded by the reloads that ask for them.
		app.unitSection(": starts at the first connection", Option{"StartLimitIntervalSec", "0"}),
		socketSection(app),
	}}
}

func socketSection(app Application) Section {
	var options []Option
	for _, l := range app.Listeners {
		options = append(options, Option{"ListenStream", l.Address})
	}
	options = append(options, Option{"Service", sibling(app.proxy())})
	if app.FreeBind {
		options = append(options, Option{"FreeBind", "yes"})
	}
	if slices.ContainsFunc(app.Listeners, Listener.isPath) {
		options = append(options, Option{"RemoveOnStop", "yes"})
	}
	if app.IPv6Only {
		options = append(options, Option{"BindIPv6Only", "ipv6-only"})
	}
	return Section{"Socket", append(options, app.Socket...)}
}

// socketLinks are what "systemctl enable" would make for NAME.socket.
func socketLinks(app Application) []Link {
	var links []Link
	if name := app.installed(); name != "" {
		for _, in := range app.Install {
			links = append(links, Link{in.Unit + "." + in.Kind + "/" + name + ".socket", "../" + app.socket()})
		}
	}
	for _, alias := range app.Aliases {
		up := strings.Repeat("../", strings.Count(path.Clean(alias), "/"))
		links = append(links, Link{alias, up + app.socket()})
	}
	return links
}

// socketHash tells one state of what NAME.socket listens on, and how, from
// another. A changed description is no other state.
func socketHash(app Application) string {
	h := fnv.New64a()
	for _, o := range socketSection(app).Options {
		fmt.Fprintf(h, "%s=%s\n", o.Key, o.Value)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
