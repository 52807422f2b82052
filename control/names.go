package control

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

// NoSuchError says that no application has that name.
type NoSuchError struct {
	Name    string
	Nearest string   // "" if none is near
	Dirs    []string // where files are looked for
}

func (e *NoSuchError) Error() string {
	text := fmt.Sprintf("there is no application %s", e.Name)
	if e.Nearest != "" {
		text += fmt.Sprintf(", did you mean %s?", e.Nearest)
	}
	return text + "\nFiles are looked for in\n  " + strings.Join(e.Dirs, "\n  ")
}

// Select finds the applications that a person means: by name, file, path of the file, unit, or a pattern (glob(7)) over names.
// They come in the order of the words, each once. dirs are for the message about a word that finds none.
func Select(apps []App, words, dirs []string) ([]App, error) {
	var found []App
	taken := map[string]bool{}
	for _, word := range words {
		matches := match(apps, word)
		if len(matches) == 0 {
			return nil, &NoSuchError{word, nearest(apps, word), dirs}
		}
		for _, a := range matches {
			if !taken[a.Name] {
				taken[a.Name] = true
				found = append(found, a)
			}
		}
	}
	return found, nil
}

func match(apps []App, word string) (found []App) {
	if strings.Contains(word, "/") {
		abs, err := filepath.Abs(word)
		if err != nil {
			return nil
		}
		for _, a := range apps {
			if a.Source == abs {
				return []App{a}
			}
		}
		return nil
	}
	word = strings.TrimSuffix(word, generator.Extension)
	for _, a := range apps {
		ok, err := path.Match(word, a.Name)
		if a.Name == word || err == nil && ok && !a.Template() {
			found = append(found, a)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, a := range apps {
		if slices.Contains(a.all(), word) {
			return []App{a}
		}
		if prefix, rest, ok := strings.Cut(word, "@"); ok && prefix+"@" == a.Name && len(a.Sockets) > 0 { // one that nobody has asked for yet
			return []App{a.instance(strings.TrimSuffix(strings.TrimSuffix(rest, ".socket"), ".service"))}
		}
	}
	return nil
}

func nearest(apps []App, word string) string {
	names := make([]string, len(apps))
	for i, a := range apps {
		names[i] = a.Name
	}
	return parser.Nearest(strings.TrimSuffix(path.Base(word), generator.Extension), names)
}
