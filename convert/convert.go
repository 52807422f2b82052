// Package convert makes .ondemand files of what people have already: a "podman
// run" or "docker run" command line, a .container file of Quadlet, a
// hand-written socket with systemd-socket-proxyd and a container behind it, a
// service of "podman generate systemd", or what podman says of a container.
//
// What cannot be carried over is said in a comment of the result.
package convert

import (
	"podman-ondemand/parser"
)

// Request is what is to be converted, and what it depends on.
type Request struct {
	// Words are a command line that a shell has split already.
	Words []string
	// Files are texts of any of the sources, where there are no Words.
	Files []File
	// Dir is where relative paths of a command line start from, Home the
	// person's home directory; both are absolute.
	Dir, Home string
	// Root says that the result is for the system's manager.
	Root bool
	// Inspect is "podman inspect NAME", for the service of a container that
	// is there already. With nil such a service is woken as it is.
	Inspect func(name string) ([]byte, error)
}

// File is a text and where it comes from.
type File struct {
	Name string
	Text []byte
}

// Result is an application file.
type Result struct {
	// Name is the base name that the file should have.
	Name string
	Text string
	// Notes counts the comments on what was not carried over as it was.
	Notes int
	// Container is the container's name where the command line has one: one of
	// podman's that is called so is replaced at the first start.
	Container string
	// Replaces are the names of the files that must go, as they make units of
	// the same names or listen on the same ports.
	Replaces []string
}

// Run converts a request. With an error in the Diags the result is incomplete
// where there is one, and the message says what is missing.
func Run(req Request) (Result, parser.Diags) {
	c := &conversion{req: req, doc: newDocument()}
	if len(req.Words) > 0 {
		c.commandLine(literals(req.Words))
	} else {
		c.files()
	}
	c.diags.Sort()
	if c.doc.empty() {
		return Result{}, c.diags
	}
	return Result{
		Name: c.fileName(), Text: c.doc.text(), Notes: c.doc.notes,
		Container: c.container, Replaces: c.replaces,
	}, c.diags
}

// conversion is one run: doc is filled from req, with all that is wrong on the
// way in diags.
type conversion struct {
	req   Request
	doc   *document
	diags parser.Diags

	docker bool // the command line is docker's
	// generated says that the command line is that of a service: podman's
	// options for one are no news.
	generated bool
	// inspected is what podman says of the container, where it is known.
	inspected *inspected

	name, image string
	container   string   // its name, if the command line has one
	replaces    []string // files that must go
	// published are the ports that are listened on, exposed those that could be;
	// elsewhere says that [Socket] has more.
	published []string
	exposed   []word
	elsewhere bool
	// dirs must be on the host, volumes have been docker's.
	dirs, volumes []string

	// front is the socket and the proxy in front of the container, if there are
	// any; hidden the port that a .container file publishes for them, pending
	// what takes its place.
	front   *front
	hidden  published
	pending []option
	// aside are the lines of a .container file that are left out.
	aside *leftOut

	// Notes that are written once.
	saidTerminal, saidBelow1024, saidRelative bool
}

// note says in the result what was not carried over as it was.
func (c *conversion) note(format string, args ...any) {
	c.doc.comment(parser.SectionContainer, format, args...)
}
