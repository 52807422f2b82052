// Package parser reads unit files into values that know where they stand: the
// syntax of systemd.syntax(7), the splitting of values into words, the table
// of the keys of an .ondemand file, and the messages about all of these.
package parser

import "unicode/utf8"

// File is a unit file as it was read. Nothing of it is interpreted: unknown
// sections and keys are there as well.
type File struct {
	Name     string
	Sections []Section
}

// Section is one section header with what follows it. A file may have several
// of one name; systemd merges them, and so does File.Entries.
type Section struct {
	Name string
	// Label is the name in the header of one of Labelled, as in [Container app];
	// "" without one.
	Label string
	Pos   Pos
	// Broken marks a section whose header could not be read: what follows it
	// belongs nowhere, and is not worth a message of its own.
	Broken  bool
	Entries []Entry
}

// Entry is one assignment. Value is what systemd would take: continuation
// lines joined, white space at both ends removed, quotes and escapes untouched.
type Entry struct {
	Key   string
	Value string
	// Pos is the place of the key.
	Pos Pos

	pieces []piece
}

// piece says that from byte off of a text on, the text stands at line and col
// of the source. A continued line has one piece for each source line.
type piece struct {
	off, line, col int
}

// Title is what stands in the header.
func (s Section) Title() string {
	if s.Label == "" {
		return s.Name
	}
	return s.Name + " " + s.Label
}

// is says whether s is a section of that name that can be read, without a label.
func (s *Section) is(name string) bool { return s.Name == name && s.Label == "" && !s.Broken }

// Labelled returns the sections with a label as a file of their own, in which
// they have none. What belongs nowhere belongs there, too.
func (f *File) Labelled(label string) *File {
	part := &File{Name: f.Name}
	for _, s := range f.Sections {
		if s.Label == label || s.Broken {
			s.Label = ""
			part.Sections = append(part.Sections, s)
		}
	}
	return part
}

// Entries returns all assignments under section name, in the order of the file;
// those of sections with a label are not among them.
func (f *File) Entries(name string) []Entry {
	var all []Entry
	for _, s := range f.Sections {
		if s.is(name) {
			all = append(all, s.Entries...)
		}
	}
	return all
}

// ValuePos returns the place of the byte off of the value.
func (e Entry) ValuePos(off int) Pos {
	return at(e.Pos.File, e.pieces, e.Value, off)
}

// LastLine is the last line of the assignment, another one than that of Pos
// where it is continued.
func (e Entry) LastLine() int {
	return max(e.Pos.Line, e.pieces[len(e.pieces)-1].line)
}

// at finds the place of byte off of text, which starts at byte 0 of pieces.
func at(file string, pieces []piece, text string, off int) Pos {
	var p piece
	for _, q := range pieces {
		if q.off > off {
			break
		}
		p = q
	}
	from := max(p.off, 0)
	off = min(off, len(text))
	return Pos{file, p.line, p.col + utf8.RuneCountInString(text[from:max(from, off)])}
}
