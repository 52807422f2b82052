// Bench measures podman-ondemand against what people use in its place, on a test host that e2e/lab made, and prints one table. Two things
// that are compared take turns within one run: a figure from another run or another machine says nothing about this one.
//
// It runs in the network namespace of the test host, where the load generator is. What must be measured inside it does itself, called
// there as "bench inside".
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// bench is one run.
type bench struct {
	lab    lab
	rounds int // of load
	length int // of one run of load, in seconds
	pairs  int // of first requests
	many   int // applications at a time
}

// measurement gives some rows of the table.
type measurement struct {
	name    string
	measure func(*bench) ([]row, error)
}

// measurements are in the order of the table. Each installs what it needs; the last two put to sleep what the others have left awake.
var measurements = []measurement{
	{"generator", generators},
	{"start", startTime},
	{"size", size},
	{"first request", firstRequest},
	{"load", load},
	{"latency", latency},
	{"client address", clientAddress},
	{"datagrams", datagrams},
	{"asleep", asleep},
	{"many", many},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "inside" {
		os.Exit(exitStatus(inside(os.Args[2:])))
	}
	var b bench
	name := flag.String("lab", "", "the `name` of the test host")
	only := flag.String("only", "", "only the measurements whose names match `regexp`: "+names())
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of load")
	flag.IntVar(&b.length, "seconds", 5, "`seconds` of one run of load")
	flag.IntVar(&b.pairs, "pairs", 12, "pairs of first requests")
	flag.IntVar(&b.many, "many", 300, "`applications` of the measurement of that name")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err == nil {
		b.lab, err = newLab(*name)
	}
	if err == nil {
		err = b.run(wanted)
	}
	os.Exit(exitStatus(err))
}

func names() string {
	var all []string
	for _, m := range measurements {
		all = append(all, m.name)
	}
	return strings.Join(all, ", ")
}

func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "bench: "+err.Error())
	return 1
}

// run measures and prints. What cannot be measured costs its own rows only; a wish that is missed is no error.
func (b *bench) run(wanted *regexp.Regexp) error {
	machine, err := b.machine()
	if err != nil {
		return err
	}
	began := time.Now()
	rows, failed := b.measure(wanted)
	fmt.Printf("%s\n- run: %s, %s long, rounds of load: %d of %d s\n\n", strings.Join(machine, "\n"),
		began.Format(time.DateOnly), time.Since(began).Round(time.Second), b.rounds, b.length)
	printTable(os.Stdout, rows)
	if failed != nil {
		return fmt.Errorf("could not be measured: %s", strings.Join(failed, ", "))
	}
	return nil
}

// measure gives the rows of all measurements that are wanted, and the names of those that did not go well.
func (b *bench) measure(wanted *regexp.Regexp) (rows []row, failed []string) {
	for _, m := range measurements {
		if !wanted.MatchString(m.name) {
			continue
		}
		some, err := m.measure(b)
		rows = append(rows, some...)
		if err != nil {
			progress("%s: %v", m.name, err)
			failed = append(failed, m.name)
		}
	}
	return rows, failed
}

// progress says on the standard error what is going on; the table alone goes to the standard output.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
