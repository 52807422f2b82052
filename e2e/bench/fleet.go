package main

import (
	"fmt"
	"strings"
	"time"
)

// fleet is a number of applications of the same kind. Each has a port of its own, counted from port. As many after these are for trios, then
// for what they publish, and then for systemd-socket-proxyd alone.
type fleet struct {
	name    string
	n, port int
}

// patience is for hundreds of them.
const patience = 5 * time.Minute

// each calls do for all of them.
func (f fleet) each(do func(name string, port int) error) error {
	for i := range f.n {
		if err := do(fmt.Sprintf("%s-%d", f.name, i), f.port+i); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many are woken, or stopped, at the same time.
const atOnce = 4

// severalAtOnce calls do for all of them, too.
func (f fleet) severalAtOnce(do func(name string, port int) error) error {
	slots, ended := make(chan bool, atOnce), make(chan error, f.n)
	f.each(func(name string, port int) error {
		slots <- true
		go func() {
			ended <- do(name, port)
			<-slots
		}()
		if at := port - f.port + 1; at%50 == 0 {
			progress("%s: %d of %d", f.name, at, f.n)
		}
		return nil
	})
	var failed error
	for range f.n {
		failed = firstOf(failed, <-ended)
	}
	return failed
}

// request has each of them answer one.
func (f fleet) request() error {
	return f.severalAtOnce(func(_ string, port int) error { return get(fmt.Sprintf("127.0.0.1:%d", port)) })
}

// install gives all of them to demo.
func (b *bench) install(f fleet) error {
	progress("installing applications: %d", f.n)
	err := f.each(func(name string, port int) error {
		return b.lab.write(".config/containers/systemd/"+name+".ondemand",
			fmt.Sprintf("[Container]\nImage=%s\nPublishPort=127.0.0.1:%d:80\n[OnDemand]\nIdleTimeout=1h\n", image, port))
	})
	if err != nil {
		return err
	}
	if err := b.lab.systemctl("daemon-reload"); err != nil {
		return err
	}
	return within(patience, fmt.Sprintf("all %d sockets listen", f.n), func() bool {
		out, err := b.lab.sh("systemctl", "--user", "list-units", "--state=active", "--plain", "--no-legend", f.name+"-*.socket")
		return err == nil && strings.Count(out, "\n") == f.n
	})
}

// installTrios gives demo as many trios, asleep.
func (b *bench) installTrios(f fleet) error {
	progress("installing trios: %d", f.n)
	start := []string{"start"}
	err := f.each(func(name string, port int) error {
		start = append(start, name+"-proxy.socket")
		here := strings.NewReplacer("trio", name, trioAddress, fmt.Sprintf("127.0.0.1:%d", port), portAddress, fmt.Sprintf("127.0.0.1:%d", port+f.n))
		return firstOf(
			b.lab.write(".config/containers/systemd/"+name+".container", here.Replace(trioContainer)),
			b.lab.write(".config/systemd/user/"+name+"-proxy.socket", here.Replace(trioSocket)),
			b.lab.write(".config/systemd/user/"+name+"-proxy.service", here.Replace(trioProxy)))
	})
	if err != nil {
		return err
	}
	if err := b.lab.systemctl("daemon-reload"); err != nil {
		return err
	}
	return b.lab.systemctl(start...)
}
