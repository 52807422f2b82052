package picture

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "draw the picture in docs/how-it-works.md anew")

const (
	page  = "../../docs/how-it-works.md"
	units = "../../testdata/minimal/out/user"
	begin = "```mermaid\n"
	end   = "```\n"
)

// TestPicture: the picture is that of the units that the generator makes.
func TestPicture(t *testing.T) {
	want, err := Draw(units)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	picture, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no picture", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(picture, want); d != "" {
		t.Errorf("the picture in %s is stale: run make docs\n%s", page, d)
	}
}

func TestDraw(t *testing.T) {
	got, err := Draw(units)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"web.socket"`, `|"Service="|`, `|"PropagatesStopTo="|`, `|"wants"|`, `podman-ondemand-apply@web-`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in the picture:\n%s", want, got)
		}
	}
}
