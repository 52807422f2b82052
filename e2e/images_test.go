//go:build e2e

package e2e

import (
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// debianImage is an image that a test makes of programs of Debian's packages, as the test host has them: no registry can be reached there.
type debianImage struct {
	name     string
	programs []string          // and modules; their libraries come with them
	files    map[string]string // what else is in it: texts by their paths
	does     string            // the last lines of its Containerfile
	once     sync.Once
}

// Links are followed, so that each library is where it is looked for.
const buildImage = `
cd "$1"; name=$2 base=$3; shift 3
tar -chPf - --owner=0 --group=0 /etc/passwd /etc/group $({ printf '%s\n' "$@"; ldd "$@" | grep -o '/[^ :]*'; } | sort -u) | podman import --quiet - "$base"
podman build --quiet --tag "$name" .
`

// make makes it for demo, once for all tests.
func (i *debianImage) make(t *testing.T) {
	t.Helper()
	i.once.Do(func() {
		dir := "images/" + notInNames.ReplaceAllString(i.name, "-")
		for name, text := range i.files {
			host.write(t, path.Join(dir, "files", name), text)
		}
		base := "localhost/programs-of-" + path.Base(dir)
		host.write(t, path.Join(dir, "Containerfile"), "FROM "+base+"\nCOPY files /\n"+i.does)
		host.run(t, append([]string{"sh", "-ec", buildImage, "sh", dir, i.name, base}, i.programs...)...)
	})
}

// reads has a file of the examples in the image.
func (i *debianImage) reads(t *testing.T, name, example string) *debianImage {
	t.Helper()
	text, err := os.ReadFile("../examples/" + example)
	if err != nil {
		t.Fatal(err)
	}
	i.files = map[string]string{name: string(text)}
	return i
}

// derived makes an image of one that is there; lines are those of its Containerfile.
func derived(t *testing.T, name string, lines ...string) {
	t.Helper()
	host.run(t, "sh", "-ec", `printf '%s' "$1" | podman build --quiet --tag "$2" -`, "sh", strings.Join(lines, "\n"), name)
}

var ofEntrypoint = regexp.MustCompile(`(?m)^ENTRYPOINT .*$`)

// entrypoint is that of the Containerfile of examples/DIR, with words replaced that a test cannot wait for.
func entrypoint(t *testing.T, dir string, replaced ...string) string {
	t.Helper()
	text, err := os.ReadFile("../examples/" + dir + "/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(replaced...).Replace(ofEntrypoint.FindString(string(text)))
}

// httpd is Apache's web server, as its own image has it.
var httpd = debianImage{
	name: "docker.io/library/httpd:2.4",
	programs: []string{"/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_mpm_prefork.so", "/usr/lib/apache2/modules/mod_authz_core.so",
		"/usr/lib/apache2/modules/mod_dir.so"},
	files: map[string]string{
		"usr/local/apache2/htdocs/index.html": "It works!\n",
		"usr/local/apache2/conf/httpd.conf": `ServerRoot /usr/local/apache2
ServerName localhost
PidFile /httpd.pid
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
User www-data
Group www-data
Listen 80
ErrorLog /dev/stderr
DocumentRoot /usr/local/apache2/htdocs
`},
	does: `ENTRYPOINT ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", "/usr/local/apache2/conf/httpd.conf"]`,
}
