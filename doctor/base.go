package doctor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"podman-ondemand/install"
	"podman-ondemand/manager"
)

// The things that containers on demand are built from.

func (e *examiner) systemd() {
	if e.Systemd == nil {
		var mend []string
		if e.Scope == manager.User {
			mend = commands("sudo loginctl enable-linger "+e.User, "export XDG_RUNTIME_DIR=/run/user/"+strconv.Itoa(e.UID))
		}
		e.fail(mend, "the service manager does not answer, what depends on it is not checked: %v", e.SystemdErr)
		return
	}
	version, err := e.Systemd.Version(e.ctx)
	if err != nil {
		e.fail(nil, "%v", err)
		return
	}
	if oldest, tooOld := install.SystemdTooOld(version); tooOld {
		e.fail(nil, "%s is too old, %d is needed: a newer release of the distribution has it", version, oldest)
		return
	}
	e.ok("%s", version)
}

func (e *examiner) podman() {
	said, err := e.Run(e.ctx, e.Podman, "--version")
	version := strings.TrimPrefix(strings.TrimSpace(said), "podman version ")
	switch {
	case err != nil:
		e.fail(e.installPackage("podman", "podman"), "%s cannot be run: %v", e.Podman, err)
	case install.PodmanTooOld(version):
		e.fail(nil, "%s is too old, 4.4 is needed: a newer release of the distribution has it", version)
	default:
		e.ok("%s", version)
	}
}

// info is the part of "podman info" that is of interest here.
type info struct {
	Host struct {
		IDMappings struct {
			UIDMap []struct{} `json:"uidmap"`
			GIDMap []struct{} `json:"gidmap"`
		} `json:"idMappings"`
	} `json:"host"`
}

func (e *examiner) containers() {
	if e.Scope == manager.System && e.UID != 0 {
		e.warn(nil, "only root can look into the system's containers")
		return
	}
	said, err := e.Run(e.ctx, e.Podman, "info", "--format=json")
	var i info
	if err == nil {
		err = json.Unmarshal([]byte(said), &i)
	}
	if err == nil {
		e.info = &i
	}
	switch {
	case err != nil && e.Scope == manager.User:
		e.fail(commands("podman system migrate", "podman info"), "podman does not work without root: %v", err)
	case err != nil:
		e.fail(commands("sudo podman info"), "podman does not work: %v", err)
	case e.Scope == manager.User:
		e.ok("podman works without root")
	default:
		e.ok("podman works")
	}
}

// firstSubID is where distributions let sub-ids begin, subIDs how many they give to a user (SUB_UID_MIN and SUB_UID_COUNT of
// login.defs(5)).
const firstSubID, subIDs = 100000, 65536

// subIDs: without them an image can have one user only, and most have more.
func (e *examiner) subIDs() {
	for _, tool := range []string{"newuidmap", "newgidmap"} {
		if _, err := e.LookPath(tool); err != nil {
			e.fail(e.installPackage("uidmap", "shadow-utils"), "%s is not there: podman cannot give containers more than one user", tool)
			return
		}
	}
	uids, uidEnd := e.subIDsOf("/etc/subuid")
	gids, gidEnd := e.subIDsOf("/etc/subgid")
	mapped := e.info != nil && len(e.info.Host.IDMappings.UIDMap) > 1 && len(e.info.Host.IDMappings.GIDMap) > 1
	switch {
	case uids && gids && (mapped || e.info == nil):
		e.ok("%s has sub-uids and sub-gids", e.User)
	case uids && gids:
		e.fail(commands("podman system migrate"), "podman does not use the sub-uids and sub-gids of %s yet", e.User)
	case mapped:
		e.ok("%s has sub-uids and sub-gids from elsewhere than /etc", e.User)
	default:
		from := max(firstSubID, uidEnd, gidEnd)
		span := strconv.Itoa(from) + "-" + strconv.Itoa(from+subIDs-1)
		command := "sudo usermod"
		if !uids {
			command += " --add-subuids " + span
		}
		if !gids {
			command += " --add-subgids " + span
		}
		e.fail(commands(command+" "+e.User, "podman system migrate"),
			"%s has no sub-uids and sub-gids: containers have one user only, most images do not run", e.User)
	}
}

// subIDsOf says whether the user has a line in a file of subuid(5), and where the last range of anybody ends.
func (e *examiner) subIDsOf(file string) (has bool, end int) {
	text, _ := os.ReadFile(e.path(file))
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 {
			continue
		}
		from, _ := strconv.Atoi(f[1])
		count, _ := strconv.Atoi(f[2])
		end = max(end, from+count)
		has = has || count > 0 && (f[0] == e.User || f[0] == strconv.Itoa(e.UID))
	}
	return has, end
}

func (e *examiner) nsenter() {
	path, err := e.LookPath("nsenter")
	if err != nil {
		e.fail(e.installPackage("util-linux", "util-linux-core"), "nsenter is not there: the proxy cannot enter a container")
		return
	}
	e.ok("%s", path)
}

func (e *examiner) path(name string) string { return filepath.Join(e.Root, name) }

// installPackage is the command of the distribution (os-release(5)) that installs a package, of which Debian and Fedora have
// different names.
func (e *examiner) installPackage(debian, fedora string) []string {
	text, _ := os.ReadFile(e.path("/etc/os-release"))
	for _, line := range strings.Split(string(text), "\n") {
		name, value, _ := strings.Cut(line, "=")
		if name != "ID" && name != "ID_LIKE" {
			continue
		}
		for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
			switch id {
			case "debian", "ubuntu":
				return commands("sudo apt-get install " + debian)
			case "fedora", "rhel", "centos":
				return commands("sudo dnf install " + fedora)
			case "suse", "opensuse":
				return commands("sudo zypper install " + debian)
			case "arch":
				return commands("sudo pacman -S " + debian)
			}
		}
	}
	return nil
}
