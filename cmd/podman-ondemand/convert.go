package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"podman-ondemand/convert"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
)

// convertFlags are where the result goes, and a source that is no file.
type convertFlags struct {
	output    string
	force     bool
	container string
}

func convertCommand() *cobra.Command {
	var f convertFlags
	c := &cobra.Command{
		Use:   "convert [OPTION...] {FILE...|DIR|-- podman run ...}",
		Short: "Make an .ondemand file of what you have",
		Long: `Makes an .ondemand file of one of these, and prints it:

  - a podman run or docker run command line, behind --, or in a file or on
    stdin (-) as it stands in a README
  - a .container file of Quadlet
  - a .socket, the service with systemd-socket-proxyd and the .service or
    .container behind it, or a directory with these; also a service alone,
    like those of podman generate systemd
  - a container that is there: --container NAME, or what podman inspect NAME
    or docker inspect NAME prints, in a file or on stdin

What cannot be carried over is said in comments of the result. Options stand
in front of what is converted.`,
		Example: `  podman-ondemand convert -- podman run -d --name web -p 8080:80 httpd
  podman-ondemand convert -o ~/.config/containers/systemd/ -- docker run ...
  podman-ondemand convert readme.txt
  podman-ondemand convert ~/.config/containers/systemd/web.container
  podman-ondemand convert web.socket web-proxy.service web.service
  podman-ondemand convert --container web`,
		GroupID:               groupFiles,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args)
		},
	}
	c.Flags().SetInterspersed(false) // what follows may be podman's
	c.Flags().StringVarP(&f.output, "output", "o", "", "write to this `FILE`, or NAME.ondemand in a directory")
	c.Flags().BoolVar(&f.force, "force", false, "replace a file that is there")
	c.Flags().StringVar(&f.container, "container", "", "convert a container of podman by its `NAME`")
	return c
}

func (f convertFlags) run(c *cobra.Command, args []string) error {
	req, err := f.request(args, c.ArgsLenAtDash() == 0, c.InOrStdin())
	if err != nil {
		return err
	}
	result, diags := convert.Run(req)
	fmt.Fprint(c.ErrOrStderr(), diags)
	if f.output == "" {
		fmt.Fprint(c.OutOrStdout(), result.Text)
	}
	if diags.HasErrors() {
		return exitStatus(failed)
	}
	if f.output == "" {
		return nil
	}
	path, err := f.write(result)
	if err == nil {
		report(c.ErrOrStderr(), path, result)
		nextStep(c.ErrOrStderr(), path)
	}
	return err
}

// request reads what is to be converted.
func (f convertFlags) request(args []string, dashed bool, stdin io.Reader) (convert.Request, error) {
	req := convert.Request{Root: os.Geteuid() == 0, Inspect: inspect}
	var err error
	if req.Dir, err = os.Getwd(); err != nil {
		return req, err
	}
	if req.Home, err = os.UserHomeDir(); err != nil {
		return req, err
	}
	switch {
	case f.container != "" && len(args) > 0:
		return req, fmt.Errorf("--container %s and %s: convert one at a time", f.container, args[0])
	case f.container != "":
		text, err := inspect(f.container)
		req.Files = []convert.File{{Name: "podman inspect " + f.container, Text: text}}
		return req, err
	case len(args) == 0:
		return req, errors.New("nothing to convert: give a command line behind --, a file, or - for stdin")
	case dashed || isCommandLine(args[0]):
		req.Words = args
		return req, nil
	}
	for _, name := range args {
		if strings.HasPrefix(name, "-") && name != "-" {
			return req, fmt.Errorf("%s must stand in front of %s", name, args[0])
		}
		files, err := readSources(name, stdin)
		if err != nil {
			return req, err
		}
		req.Files = append(req.Files, files...)
	}
	return req, nil
}

// isCommandLine says whether a first argument is a program that runs containers.
func isCommandLine(arg string) bool {
	if _, err := os.Stat(arg); err == nil && !filepath.IsAbs(arg) {
		return false
	}
	return slices.Contains([]string{"podman", "docker", "sudo"}, filepath.Base(arg))
}

// readSources reads a file, stdin, or the units in a directory.
func readSources(name string, stdin io.Reader) ([]convert.File, error) {
	if name == "-" {
		text, err := io.ReadAll(stdin)
		return []convert.File{{Name: "stdin", Text: text}}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		text, err := os.ReadFile(name)
		return []convert.File{{Name: name, Text: text}}, err
	}
	entries, err := os.ReadDir(name)
	var files []convert.File
	for _, e := range entries {
		if e.IsDir() || !slices.Contains(convert.Extensions, filepath.Ext(e.Name())) {
			continue
		}
		path := filepath.Join(name, e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, convert.File{Name: path, Text: text})
	}
	if len(files) == 0 && err == nil {
		err = fmt.Errorf("%s: no %s files in it", name, strings.Join(convert.Extensions, ", "))
	}
	return files, err
}

func inspect(name string) ([]byte, error) {
	var stderr strings.Builder
	command := exec.Command("podman", "container", "inspect", "--", name)
	command.Stderr = &stderr
	out, err := command.Output()
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		err = errors.New(strings.TrimPrefix(said, "Error: "))
	}
	return out, err
}

// write puts the result where it is wanted.
func (f convertFlags) write(r convert.Result) (path string, err error) {
	path = f.output
	if info, err := os.Stat(path); strings.HasSuffix(path, "/") || err == nil && info.IsDir() {
		path = filepath.Join(path, r.Name+generator.Extension)
	}
	if filepath.Ext(path) != generator.Extension {
		return path, fmt.Errorf("%s: the name must end in %s", path, generator.Extension)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return path, err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, os.ErrExist) {
		return path, fmt.Errorf("%s is there already; --force replaces it", path)
	}
	if err != nil {
		return path, err
	}
	_, err = file.WriteString(r.Text)
	return path, errors.Join(err, file.Close())
}

// report says what is left to do.
func report(w io.Writer, path string, r convert.Result) {
	fmt.Fprintln(w, "Written to", path)
	if r.Notes > 0 {
		fmt.Fprintln(w, "Its comments say what is different.")
	}
	if r.Container != "" {
		fmt.Fprintf(w, "If podman has a container %s: stop it, as it holds the port. It is removed at the\nfirst connection, with all that is not in a volume.\n", r.Container)
	}
	if len(r.Replaces) > 0 {
		fmt.Fprintln(w, "It takes the place of these: stop and remove them before the daemon-reload:")
		fmt.Fprintln(w, " ", strings.Join(r.Replaces, " "))
	}
}

// nextStep says that systemd has to read the file, where that is one of those that it reads.
func nextStep(w io.Writer, path string) {
	scope, command := new(scopeFlags).scope(), "systemctl --user daemon-reload"
	if scope == manager.System {
		command = "systemctl daemon-reload"
	}
	if dir, err := filepath.Abs(filepath.Dir(path)); err == nil && slices.Contains(generator.SearchDirs(scope), dir) {
		fmt.Fprintln(w, "Then:", command)
	}
}
