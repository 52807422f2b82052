package main

// stranger is an address that the test host has for this, and calls itself from: one of 127.0.0.0/8 could not be kept.
const stranger = "198.51.100.10"

var (
	kept  = target{"kept", stranger + ":18085", []string{"kept-proxy.service", "kept.service"}}
	plain = target{"plain", stranger + ":18086", []string{"plain-proxy.service", "plain.service"}}
)

// clientAddress is what ClientAddress=keep costs, against proxy.
func clientAddress(b *bench) ([]row, error) {
	if _, err := script("sh", b.lab.name, "--root", "ip", "addr", "replace", stranger+"/32", "dev", "lo"); err != nil {
		return nil, err
	}
	for _, a := range []struct {
		target
		choice string
	}{{kept, "keep"}, {plain, "proxy"}} {
		err := b.lab.install(a.name, "[Container]\nImage="+image+"\nPublishPort="+a.address+":80\n[OnDemand]\nClientAddress="+a.choice+"\n")
		if err == nil {
			err = eventually(a.name+" answers", func() bool { return get(a.address) == nil })
		}
		if err != nil {
			return nil, err
		}
	}
	var rows []row
	for _, j := range jobs[:2] {
		ps, err := b.keptAndPlain(j)
		if err != nil {
			return rows, err
		}
		rows = append(rows, ps.row(j.name+", client's address kept; not kept", j.format, wish{}))
	}
	return rows, nil
}

// keptAndPlain has the two take turns.
func (b *bench) keptAndPlain(j job) (ps pairs, err error) {
	for round := range b.rounds {
		seen := map[string]float64{}
		for _, t := range inTurns([]target{kept, plain}, round) {
			o, err := b.loadOn(t, j)
			if err != nil {
				return nil, err
			}
			progress("%s, round %d, %s: %s, %d errors", j.name, round+1, t.name, j.format(j.rate(o)), o.errors)
			seen[t.name] = j.rate(o)
		}
		ps = append(ps, pair{seen[kept.name], seen[plain.name]})
	}
	return ps, nil
}
