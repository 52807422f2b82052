package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// lab is the test host.
type lab struct{ name, root string }

func newLab(name string) (lab, error) {
	root, err := script("root", name)
	return lab{name, strings.TrimSpace(root)}, err
}

// script runs e2e/lab and gives its standard output.
func script(args ...string) (string, error) {
	cmd := exec.Command("../lab", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("lab %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), err
}

// sh runs a command inside as the user demo.
func (l lab) sh(args ...string) (string, error) {
	return script(append([]string{"sh", l.name}, args...)...)
}

func (l lab) systemctl(args ...string) error {
	_, err := l.sh(append([]string{"systemctl", "--user"}, args...)...)
	return err
}

// inside has this program measure pairs inside, with a number of files where that matters.
func (l lab) inside(what string, n, files int) (pairs, error) {
	out, err := l.sh("/usr/local/bin/bench", "inside", what, strconv.Itoa(n), strconv.Itoa(files))
	if err != nil {
		return nil, err
	}
	return readPairs(strings.NewReader(out))
}

// write makes a file of demo's with the directories above it.
func (l lab) write(name, text string) error {
	home := filepath.Join(l.root, "home/demo")
	path := filepath.Join(home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	for ; path != home; path = filepath.Dir(path) {
		if err := os.Chown(path, 1000, 1000); err != nil {
			return err
		}
	}
	return nil
}

// cpu is the processor time in seconds that the services have used since they were started.
func (l lab) cpu(units ...string) (float64, error) {
	out, err := l.sh(append([]string{"systemctl", "--user", "show", "--value", "-p", "CPUUsageNSec"}, units...)...)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, field := range strings.Fields(out) {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPUUsageNSec of %v: %w", units, err)
		}
		sum += float64(n) / 1e9
	}
	return sum, nil
}
