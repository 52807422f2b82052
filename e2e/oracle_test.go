//go:build e2e

package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"podman-ondemand/parser"
)

// oracleFiles is how many files the two programs are compared on, the same ones each time.
const oracleFiles = 3000

// oracleValues are what the keys of a kind are given: the usual, the odd, and the broken.
var oracleValues = map[parser.Kind][]string{
	parser.String:     {"a", `"quoted"`, `"half`, "two words", " padded ", "", "%h/x", "${X}", "a%%b", `back\slash`, "ä", "x=y", "'single'"},
	parser.List:       {"a", `"quoted"`, "two words", "", "%n", `a\tb`, "a:b:c"},
	parser.Words:      {"a", "a b", `"a b" c`, `'a b'`, "", `a\tb`, "%i $X", `a"b c"d`},
	parser.LowerWords: {"ALL", "CAP_NET_RAW chown", `"NET_ADMIN"`, "", "all"},
	parser.Args:       {"a", "a b", `"a b" c`, `a\tb`, `"a\"b"`, "", `\x41`, "%h $X", "a;b", `it"s open`},
	parser.LastArgs:   {"serve", `sh -c "echo $X"`, `"a b" c`, `a\\b`, "", "%h ${Y}", "a;b", `\u00e4`},
	parser.Map:        {"A=1", "A=1 B=2", `"A=b c"`, "A", "A=", `A=1 A=2`, "", "A=%n B=$X"},
	parser.Bool:       {"yes", "true", "1", "on", "no", "false", "0", "off", "TRUE", "", "maybe"},
	parser.Switch:     {"yes", "true", "no", "0", "", "maybe"},
}

// oracleSpecial are the values of keys that take only some.
var oracleSpecial = map[string][]string{
	"ContainerName":   {"a", "my-name", "%N-x", ""},
	"CgroupsMode":     {"enabled", "no-conmon", ""},
	"Network":         {"none", "host", "bridge", "pasta:-T,80", "slirp4netns:mtu=1", ""},
	"Notify":          {"yes", "no", "healthy", "true", ""},
	"StopSignal":      {"SIGINT", "15", "TERM", ""},
	"User":            {"1000", "me", ""},
	"Group":           {"100", ""},
	"Volume":          {"/a:/b", "./a:/b:ro", "name:/b", "/only", "%h/x:/y", "/a b:/c", "../up:/x", ""},
	"Mount":           {"type=bind,source=/a,destination=/b", "type=tmpfs,dst=/x", "type=bind,src=./a,dst=/b,ro", "type=volume,source=v,destination=/v", ""},
	"EnvironmentFile": {"a.env", "/abs.env", "%h/x.env", "./b.env", "a.env b.env", ""},
	"AddDevice":       {"/dev/fuse", "-/dev/null", "-/dev/none:/x", "/dev/a:/dev/b:rw", ""},
	"ExposeHostPort":  {"80", "80-90", "80/tcp"},
	"SeccompProfile":  {"/x.json", "unconfined"},
	"LogDriver":       {"journald", "none"},
	"ReloadSignal":    {"SIGHUP"},
	"RemapUsers":      {"manual", "auto", "keep-id", "auto\nRemapUid=0:1:2 3:4:5\nRemapGid=6:7:8", "keep-id\nRemapUid=9", "manual\nRemapUid=0:1:2", "auto\nRemapUidSize=7", "other"},
}

// oracleLeftOut are keys that are not compared, with the reason.
var oracleLeftOut = map[string]string{
	"Image":        "each file has one",
	"Rootfs":       "each file has an image",
	"ServiceName":  "the comparison goes by the file's name",
	"PublishPort":  "it publishes on demand here",
	"Pod":          "not supported yet",
	"StartWithPod": "not supported yet",
	"RemapUid":     "the values of RemapUsers have it",
	"RemapGid":     "the values of RemapUsers have it",
	"RemapUidSize": "the values of RemapUsers have it",
}

// oracleDifferences are lines of a file where the two are meant to differ, and why. An empty key stands for any.
var oracleDifferences = []struct{ key, value, why string }{
	{"", "maybe", "a boolean that is none is an error, Quadlet takes it for no"},
	{"ReadOnly", "", "an empty assignment resets, Quadlet takes it for no"},
	{"ReadOnlyTmpfs", "", "the same"},
	{"RunInit", "", "the same"},
	{"EnvironmentHost", "", "the same"},
	{"", `"half`, "a quote at one end only is kept, Quadlet 5.4 removes it"},
	{"Environment", "A", "the host's value, as in podman and Quadlet 5.8; Quadlet 5.4 loses it"},
	{"Label", "A", "an empty label, as in podman and Quadlet 5.8; Quadlet 5.4 loses it"},
	{"Annotation", "A", "the same"},
	{"Entrypoint", "", "no entrypoint, as in Quadlet 5.8; Quadlet 5.4 keeps the image's"},
}

// oracleFlags are arguments that one of the two needs for itself.
var oracleFlags = []string{"--pidfile=", "--conmon-pidfile=", "--cidfile="}

// oracleTwoWords are arguments that Quadlet of some version gives with their value behind them, and others with a "=".
var oracleTwoWords = []string{"--entrypoint", "--cgroups"}

// oracleFile writes a file with some keys.
func oracleFile(r *rand.Rand, n int, keys []parser.Key) string {
	var b strings.Builder
	b.WriteString("[Container]\nImage=localhost/image\n")
	for range 1 + r.Intn(5) {
		k := keys[r.Intn(len(keys))]
		values := oracleSpecial[k.Name]
		if values == nil {
			values = oracleValues[k.Kind]
		}
		fmt.Fprintf(&b, "%s=%s\n", k.Name, values[r.Intn(len(values))])
	}
	fmt.Fprintf(&b, "[Socket]\nListenStream=/run/none-%d.sock\n[OnDemand]\nContainerPort=80\n", n)
	return b.String()
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

// TestSameArgumentsAsQuadlet takes the installed Quadlet as the oracle: for the same [Container], podman gets the same arguments.
func TestSameArgumentsAsQuadlet(t *testing.T) {
	t.Cleanup(func() { os.RemoveAll(host.home("oracle")) })
	keys := oracleKeys(host.run(t, "/usr/libexec/podman/quadlet", "-version"))
	r := rand.New(rand.NewSource(1))
	texts := map[string]string{}
	for n := range oracleFiles {
		name := fmt.Sprintf("f%d", n)
		texts[name] = oracleFile(r, n, keys)
		host.write(t, "oracle/q/"+name+".container", texts[name])
		host.write(t, "oracle/o/"+name+".ondemand", texts[name])
	}
	theirs := commandLines(t, "QUADLET_UNIT_DIRS=$PWD/oracle/q /usr/libexec/podman/quadlet -dryrun -user")
	ours := commandLines(t, "PODMAN_ONDEMAND_UNIT_DIRS=$PWD/oracle/o podman-ondemand generate --dry-run --user")
	same, meant := 0, 0
	for n := range oracleFiles {
		name := fmt.Sprintf("f%d", n)
		switch {
		case slices.Equal(ours[name], theirs[name]):
			same++
		case meantToDiffer(texts[name]):
			meant++
		default:
			t.Errorf("%s\nours:    %q\nQuadlet: %q", texts[name], ours[name], theirs[name])
		}
	}
	record(t, "same podman arguments as Quadlet", fmt.Sprintf("%d files", oracleFiles), fmt.Sprintf("%d same, %d meant to differ", same, meant))
	if same < oracleFiles/2 || len(theirs) < oracleFiles/2 {
		t.Errorf("only %d files are the same, Quadlet made %d units: nothing was compared", same, len(theirs))
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

// commandLines runs a generator that prints its units and returns the words of each container's "podman run", sorted, without
// those that are not Quadlet's.
func commandLines(t *testing.T, script string) map[string][]string {
	t.Helper()
	out := host.run(t, "sh", "-c", script+" 2>/dev/null; true")
	lines := map[string][]string{}
	name := ""
	for _, line := range strings.Split(strings.ReplaceAll(out, "/oracle/q", "/oracle/o"), "\n") {
		if unit, ok := strings.CutPrefix(line, "---"); ok {
			name = strings.TrimSuffix(unit, ".service---")
			continue
		}
		broken := strings.HasPrefix(line, "ExecStart=/usr/bin/podman-ondemand broken ")
		if strings.HasPrefix(line, "ExecStart=") && !broken && !strings.HasSuffix(name, "-proxy") && !strings.HasPrefix(name, "podman-") {
			lines[name] = sortedWords(line)
		}
	}
	return lines
}

func sortedWords(line string) []string {
	file, _ := parser.Parse("unit", []byte("[Service]\n"+line))
	entry := file.Entries("Service")[0]
	words, _ := entry.Words(parser.CEscapes)
	var texts []string
	for i, w := range words {
		switch {
		case i > 0 && slices.Contains(oracleTwoWords, words[i-1].Text):
			texts[len(texts)-1] += "=" + w.Text
		case !slices.ContainsFunc(oracleFlags, func(flag string) bool { return strings.HasPrefix(w.Text, flag) }):
			texts = append(texts, w.Text)
		}
	}
	slices.Sort(texts)
	return texts
}
