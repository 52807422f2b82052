package main

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	program    = "/usr/bin/podman-ondemand"
	napAddress = "127.0.0.1:18084"
)

// nap goes to sleep by itself, as applications do.
const nap = `[Container]
Image=` + image + `
PublishPort=` + napAddress + `:80

[OnDemand]
IdleTimeout=500ms
`

// asleep counts what is left of one that has gone to sleep by itself.
func asleep(b *bench) ([]row, error) {
	progress("asleep")
	before, err := b.useNap()
	if err != nil {
		return nil, err
	}
	return b.left("asleep by itself", before)
}

// left counts what is left of applications that have been used and sleep again, the user having had so many processes before.
func (b *bench) left(when string, before int) ([]row, error) {
	pids, err := b.lab.running(program)
	if err != nil {
		return nil, err
	}
	size, err := memory(pids)
	if err != nil {
		return nil, err
	}
	after, err := b.lab.processes()
	if err != nil {
		return nil, err
	}
	count := func(what string, n float64) row {
		return row{when + ", " + what, fmt.Sprint(n), "–", "–", "1", atMost(0).judge(n)}
	}
	return []row{
		count("processes of the program", float64(len(pids))),
		count("memory of the program, bytes", size),
		count("processes of the user more than before", float64(after-before)),
	}, nil
}

// useNap gives the number of the user's processes before the first request, when the application has gone to sleep after it.
func (b *bench) useNap() (before int, err error) {
	if err := b.installNap(); err != nil {
		return 0, err
	}
	if before, err = b.lab.processes(); err != nil {
		return
	}
	if err = get(napAddress); err != nil {
		return
	}
	return before, eventually("nap.service and nap-proxy.service have stopped", func() bool {
		out, err := b.lab.sh("systemctl", "--user", "show", "--value", "-p", "ActiveState", "nap.service", "nap-proxy.service")
		return err == nil && strings.Join(strings.Fields(out), " ") == "inactive inactive"
	})
}

// installNap puts all others to sleep: what is awake would be counted.
func (b *bench) installNap() error {
	if err := b.lab.install("nap", nap); err != nil {
		return err
	}
	if _, err := b.lab.sh(program, "sleep", "*"); err != nil {
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
