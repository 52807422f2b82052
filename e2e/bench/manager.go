package main

import (
	"fmt"
	"strings"
)

// managerGrowth is by how much demo's service manager grows with all of them asleep, and by how much with as many trios.
func (b *bench) managerGrowth(f fleet) ([]row, error) {
	none, err := b.managerSize()
	if err != nil {
		return nil, err
	}
	if err := b.install(f); err != nil {
		return nil, err
	}
	ours, err := b.managerSize()
	if err != nil {
		return nil, err
	}
	if err := b.installTrios(fleet{f.name + "trio", f.n, f.port + f.n}); err != nil {
		return nil, err
	}
	both, err := b.managerSize()
	ps := pairs{{ours - none, both - ours}}
	return []row{ps.row(fmt.Sprintf("memory, %d asleep, more in systemd --user; trios", f.n), inMemory, wish{})}, err
}

// managerSize is the memory of demo's service manager when it has just executed itself anew: what it had let go before is not counted.
func (b *bench) managerSize() (float64, error) {
	if err := b.lab.systemctl("daemon-reexec"); err != nil {
		return 0, err
	}
	err := within(patience, "demo's service manager has nothing to do", func() bool {
		jobs, err := b.lab.sh("systemctl", "--user", "list-jobs", "--no-legend")
		return err == nil && strings.TrimSpace(jobs) == ""
	})
	if err != nil {
		return 0, err
	}
	return b.lab.memoryOf(`user@1000\.service/init\.scope`)
}
