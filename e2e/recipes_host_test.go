//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRecipeNginx: by TLS through nginx, which finds the socket where it may look.
func TestRecipeNginx(t *testing.T) {
	t.Parallel()
	httpd.make(t)
	r := takeRecipe(t, "nginx", "wiki", 0).sleepsSoon()
	trusted := certificate(t, "wiki.example.test", "/etc/ssl/wiki")
	t.Cleanup(func() { host.inside("root", "systemctl", "stop", "nginx.service") })
	r.follow(map[string]func(){"sudo systemctl reload nginx": func() { host.asRoot(t, "systemctl", "start", "nginx.service") }})
	eventually(t, 10*time.Second, "the socket listens", func() bool { return r.state(r.socket()) == "active" })
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "wiki.example.test"}}}
	var took []string
	for range 2 {
		began := time.Now()
		answer, err := client.Get("https://127.0.0.1/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || string(body) != "It works!\n" {
			t.Fatalf("%s %q %v", answer.Status, body, err)
		}
		took = append(took, ms(time.Since(began)))
		r.mustSleep(20 * time.Second)
	}
	record(t, "examples/nginx, by TLS", "wakes, sleeps, wakes", strings.Join(took, ", "))
	if who, err := host.inside("root", "stat", "-c", "%a %U %G", "/run/apps/wiki.sock"); err != nil || who != "660 demo www-data\n" {
		t.Errorf("the socket is %s (%v)", who, err)
	}
}

// certificate puts one that nobody else has signed, and its key, into a directory of the test host's; the pool trusts it.
func certificate(t *testing.T, name, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	signed, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	for file, content := range map[string][]byte{"cert.pem": public, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		to := filepath.Join(host.root, dir, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Join(host.root, dir)) })
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pool
}

// TestRecipeAutoUpdate: podman auto-update restarts what is awake and has a newer image in the registry. Who is connected is answered by
// the old one, who waits by the new one.
func TestRecipeAutoUpdate(t *testing.T) {
	t.Parallel()
	build := func(message string) {
		derived(t, "localhost/hello", "FROM localhost/testapp", `ENTRYPOINT ["/testapp", "-message", "`+message+`"]`)
	}
	t.Cleanup(func() { host.inside("root", "systemctl", "stop", "docker-registry.service") })
	build("old")
	r := takeRecipe(t, "auto-update", "hello", 8083)
	r.follow(map[string]func(){
		"sudo systemctl restart": func() {
			host.asRoot(t, "systemctl", "restart", "docker-registry.service")
			eventually(t, 10*time.Second, "the registry listens", func() bool { return listens(t, 5000) })
		},
		"systemctl --user enable": func() {}, // its time is not ours to wait for
	})
	r.mustListen(r.port)
	if first := r.mustGet("/"); !strings.HasPrefix(first.body, "old\n") {
		t.Fatalf("%q", first.body)
	}
	build("new")
	r.enter("podman push localhost/hello 127.0.0.1:5000/hello:latest", nil)

	open := make(chan reply)
	go func() { open <- r.get("/sleep?ms=5000") }()
	tr := r.traffic(50 * time.Millisecond)
	host.run(t, "podman", "auto-update")
	replies := tr.end()
	if last := must(t, <-open); last.body != "slept\nold\n" {
		t.Errorf("who was connected got %q", last.body)
	}
	r.mustAllBeAnswered("examples/auto-update, updated under traffic", replies)
	if last := replies[len(replies)-1]; !strings.HasPrefix(last.body, "new\n") {
		t.Errorf("the last of them was answered by %q", last.body)
	}
	if last := r.mustGet("/"); !strings.HasPrefix(last.body, "new\n") {
		t.Errorf("after the update: %q", last.body)
	}
}

// machine is the file system of a machine that has the test host's programs, and a configuration of its own.
const machine = `
dir=/var/lib/machines/machine
mkdir -p $dir/etc/lighttpd $dir/usr $dir/var $dir/root $dir/proc $dir/sys $dir/dev $dir/run $dir/tmp $dir/var/log/lighttpd $dir/var/www/html
for name in bin sbin lib lib64; do ln -s usr/$name $dir/$name; done
mount --bind -o ro /usr $dir/usr
cp -a /etc/passwd /etc/group /etc/shadow /etc/os-release /etc/ld.so.cache /etc/alternatives /etc/mime.types $dir/etc/ 2>/dev/null || true
echo 'of the machine' >$dir/var/www/html/index.html
chown -R www-data: $dir/var/log/lighttpd
systemctl --root=$dir enable lighttpd.service
`

// TestRecipeNspawn: a machine boots at the first connection to a service in it, and is shut down when nobody uses it.
func TestRecipeNspawn(t *testing.T) {
	t.Parallel()
	r := takeRecipe(t, "nspawn", "machine", 8086)
	host.asRoot(t, "sh", "-ec", `mkdir -p "$1" && printf '[OnDemand]\nIdleTimeout=5s\n' >"$1/50-test.conf"`, "sh", "/etc/containers/systemd/machine.ondemand.d")
	t.Cleanup(func() {
		host.inside("root", "sh", "-c", "rm -rf /etc/containers/systemd/machine.ondemand*; systemctl daemon-reload; systemctl stop machine.socket machine-proxy.service systemd-nspawn@machine.service; umount /var/lib/machines/machine/usr && rm -rf /var/lib/machines/machine")
	})
	r.follow(map[string]func(){"sudo mmdebstrap": func() { host.asRoot(t, "sh", "-ec", machine) }})
	r.mustListen(r.port)
	var took []string
	for range 2 {
		reply := r.mustGet("/")
		if reply.body != "of the machine\n" {
			t.Errorf("%q", reply.body)
		}
		took = append(took, ms(reply.took))
		if r := request("tcp", "[::1]:8186", "/"); r.err == nil {
			t.Errorf("its service can be reached from elsewhere: %q", r.body)
		}
		if s := host.showSystem(t, "systemd-nspawn@machine.service", "ActiveState"); s != "active" {
			t.Errorf("the machine is %s", s)
		}
		eventually(t, 30*time.Second, "the machine is shut down", func() bool { return host.showSystem(t, "systemd-nspawn@machine.service", "ActiveState") == "inactive" })
	}
	record(t, "examples/nspawn", "boots, is shut down, boots", strings.Join(took, ", "))
}
