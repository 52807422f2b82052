// Package generator is the contract with systemd: it finds the .ondemand
// files, makes units of them and writes these where systemd.generator(7) wants
// them.
package generator

import (
	"sync"
	"sync/atomic"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// Extension is what the names of our files end in.
const Extension = ".ondemand"

// Result is what one run of the generator makes. Trees holds one tree for each
// application that has no error or keeps its place, then one for what belongs to
// none.
type Result struct {
	Trees []Tree
	// NotGenerated are the applications whose errors leave nothing of them: trees
	// without units.
	NotGenerated []Tree
	Diags        parser.Diags
}

// Tree is what one source becomes. Name and Source are those of the
// application; of what belongs to none Source is "", and App and Files are empty.
type Tree struct {
	emit.Tree
	Name   string
	Source string
	App    emit.Application
	// Files are what was read for it: the source, then its drop-ins.
	Files []string
}

// Generate makes units of sources. What is wrong with one of them costs the
// others nothing. The result depends on nothing but the arguments.
func Generate(sources []Source, files *Files, opt emit.Options) Result {
	apps := make([]emit.Application, len(sources))
	diags := make([]parser.Diags, len(sources))
	trees := make([]emit.Tree, len(sources))
	parallel(len(sources), func(i int, _ *worker) {
		apps[i], diags[i] = Translate(sources[i], files)
		if !diags[i].HasErrors() || len(apps[i].Broken) > 0 {
			trees[i] = emit.Units(apps[i], opt)
			check(&trees[i], sources[i], &diags[i])
		}
	})
	for _, i := range separate(apps, diags) {
		trees[i] = emit.Units(apps[i], opt)
		check(&trees[i], sources[i], &diags[i])
	}
	return collect(sources, apps, trees, diags, files, opt)
}

// check makes sure that the units can be written as they are, or drops them.
func check(tree *emit.Tree, src Source, ds *parser.Diags) {
	for _, u := range tree.Units {
		if err := u.Check(); err != nil {
			ds.Errorf(parser.Pos{File: src.Path}, "%v", err)
			tree.Units = nil
			return
		}
	}
}

// collect puts the parts together in the order of the sources, and leaves out
// what would take a unit name from one before it.
func collect(sources []Source, apps []emit.Application, trees []emit.Tree, diags []parser.Diags, files *Files, opt emit.Options) Result {
	r := Result{Trees: make([]Tree, 0, len(apps)+1)}
	good := make([]emit.Application, 0, len(apps))
	c := clashes{files: files, names: make(map[string]string, 3*len(apps)), listeners: map[uint16][]listener{}}
	for i, app := range apps {
		r.Diags = append(r.Diags, diags[i]...)
		ds := c.claim(app, trees[i])
		r.Diags = append(r.Diags, ds...)
		switch {
		case ds.HasErrors() || len(trees[i].Units) == 0:
			r.Diags.Warnf(parser.Pos{File: app.Source}, "%s is not generated", app.Name)
			r.NotGenerated = append(r.NotGenerated, Tree{Name: app.Name, Source: app.Source, App: app, Files: sources[i].files()})
			continue
		case len(app.Broken) > 0:
			r.Diags.Warnf(parser.Pos{File: app.Source}, "%s keeps its port, and refuses connections until this is mended", app.Name)
		}
		good = append(good, app)
		r.Trees = append(r.Trees, Tree{trees[i], app.Name, app.Source, app, sources[i].files()})
	}
	common := emit.Tree{Units: []emit.Unit{emit.ApplyUnit(opt)}}
	if len(good) > 0 {
		common.Units = append(common.Units, emit.TargetUnit(good))
	}
	r.Trees = append(r.Trees, Tree{Tree: common, Name: "podman-ondemand"})
	return r
}

// workers is how many files are worked on at a time. More do not help: the
// kernel makes one file of a directory at a time.
const workers = 2

// worker is what one of them keeps from file to file.
type worker struct {
	buffer []byte
}

// parallel calls do for 0 to n-1, several at a time.
func parallel(n int, do func(i int, w *worker)) {
	var next atomic.Int64
	work := func() {
		var w worker
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(i, &w)
		}
	}
	var wg sync.WaitGroup
	for range min(workers-1, n/8) { // a few are done before another has started
		wg.Add(1)
		go func() {
			defer wg.Done()
			work()
		}()
	}
	work()
	wg.Wait()
}
