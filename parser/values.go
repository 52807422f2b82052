package parser

import (
	"cmp"
	"slices"
	"strings"
)

// Last returns the last assignment of a key, which is the one that counts for
// keys with one value.
func (f *File) Last(section, key string) (Entry, bool) {
	all := f.assignments(section, key)
	if len(all) == 0 {
		return Entry{}, false
	}
	return all[len(all)-1], true
}

func (f *File) assignments(section, key string) []Entry {
	var all []Entry
	for i := range f.Sections {
		s := &f.Sections[i]
		if !s.is(section) {
			continue
		}
		for i := range s.Entries { // by index: an entry is long to copy
			if s.Entries[i].Key == key {
				all = append(all, s.Entries[i])
			}
		}
	}
	return all
}

// Values reads the assignments of a key in the way of its kind. Booleans come
// back as "yes" or "no". A key that is not set has no values.
func (f *File) Values(k Key) ([]Word, Diags) {
	all := f.assignments(k.Section, k.Name)
	if len(all) == 0 {
		return nil, nil
	}
	last := all[len(all)-1:]
	switch k.Kind {
	case List:
		return list(all), nil
	case Words:
		return words(all, LiteralBackslash)
	case LowerWords:
		ws, ds := words(all, LiteralBackslash)
		for i := range ws {
			ws[i].Text = strings.ToLower(ws[i].Text)
		}
		return ws, ds
	case Args:
		return words(all, CEscapes)
	case LastArgs:
		return words(last, CEscapes)
	case Map:
		ws, ds := words(all, CEscapes)
		return byName(ws), ds
	case Bool, Switch:
		return boolean(last[0])
	}
	return single(last[0]), nil
}

// sinceReset drops what stands before the last empty assignment, and that too.
func sinceReset(all []Entry) []Entry {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Value == "" {
			return all[i+1:]
		}
	}
	return all
}

func list(all []Entry) []Word {
	var ws []Word
	all = sinceReset(all)
	for i := range all {
		ws = append(ws, Word{all[i].Value, &all[i], 0})
	}
	return ws
}

func words(all []Entry, esc Escapes) ([]Word, Diags) {
	var ws []Word
	var ds Diags
	all = sinceReset(all)
	for i := range all {
		w, d := all[i].Words(esc)
		ws, ds = append(ws, w...), append(ds, d...)
	}
	return ws, ds
}

// byName keeps the last word of each NAME=VALUE and orders them by name, as
// Quadlet does, so that the order of the lines in the file does not matter.
func byName(ws []Word) []Word {
	slices.Reverse(ws)
	name := func(w Word) string { n, _, _ := strings.Cut(w.Text, "="); return n }
	slices.SortStableFunc(ws, func(a, b Word) int { return cmp.Compare(name(a), name(b)) })
	return slices.CompactFunc(ws, func(a, b Word) bool { return name(a) == name(b) })
}

func boolean(e Entry) ([]Word, Diags) {
	ws := single(e)
	if len(ws) == 0 {
		return nil, nil
	}
	var ds Diags
	yes, err := ParseBool(ws[0].Text)
	if err != nil {
		ds.Errorf(ws[0].Pos(), "%s=: %v", e.Key, err)
		return nil, ds
	}
	ws[0].Text = "no"
	if yes {
		ws[0].Text = "yes"
	}
	return ws, nil
}

func single(e Entry) []Word {
	text := Unquote(e.Value)
	if text == "" {
		return nil
	}
	return []Word{{text, &e, strings.Index(e.Value, text)}}
}
