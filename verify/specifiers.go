package verify

import (
	"strings"

	"podman-ondemand/emit"
)

// expand writes out the specifiers of text (systemd.unit(5), "Specifiers") as systemd would in that unit. ok is false where
// that cannot be known before the unit starts: the instance of a template, a variable, a rare specifier.
func (h Host) expand(text, unit string) (expanded string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		next := byte(0)
		if i+1 < len(text) {
			next = text[i+1]
		}
		switch {
		case text[i] == '$' && next != '$':
			return "", false
		case text[i] == '$' || text[i] == '%' && next == '%':
			b.WriteByte(next)
			i++
		case text[i] == '%':
			value, ok := h.specifier(next, unit)
			if !ok {
				return "", false
			}
			b.WriteString(value)
			i++
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), true
}

func (h Host) specifier(letter byte, unit string) (value string, ok bool) {
	name := unit[:strings.LastIndexByte(unit, '.')]
	prefix, instance, template := strings.Cut(name, "@")
	if template && instance == "" && strings.IndexByte("niNI", letter) >= 0 {
		return "", false
	}
	switch letter {
	case 'n':
		return unit, true
	case 'N':
		return name, true
	case 'p':
		return prefix, true
	case 'i':
		return instance, true
	case 'I': // what was escaped in it would have to be decoded
		return instance, !strings.ContainsAny(instance, `\-`)
	}
	value, ok = h.Specifiers[letter]
	return value, ok
}

// unitOf is the name of a unit of an application.
func unitOf(app emit.Application, suffix string) string { return emit.UnitName(app.Name, "", suffix) }
