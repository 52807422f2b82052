package control

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
)

// Cat writes the source of an application, its drop-ins and its units, each below its path, as "systemctl cat" does. Of a unit
// that systemd has it is the file that counts, and its drop-ins; of another what the files would become.
func (h Host) Cat(ctx context.Context, w io.Writer, a App) error {
	for _, name := range a.Files {
		if err := catFile(w, name); err != nil {
			return err
		}
	}
	for _, u := range a.Units {
		if path.Base(u.Name) != u.Name { // a drop-in, which its unit shows
			continue
		}
		name := u.Name
		if inst := slices.IndexFunc(a.all(), func(n string) bool { f, ok := a.unitFile(n); return ok && f.Name == u.Name }); inst >= 0 {
			name = a.all()[inst]
		}
		if err := h.catUnit(ctx, w, a, name); err != nil {
			return err
		}
	}
	if a.Existing != "" {
		return h.catUnit(ctx, w, a, a.Existing)
	}
	return nil
}

func (h Host) catUnit(ctx context.Context, w io.Writer, a App, name string) error {
	d, err := h.Manager.Unit(ctx, name)
	if err != nil && !a.Template() { // of a template itself systemd does not tell
		return err
	}
	if d.FragmentPath == "" {
		if u, ok := a.unitFile(name); ok {
			fmt.Fprintf(w, "# %s, which systemd has not loaded\n%s\n", name, u.AppendText(nil))
		}
		return nil
	}
	for _, file := range append([]string{d.FragmentPath}, d.DropInPaths...) {
		if err := catFile(w, file); err != nil {
			return err
		}
	}
	return nil
}

func catFile(w io.Writer, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "# %s\n%s\n", name, text)
	return err
}
