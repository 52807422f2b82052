package mangen

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

//go:embed *.md
var sources embed.FS

// Page is one manual page.
type Page struct {
	Name    string // NAME.SECTION, which is the name of its file too
	Markup  string // its source with everything filled in
	Content []byte // man(7)
}

// source is a page as it is written. The date is that of its last great change:
// a page must be the same whenever it is made.
type source struct {
	name, section, manual, date string
}

var all = []source{
	{"podman-ondemand", "1", "User Commands", "2026-11-22"},
	{"podman-ondemand.unit", "5", "File Formats", "2026-11-22"},
	{"podman-ondemand-generator", "8", "Administration", "2026-11-22"},
}

// Pages makes all pages; root is the command line that they describe.
func Pages(root *cobra.Command) ([]Page, error) {
	var pages []Page
	for _, s := range all {
		page, err := s.page(root)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func (s source) page(root *cobra.Command) (Page, error) {
	file := s.name + "." + s.section + ".md"
	t, err := template.New(file).Funcs(template.FuncMap{
		"commands":    func() string { return commands(root) },
		"sections":    sections,
		"kinds":       kinds,
		"differences": differences,
	}).ParseFS(sources, file)
	if err != nil {
		return Page{}, err
	}
	var markup bytes.Buffer
	if err := t.Execute(&markup, nil); err != nil {
		return Page{}, err
	}
	var r roff
	r.line(`.\" Made by "make man" of packaging/mangen/%s: do not edit.`, file)
	r.line(".TH %s %s %s podman\\-ondemand \"%s\"", strings.ToUpper(literal(s.name)), s.section, s.date, s.manual)
	// No gaps between words, and no word cut in two: a path is to be copied. For
	// groff, each paragraph sets hyphenation anew from the register.
	r.line(".nr HY 0\n.nh\n.ad l")
	r.item(parse(markup.String()), false)
	return Page{s.name + "." + s.section, markup.String(), []byte(r.String())}, nil
}

// escaped is text that holds no marks.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`).Replace(text)
}

// defined writes a definition; the term has marks, the body too.
func defined(w *strings.Builder, term, body string) {
	fmt.Fprintf(w, "%s\n:   %s\n\n", term, strings.ReplaceAll(body, "\n", "\n    "))
}
