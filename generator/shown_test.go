package generator

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"podman-ondemand/parser"
)

// shown is a message of a golden tree: where it stands, and whether it is an error.
var shown = regexp.MustCompile(`^(.+):(\d+):\d+: (error|warning): `)

// use is a line of a golden tree that sets a key.
type use struct {
	section, key, message string // message: "", "warning" or "error"
}

// goldenUses reads all that goes into the golden trees, and what it comes to.
func goldenUses(t *testing.T) []use {
	t.Helper()
	var uses []use
	ins, _ := filepath.Glob("../testdata/*/in")
	for _, in := range ins {
		messages := goldenMessages(t, filepath.Dir(in))
		err := filepath.WalkDir(in, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, Extension) && !strings.HasSuffix(path, ".conf") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil // a link that leads nowhere
			}
			file, _ := parser.Parse(path, text)
			name, _ := filepath.Rel(in, path)
			for _, s := range file.Sections {
				for _, e := range s.Entries {
					kind, _, _ := strings.Cut(s.Name, " ") // [Container NAME]
					uses = append(uses, use{kind, e.Key, messages[name+":"+strconv.Itoa(e.Pos.Line)]})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return uses
}

// goldenMessages are the kinds of the messages of a case, by FILE:LINE.
func goldenMessages(t *testing.T, dir string) map[string]string {
	t.Helper()
	stderr, err := os.ReadFile(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]string{}
	for _, line := range strings.Split(string(stderr), "\n") {
		if m := shown.FindStringSubmatch(line); m != nil && messages[m[1]+":"+m[2]] != "error" {
			messages[m[1]+":"+m[2]] = m[3]
		}
	}
	return messages
}

// neverWrong are the kinds of which each line can be read.
var neverWrong = []parser.Kind{parser.String, parser.List}

// TestEveryKeyHasAGolden fails for a key that no golden tree uses: once with a
// value that works, and once with one that does not, where there are such.
func TestEveryKeyHasAGolden(t *testing.T) {
	uses := goldenUses(t)
	for _, k := range parser.Keys {
		right, wrong := false, slices.Contains(neverWrong, k.Kind)
		for _, u := range uses {
			if u.section == k.Section && u.key == k.Name {
				right = right || u.message != "error"
				wrong = wrong || u.message != ""
			}
		}
		if !right {
			t.Errorf("no testdata/*/in has %s= in [%s] with a value that works", k.Name, k.Section)
		}
		if !wrong {
			t.Errorf("no testdata/*/in has %s= in [%s] with a value that is wrong", k.Name, k.Section)
		}
	}
}

// message is a call in the source that makes one, or its hint.
type message struct {
	at     token.Position
	format string
	hint   bool
	inner  bool // the text of an error that becomes part of a message
	whole  bool // is about a file as a whole: no line
}

// messagesOf finds the messages in the sources of a package.
func messagesOf(t *testing.T, dir string) []message {
	t.Helper()
	var found []message
	for _, file := range sourcesOf(t, dir, false) {
		for _, d := range file.tree.Decls {
			whole := wholes(d)
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if m, ok := messageOf(call, whole); ok {
						m.at = file.set.Position(call.Pos())
						found = append(found, m)
					}
				}
				return true
			})
		}
	}
	return found
}

// wholes are the variables of a function that hold a position without a line.
func wholes(d ast.Decl) (names []string) {
	ast.Inspect(d, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && withoutLine(a.Rhs[0], nil) {
			names = append(names, a.Lhs[0].(*ast.Ident).Name)
		}
		return true
	})
	return names
}

// messageOf reads one call, of Diags.Errorf(pos, format), Diags.Warnf(pos, format),
// Diag.Hintf(format), fmt.Errorf(format) or errors.New(text).
func messageOf(call *ast.CallExpr, whole []string) (m message, ok bool) {
	f, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod || len(call.Args) == 0 {
		return m, false
	}
	format := call.Args[0]
	switch of, _ := f.X.(*ast.Ident); {
	case of != nil && (of.Name == "fmt" && f.Sel.Name == "Errorf" || of.Name == "errors" && f.Sel.Name == "New"):
		m.inner = true
	case f.Sel.Name == "Hintf":
		m.hint = true
		if about, ok := f.X.(*ast.CallExpr); ok {
			m.whole = withoutLine(about.Args[0], whole)
		}
	case (f.Sel.Name == "Errorf" || f.Sel.Name == "Warnf") && len(call.Args) > 1:
		m.whole = withoutLine(call.Args[0], whole)
		format = call.Args[1]
	default:
		return m, false
	}
	literal, isText := format.(*ast.BasicLit)
	if !isText {
		return m, false
	}
	m.format, _ = strconv.Unquote(literal.Value)
	return m, strings.Trim(verb.ReplaceAllString(m.format, ""), " :=()") != ""
}

// withoutLine says whether a position is that of a file: parser.Pos{File: …},
// or a variable that holds one.
func withoutLine(pos ast.Expr, whole []string) bool {
	switch x := pos.(type) {
	case *ast.CompositeLit:
		kind, ok := x.Type.(*ast.SelectorExpr)
		return ok && kind.Sel.Name == "Pos" && len(x.Elts) == 1
	case *ast.Ident:
		return slices.Contains(whole, x.Name)
	}
	return false
}

var verb = regexp.MustCompile(`%[+#]?[a-z]`)

// pattern matches the lines that show m.
func (m message) pattern() *regexp.Regexp {
	text := strings.ReplaceAll(regexp.QuoteMeta(strings.ReplaceAll(verb.ReplaceAllString(m.format, "\x00"), "%%", "%")), "\x00", ".*")
	place := `:\d+:\d+: `
	if m.whole || m.inner {
		place = `: `
	}
	switch {
	case m.hint:
		return regexp.MustCompile(place + `(error|warning): .*\(` + text + `\)$`)
	case m.inner:
		text = ".*" + text
	}
	return regexp.MustCompile(place + `(error|warning): ` + text)
}

// TestEveryMessageIsShown fails for a message of parser/ or generator/ that no
// testdata/*/stderr shows with line and column, and no test of the package names.
func TestEveryMessageIsShown(t *testing.T) {
	golden := goldenLines(t)
	for _, dir := range []string{"../parser", "."} {
		tests := testLines(t, dir)
		for _, m := range messagesOf(t, dir) {
			pattern := m.pattern()
			if !slices.ContainsFunc(golden, pattern.MatchString) && !slices.ContainsFunc(tests, pattern.MatchString) {
				t.Errorf("%s: no testdata/*/stderr and no test shows %q, which looks like %s", m.at, m.format, pattern)
			}
		}
	}
}

func goldenLines(t *testing.T) []string {
	t.Helper()
	var lines []string
	files, _ := filepath.Glob("../testdata/*/stderr")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	return lines
}

// testLines are the lines of all texts in the tests of a package.
func testLines(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	for _, file := range sourcesOf(t, dir, true) {
		ast.Inspect(file.tree, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				lines = append(lines, strings.Split(text, "\n")...)
			}
			return true
		})
	}
	return lines
}

type sourceFile struct {
	set  *token.FileSet
	tree *ast.File
}

// sourcesOf parses the Go files of a package: its tests, or all others.
func sourcesOf(t *testing.T, dir string, tests bool) []sourceFile {
	t.Helper()
	var files []sourceFile
	names, _ := filepath.Glob(dir + "/*.go")
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		set := token.NewFileSet()
		tree, err := goparser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, sourceFile{set, tree})
	}
	return files
}
