package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	ourGenerator = "/usr/lib/systemd/user-generators/podman-ondemand"
	quadlet      = "/usr/lib/systemd/user-generators/podman-user-generator"
)

// source is an application as people write it; file I is on a port of its own. Renaming it is the whole difference between the two.
const source = `[Unit]
Description=Application %[1]d

[Container]
Image=docker.io/library/httpd:2.4
PublishPort=127.0.0.1:%[2]d:80
Volume=%%h/www/%[1]d:/usr/local/apache2/htdocs:ro
Environment=TZ=Europe/Berlin LOG_LEVEL=info
ReadOnly=true
DropCapability=all
NoNewPrivileges=true

[Service]
Restart=on-failure

[Install]
WantedBy=default.target
`

// generators compares ours with the Quadlet that is installed, and with the floor.
func generators(b *bench) ([]row, error) {
	var rows []row
	for _, c := range []struct {
		files, pairs int
		wanted       wish // against Quadlet
	}{
		{1, 200, atMost(1)},
		{10, 100, wish{}},
		{100, 50, wish{}},
		{1000, 15, atMost(0.5)},
		{10_000, 3, wish{}},
	} {
		progress("generator: %d files", c.files)
		for _, other := range []struct {
			how, name string
			wanted    wish
		}{{"quadlet", "Quadlet", c.wanted}, {"copy", "copying what it writes", wish{}}} {
			ps, err := b.lab.inside(other.how, c.pairs, c.files)
			if err != nil {
				return rows, err
			}
			rows = append(rows, ps.row(fmt.Sprintf("generator, files: %d; %s", c.files, other.name), ms, other.wanted))
		}
	}
	return rows, nil
}

// startTime compares the program's start with that of an empty one. The difference is what counts.
func startTime(b *bench) ([]row, error) {
	progress("start")
	ps, err := b.lab.inside("start", 400, 0)
	if err != nil {
		return nil, err
	}
	more := ps.each(func(p pair) float64 { return (p.ours - p.other) * 1000 })
	w := wish{limit: 0.8, unit: " ms more"}
	return []row{{"generator, no file; an empty Go program", ms(ps.ours()), ms(ps.other()),
		spread(more, "%+.2f") + " ms", strconv.Itoa(len(ps)), w.judge(median(more))}}, nil
}

func size(b *bench) ([]row, error) {
	var sizes []int64
	for _, program := range []string{"/usr/bin/podman-ondemand", "/usr/local/bin/empty"} {
		info, err := os.Stat(b.lab.root + program)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, info.Size())
	}
	ours, other := float64(sizes[0]), float64(sizes[1])
	w := wish{limit: 4, unit: " MB"}
	return []row{{"binary; an empty Go program", megabytes(ours), megabytes(other), fmt.Sprintf("%.2f", ours/other), "1", w.judge(ours / 1e6)}}, nil
}

func megabytes(n float64) string { return fmt.Sprintf("%.3f MB", n/1e6) }

// quadletInside runs both generators on as many files. Making and removing the output directory is not timed.
func quadletInside(n, files int) (pairs, error) {
	if err := writeSources(files); err != nil {
		return nil, err
	}
	return takeTurns(n,
		func() (float64, error) { return generate(files) },
		func() (float64, error) { return intoEmpty("app-*.service", files, quadlet, output, output, output) })
}

// copyInside runs ours, and copies what it has written.
func copyInside(n, files int) (pairs, error) {
	if err := writeSources(files); err != nil {
		return nil, err
	}
	if _, err := generate(files); err != nil {
		return nil, err
	}
	written := runtimeDir("written")
	if err := errors.Join(os.RemoveAll(written), os.Rename(output, written)); err != nil {
		return nil, err
	}
	return takeTurns(n,
		func() (float64, error) { return generate(files) },
		func() (float64, error) {
			return intoEmpty("app-*.socket", files, "/usr/local/bin/copy", written, output)
		})
}

// output is the directory that is written into.
var output = runtimeDir("out")

// generate runs our generator.
func generate(files int) (float64, error) {
	return intoEmpty("app-*.socket", files, ourGenerator, output, output, output)
}

// intoEmpty runs a program with an empty output directory and looks whether it has made a unit of each file.
func intoEmpty(units string, files int, command ...string) (float64, error) {
	if err := fresh(output); err != nil {
		return 0, err
	}
	took, err := run(command...)
	if err != nil {
		return 0, err
	}
	made, err := filepath.Glob(filepath.Join(output, units))
	if err == nil && len(made) != files {
		err = fmt.Errorf("%v made %d %s of %d files", command, len(made), units, files)
	}
	return took, err
}

func writeSources(files int) error {
	for _, kind := range []string{"ondemand", "container"} {
		dir := runtimeDir(kind)
		if err := fresh(dir); err != nil {
			return err
		}
		for i := range files {
			name := filepath.Join(dir, fmt.Sprintf("app-%d.%s", i, kind))
			if err := os.WriteFile(name, fmt.Appendf(nil, source, i, 10000+i), 0o644); err != nil {
				return err
			}
		}
	}
	os.Setenv("PODMAN_ONDEMAND_UNIT_DIRS", runtimeDir("ondemand"))
	return os.Setenv("QUADLET_UNIT_DIRS", runtimeDir("container"))
}

func fresh(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// startInside runs both with the same arguments and nothing to do.
func startInside(n int) (pairs, error) {
	if err := writeSources(0); err != nil {
		return nil, err
	}
	return takeTurns(n,
		func() (float64, error) { return generate(0) },
		func() (float64, error) { return intoEmpty("app-*", 0, "/usr/local/bin/empty", output, output, output) })
}
