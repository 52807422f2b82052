// Package keydoc is the long documentation of the keys: a text for each
// section, SECTION.md, beside the table of keys whose rows have one line each.
// Its form is that of the manual pages (package mangen).
package keydoc

import (
	"embed"
	"strings"

	"podman-ondemand/parser"
)

//go:embed *.md
var files embed.FS

// Section is what a section is for, in Intro, and its keys in the order in
// which a person reads about them.
type Section struct {
	Intro string
	Keys  []Entry
}

// Entry is the text of one key.
type Entry struct {
	Name string
	Text string
}

// Read gives the text of a section; ok is false where there is none.
func Read(section string) (s Section, ok bool) {
	text, err := files.ReadFile(File(section))
	if err != nil {
		return s, false
	}
	parts := strings.Split("\n"+string(text), "\n## ")
	s.Intro = strings.TrimSpace(parts[0])
	for _, p := range parts[1:] {
		name, body, _ := strings.Cut(p, "\n")
		s.Keys = append(s.Keys, Entry{strings.TrimSuffix(name, "="), strings.TrimSpace(body)})
	}
	return s, true
}

// File is where the text of a section stands, in this directory.
func File(section string) string { return section + ".md" }

// Kind is what a person has to know about a kind of value: a word for it, and
// how it is read.
type Kind struct {
	Of   parser.Kind
	Word string
	Text string
}

// Kinds are all kinds, in the order in which a person reads about them.
var Kinds = []Kind{
	{parser.String, "value", "One value: the last assignment counts. One pair of double quotes around it is removed; an empty value counts as not set."},
	{parser.List, "one a line", "A list with one value an assignment, taken as it stands, without quotes or escapes."},
	{parser.Words, "words", "A list of words, several in a line or in several lines. Quotes hold a word with blanks together; a backslash is an ordinary character."},
	{parser.LowerWords, "words", "The same, in lower case."},
	{parser.Args, "arguments", "A list of words in which quotes hold together and the escapes of **systemd.service**(5) are decoded: `\\t`, `\\x20`, `\\u00e9`."},
	{parser.LastArgs, "command", "Such words, of the last assignment only."},
	{parser.Map, "name=value", "Words of the form NAME=VALUE, split like arguments: `\"GREETING=good morning\"`. Of one name the last counts."},
	{parser.Bool, "yes or no", "One of `1 yes y true t on` or `0 no n false f off`, in any case. Anything else is an error."},
	{parser.Switch, "yes or no", "The same; no is what holds without it."},
	{parser.TimeSpan, "time", "A time span of **systemd.time**(7), like `90`, `5min 20s` or `infinity`; a number alone counts seconds."},
	{parser.Count, "number", "A whole number from zero up."},
	{parser.Choice, "choice", "One of a few words."},
	{parser.NoEffect, "no effect", "A key that is right elsewhere; a warning says that it is ignored here."},
}

// KindOf is the row of a kind; ok is false where there is none.
func KindOf(k parser.Kind) (row Kind, ok bool) {
	for _, row := range Kinds {
		if row.Of == k {
			return row, true
		}
	}
	return row, false
}
