package main

import (
	"fmt"
	"strconv"
	"strings"
)

const program = "/usr/bin/podman-ondemand"

// nap goes to sleep by itself, as applications do.
const nap = `[Container]
Image=` + image + `
PublishPort=` + napAddress + `:80

[OnDemand]
IdleTimeout=500ms
`

// awake is the memory of the two proxies after load.
func (b *bench) awake() ([]row, error) {
	var sizes []float64
	for _, p := range []string{program, socketProxyd} {
		pids, err := b.lab.running(p)
		if err != nil {
			return nil, err
		}
		size, err := memory(pids)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	ps := pairs{{sizes[0], sizes[1]}}
	return []row{{"memory awake, proxy; systemd-socket-proxyd", kilobytes(ps.ours()), kilobytes(ps.other()),
		fmt.Sprintf("%.2f", median(ps.ratios())), "–", "–"}}, nil
}

func kilobytes(n float64) string { return fmt.Sprintf("%.0f kB", n/1000) }

// asleep counts what is left of an application that has been used and sleeps again.
func asleep(b *bench) ([]row, error) {
	progress("asleep")
	before, after, err := b.useNap()
	if err != nil {
		return nil, err
	}
	pids, err := b.lab.running(program)
	if err != nil {
		return nil, err
	}
	size, err := memory(pids)
	if err != nil {
		return nil, err
	}
	w := atMost(0)
	count := func(what string, n float64) row {
		return row{"asleep, " + what, fmt.Sprint(n), "–", "–", w.String(), w.verdict(n)}
	}
	return []row{
		count("processes of the program", float64(len(pids))),
		count("memory of the program, bytes", size),
		count("processes of the user more than before the first request", float64(after-before)),
	}, nil
}

// useNap gives the number of the user's processes before the first request and after the application has gone to sleep.
func (b *bench) useNap() (before, after int, err error) {
	if err := b.installNap(); err != nil {
		return 0, 0, err
	}
	if before, err = b.lab.processes(); err != nil {
		return
	}
	if err = get(napAddress); err != nil {
		return
	}
	asleep := func() bool {
		out, err := b.lab.sh("systemctl", "--user", "show", "--value", "-p", "ActiveState", "nap.service", "nap-proxy.service")
		return err == nil && strings.Join(strings.Fields(out), " ") == "inactive inactive"
	}
	if err = eventually("nap.service and nap-proxy.service have stopped", asleep); err != nil {
		return
	}
	after, err = b.lab.processes()
	return
}

// installNap makes it the only one: what is awake would be counted.
func (b *bench) installNap() error {
	if err := b.lab.systemctl("stop", "ours*.service", "trio*.service"); err != nil {
		return err
	}
	if err := b.lab.install("nap", nap); err != nil {
		return err
	}
	return eventually("nothing of ours runs", func() bool {
		pids, err := b.lab.running(program)
		return err == nil && len(pids) == 0
	})
}

// processes counts those below the user's slice.
func (l lab) processes() (int, error) {
	out, err := l.sh("sh", "-c", "find /sys/fs/cgroup/user.slice -name cgroup.procs -exec cat {} + | wc -l")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}
