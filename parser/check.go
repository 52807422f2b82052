package parser

import (
	"slices"
	"strings"
)

// Check warns of the sections and keys that nobody knows: a file may be newer
// than the program, so the rest of it counts. X- sections and keys are private
// to other programs (systemd.unit(5)) and pass in silence.
func (f *File) Check() Diags {
	var ds Diags
	for _, s := range f.Sections {
		switch {
		case s.Broken || strings.HasPrefix(s.Name, "X-"):
		case !slices.Contains(Sections, s.Name):
			d := ds.Warnf(s.Pos, "unknown section [%s], ignored", s.Name)
			if near := Nearest(s.Name, Sections); near != "" {
				d.Hintf("did you mean [%s]?", near)
			}
		default:
			s.checkKeys(&ds)
		}
	}
	return ds
}

func (s Section) checkKeys(ds *Diags) {
	for _, e := range s.Entries {
		if strings.HasPrefix(e.Key, "X-") {
			continue
		}
		if PassedThrough(s.Name) {
			if !plainKey(e.Key) {
				ds.Warnf(e.Pos, "%q is not the name of a key, line ignored", e.Key)
			}
			continue
		}
		k, ok := FindKey(s.Name, e.Key)
		if k.Kind == NoEffect {
			ds.Warnf(e.Pos, "%s= has no effect here, ignored", e.Key)
		}
		if !ok {
			d := ds.Warnf(e.Pos, "unknown key %s= in section [%s], ignored", e.Key, s.Title())
			d.Hint = suggest(s.Name, e.Key)
		}
	}
}

// plainKey says whether key is made like all keys of systemd: letters, digits
// and dashes.
func plainKey(key string) bool {
	for _, c := range key {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// PassThrough returns the assignments of a section whose keys are systemd's
// own, without those that Check has ignored or that are private.
func (f *File) PassThrough(section string) []Entry {
	return slices.DeleteFunc(f.Entries(section), func(e Entry) bool {
		return !plainKey(e.Key) || strings.HasPrefix(e.Key, "X-")
	})
}

// suggest names the nearest key of the section, or the section in which the
// key would be right.
func suggest(section, key string) string {
	var here []string
	for _, k := range Keys {
		if k.Section == section {
			here = append(here, k.Name)
		}
		if k.Section != section && k.Name == key {
			return "it belongs in [" + k.Section + "]"
		}
	}
	for _, s := range systemdKeys {
		if slices.Contains(strings.Fields(s.keys), key) {
			return "it belongs in [" + s.section + "]"
		}
	}
	if near := Nearest(key, here); near != "" {
		return "did you mean " + near + "=?"
	}
	return ""
}

// systemdKeys are keys of systemd that people put into [Container].
var systemdKeys = []struct{ section, keys string }{
	{SectionUnit, "Description Documentation After Before Requires Wants BindsTo PartOf Conflicts OnFailure " +
		"StartLimitIntervalSec StartLimitBurst ConditionPathExists RequiresMountsFor"},
	{SectionService, "Restart RestartSec TimeoutStartSec TimeoutStopSec TimeoutSec ExecStartPre ExecStartPost ExecStop " +
		"ExecStopPost ExecReload Slice Nice MemoryMax MemoryHigh CPUQuota CPUWeight IOWeight TasksMax SuccessExitStatus"},
	{SectionSocket, "ListenStream ListenDatagram SocketMode SocketUser SocketGroup BindIPv6Only FreeBind Backlog KeepAlive"},
}

// NearestKey returns the key of the table that a mistyped one of that section was
// meant to be, or the key itself.
func NearestKey(section, key string) string {
	if _, ok := FindKey(section, key); ok {
		return key
	}
	if near := Nearest(key, keyNames(section)); near != "" {
		return near
	}
	return key
}

func keyNames(section string) []string {
	var names []string
	for i := range Keys {
		if Keys[i].Section == section {
			names = append(names, Keys[i].Name)
		}
	}
	if section == SectionSocket {
		names = append(names, "ListenStream") // the one of systemd's that is read here
	}
	return names
}

// Nearest returns the first of names that is less than three edits away from
// s, and less than half of s; "" if none is.
func Nearest(s string, names []string) string {
	best, bestDistance := "", min(3, (len(s)+1)/2+1)
	for _, name := range names {
		if d := distance(strings.ToLower(s), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := last[j-1]
			if a[i-1] != b[j-1] {
				same++
			}
			row[j] = min(same, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
