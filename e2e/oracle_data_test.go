//go:build e2e

package e2e

import "podman-ondemand/parser"

// oracleValues are what the keys of a kind are given: the usual, the odd, and the broken.
var oracleValues = map[parser.Kind][]string{
	parser.String:     {"a", `"quoted"`, "a \\\n  b", "a \\\n# a comment\nb", `"half`, "two words", " padded ", "", "%h/x", "${X}", "a%%b", `back\slash`, "ä", "x=y", "'single'"},
	parser.List:       {"a", `"quoted"`, "two words", "", "%n", `a\tb`, "a:b:c"},
	parser.Words:      {"a", "a b", `"a b`, `"a b" c`, `'a b'`, "", `a\tb`, "%i $X", `a"b c"d`},
	parser.LowerWords: {"ALL", "CAP_NET_RAW chown", `"NET_ADMIN"`, "", "all"},
	parser.Args:       {"a", "a b", `"a b" c`, `a "" b`, `a\.b`, "a \\\n  b", `a\tb`, `"a\"b"`, "", `\x41`, "%h $X", "a;b", `it"s open`},
	parser.LastArgs:   {"serve", `sh -c "" x`, `a\.b`, "a \\\n  b", `sh -c "echo $X"`, `"a b" c`, `a\\b`, "", "%h ${Y}", "a;b", `\u00e4`},
	parser.Map:        {"A=1", `"a b`, "A=1 B=2", `"A=b c"`, "A", "A=", `A=1 A=2`, "", "A=%n B=$X"},
	parser.Bool:       {"yes", "true", "1", "on", "no", "false", "0", "off", "TRUE", `"yes"`, "", "maybe"},
	parser.Switch:     {"yes", "true", "no", "0", `"true"`, "", "maybe"},
}

// oracleSpecial are the values of keys that take only some.
var oracleSpecial = map[string][]string{
	"ContainerName": {"a", "my-name", "%N-x", "", "no name"},
	"CgroupsMode":   {"enabled", "no-conmon", ""},
	"Network": {"none", "host", "bridge", "pasta:-T,80", "slirp4netns:mtu=1", "", "front.network", "named.network:alias=x", "none.network",
		"other.container", "other.container:alias=x", "none.container"},
	"Notify":     {"yes", "no", "healthy", "true", `"Healthy"`, "", "soon"},
	"StopSignal": {"SIGINT", "15", "TERM", "", "SIGNOTHING"},
	"User":       {"1000", "me", ""},
	"Group":      {"100", ""},
	"Volume": {"/a:/b", "./a:/b:ro", "name:/b", "/only", "%h/x:/y", "/a b:/c", "../up:/x", "", "data.volume:/d", "named.volume:/d:ro", "none.volume:/d",
		"data.volume"},
	"Mount": {"type=bind,source=/a,destination=/b", "type=tmpfs,dst=/x", "type=bind,src=./a,dst=/b,ro", "type=volume,source=v,destination=/v", "",
		"type=volume,source=data.volume,destination=/d", "type=image,source=tools.image,destination=/t", "type=bind,source=none.volume,destination=/d",
		"type=bind,\\\n  source=/a,\\\n  destination=/b", "destination=/d"}, // no type=bind without a source: Quadlet 5.4 panics, and makes nothing of all the others
	"EnvironmentFile": {"a.env", "/abs.env", "%h/x.env", "./b.env", "a.env b.env", ""},
	"AddDevice":       {"/dev/fuse", "-/dev/null", "-/dev/none:/x", "/dev/a:/dev/b:rw", ""},
	"ExposeHostPort":  {"80", "80-90", "80/tcp", "80-90/udp", "x", "80/sctp", ""},
	"SeccompProfile":  {"/x.json", "unconfined", ""},
	"LogDriver":       {"journald", "none", ""},
	"ReloadSignal":    {"SIGHUP", "1", ""},
	"RemapUid":        {"0:1:2", ""},
	"RemapGid":        {"0:1:2", ""},
	"RemapUidSize":    {"7", ""},
	"RemapUsers":      {"manual", "auto", "keep-id", "auto\nRemapUid=0:1:2 3:4:5\nRemapGid=6:7:8", "keep-id\nRemapUid=9", "manual\nRemapUid=0:1:2", "auto\nRemapUidSize=7", "other"},
}

// oracleImages are what a file runs, if not the usual.
var oracleImages = []string{
	"Image=tools.image", "Image=app.build", "Image=none.image", "Rootfs=/root", "Image=localhost/image\nRootfs=/root", "Image=",
}

// oracleOthers are what the other sections of a file hold, most of them nothing.
var oracleOthers = []string{
	"", "", "", "", "", "", "", "",
	"[Service]\nType=notify\n", "[Service]\nType=oneshot\n", "[Service]\nType=simple\n",
	"[Service]\nKillMode=mixed\n", "[Service]\nKillMode=control-group\n", "[Service]\nKillMode=none\n", "[Service]\nUser=me\n",
	"[Unit]\nAfter=front.network\n", "[Unit]\nRequires=data.volume other.container\n", "[Unit]\nWants=none.volume\n", "[Unit]\nBefore=x.service\n",
	"[Nonsense]\nA=b\n", "[Container]\nNonsense=x\n", "[Service]\nExecStart=/bin/true\n",
}

// oracleFilesToReferTo lie beside the files.
var oracleFilesToReferTo = []struct{ name, text string }{
	{"data.volume", "[Volume]\n"},
	{"named.volume", "[Volume]\nVolumeName=my-data\n"},
	{"front.network", "[Network]\n"},
	{"named.network", "[Network]\nNetworkName=my-net\n"},
	{"tools.image", "[Image]\nImage=localhost/tools\n"},
	{"app.build", "[Build]\nImageTag=localhost/app\nSetWorkingDirectory=unit\n"},
	{"other.container", "[Container]\nImage=localhost/other\nContainerName=other-name\n"},
	{"app.pod", "[Pod]\n"},
}

// oracleLeftOut are keys that are not compared, with the reason.
var oracleLeftOut = map[string]string{
	"Image":       "oracleImages has it",
	"Rootfs":      "oracleImages has it",
	"ServiceName": "the comparison goes by the file's name",
	"PublishPort": "it publishes on demand here",
	"Pod":         "an older Quadlet names the pod by a file; TestJoinPod has it",
}

// oracleDifferences are lines of a file where the two are meant to differ. An empty key stands for any. about is the subject of that
// difference in parser.Differences, empty where only an older Quadlet than 5.8 differs.
var oracleDifferences = []struct{ key, value, about, why string }{
	{"", "maybe", "Booleans", "an error, Quadlet takes it for no"},
	{"ReadOnly", "", "Booleans", "an empty assignment resets, Quadlet takes it for no"},
	{"ReadOnlyTmpfs", "", "Booleans", "the same"},
	{"RunInit", "", "Booleans", "the same"},
	{"EnvironmentHost", "", "Booleans", "the same"},
	{"HttpProxy", "", "Booleans", "the same"},
	{"", `a "" b`, "Empty words", "an empty word is a word, Quadlet ends the list there"},
	{"", `sh -c "" x`, "Empty words", "the same"},
	{"", `a\.b`, "Unknown escapes", "the backslash is kept, Quadlet drops the line"},
	{"", `"a b`, "Quotes that are not closed", "an error, or taken as closed; Quadlet drops the line, or takes it as closed"},
	{"LogDriver", "", "Empty values", "not set, Quadlet lets it swallow the next argument"},
	{"SeccompProfile", "", "Empty values", "not set, Quadlet takes it for set"},
	{"RemapUid", "", "Empty values", "the same"},
	{"RemapGid", "", "Empty values", "the same"},
	{"Notify", "soon", "Notify=", "an error, Quadlet takes it for no"},
	{"StopSignal", "SIGNOTHING", "Signals, ports and names", "an error, podman would refuse it at the start"},
	{"ExposeHostPort", "80/sctp", "Signals, ports and names", "podman exposes it, Quadlet refuses it"},
	{"ContainerName", "no name", "Signals, ports and names", "an error, podman would refuse it at the start"},
	{"Type", "oneshot", "Type=", "an error: there would be nobody to connect to"},
	{"Nonsense", "x", "Unknown keys and sections", "a warning, Quadlet makes nothing of the file"},
	{"ExecStart", "/bin/true", "[Service]", "an error, Quadlet makes a unit that systemd refuses"},
	{"Mount", "destination=/d", "Mount=", "a volume is what is meant, Quadlet 5 refuses it"},

	{"", `"half`, "", "a quote at one end only is kept, Quadlet 5.4 removes it"},
	{"Environment", "A", "", "the host's value, as in podman; Quadlet 5.4 loses it"},
	{"Label", "A", "", "an empty label, as in podman; Quadlet 5.4 loses it"},
	{"Annotation", "A", "", "the same"},
	{"Entrypoint", "", "", "no entrypoint, Quadlet 5.4 keeps the image's"},
	{"Volume", "/a b:/c", "", "one path to wait for, Quadlet 5.4 writes two"},
	{"After", "front.network", "References in [Unit]", "file names are known there, but not to Quadlet 5.4"},
	{"Requires", "data.volume other.container", "References in [Unit]", "the same"},
	{"Wants", "none.volume", "References in [Unit]", "the same"},
}
