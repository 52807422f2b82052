package mangen

import (
	"fmt"
	"strings"

	"podman-ondemand/parser"
	"podman-ondemand/parser/keydoc"
)

// sections documents all sections and their keys, from the table of keys.
func sections() (string, error) {
	var w strings.Builder
	for _, name := range parser.Sections {
		s, ok := keydoc.Read(name)
		if !ok {
			return "", fmt.Errorf("section [%s] is not documented: write parser/keydoc/%s", name, keydoc.File(name))
		}
		fmt.Fprintf(&w, "# [%s] SECTION\n\n%s\n\n", name, s.Intro)
		for _, e := range s.Keys {
			k, ok := parser.FindKey(name, e.Name)
			if !ok {
				return "", fmt.Errorf("%s= in [%s] is not in the table of keys", e.Name, name)
			}
			kind, _ := keydoc.KindOf(k.Kind)
			defined(&w, "`"+k.Name+"=` *"+kind.Word+"*", withFacts(e.Text, k))
		}
	}
	return w.String(), nil
}

// withFacts ends the first paragraph of a key's text with what the table knows:
// podman's argument, if it is always the same, and the podman that it needs.
func withFacts(text string, k parser.Key) string {
	first, rest, more := strings.Cut(text, "\n\n")
	if k.Arg != "" {
		arg, _, _ := strings.Cut(k.Arg, "%s")
		first = withFact(first, "`"+strings.TrimSpace(arg)+"`")
	}
	if k.Needs != "" {
		first = withFact(first, "podman "+k.Needs+" or newer")
	}
	for _, v := range parser.NewerValues {
		if v.Section == k.Section && v.Name == k.Name {
			first = withFact(first, "`"+v.Value+"`: podman "+v.Needs+" or newer")
		}
	}
	if more {
		return first + "\n\n" + rest
	}
	return first
}

func withFact(text, fact string) string {
	if before, ok := strings.CutSuffix(text, ")"); ok {
		return before + ", " + fact + ")"
	}
	return text + " (" + fact + ")"
}

// kinds explains the words behind the names of the keys.
func kinds() string {
	var w strings.Builder
	before := ""
	for _, k := range keydoc.Kinds {
		key, used := firstOf(k.Of)
		if !used {
			continue
		}
		term := "*" + k.Word + "*"
		if k.Word == before {
			term += ", like " + key + "="
		}
		defined(&w, term, k.Text)
		before = k.Word
	}
	return w.String()
}

// firstOf names the first key of a kind.
func firstOf(kind parser.Kind) (name string, used bool) {
	for _, k := range parser.Keys {
		if k.Kind == kind {
			return k.Name, true
		}
	}
	return "", false
}
