package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// word is a word of a command line as systemd would take it: specifiers and
// ${NAME} are live, and a "%" or "$" that means itself is doubled. All input
// becomes words at once, so nothing is escaped a second time.
type word struct {
	text string
	pos  parser.Pos
}

// literal makes the text of a word that means only itself.
func literal(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "%", "%%"), "$", "$$")
}

// plain is what a person would call a word in a comment.
func plain(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "%%", "%"), "$$", "$")
}

// commandLinePos is the place of words that come from no file.
var commandLinePos = parser.Pos{File: "command line"}

func literals(words []string) []word {
	ws := make([]word, len(words))
	for i, w := range words {
		ws[i] = word{literal(w), commandLinePos}
	}
	return ws
}

// assigned writes a value so that a key of that kind reads it as it is, and
// says whether that can be done.
func assigned(kind parser.Kind, value string) (string, bool) {
	switch kind {
	case parser.String:
		return assignedString(value), value != "" && printable(value)
	case parser.List:
		bare := value == strings.Trim(value, " ") && !strings.HasSuffix(value, `\`)
		return value, value != "" && bare && printable(value)
	case parser.Words, parser.LowerWords:
		return assignedWord(value), printable(value)
	case parser.Args, parser.LastArgs, parser.Map:
		return string(emit.Written(value)), !strings.Contains(value, "\x00")
	}
	return "", false
}

// assignedString puts the pair of quotes round a value that Quadlet removes,
// where the value would lose something without.
func assignedString(value string) string {
	if strings.Trim(value, " ") != value || strings.HasSuffix(value, `\`) || parser.Unquote(value) != value {
		return `"` + value + `"`
	}
	return value
}

// assignedWord quotes a word where a backslash is a backslash.
func assignedWord(value string) string {
	switch {
	case value != "" && !strings.ContainsAny(value, " \"'") && !strings.HasSuffix(value, `\`):
		return value
	case !strings.Contains(value, `"`):
		return `"` + value + `"`
	}
	return `"` + strings.ReplaceAll(value, `"`, `"'"'"`) + `"`
}

// printable says whether value can stand in a line as it is.
func printable(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl)
}
