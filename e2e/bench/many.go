package main

import (
	"fmt"
	"slices"
)

// many is the memory that one application needs and that many need, awake and asleep.
func many(b *bench) ([]row, error) {
	// More than 200 containers of a user are otherwise more than the kernel gives it keys for.
	if err := b.lab.write(".config/containers/containers.conf.d/keyring.conf", "[containers]\nkeyring = false\n"); err != nil {
		return nil, err
	}
	one, _, err := b.usedAndLeft(fleet{"one", 1, 29000}) // what is left of one, "asleep" has measured
	if err != nil {
		return one, err
	}
	lots := fleet{"many", b.many, 30000}
	manager, err := b.managerGrowth(lots)
	if err != nil {
		return one, err
	}
	used, left, err := b.usedAndLeft(lots)
	return slices.Concat(one, used, manager, left), err
}

// usedAndLeft is what is there of all of them awake, after a request each, and asleep again.
func (b *bench) usedAndLeft(f fleet) (used, left []row, err error) {
	if err := b.install(f); err != nil {
		return nil, nil, err
	}
	trio, err := b.socketProxies(f)
	if err != nil {
		return nil, nil, err
	}
	before, err := b.lab.processes()
	if err != nil {
		return nil, nil, err
	}
	ours, rest, err := b.awake(f)
	if err != nil {
		return nil, nil, err
	}
	what := fmt.Sprintf("memory, %d awake, ", f.n)
	used = []row{
		pairs{{ours, trio}}.row(what+"proxies; as many systemd-socket-proxyd", inMemory, wish{}),
		pairs{{ours, rest}}.row(what+"proxies; podman and the application", inMemory, wish{}),
	}
	if err := b.putToSleep(f); err != nil {
		return used, nil, err
	}
	left, err = b.left(fmt.Sprintf("%d asleep", f.n), before)
	return used, left, err
}

// awake wakes all of them, and gives the memory of their proxies and that of the rest of them.
func (b *bench) awake(f fleet) (proxies, rest float64, err error) {
	progress("waking applications: %d", f.n)
	if err := f.request(); err != nil {
		return 0, 0, err
	}
	if proxies, err = b.lab.memoryOf(f.name + `-\d+-proxy\.service`); err != nil {
		return 0, 0, err
	}
	rest, err = b.lab.memoryOf(f.name + `-\d+\.service`)
	return proxies, rest, err
}

// putToSleep stops them: it would be an hour until they do so by themselves.
func (b *bench) putToSleep(f fleet) error {
	progress("putting to sleep: %d", f.n)
	return f.severalAtOnce(func(name string, _ int) error { return b.lab.systemctl("stop", name+"-proxy.service", name+".service") })
}

// socketProxies is the memory of as many systemd-socket-proxyd, each with a socket of its own and after one request. All are in front of
// one container: only they are counted.
func (b *bench) socketProxies(f fleet) (float64, error) {
	if err := b.installTrio(); err != nil {
		return 0, err
	}
	proxies := fleet{"proxyd", f.n, f.port + 3*f.n}
	var sockets []string
	for i := range proxies.n {
		sockets = append(sockets, fmt.Sprintf("proxyd@%d.socket", proxies.port+i))
	}
	err := firstOf(
		b.lab.write(".config/systemd/user/proxyd@.socket", "[Socket]\nListenStream=127.0.0.1:%i\n"),
		b.lab.write(".config/systemd/user/proxyd@.service", "[Service]\nExecStart="+socketProxyd+" "+portAddress+"\n"),
		b.lab.systemctl("daemon-reload"),
		b.lab.systemctl(append([]string{"start", "trio.service"}, sockets...)...))
	if err == nil {
		err = eventually("the trio's container answers", func() bool { return get(portAddress) == nil })
	}
	if err == nil {
		err = proxies.request()
	}
	if err != nil {
		return 0, err
	}
	size, err := b.lab.memoryOf(`proxyd@\d+\.service`)
	return size, firstOf(err, b.lab.systemctl("stop", "proxyd@*.socket", "proxyd@*.service"))
}
