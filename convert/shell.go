package convert

import (
	"strings"
	"unicode/utf8"

	"podman-ondemand/parser"
)

// shell splits text as people copy it out of a README into commands of words,
// in the way of a shell (POSIX.1, "Shell Command Language"), without running
// anything. What stands for the home directory, the user and the like becomes
// the specifier of systemd for it (systemd.unit(5), "Specifiers").
type shell struct {
	file     string
	dir      string // where $PWD is
	text     string
	systemd  bool // the text stands in a unit: specifiers are live already
	off      int
	line     int
	lineFrom int // where the line starts

	commands  [][]word
	command   []word
	variables []assignment
	quotes    bool // the last word had some
	diags     parser.Diags
}

type assignment struct{ name, value string }

func (s *shell) split() ([][]word, parser.Diags) {
	s.text = strings.ReplaceAll(s.text, "\r\n", "\n")
	s.line = 1
	for s.off < len(s.text) {
		s.step()
	}
	s.end()
	return s.commands, s.diags
}

// literal makes text of the script mean only itself.
func (s *shell) literal(text string) string {
	if s.systemd {
		return strings.ReplaceAll(text, "$", "$$")
	}
	return literal(text)
}

func (s *shell) pos() parser.Pos {
	return parser.Pos{File: s.file, Line: s.line, Col: utf8.RuneCountInString(s.text[s.lineFrom:s.off]) + 1}
}

func (s *shell) rest() string { return s.text[s.off:] }

// step reads what comes next between two words.
func (s *shell) step() {
	rest := s.rest()
	switch c := rest[0]; {
	case s.continued():
	case c == '\n':
		s.end()
		s.newline()
	case c == ' ' || c == '\t':
		s.off++
	case c == ';' || c == '&' || c == '|':
		s.end()
		s.off++
	case c == '#':
		s.off += len(rest[:strings.IndexByte(rest+"\n", '\n')])
	case c == '$' && len(rest) > 1 && rest[1] == ' ' && len(s.command) == 0:
		s.off++ // a prompt
	case redirection(rest) > 0:
		s.off += redirection(rest)
		s.skipBlanks()
		s.word()
	default:
		s.add(s.word())
	}
}

func (s *shell) newline() {
	s.off++
	s.line++
	s.lineFrom = s.off
}

func (s *shell) skipBlanks() {
	for s.off < len(s.text) && (s.text[s.off] == ' ' || s.text[s.off] == '\t') {
		s.off++
	}
}

// continued skips what continues a line: a backslash, or the sign of another
// shell, with nothing but blanks behind it.
func (s *shell) continued() bool {
	rest := s.rest()
	if rest[0] != '\\' && rest[0] != '`' && rest[0] != '^' {
		return false
	}
	blanks := len(rest[1:]) - len(strings.TrimLeft(rest[1:], " \t"))
	if after := rest[1+blanks:]; after != "" && after[0] != '\n' || after == "" && rest[0] != '\\' {
		return false
	}
	s.off += 1 + blanks
	if s.off < len(s.text) {
		s.newline()
	}
	return true
}

// redirection is the length of the operator that rest starts with, 0 if it
// starts with none. <NAME> is what a README wants filled in.
func redirection(rest string) int {
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	op := rest[digits:]
	n := len(op) - len(strings.TrimLeft(op, "<>"))
	if n == 0 {
		return 0
	}
	if op[0] == '<' && n == 1 && strings.IndexAny(op, " >\n") > 0 && placeholder(op) > 1 && op[1] != ' ' {
		return 0
	}
	if n < len(op) && op[n] == '&' {
		n++
	}
	return digits + n
}

// end ends a command. One that only assigns is remembered.
func (s *shell) end() {
	words := s.command
	s.command = nil
	for len(words) > 0 {
		name, value, ok := strings.Cut(words[0].text, "=")
		if words[0].text != "export" && (!ok || !isName(name)) {
			break
		}
		if ok {
			s.variables = append(s.variables, assignment{name, value})
		}
		words = words[1:]
	}
	if len(words) > 0 {
		s.commands = append(s.commands, words)
	}
}

func isName(s string) bool {
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// add adds a word, unless nothing is left of it and it was not quoted.
func (s *shell) add(w word) {
	if w.text != "" || s.quotes {
		s.command = append(s.command, w)
	}
}

// word reads a word with its quotes and expansions.
func (s *shell) word() word {
	w := word{pos: s.pos()}
	var b strings.Builder
	s.quotes = false
	if rest := s.rest(); strings.HasPrefix(rest, "~") && (len(rest) == 1 || strings.IndexByte("/ \n\t", rest[1]) >= 0) {
		b.WriteString("%h")
		s.off++
	}
	for s.off < len(s.text) && strings.IndexByte(" \t\n;&|", s.text[s.off]) < 0 && !s.endsLine() {
		switch rest := s.rest(); rest[0] {
		case '\'':
			s.off++
			s.quotes = true
			b.WriteString(s.literal(s.until('\'')))
		case '"':
			s.off++
			s.quotes = true
			s.quoted(&b)
		case '<':
			n := placeholder(rest)
			b.WriteString(s.literal(rest[:n]))
			s.off += n
		case '\\':
			s.escaped(&b)
		case '$', '`':
			s.expand(&b)
		default:
			b.WriteString(s.literal(rest[:1]))
			s.off++
		}
	}
	w.text = b.String()
	return w
}

// placeholder is the length of <what a README wants filled in>.
func placeholder(rest string) int {
	if n := strings.IndexAny(rest, ">\n\"'"); n > 1 && rest[n] == '>' {
		return n + 1
	}
	return 1
}

// endsLine says whether a continued line ends here.
func (s *shell) endsLine() bool {
	rest := s.rest()
	return (rest[0] == '\\' || rest[0] == '`') && strings.HasPrefix(strings.TrimLeft(rest[1:], " \t"), "\n") &&
		!strings.HasPrefix(rest, "\\\n")
}

// until reads up to a quote and behind it.
func (s *shell) until(quote byte) string {
	rest := s.rest()
	n := strings.IndexByte(rest, quote)
	if n < 0 {
		s.diags.Errorf(s.pos(), "a quote %c is not closed", quote)
		n = len(rest)
	}
	s.advance(min(n+1, len(rest)))
	return rest[:n]
}

// advance moves on, over lines too.
func (s *shell) advance(n int) {
	for range n {
		if s.text[s.off] == '\n' {
			s.newline()
		} else {
			s.off++
		}
	}
}

// quoted reads the rest of a text in double quotes.
func (s *shell) quoted(b *strings.Builder) {
	start := s.pos()
	for s.off < len(s.text) {
		switch c := s.text[s.off]; {
		case c == '"':
			s.off++
			return
		case c == '\\' && s.off+1 < len(s.text) && strings.IndexByte("$`\"\\\n", s.text[s.off+1]) >= 0:
			s.escaped(b)
		case c == '$' || c == '`':
			s.expand(b)
		default:
			b.WriteString(s.literal(s.text[s.off : s.off+1]))
			s.advance(1)
		}
	}
	s.diags.Errorf(start, "a quote \" is not closed")
}

// escaped reads a backslash and what it protects; a newline is nothing.
func (s *shell) escaped(b *strings.Builder) {
	s.off++
	if s.off == len(s.text) {
		return
	}
	if s.text[s.off] != '\n' {
		b.WriteString(s.literal(s.text[s.off : s.off+1]))
	}
	s.advance(1)
}

// expand reads what a shell would replace.
func (s *shell) expand(b *strings.Builder) {
	rest, pos := s.rest(), s.pos()
	switch {
	case rest[0] == '`':
		s.off++
		b.WriteString(s.output(s.until('`'), pos))
	case strings.HasPrefix(rest, "$(") && strings.IndexByte(rest, ')') > 0:
		s.off += 2
		b.WriteString(s.output(s.until(')'), pos))
	case strings.HasPrefix(rest, "${") && strings.IndexByte(rest, '}') > 0:
		s.off += 2
		b.WriteString(s.parameter(s.until('}'), pos))
	case strings.HasPrefix(rest, "$'"):
		s.off += 2
		b.WriteString(s.ansi())
	default:
		n := 1
		for n < len(rest) && isName(rest[1:n+1]) {
			n++
		}
		s.off += n
		if n == 1 {
			b.WriteString("$$")
			return
		}
		b.WriteString(s.parameter(rest[1:n], pos))
	}
}

// ansi reads the rest of $'…', in which backslashes are those of C.
func (s *shell) ansi() string {
	rest := s.rest()
	n := 0
	for n < len(rest) && rest[n] != '\'' {
		if rest[n] == '\\' {
			n++
		}
		n++
	}
	n = min(n, len(rest))
	text := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`, `\'`, `'`, `\"`, `"`).Replace(rest[:n])
	s.advance(min(n+1, len(rest)))
	return s.literal(text)
}

// specifiers are what shells call what systemd knows too.
var specifiers = []assignment{
	{"HOME", "%h"}, {"USER", "%u"}, {"LOGNAME", "%u"}, {"UID", "%U"}, {"EUID", "%U"}, {"GID", "%G"},
	{"HOSTNAME", "%H"}, {"XDG_RUNTIME_DIR", "%t"}, {"XDG_CONFIG_HOME", "%E"},
}

// outputs are the same for commands.
var outputs = []assignment{
	{"id -u", "%U"}, {"id -g", "%G"}, {"id -un", "%u"}, {"id -u -n", "%u"}, {"whoami", "%u"}, {"hostname", "%H"},
	{"id -u $USER", "%U"}, {"id -g $USER", "%G"}, {"echo $HOME", "%h"},
}

func find(list []assignment, name string) (string, bool) {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].name == name {
			return list[i].value, true
		}
	}
	return "", false
}

// parameter is the value of ${TEXT}: of a variable that the text itself has
// set, or that systemd knows; with :- the value for where it is not set.
// Others stay for systemd to look up in the environment.
func (s *shell) parameter(text string, pos parser.Pos) string {
	n := 0
	for n < len(text) && isName(text[:n+1]) {
		n++
	}
	name, operator := text[:n], text[n:]
	otherwise, hasDefault := strings.CutPrefix(strings.TrimPrefix(operator, ":"), "-")
	if name == "PWD" {
		return literal(s.dir)
	}
	if v, ok := find(s.variables, name); ok {
		return v
	}
	if v, ok := find(specifiers, name); ok {
		return v
	}
	switch {
	case hasDefault:
		return s.literal(otherwise)
	case name == "" || operator != "" && operator[0] != ':' && operator[0] != '?':
		s.diags.Errorf(pos, "what ${%s} is can only be known by a shell", text).Hintf("write the value itself")
		return s.literal("${" + text + "}")
	}
	s.diags.Warnf(pos, "$%s is a variable of your shell, systemd has an environment of its own", name).
		Hintf("write its value, or set it with: systemctl --user set-environment %s=…", name)
	return "${" + name + "}"
}

// output is what a command would print.
func (s *shell) output(command string, pos parser.Pos) string {
	command = strings.Join(strings.Fields(strings.NewReplacer(`"`, "", "{", "", "}", "").Replace(command)), " ")
	switch {
	case strings.HasPrefix(command, "#"): // a comment, as some put it between options
		return ""
	case command == "pwd":
		return literal(s.dir)
	}
	if v, ok := find(outputs, command); ok {
		return v
	}
	s.diags.Errorf(pos, "$(%s) is not run", command).Hintf("write what it prints")
	return s.literal("$(" + command + ")")
}
