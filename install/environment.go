package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const variable = "SYSTEMD_GENERATOR_PATH"

// dropInText is the drop-in that makes systemd search dir for generators. The colon at the end keeps systemd's own
// directories (systemd.generator(7)); dir must be absolute, because %h is not known there before systemd 254. It also
// remembers which directories install has made: one that was there before is not uninstall's to remove.
func dropInText(dir string, made []string) (string, error) {
	value, err := assignment(dir + ":")
	text := ""
	for _, d := range made {
		if !strings.ContainsFunc(d, unicode.IsControl) {
			text += madeBy + d + "\n"
		}
	}
	return text + "[Manager]\nManagerEnvironment=" + value + "\n", err
}

const madeBy = "# made by podman-ondemand install: "

// recorded are the directories that earlier calls have made, as the drop-in says.
func (h *host) recorded() []string {
	var dirs []string
	text, _ := os.ReadFile(h.dropIn())
	for _, line := range strings.Split(string(text), "\n") {
		if dir, ok := strings.CutPrefix(line, madeBy); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// allMade adds those of this call.
func (h *host) allMade() []string {
	dirs := h.recorded()
	for _, dir := range h.made {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// assignment writes the variable for ManagerEnvironment=: a list of words in systemd's quoting (systemd.syntax(7)), in
// which specifiers are expanded (systemd-system.conf(5)). Without need nothing is quoted, for people read this file.
func assignment(value string) (string, error) {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", errors.New("systemd takes only printable UTF-8 in its environment")
	}
	word := variable + "=" + strings.ReplaceAll(value, "%", "%%")
	if !strings.ContainsAny(word, " \\\"'") {
		return word, nil
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`, nil
}

// checkDir says why systemd could not run a program from dir, or nil.
func checkDir(dir string) error {
	if strings.Contains(dir, ":") {
		return fmt.Errorf("a path with a colon cannot stand in %s", variable)
	}
	if strings.ContainsAny(dir, `"'\`) { // systemd: "Executable path contains special characters"
		return errors.New("systemd runs no program whose path has a quote or a backslash in it")
	}
	_, err := assignment(dir)
	return err
}

// lookup finds a variable in an environment block.
func lookup(environ []string, name string) (value string, found bool) {
	for _, e := range environ {
		if n, v, ok := strings.Cut(e, "="); ok && n == name {
			return v, true
		}
	}
	return "", false
}

// searches says whether that value of SYSTEMD_GENERATOR_PATH names dir.
func searches(value, dir string) bool {
	return slices.ContainsFunc(strings.Split(value, ":"), func(d string) bool { return d != "" && filepath.Clean(d) == dir })
}

// settings lists the files, ours aside, in which a person or a package sets SYSTEMD_GENERATOR_PATH for the user's manager.
func (h *host) settings() []string {
	var found []string
	for _, dir := range append([]string{filepath.Join(h.config, "systemd")}, h.confs...) {
		files, _ := filepath.Glob(filepath.Join(dir, "user.conf.d", "*.conf"))
		for _, file := range append([]string{filepath.Join(dir, "user.conf")}, files...) {
			if file != h.dropIn() && setsVariable(file) {
				found = append(found, file)
			}
		}
	}
	return found
}

func setsVariable(file string) bool {
	text, _ := os.ReadFile(file)
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "ManagerEnvironment") && strings.Contains(line, variable+"=") {
			return true
		}
	}
	return false
}

// mentionsUs says whether a file of a person's own names our directory.
func (h *host) mentionsUs(file string) bool {
	text, _ := os.ReadFile(file)
	return strings.Contains(string(text), h.generatorDir())
}
