package mangen

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands documents the commands of each group in the order of the help.
func commands(root *cobra.Command) string {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var w strings.Builder
	for _, g := range root.Groups() {
		w.WriteString("## " + strings.TrimSuffix(g.Title, ":") + "\n\n")
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && !c.Hidden {
				command(&w, c)
			}
		}
	}
	return w.String()
}

func command(w *strings.Builder, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	defined(w, usage(c), explained(c)+flags(c)+examples(c))
	if c.Name() == "completion" { // a command for each shell
		return
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			command(w, sub)
		}
	}
}

// usage is the command's line: words as they are typed, then what is replaced.
func usage(c *cobra.Command) string {
	path := c.CommandPath()
	rest := strings.TrimPrefix(c.UseLine(), path)
	if rest = strings.TrimSpace(strings.ReplaceAll(rest, "[flags]", "")); rest != "" {
		rest = " *" + strings.ReplaceAll(rest, "*", "") + "*"
	}
	return "**" + path + "**" + rest
}

// explained is the long help: lines that are indented stand as they are, unless
// they are a list.
func explained(c *cobra.Command) string {
	if c.Name() == "completion" || c.Name() == "help" { // cobra's own, about itself
		return escaped(c.Short) + ". See `" + c.CommandPath() + " --help`."
	}
	var w strings.Builder
	indented := false
	for line := range strings.SplitSeq(strings.TrimSpace(c.Long), "\n") {
		text, in := strings.CutPrefix(line, "  ")
		list := strings.HasPrefix(text, bullet) || in && !indented && strings.HasPrefix(text, "  ")
		if in && list {
			in = false
		} else if !in {
			text = line
		}
		if in != indented {
			w.WriteString("\n" + fence + "\n")
			indented = in
		}
		if !in {
			text = marked(text)
		}
		w.WriteString(text + "\n")
	}
	if indented {
		w.WriteString(fence + "\n")
	}
	return strings.TrimSpace(w.String())
}

// typed are words that begin like an option or a path, and assignments.
var typed = regexp.MustCompile(`^(--|/|~/)|^[A-Z]\w*=`)

// marked sets what a person would type apart from the words of a plain text:
// paths, options, and keys with or without a value.
func marked(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		bare := strings.TrimRight(word, ".,;:)")
		if typed.MatchString(bare) {
			words[i] = "`" + bare + "`" + escaped(word[len(bare):])
		} else {
			words[i] = escaped(word)
		}
	}
	return strings.Join(words, " ")
}

func flags(c *cobra.Command) string {
	var w strings.Builder
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, text := pflag.UnquoteUsage(f)
		term := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			term = "`-" + f.Shorthand + "`, " + term
		}
		if name != "" {
			term += " *" + name + "*"
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		w.WriteString("\n\n")
		defined(&w, term, marked(text))
	})
	return strings.TrimRight(w.String(), "\n")
}

func examples(c *cobra.Command) string {
	if c.Example == "" {
		return ""
	}
	var lines []string
	for line := range strings.SplitSeq(strings.Trim(c.Example, "\n"), "\n") {
		lines = append(lines, continued(strings.TrimPrefix(line, "  ")))
	}
	return "\n\n" + fence + "sh\n" + strings.Join(lines, "\n") + "\n" + fence
}

// exampleWidth is what is left of 80 columns where the examples of a command stand.
const exampleWidth = 62

// continued breaks a long line of a shell as one would type it in two.
func continued(line string) string {
	if len(line) <= exampleWidth {
		return line
	}
	const indent = "    "
	i := strings.LastIndexByte(line[:exampleWidth-1], ' ')
	if i < len(indent) || strings.HasPrefix(line, "#") {
		return line
	}
	return line[:i] + " \\\n" + continued(indent+line[i+1:])
}
