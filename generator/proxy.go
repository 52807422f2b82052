package generator

import (
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// proxies are the words of Proxy=.
var proxies = []struct {
	word  string
	proxy emit.Proxy
}{
	{"podman-ondemand", emit.OwnProxy},
	{"systemd-socket-proxyd", emit.SocketProxyd},
	{"none", emit.NoProxy},
}

const hintNoProxy = "Proxy=none in [OnDemand] hands the sockets to an application that knows LISTEN_FDS"

// proxy reads [OnDemand] Proxy= and, where no proxy is, what only then works and
// what does not.
func (t *translator) proxy() {
	w, ok := t.one(parser.SectionOnDemand, "Proxy")
	known := !ok
	for _, p := range proxies {
		if ok && p.word == w.Text {
			t.app.Proxy, known = p.proxy, true
		}
	}
	if !known {
		t.diags.Errorf(w.Pos(), "Proxy=: not known: %q", w.Text).
			Hintf("write podman-ondemand (the default), systemd-socket-proxyd or none")
	}
	if t.section == parser.SectionPod && t.app.Proxy != emit.OwnProxy {
		t.diags.Errorf(w.Pos(), "Proxy=%s does not work with [Pod]", w.Text).Hintf("leave it out: only the proxy of podman-ondemand finds the network of a pod")
		t.app.Proxy = emit.OwnProxy
	}
	t.accept()
	if t.app.Proxy == emit.SocketProxyd {
		t.withoutOwnProxy()
	}
	if t.app.Proxy == emit.NoProxy {
		t.withoutProxy()
	}
}

// needProxy are the keys of [OnDemand] that a proxy is there for, and why they
// mean nothing without one.
var needProxy = []struct{ key, why string }{
	{"IdleTimeout", "only the application knows when nobody uses it, and ends by itself"},
	{"DrainTimeout", "the application has the connections, and ends them"},
	{"ConnectionIdleTimeout", "the application has the connections, and ends them"},
	{"FlowTimeout", "the application has the datagrams"},
	{"IdleCheck", "only the application knows when nobody uses it, and ends by itself"},
	{"Ready", "nobody asks: connections wait until the application takes them"},
	{"WakeOn", "the socket starts the application itself"},
	{"WakeFrom", "the socket starts the application itself"},
	{"AllowFrom", "the application has the connections, and can close them"},
	{"ProxyProtocol", "the application has the connections, and knows who calls"},
	{"ProxyProtocolFrom", "the application has the connections, and can read the header"},
	{"ClientAddress", "the application has the connections, and sees who calls"},
	{"ContainerPort", "the application gets the sockets themselves"},
	{"Unit", "a .socket unit of your own does the same"},
}

// needOwnProxy are the keys of [OnDemand] that only our own proxy knows.
var needOwnProxy = []string{"DrainTimeout", "ConnectionIdleTimeout", "FlowTimeout", "IdleCheck",
	"WakeOn", "WakeFrom", "AllowFrom", "ProxyProtocol", "ProxyProtocolFrom", "ClientAddress"}

func (t *translator) withoutOwnProxy() {
	for _, key := range needOwnProxy {
		if ws := t.values(parser.SectionOnDemand, key); len(ws) > 0 {
			t.diags.Errorf(ws[0].Pos(), "%s= does not work with Proxy=systemd-socket-proxyd", key).
				Hintf("leave one of the two out: only the proxy of podman-ondemand can do that")
		}
	}
}

func (t *translator) withoutProxy() {
	for _, k := range needProxy {
		if ws := t.values(parser.SectionOnDemand, k.key); len(ws) > 0 {
			t.diags.Errorf(ws[0].Pos(), "%s= does not work with Proxy=none", k.key).Hintf("%s", k.why)
		}
	}
	switch w, ok := t.one(parser.SectionOnDemand, "MaxConnections"); {
	case ok && !t.app.Accept:
		t.diags.Errorf(w.Pos(), "MaxConnections= does not work with Proxy=none").
			Hintf("the application takes the connections; with [Socket] Accept=yes systemd does")
	case ok && w.Text == "0":
		t.diags.Errorf(w.Pos(), "MaxConnections=0 with Accept=yes would start any number of containers").
			Hintf("write how many; 64 if it is left out")
	}
}

// accept reads [Socket] Accept=, by which each connection has a container of its
// own.
func (t *translator) accept() {
	e, ok := t.file.Last(parser.SectionSocket, "Accept")
	if !ok || e.Value == "" {
		return
	}
	yes, err := parser.ParseBool(e.Value)
	switch {
	case err != nil:
		t.diags.Errorf(e.ValuePos(0), "Accept=: %v", err)
	case !yes:
	case t.app.Proxy != emit.NoProxy:
		t.diags.Errorf(e.Pos, "Accept=%s does not work with a proxy", e.Value).Hintf(hintNoProxy)
	case strings.Contains(t.app.Name, "@"):
		t.diags.Errorf(e.Pos, "Accept=%s does not work in a template", e.Value).
			Hintf("its services are instances already, one for each connection")
	default:
		t.app.Accept = true
		t.acceptKeys()
	}
}

// acceptKeys refuses what is about the one container of an application.
func (t *translator) acceptKeys() {
	for _, key := range []string{"ContainerName", "ReloadCmd", "ReloadSignal"} {
		if ws := t.values(parser.SectionContainer, key); len(ws) > 0 {
			t.diags.Errorf(ws[0].Pos(), "%s= does not work with Accept=yes", key).Hintf("each connection has a container of its own")
		}
	}
}

// listenKey says whether key of [Socket] can be served: any Listen…= where the
// application gets the sockets themselves.
func (t *translator) listenKey(key string) bool {
	return key == listenStream || key == listenDatagram && t.app.Proxy == emit.OwnProxy || t.app.Proxy == emit.NoProxy && strings.HasPrefix(key, "Listen")
}
