package generator

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// hostile are names that want to be something else than a name.
var hostile = []string{
	"..", ".", "...", "-", "--", "-rf", "@", "@@", "a@b@c", "%n", "%h", "%", "%%", "$HOME", "${X}", "$(id)", "`id`", ";", "a;b", "a|b", "a b", " a", "a ",
	"a\tb", "a\rb", "a\nb", "a\n[Service]\nExecStart=/bin/evil", "a\\", `a\x0aExecStart=/bin/evil`, `a\n[Service]`, "a\x00b", "a\x1b[2J", "\xff", "\u2028", "ü",
	`a"b`, `a'b`, `"`, "'", "a#b", "#a", "a=b", "[a]", "*", "?", "~", "..service", "a.service", "a.socket", "sockets.target", "default.target", "init.scope", "-.mount",
	"podman-ondemand-apply@", "podman-ondemand-apply@x", strings.Repeat("a", 200), strings.Repeat("a", 300), strings.Repeat("@", 300),
}

// hostilePaths are those that only a value can be, not the name of a file.
var hostilePaths = []string{
	"../x", "../../etc/systemd/system/x", "/etc/x", "/", "a/b", "a/../../x", "./x", "x/", "..\\x", "%t/../x", "sockets.target.wants/x", "../sockets.target.wants/x", "//x", "\\x2e\\x2e\\x2fx", "-.slice/../x",
}

// hostileFiles hold the name V where a name is written that a unit, a link or a file is called by.
var hostileFiles = []string{
	"[Container]\nImage=i\nServiceName=V\nPublishPort=8080:80\n",
	"[Container]\nImage=i\nContainerName=V\nPublishPort=8080:80\n",
	"[Container]\nImage=V\nPublishPort=8080:80\n",
	"[Container]\nImage=V.image\nPublishPort=8080:80\n",
	"[Container]\nImage=V.build\nNetwork=V.network\nVolume=V.volume:/v\nMount=type=image,source=V.image,destination=/i\nPod=V.pod\nPublishPort=8080:80\n",
	"[Container]\nImage=i\nPublishPort=8080:80\n[Install]\nAlias=V V.socket\nWantedBy=V V.target\nRequiredBy=V V.target\nUpheldBy=V V.target\nDefaultInstance=V\n",
	"[Container]\nImage=i\nPublishPort=8080:80\n[Unit]\nRequires=V V.ondemand V.container\nDescription=V\nSourcePath=V\n",
	"[Container]\nImage=i\nPublishPort=8080:80\n[Socket]\nListenStream=V\nListenStream=/V\nService=V\nSymlinks=V\n[OnDemand]\nContainerPort=V\nReady=http:V/V\n",
	"[OnDemand]\nUnit=V\nTarget=127.0.0.1:80\n[Socket]\nListenStream=8080\n",
	"[OnDemand]\nUnit=V.service\nTarget=V\nContainer=V\n[Socket]\nListenStream=8080\n",
	"[Pod]\nPodName=V\nServiceName=V\nPublishPort=8080:80\n[Container V]\nImage=V\nContainerName=V\n",
	"[Container]\nImage=i\nExec=V\nEnvironment=V=V\nLabel=V\nAnnotation=V\nHealthCmd=V\nPodmanArgs=V\nGlobalArgs=V\nPublishPort=8080:80\n[V]\nV=V\n[X-V]\n",
}

// TestHostileValues writes for real whatever comes of hostile values, for both managers.
func TestHostileValues(t *testing.T) {
	for _, value := range slices.Concat(hostile, hostilePaths) {
		for _, text := range hostileFiles {
			src := Source{Path: "/src/web.ondemand", Text: []byte(strings.ReplaceAll(text, "V", value))}
			mustStayInside(t, []Source{src}, noFiles)
		}
	}
}

// TestHostileNames is about what a file may be called, a template and its drop-ins too, found on disk.
func TestHostileNames(t *testing.T) {
	for _, name := range hostile {
		if strings.ContainsAny(name, "\x00/") || len(name) > 230 {
			continue
		}
		root := t.TempDir()
		for _, file := range []string{name + ".ondemand", name + "@.ondemand", name + "@" + name + ".ondemand", "web.ondemand.d/" + name + ".conf", "web.ondemand"} {
			os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755)
			if err := os.WriteFile(root+"/"+file, []byte("[Container]\nImage=i\nPublishPort=8080:80\n"), 0o644); err != nil && len(file) < 256 {
				t.Fatal(err)
			}
		}
		sources, files, _ := find([]dir{{Path: root}})
		mustStayInside(t, sources, files)
	}
}

// TestHostileFiles is about what lies in a search directory that is no file, or not the one that it seems to be. It may cost nothing
// but a message, and no time.
func TestHostileFiles(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"zero": "/dev/zero", "random": "/dev/urandom", "tty": "/dev/tty", "stdin": "/dev/stdin", "mem": "/proc/self/mem", "self": "self.ondemand",
		"one": "two.ondemand", "two": "one.ondemand", "fd": "/proc/self/fd/0", "nowhere": "/nonexistent/x",
	} {
		must(os.Symlink(target, root+"/"+name+".ondemand"))
	}
	large := t.TempDir()
	for i := range 2 * maxLinked {
		must(os.Mkdir(filepath.Join(large, strconv.Itoa(i)), 0o755))
	}
	must(os.Symlink(large, root+"/large.ondemand"))
	must(os.Mkdir(root+"/directory.ondemand", 0o755))
	must(syscall.Mkfifo(root+"/fifo.ondemand", 0o644))
	must(syscall.Mkfifo(root+"/fifo.ondemand.d", 0o644))
	must(os.Symlink(".", root+"/loop"))
	must(os.Symlink("..", root+"/up.ondemand.d"))
	must(os.MkdirAll(root+"/good.ondemand.d", 0o755))
	must(os.Symlink("/dev/zero", root+"/good.ondemand.d/zero.conf"))
	must(syscall.Mkfifo(root+"/other.fifo", 0o644))
	must(os.WriteFile(root+"/sparse.ondemand", nil, 0o644))
	must(os.Truncate(root+"/sparse.ondemand", 1<<40))
	must(os.WriteFile(root+"/good.ondemand", []byte("[Container]\nImage=i\nPublishPort=8080:80\n"), 0o644))
	must(os.WriteFile(root+"/fine.ondemand", []byte("[Container]\nImage=i\nPublishPort=8081:80\n"), 0o644))
	began := time.Now()
	sources, files, ds := find([]dir{{Path: root}})
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	var names []string
	for _, s := range sources {
		names = append(names, filepath.Base(s.Path))
	}
	if slices.Sort(names); !slices.Equal(names, []string{"fine.ondemand", "good.ondemand"}) {
		t.Errorf("read: %q\n%s", names, ds)
	}
	if !strings.Contains(ds.String(), "/large.ondemand: warning: a link with more than 1000 directories behind it: the rest is not searched") {
		t.Error(ds)
	}
	mustStayInside(t, sources, files)
}

// mustStayInside writes what is made of sources, in a directory that has a neighbour, and looks at all of it.
func mustStayInside(t *testing.T, sources []Source, files *Files) {
	t.Helper()
	for _, user := range []bool{true, false} {
		options := testOptions
		options.User = user
		r := Generate(sources, files, options)
		above, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		out := above + "/early/generator"
		if err := os.MkdirAll(out, 0o755); err != nil {
			t.Fatal(err)
		}
		ds := append(r.Diags, Write(out, r.Trees)...)
		if strings.Count(ds.String(), "\n") != len(ds) {
			t.Errorf("a message has a line too many:\n%s", ds)
		}
		for _, tree := range r.Trees {
			for _, u := range tree.Units {
				checkUnit(t, u)
				checkPrograms(t, u)
			}
		}
		filepath.WalkDir(above, func(path string, e fs.DirEntry, err error) error {
			inside := strings.HasPrefix(path, out+"/")
			switch {
			case err != nil:
				t.Error(err)
			case e.Type()&fs.ModeSymlink != 0:
				target, _ := os.Readlink(path)
				if at := filepath.Join(filepath.Dir(path), target); filepath.IsAbs(target) || !strings.HasPrefix(at, out+"/") {
					t.Errorf("%q leads to %q, from\n%s", path, target, sources[0].Text)
				}
			case !inside && !strings.HasPrefix(out+"/", path+"/"), inside && e.IsDir() && filepath.Dir(path) != out:
				t.Errorf("%q was made from\n%s", path, sources[0].Text)
			}
			return nil
		})
	}
}

// checkPrograms: a unit starts podman and us, where no key that starts programs was written.
func checkPrograms(t *testing.T, u emit.Unit) {
	t.Helper()
	text := u.AppendText(nil)
	file, _ := parser.Parse(u.Name, text)
	for _, s := range file.Sections {
		for _, e := range s.Entries {
			program, _, _ := strings.Cut(strings.TrimLeft(e.Value, "-!"), " ")
			if strings.HasPrefix(e.Key, "Exec") && program != testOptions.Podman && program != testOptions.Program {
				t.Errorf("%s: %s=%s", u.Name, e.Key, e.Value)
			}
		}
	}
}
