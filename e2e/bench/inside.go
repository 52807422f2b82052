package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// inside is what this program does inside the test host, as demo: it writes the pairs that the outside has asked for.
func inside(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: bench inside WHAT PAIRS FILES")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	files, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	var ps pairs
	switch args[0] {
	case "quadlet":
		ps, err = quadletInside(n, files)
	case "copy":
		ps, err = copyInside(n, files)
	case "start":
		ps, err = startInside(n)
	case "first":
		ps, err = firstInside(n)
	default:
		err = fmt.Errorf("%q cannot be measured", args[0])
	}
	ps.write(os.Stdout)
	return err
}

// runtimeDir is on a tmpfs.
func runtimeDir(name string) string {
	return filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bench", name)
}

// run executes a program and gives the seconds from before its start until it has ended. No shell is in between.
func run(args ...string) (float64, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	begin := time.Now()
	p, err := os.StartProcess(args[0], args, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{null, nil, os.Stderr}})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	took := time.Since(begin).Seconds()
	if err == nil && !state.Success() {
		err = fmt.Errorf("%v: %v", args, state)
	}
	return took, err
}
