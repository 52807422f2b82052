package parser

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofSystemd are keys that the texts name and that have no row, being systemd's.
var ofSystemd = []string{"Type", "TimeoutStartSec", "ExecStart", "Delegate", "NotifyAccess"}

// TestDifferences checks that the list can be printed, and names what there is.
func TestDifferences(t *testing.T) {
	names := regexp.MustCompile(`\b([A-Z]\w+)=`)
	seen := map[string]bool{}
	for _, d := range Differences {
		if seen[d.Subject] || d.Subject == "" || !strings.HasSuffix(d.Text, ".") || strings.Contains(d.Text, "\n") {
			t.Errorf("%q: twice, or not in sentences: %q", d.Subject, d.Text)
		}
		seen[d.Subject] = true
		for _, m := range names.FindAllStringSubmatch(d.Subject+" "+d.Text, -1) {
			if !slices.ContainsFunc(Keys, func(k Key) bool { return k.Name == m[1] }) && !slices.Contains(ofSystemd, m[1]) {
				t.Errorf("%s: there is no key %s=", d.Subject, m[1])
			}
		}
	}
	if n := len(Differences); n < 15 || n > 25 {
		t.Errorf("%d differences: more than anybody reads, or some are missing", n)
	}
}
