package main

// stranger is an address that the test host has for this, and calls itself from: one of 127.0.0.0/8 could not be kept.
const stranger = "198.51.100.10"

var (
	kept  = target{"kept", stranger + ":18085", []string{"kept-proxy.service", "kept.service"}}
	plain = target{"plain", stranger + ":18086", []string{"plain-proxy.service", "plain.service"}}
)

// clientAddress is what ClientAddress=keep costs, against proxy.
func clientAddress(b *bench) ([]row, error) {
	if err := b.wakeKeptAndPlain(); err != nil {
		return nil, err
	}
	var rows []row
	for _, j := range jobs[:2] {
		seen, err := b.compare(j, []target{kept, plain})
		if err != nil {
			return rows, err
		}
		rows = append(rows, match(seen[0], seen[1], j.rate).row(j.name+", client's address kept; not kept", j.format, wish{}))
	}
	return rows, nil
}

func (b *bench) wakeKeptAndPlain() error {
	if _, err := script("sh", b.lab.name, "--root", "ip", "addr", "replace", stranger+"/32", "dev", "lo"); err != nil {
		return err
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
			return err
		}
	}
	return nil
}
