package manager

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// findChanged sets NeedDaemonReload. The manager's own property of that name costs it 2 ms for each unit: it looks for
// drop-ins in all its directories. Of what a generator has made it is found out here, from one look at these directories.
func (c *Conn) findChanged(ctx context.Context, units []Details) error {
	p, err := c.get(ctx, objects, "Manager", "UnitsLoadTimestamp", "UnitPath")
	if err != nil {
		return err
	}
	loaded, dirs := moment(p["UnitsLoadTimestamp"]), dropInDirs(list(p["UnitPath"]))
	for i := range units {
		u := &units[i]
		if !loaded.IsZero() && (generated(u.Unit) || u.LoadState == "not-found") {
			u.NeedDaemonReload = changedSince(loaded, u.Unit, dirs)
			continue
		}
		p, err := c.properties(ctx, u.Name, "Unit", "NeedDaemonReload")
		if err != nil {
			return err
		}
		u.NeedDaemonReload, _ = p["NeedDaemonReload"].(bool)
	}
	return nil
}

// generated says whether a generator has made the unit's file (systemd.generator(7)): that changes in a reload only.
func generated(u Unit) bool {
	return strings.HasPrefix(filepath.Base(filepath.Dir(u.FragmentPath)), "generator")
}

// dropInDirs are all directories of drop-ins (systemd.unit(5)) in these directories.
func dropInDirs(path []string) (dirs []string) {
	for _, dir := range path {
		found, _ := filepath.Glob(filepath.Join(dir, "*.d"))
		dirs = append(dirs, found...)
	}
	return dirs
}

// changedSince says whether anything that the unit is made of has changed since then, or is gone: what its file was made of, its
// drop-ins, and the directories of those, where others may have come.
func changedSince(then time.Time, u Unit, dirs []string) bool {
	files := u.DropInPaths
	if u.SourcePath != "" {
		files = append([]string{u.SourcePath}, files...)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.ModTime().After(then) {
			return true
		}
	}
	for _, dir := range dirs {
		if info, err := os.Stat(dir); mayConcern(dir, u.Name) && err == nil && info.ModTime().After(then) {
			return true
		}
	}
	return false
}

// mayConcern says whether a directory of drop-ins may be one for the unit. For "a-b@c.service" there are those of a-b@c.service,
// a-b@.service, a-.service and service.
func mayConcern(dir, unit string) bool {
	of, kind := strings.TrimSuffix(filepath.Base(dir), ".d"), filepath.Ext(unit)
	if "."+of == kind {
		return true
	}
	stem, ok := strings.CutSuffix(of, kind)
	stem, _, _ = strings.Cut(stem, "@")
	return ok && strings.HasPrefix(unit, stem)
}
