package proxy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"podman-ondemand/figures"
)

// rules say who is served, who may wake the application, and who speaks for others.
type rules struct {
	allowFrom  prefixes // AllowFrom=: nobody else is served; none: everybody is
	wakeFrom   prefixes // WakeFrom=: nobody else wakes it; none: everybody does
	wakeOnData bool     // WakeOn=data: only who has said something does
	balancers  prefixes // ProxyProtocolFrom=: what they send begins with a header that says whom they speak for
}

// gated tells whether there is somebody who may not wake it.
func (r *rules) gated() bool { return r.wakeOnData || len(r.wakeFrom) > 0 || len(r.allowFrom) > 0 }

// refuses tells whether somebody may not wake it, while it is asleep, or is not served, and why. Who has no IP address may.
func (r *rules) refuses(who netip.Addr, asleep bool) (refusal, bool) {
	switch {
	case !who.IsValid():
	case len(r.allowFrom) > 0 && !r.allowFrom.has(who):
		return notAllowed, true
	case asleep && len(r.wakeFrom) > 0 && !r.wakeFrom.has(who):
		return mayNotWake, true
	}
	return 0, false
}

// screened tells whether there is something to know of a client before one is dialled for it.
func (r *rules) screened() bool { return len(r.allowFrom) > 0 || len(r.balancers) > 0 }

// prefixes is an option with IP addresses and prefixes, with a comma between two.
type prefixes []netip.Prefix

// String implements flag.Value.
func (p *prefixes) String() string {
	words := make([]string, len(*p))
	for i, one := range *p {
		words[i] = one.String()
	}
	return strings.Join(words, ",")
}

// Set implements flag.Value.
func (p *prefixes) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		one, err := netip.ParsePrefix(word)
		if err != nil {
			return fmt.Errorf("%q is no address with the length of its prefix", word)
		}
		*p = append(*p, one)
	}
	return nil
}

// has tells whether one of them holds a.
func (p prefixes) has(a netip.Addr) bool {
	for _, one := range p {
		if one.Contains(a) {
			return true
		}
	}
	return false
}

// refusal is why a connection was closed without being served.
type refusal int

const (
	notAllowed refusal = iota
	mayNotWake
	saidNothing
	badHeader
	refusals
)

// refusalTexts say it of connections, of which the last came from an address.
var refusalTexts = [refusals]string{
	notAllowed:  "AllowFrom= does not have who called",
	mayNotWake:  "WakeFrom= does not have who called",
	saidNothing: "nothing was said that WakeOn=data could wake it for",
	badHeader:   "ProxyProtocolFrom= has who called, but there was no PROXY protocol header",
}

// refusedEvery is the shortest time between two log lines about connections that were refused for the same reason: a scanner makes
// thousands of them.
const refusedEvery = time.Minute

// refusedCount counts the refused connections, and says now and then how many there were.
type refusedCount struct {
	log   logger
	now   func() time.Duration
	total int64
	by    [refusals]struct {
		n    int64 // not said yet
		last string
		said time.Duration // when it was last said
	}
}

// newRefusedCount counts from now on. What is refused first is said at once, or after refusedEvery.
func newRefusedCount(log logger, now func() time.Duration, atOnce bool) *refusedCount {
	r := &refusedCount{log: log, now: now}
	for i := range r.by {
		r.by[i].said = now()
		if atOnce {
			r.by[i].said -= refusedEvery
		}
	}
	return r
}

// add counts one, with what else there is to say of it.
func (r *refusedCount) add(why refusal, from netip.Addr, detail string) {
	b := &r.by[why]
	r.total++
	b.n++
	b.last = detail
	if from.IsValid() {
		b.last = "from " + from.String()
		if detail != "" {
			b.last += ": " + detail
		}
	}
	if r.now()-b.said >= refusedEvery {
		r.say(why)
	}
}

// say logs those of one reason that have not been said yet.
func (r *refusedCount) say(why refusal) {
	b := &r.by[why]
	if b.n == 0 {
		return
	}
	which := ""
	if b.last != "" {
		which = "; the last was " + b.last
	}
	p := prioInfo
	if why == badHeader {
		p = prioWarning
	}
	r.log(p, "%s closed: %s%s.", figures.Count(b.n, "connection"), refusalTexts[why], which)
	b.n, b.said = 0, r.now()
}

// sayAll logs what has not been said yet.
func (r *refusedCount) sayAll() {
	for why := range refusals {
		r.say(why)
	}
}
