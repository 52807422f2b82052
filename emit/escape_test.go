package emit

import (
	"testing"

	"podman-ondemand/parser"
)

func TestArg(t *testing.T) {
	for _, c := range []struct {
		arg  Arg
		want string
	}{
		{Literal("plain"), `plain`},
		{Literal("100%"), `100%%`},
		{Literal("$HOME"), `$$HOME`},
		{Written("%h/${X}"), `%h/${X}`},
		{Written(""), `""`},
		{Written(";"), `";"`},
		{Written("a;b"), `a;b`},
		{Written("a b"), `"a b"`},
		{Written(`it's`), `"it's"`},
		{Written(`a"b\c`), `"a\"b\\c"`},
		{Written("a\nb\tc\x01\x7f"), `"a\nb\tc\x01\x7f"`},
		{Written("ä→"), `ä→`},
		{Written("\xff"), `"\xff"`},
		{Written("\ufffd"), "\"\ufffd\""},
	} {
		if string(c.arg) != c.want {
			t.Errorf("%s, want %s", c.arg, c.want)
		}
	}
}

// FuzzExec checks that a command line is read back as the words that it was
// made of, and stays a line.
func FuzzExec(f *testing.F) {
	f.Add("a", "b c")
	f.Add("", ";")
	f.Add("\n[Service]\nExecStart=/x", `\"'$%`)
	f.Fuzz(func(t *testing.T, a, b string) {
		line := Exec(Written(a), Written(b))
		unit := Unit{"x.service", []Section{{"Service", []Option{{"ExecStart", "/p " + line}}}}}
		if unit.Check() != nil {
			return // a NUL, which no command line can hold
		}
		file, _ := parser.Parse("f", unit.AppendText(nil))
		es := file.Entries("Service")
		ws, ds := es[0].Words(parser.CEscapes)
		if len(es) != 1 || len(ws) != 3 || ws[1].Text != a || ws[2].Text != b || len(ds) != 0 {
			t.Errorf("%q %q became %s, read back as %v %v", a, b, line, ws, ds)
		}
	})
}
