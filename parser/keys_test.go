package parser

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var version = regexp.MustCompile(`^\d+\.\d+$`)

// TestKeys checks what every row of the table must keep to.
func TestKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys {
		name := k.Section + "." + k.Name
		quadlet := slices.Contains([]string{SectionContainer, SectionPod, SectionQuadlet}, k.Section)
		switch {
		case seen[name]:
			t.Errorf("%s stands twice in the table", name)
		case !slices.Contains(Sections, k.Section):
			t.Errorf("%s is in an unknown section", name)
		case k.Doc == "" || strings.HasSuffix(k.Doc, "."):
			t.Errorf("%s: documentation is a line without a full stop: %q", name, k.Doc)
		case quadlet != (k.Since != ""):
			t.Errorf("%s: Since is for the keys of Quadlet: %q", name, k.Since)
		case k.Needs != "" && !version.MatchString(k.Needs):
			t.Errorf("%s: Needs is a version like 5.0: %q", name, k.Needs)
		case (k.Kind == Bool || k.Kind == Switch) && strings.Contains(k.Arg, "%s"):
			t.Errorf("%s: a boolean has no value to put into %q", name, k.Arg)
		case k.Arg != "" && k.Kind != Bool && k.Kind != Switch && strings.Count(k.Arg, "%s") != 1:
			t.Errorf("%s: no place for the value in %q", name, k.Arg)
		}
		seen[name] = true
	}
}

// TestNewerValues checks that each is one of a key, and newer than that.
func TestNewerValues(t *testing.T) {
	for _, v := range NewerValues {
		k, ok := FindKey(v.Section, v.Name)
		if !ok || !version.MatchString(v.Needs) || v.Needs <= k.Needs {
			t.Errorf("%s=%s needs podman %q, the key %q", v.Name, v.Value, v.Needs, k.Needs)
		}
	}
}

// TestAllQuadletKeys counts the keys of Quadlet 5.8, all of which have a row.
func TestAllQuadletKeys(t *testing.T) {
	n := 0
	for _, k := range Keys {
		if k.Section == SectionContainer {
			n++
		}
	}
	if n != 94 {
		t.Errorf("%d keys in [Container], Quadlet 5.8 has 94", n)
	}
}

func TestValues(t *testing.T) {
	file, _ := Parse("f", []byte(`[Container]
Image="quoted"
Image=  "a" b
HostName="x"
Tmpfs="/kept quotes"
Tmpfs=
Tmpfs=/a b
DropCapability=NET_RAW "All"
Environment=B=1 A=1
Environment=B=2 "C=x y" D
Sysctl=a\tb
Mask=a\tb
Exec=gone
Exec=a "b c"
RunInit=On
NoNewPrivileges="true"
ReadOnly=
HealthCmd=
[OnDemand]
IdleTimeout=5min
[Container]
Tmpfs=/c
`))
	for _, c := range []struct{ section, key, want string }{
		{SectionContainer, "Image", `["\"a\" b"]`},
		{SectionContainer, "HostName", `["x"]`},
		{SectionContainer, "Tmpfs", `["/a b" "/c"]`},
		{SectionContainer, "DropCapability", `["net_raw" "all"]`},
		{SectionContainer, "Environment", `["A=1" "B=2" "C=x y" "D"]`},
		{SectionContainer, "Sysctl", `["a\\tb"]`},
		{SectionContainer, "Mask", `["a\tb"]`},
		{SectionContainer, "Exec", `["a" "b c"]`},
		{SectionContainer, "RunInit", `["yes"]`},
		{SectionContainer, "NoNewPrivileges", `["yes"]`},
		{SectionContainer, "ReadOnly", `[]`},
		{SectionContainer, "HealthCmd", `[]`},
		{SectionContainer, "Pull", `[]`},
		{SectionOnDemand, "IdleTimeout", `["5min"]`},
	} {
		k, _ := FindKey(c.section, c.key)
		ws, ds := file.Values(k)
		texts := []string{}
		for _, w := range ws {
			texts = append(texts, w.Text)
		}
		if got := fmt.Sprintf("%q", texts); got != c.want || len(ds) != 0 {
			t.Errorf("%s=: %s %v, want %s", c.key, got, ds, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"Imgae": "Image", "image": "Image", "Imag": "Image", "Images": "Image", "Im": "IP",
		"Zzz": "", "PublishPorts": "PublishPort", "Enviroment": "Environment",
	} {
		var names []string
		for _, k := range Keys {
			if k.Section == SectionContainer {
				names = append(names, k.Name)
			}
		}
		if got := Nearest(word, names); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
