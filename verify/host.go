package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// podmanTimeout bounds one question to podman: a storage that is locked, or on a network, may hold it up.
const podmanTimeout = 20 * time.Second

// ThisHost is the machine. dirs is the search path of the files, nil for the usual one; systemd may be nil.
func ThisHost(ctx context.Context, scope manager.Scope, systemd manager.Interface, dirs []string) Host {
	h := Host{
		Scope:     scope,
		Systemd:   systemd,
		Exists:    func(path string) error { _, err := os.Stat(path); return err },
		Bindable:  Bindable,
		FirstPort: FirstPort(),
		Analyze:   newAnalyzer(scope, RuntimeDir(), dirs),
	}
	h.Podman = func(ctx context.Context, args ...string) (int, error) { return podman(ctx, scope, args...) }
	h.ShortNames = func() ShortNames { return shortNames(ctx) }
	h.Specifiers = specifiers(scope)
	return h
}

// RuntimeDir is the user's $XDG_RUNTIME_DIR.
func RuntimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return "/run/user/" + strconv.Itoa(os.Getuid())
}

// FirstPort reads the kernel's ip_unprivileged_port_start (ip-sysctl).
func FirstPort() int {
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 1024
	}
	return n
}

func podmanProgram() string {
	if p := os.Getenv("PODMAN"); p != "" {
		return p
	}
	return "/usr/bin/podman"
}

func podman(ctx context.Context, scope manager.Scope, args ...string) (status int, err error) {
	if scope == manager.System && os.Geteuid() != 0 {
		return 0, errors.New("only root can look into the system's containers")
	}
	ctx, cancel := context.WithTimeout(ctx, podmanTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, podmanProgram(), args...)
	cmd.WaitDelay = time.Second
	var said strings.Builder
	cmd.Stderr = &said
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, fmt.Errorf("podman %s has not ended after %v", args[0], podmanTimeout)
	case errors.As(err, &exit) && exit.ExitCode() == 1: // podman-image-exists(1): 1 is no, 125 that it could not look
		return 1, nil
	case errors.As(err, &exit):
		return 0, errors.New("podman does not work: " + lastLine(said.String()))
	}
	return 0, err
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// shortNames asks podman for its registries and reads the lists of aliases.
func shortNames(ctx context.Context) ShortNames {
	s := ShortNames{Aliases: map[string]string{}}
	var info struct {
		Registries struct {
			Search []string `json:"search"`
		} `json:"registries"`
	}
	ctx, cancel := context.WithTimeout(ctx, podmanTimeout)
	defer cancel()
	out, _ := exec.CommandContext(ctx, podmanProgram(), "info", "--format=json").Output()
	_ = json.Unmarshal(out, &info)
	s.Registries = info.Registries.Search
	for _, file := range aliasFiles() {
		text, _ := os.ReadFile(file)
		readAliases(s.Aliases, string(text))
	}
	return s
}

// aliasFiles are those of containers-registries.conf(5) and containers-registries.conf.d(5), the most important last.
func aliasFiles() []string {
	config, _ := os.UserConfigDir()
	cache, _ := os.UserCacheDir()
	var files []string
	for _, base := range []string{"/usr/share/containers", "/etc/containers", filepath.Join(config, "containers")} {
		files = append(files, filepath.Join(base, "registries.conf"))
		more, _ := filepath.Glob(filepath.Join(base, "registries.conf.d", "*.conf"))
		files = append(files, more...)
	}
	return append(files, "/var/cache/containers/short-name-aliases.conf", filepath.Join(cache, "containers/short-name-aliases.conf"))
}

// readAliases reads the lines "SHORT" = "FULL" below [aliases].
func readAliases(aliases map[string]string, text string) {
	in := false
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = line == "[aliases]"
			continue
		}
		short, full, ok := strings.Cut(line, "=")
		if in && ok && !strings.HasPrefix(line, "#") {
			aliases[strings.Trim(short, ` "'`)] = strings.Trim(full, ` "'`)
		}
	}
}

// specifiers are those of systemd.unit(5) that paths are made with.
func specifiers(scope manager.Scope) map[byte]string {
	s := map[byte]string{'t': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'h': "/root",
		'T': "/tmp", 'V': "/var/tmp", 'U': "0", 'u': "root", 'G': "0", 'g': "root"}
	if scope == manager.User {
		s = userSpecifiers(s)
	}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		s['H'] = unix.ByteSliceToString(uts.Nodename[:])
		s['l'], _, _ = strings.Cut(s['H'], ".")
		s['v'] = unix.ByteSliceToString(uts.Release[:])
	}
	return s
}

func userSpecifiers(s map[byte]string) map[byte]string {
	home, _ := os.UserHomeDir()
	dir := func(variable, otherwise string) string {
		if d := os.Getenv(variable); filepath.IsAbs(d) {
			return d
		}
		return filepath.Join(home, otherwise)
	}
	s['h'], s['t'] = home, RuntimeDir()
	s['E'], s['C'] = dir("XDG_CONFIG_HOME", ".config"), dir("XDG_CACHE_HOME", ".cache")
	delete(s, 'S') // ~/.config before systemd 254, ~/.local/state since
	delete(s, 'L')
	s['U'], s['G'] = strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	delete(s, 'g')
	delete(s, 'u')
	if u, err := user.Current(); err == nil {
		s['u'] = u.Username
	}
	return s
}

// text is that of a file that the generator has read, which is bounded.
func text(name string) []byte {
	text, _ := os.ReadFile(name)
	return text
}
