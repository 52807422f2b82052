package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// memory is the proportional set size of processes in bytes: pages that several share count once in all.
func memory(pids []string) (float64, error) {
	var sum float64
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "\nPss:")
		var kib float64
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			return 0, fmt.Errorf("smaps_rollup of %s: %w", pid, err)
		}
		sum += kib * 1024
	}
	return sum, nil
}

// running gives the process ids, as this machine sees them, of those in the test host that execute the program.
func (l lab) running(program string) ([]string, error) {
	file, err := os.Stat(filepath.Join(l.root, program))
	if err != nil {
		return nil, err
	}
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	var pids []string
	for _, link := range links {
		if info, err := os.Stat(link); err == nil && os.SameFile(info, file) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids, err
}

// inUnits gives the process ids, as this machine sees them, of those in units of the test host with names that match pattern.
func (l lab) inUnits(pattern string) ([]string, error) {
	group, err := regexp.Compile(`(?m)^0::.*/podman-ondemand-lab-` + l.name + `/(.*/)?` + pattern + `(/|$)`)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	var pids []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && group.Match(text) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids, err
}

// memoryOf is the memory of all processes in these units; that there are none is an error.
func (l lab) memoryOf(pattern string) (float64, error) {
	pids, err := l.inUnits(pattern)
	if err == nil && len(pids) == 0 {
		err = fmt.Errorf("nothing runs in %s", pattern)
	}
	if err != nil {
		return 0, err
	}
	return memory(pids)
}

// afterLoad is the memory of the two proxies that have had the same load.
func (b *bench) afterLoad() ([]row, error) {
	ours, err := b.lab.memoryOf(throughUs.services[0])
	if err != nil {
		return nil, err
	}
	trio, err := b.lab.memoryOf(throughTrio.services[0])
	if err != nil {
		return nil, err
	}
	return []row{pairs{{ours, trio}}.row("memory after this load, proxy; systemd-socket-proxyd", inMemory, wish{})}, nil
}

func inMemory(n float64) string { return fmt.Sprintf("%.1f MB", n/1e6) }
