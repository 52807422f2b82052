package generator

import (
	"fmt"
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"
	"golang.org/x/sys/unix"

	"podman-ondemand/parser"
	"podman-ondemand/snippet"
)

// report takes the messages to where a person will look for them, as systemd's
// own generators do (log_setup_generator() in its log.c): the journal for a
// user's manager; the kernel's log for the system's, since the journal may not be
// up yet; stderr for a person who has called the program.
func report(e environment, ds parser.Diags) {
	if e.getenv("SYSTEMD_EXEC_PID") != strconv.Itoa(os.Getpid()) {
		toPerson(ds)
		return
	}
	log := toKmsg
	if e.user {
		log = toJournal
	}
	for _, d := range ds {
		log(d)
	}
}

func toPerson(ds parser.Diags) {
	snippet.Show(os.Stderr, ds)
	if len(ds) > 0 {
		fmt.Fprintln(os.Stderr, snippet.Summary(ds))
	}
}

func toStderr(d parser.Diag) { fmt.Fprintln(os.Stderr, d) }

// toJournal gives the place in the fields that systemd's own messages about
// unit files have (systemd.journal-fields(7)).
func toJournal(d parser.Diag) {
	priority := journal.PriWarning
	if d.Severity == parser.Error {
		priority = journal.PriErr
	}
	fields := map[string]string{
		"SYSLOG_IDENTIFIER": "podman-ondemand-generator",
		"CONFIG_FILE":       d.Pos.File,
	}
	if d.Pos.Line > 0 {
		fields["CONFIG_LINE"] = strconv.Itoa(d.Pos.Line)
	}
	if journal.Send(d.String(), priority, fields) != nil {
		toStderr(d)
	}
}

func toKmsg(d parser.Diag) {
	priority := 4 // LOG_WARNING
	if d.Severity == parser.Error {
		priority = 3 // LOG_ERR
	}
	kmsg, err := os.OpenFile("/dev/kmsg", os.O_WRONLY|unix.O_NONBLOCK, 0) // in a container it may be a pipe that nobody reads
	if err != nil {
		toStderr(d)
		return
	}
	defer kmsg.Close()
	fmt.Fprintf(kmsg, "<%d>podman-ondemand-generator[%d]: %s", priority, os.Getpid(), d)
}
