// Package mangen makes the manual pages: texts in a small part of Markdown, with
// what the program itself knows (commands, keys) filled in, become man(7).
//
// The usual converters lose the second paragraph of a definition and the
// indentation of an example, and mandoc(1) finds fault with what they write.
package mangen

import "strings"

// blockKind is what a block of text is.
type blockKind int

const (
	paragraph  blockKind = iota
	heading              // a line with "# "
	subheading           // a line with "## "
	verbatim             // between two lines of ```
	bullets              // "- ", further lines indented by two
	definition           // a line, then ":   " with what it means, further lines indented by four
)

type block struct {
	kind blockKind
	text string // of a heading, a paragraph or a verbatim block; the term of a definition
	lang string // what follows the ``` of a verbatim block
	body []item // the bullets; the one meaning of a definition
}

// item is what is indented.
type item []block

const (
	fence   = "```"
	bullet  = "- "
	meaning = ":   "
)

// parse reads text into blocks. Every text is some blocks: there are no errors.
func parse(text string) item { return blocks(strings.Split(text, "\n")) }

func blocks(lines []string) (all item) {
	for len(lines) > 0 {
		var b block
		n := 1
		switch line := lines[0]; {
		case strings.TrimSpace(line) == "":
			lines = lines[1:]
			continue
		case strings.HasPrefix(line, "# "):
			b = block{kind: heading, text: line[2:]}
		case strings.HasPrefix(line, "## "):
			b = block{kind: subheading, text: line[3:]}
		case strings.HasPrefix(line, fence):
			b, n = readVerbatim(lines)
		case strings.HasPrefix(line, bullet):
			b, n = readBullets(lines)
		case len(lines) > 1 && strings.HasPrefix(lines[1], meaning):
			body := indented(lines[1:], 4)
			b, n = block{kind: definition, text: line, body: []item{blocks(body)}}, 1+len(body)
		default:
			n = paragraphLength(lines)
			b = block{text: strings.Join(lines[:n], " ")}
		}
		all, lines = append(all, b), lines[n:]
	}
	return all
}

func readVerbatim(lines []string) (block, int) {
	n := 1
	for n < len(lines) && lines[n] != fence {
		n++
	}
	text := strings.Join(lines[1:n], "\n")
	return block{kind: verbatim, text: text, lang: strings.TrimPrefix(lines[0], fence)}, min(n+1, len(lines))
}

func readBullets(lines []string) (b block, n int) {
	b.kind = bullets
	for n < len(lines) && strings.HasPrefix(lines[n], bullet) {
		body := indented(lines[n:], 2)
		b.body = append(b.body, blocks(body))
		n += len(body)
	}
	return b, n
}

// indented is the first line without its mark of that width, with those after
// it that are indented as far.
func indented(lines []string, width int) []string {
	body := []string{lines[0][width:]}
	margin := strings.Repeat(" ", width)
	for _, line := range lines[1:] {
		rest, in := strings.CutPrefix(line, margin)
		if !in && strings.TrimSpace(line) != "" {
			break
		}
		body = append(body, rest)
	}
	for len(body) > 1 && strings.TrimSpace(body[len(body)-1]) == "" {
		body = body[:len(body)-1]
	}
	return body
}

// paragraphLength counts the lines until something else begins.
func paragraphLength(lines []string) int {
	for n := 1; n < len(lines); n++ {
		line := lines[n]
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, fence) || strings.HasPrefix(line, bullet) {
			return n
		}
	}
	return len(lines)
}
