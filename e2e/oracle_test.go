//go:build e2e

package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"podman-ondemand/parser"
)

// oracleFiles is how many files the two programs are compared on, the same ones each time.
const oracleFiles = 3000

// oracleFlags are arguments that one of the two needs for itself.
var oracleFlags = []string{"--pidfile=", "--conmon-pidfile=", "--cidfile="}

// oracleOfOne are lines that only one of the two has.
var oracleOfOne = []string{"After=podman-user-wait-network-online.service"}

// oracleTwoWords are arguments that Quadlet of some version gives with their value behind them, and others with a "=".
var oracleTwoWords = []string{"--entrypoint", "--cgroups"}

// oracleFile writes a file with some keys.
func oracleFile(r *rand.Rand, n int, keys []parser.Key) string {
	image := "Image=localhost/image"
	if r.Intn(8) == 0 {
		image = oracleImages[r.Intn(len(oracleImages))]
	}
	lines := []string{"[Container]", image}
	for range 1 + r.Intn(5) {
		lines = append(lines, oracleLine(r, keys[r.Intn(len(keys))]))
	}
	lines = append(lines, oneOf(r, "", oracleOthers), "[Socket]", fmt.Sprintf("ListenStream=/run/none-%d.sock", n), "[OnDemand]", "ContainerPort=80\n")
	return strings.Join(lines, "\n")
}

// oracleLine gives a key one of its values.
func oracleLine(r *rand.Rand, k parser.Key) string {
	values := oracleSpecial[k.Name]
	if values == nil {
		values = oracleValues[k.Kind]
	}
	return oneOf(r, k.Name+"=", values)
}

// oneOf draws what stands behind start; seldom something in which the two are meant to differ, for then nothing of the file is compared.
func oneOf(r *rand.Rand, start string, values []string) string {
	for {
		line := start + values[r.Intn(len(values))]
		if !meantToDiffer(line) || r.Intn(6) == 0 {
			return line
		}
	}
}

// oracleKeys are the keys that Quadlet of that version has and that are compared.
func oracleKeys(version string) []parser.Key {
	var keys []parser.Key
	for _, k := range parser.Keys {
		if _, out := oracleLeftOut[k.Name]; !out && k.Section == parser.SectionContainer && !newer(k.Since, version) {
			keys = append(keys, k)
		}
	}
	return keys
}

// newer compares versions of two numbers each.
func newer(a, b string) bool {
	var a1, a2, b1, b2 int
	fmt.Sscanf(a, "%d.%d", &a1, &a2)
	fmt.Sscanf(b, "%d.%d", &b1, &b2)
	return a1 > b1 || a1 == b1 && a2 > b2
}

// TestSameArgumentsAsQuadlet takes the installed Quadlet as the oracle: for the same [Container], podman gets the same arguments, the
// same units and paths come first, and where the one finds an error the other does.
func TestSameArgumentsAsQuadlet(t *testing.T) {
	t.Cleanup(func() { os.RemoveAll(host.home("oracle")) })
	keys := oracleKeys(host.run(t, "/usr/libexec/podman/quadlet", "-version"))
	r := rand.New(rand.NewSource(1))
	for _, f := range oracleFilesToReferTo {
		host.write(t, "oracle/q/"+f.name, f.text)
		host.write(t, "oracle/o/"+f.name, f.text)
	}
	texts := map[string]string{}
	for n := range oracleFiles {
		name := fmt.Sprintf("f%d", n)
		texts[name] = oracleFile(r, n, keys)
		host.write(t, "oracle/q/"+name+".container", texts[name])
		host.write(t, "oracle/o/"+name+".ondemand", texts[name])
	}
	theirs := oracleUnits(t, "QUADLET_UNIT_DIRS=$PWD/oracle/q /usr/libexec/podman/quadlet -dryrun -user")
	ours := oracleUnits(t, "PODMAN_ONDEMAND_UNIT_DIRS=$PWD/oracle/o podman-ondemand generate --dry-run --user")
	same, refused, meant := 0, 0, 0
	for n := range oracleFiles {
		name := fmt.Sprintf("f%d", n)
		switch {
		case slices.Equal(ours[name], theirs[name]) && ours[name] == nil:
			refused++
		case slices.Equal(ours[name], theirs[name]):
			same++
		case meantToDiffer(texts[name]):
			meant++
		default:
			t.Errorf("%s\nours:    %q\nQuadlet: %q", texts[name], ours[name], theirs[name])
		}
	}
	record(t, "same podman arguments as Quadlet", fmt.Sprintf("%d files", oracleFiles),
		fmt.Sprintf("%d same, %d errors for both, %d meant to differ", same, refused, meant))
	if same < oracleFiles/2 || refused < oracleFiles/20 {
		t.Errorf("only %d files are the same, and %d errors: nothing was compared", same, refused)
	}
}

// TestOracleDifferencesAreDocumented: what the two are meant to differ in stands in the list that people read.
func TestOracleDifferencesAreDocumented(t *testing.T) {
	for _, d := range oracleDifferences {
		if d.about != "" && !slices.ContainsFunc(parser.Differences, func(p parser.Difference) bool { return p.Subject == d.about }) {
			t.Errorf("%s=%s (%s): parser.Differences has no %q", d.key, d.value, d.why, d.about)
		}
	}
}

func meantToDiffer(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, "=")
		for _, d := range oracleDifferences {
			if (d.key == "" || d.key == key) && d.value == value {
				return true
			}
		}
	}
	return false
}

// oracleUnits runs a generator that prints its units, and returns what is compared of each container's, sorted. A file with an error
// has none.
func oracleUnits(t *testing.T, script string) map[string][]string {
	t.Helper()
	out := host.run(t, "sh", "-c", script+" 2>/dev/null; true")
	units := map[string][]string{}
	for _, part := range strings.Split("\n"+strings.ReplaceAll(out, "/oracle/q", "/oracle/o"), "\n---") {
		name, text, _ := strings.Cut(part, "---\n")
		name, service := strings.CutSuffix(name, ".service")
		if service && oracleName.MatchString(name) && !strings.Contains(text, "ExecStart=/usr/bin/podman-ondemand broken ") {
			units[name] = compared(text)
		}
	}
	return units
}

var oracleName = regexp.MustCompile(`^f\d+$`)

// compared are the words of the commands of a unit, and what it needs first.
func compared(text string) []string {
	file, _ := parser.Parse("unit", []byte(text))
	words := []string{}
	for _, e := range file.Entries("Service") {
		if e.Key == "ExecStart" || e.Key == "ExecReload" {
			words = append(words, commandWords(e)...)
		}
	}
	for _, e := range file.Entries("Unit") {
		if e.Key == "Requires" || e.Key == "After" || e.Key == "RequiresMountsFor" {
			names, _ := e.Words(parser.CEscapes)
			for _, name := range names {
				words = append(words, e.Key+"="+name.Text)
			}
		}
	}
	slices.Sort(words)
	return slices.DeleteFunc(words, func(w string) bool { return slices.Contains(oracleOfOne, w) })
}

// commandWords splits a command line, without the arguments that are not Quadlet's.
func commandWords(e parser.Entry) []string {
	words, _ := e.Words(parser.CEscapes)
	var texts []string
	for i, w := range words {
		switch {
		case i > 0 && slices.Contains(oracleTwoWords, words[i-1].Text):
			texts[len(texts)-1] += "=" + w.Text
		case !slices.ContainsFunc(oracleFlags, func(flag string) bool { return strings.HasPrefix(w.Text, flag) }):
			texts = append(texts, e.Key+" "+w.Text)
		}
	}
	return texts
}
