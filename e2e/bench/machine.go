package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine says in Markdown on what is measured.
func (b *bench) machine() ([]string, error) {
	cpu, err := processor()
	if err != nil {
		return nil, err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, err
	}
	versions, err := b.versions()
	return []string{
		fmt.Sprintf("- machine: %s, %d cores, Linux %s", cpu, runtime.NumCPU(), strings.TrimSpace(string(kernel))),
		"- versions: " + strings.Join(versions, ", "),
	}, err
}

// processor is its name, and that it is one of a virtual machine.
func processor() (string, error) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(text), "\nmodel name\t: ")
	name, rest, _ := strings.Cut(rest, "\n")
	_, rest, _ = strings.Cut(rest, "\nflags\t")
	flags, _, _ := strings.Cut(rest, "\n")
	if strings.Contains(flags+" ", " hypervisor ") {
		name += " (virtual machine)"
	}
	return name, nil
}

// versions are those of what is on the way and of the load generator.
func (b *bench) versions() ([]string, error) {
	ours, err := b.lab.sh(program, "version")
	if err != nil {
		return nil, err
	}
	packages, err := b.lab.sh("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "systemd", "podman", "passt", "crun")
	if err != nil {
		return nil, err
	}
	all := append([]string{strings.TrimSpace(ours), runtime.Version()}, strings.Split(strings.TrimSpace(packages), "\n")...)
	wrk, _ := exec.Command("wrk", "-v").Output() // it calls that a failure
	if words := strings.Fields(string(wrk)); len(words) > 1 {
		all = append(all, words[0]+" "+words[1])
	}
	return all, nil
}
