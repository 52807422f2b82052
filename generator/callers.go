package generator

import (
	"net/netip"
	"slices"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// aboutAddresses are the keys of [OnDemand] that say something of who calls by
// an IP address.
var aboutAddresses = []string{"WakeFrom", "AllowFrom", "ProxyProtocolFrom"}

// callers reads who may wake the application and who is served, and how the
// proxy says and is told who calls.
func (t *translator) callers() {
	c := &t.app.Callers
	c.WakeOnData = t.wakeOnData()
	c.WakeFrom, c.AllowFrom = t.prefixes("WakeFrom"), t.prefixes("AllowFrom")
	c.ProxyProtocolFrom = t.prefixes("ProxyProtocolFrom")
	t.app.ProxyProtocol = t.proxyProtocol()
	t.app.KeepAddress = t.keepAddress()
	t.neverAllowed()
	t.withoutAddresses()
	if t.app.Proxy != emit.OwnProxy { // an error already, and nobody would follow them
		t.app.Callers, t.app.ProxyProtocol, t.app.KeepAddress = emit.Callers{}, "", false
	}
}

func (t *translator) wakeOnData() bool {
	w, ok := t.one(parser.SectionOnDemand, "WakeOn")
	if ok && w.Text != "connection" && w.Text != "data" {
		t.diags.Errorf(w.Pos(), "WakeOn=: not known: %q", w.Text).Hintf("write connection (the default) or data")
	}
	return ok && w.Text == "data"
}

func (t *translator) proxyProtocol() string {
	w, ok := t.one(parser.SectionOnDemand, "ProxyProtocol")
	if ok && w.Text != "v1" && w.Text != "v2" {
		t.diags.Errorf(w.Pos(), "ProxyProtocol=: not known: %q", w.Text).Hintf("write v1 or v2, or leave it out")
	}
	return w.Text
}

// keepAddress says whether the application sees the clients' addresses. One that
// is told them in a header may believe that of the proxy only.
func (t *translator) keepAddress() bool {
	w, ok := t.one(parser.SectionOnDemand, "ClientAddress")
	if ok && w.Text != "keep" && w.Text != "proxy" {
		t.diags.Errorf(w.Pos(), "ClientAddress=: not known: %q", w.Text).Hintf("write keep (the default) or proxy")
	}
	if ok {
		return w.Text == "keep"
	}
	return t.app.ProxyProtocol == ""
}

// localhost is what systemd means by that word, too (IPAddressAllow= in
// systemd.resource-control(5)).
var localhost = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("::1/128"),
}

// prefixes reads addresses and prefixes, each as the proxy wants them.
func (t *translator) prefixes(key string) (all []netip.Prefix) {
	for _, w := range t.values(parser.SectionOnDemand, key) {
		if w.Text == "localhost" {
			all = append(all, localhost...)
			continue
		}
		p, ok := prefix(w.Text)
		if !ok {
			t.diags.Errorf(w.Pos(), "%s=: neither an address nor a prefix: %q", key, w.Text).
				Hintf("write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32 or localhost")
			continue
		}
		all = append(all, p)
	}
	return all
}

// prefix reads an address, which is a prefix of full length, or a prefix. An
// IPv4 address in the form of an IPv6 one is that of the same client.
func prefix(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return p, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if mapped := p.Addr().Is4In6(); mapped && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// neverAllowed warns of who may wake it without being served.
func (t *translator) neverAllowed() {
	allowed := t.app.Callers.AllowFrom
	if len(allowed) == 0 {
		return
	}
	for _, w := range t.values(parser.SectionOnDemand, "WakeFrom") {
		if p, ok := prefix(w.Text); ok && !slices.ContainsFunc(allowed, p.Overlaps) {
			t.diags.Warnf(w.Pos(), "WakeFrom=%s is not in AllowFrom=, so nobody from there is served", w.Text).
				Hintf("add it to AllowFrom=, or leave it out here")
		}
	}
}

// withoutAddresses warns of what is about addresses where nobody who calls has
// one.
func (t *translator) withoutAddresses() {
	if len(t.app.Listeners) == 0 || slices.ContainsFunc(t.app.Listeners, emit.Listener.IsTCP) ||
		slices.ContainsFunc(t.app.Listeners, emit.Listener.IsDatagram) {
		return
	}
	for _, key := range aboutAddresses {
		if ws := t.values(parser.SectionOnDemand, key); len(ws) > 0 {
			t.diags.Warnf(ws[0].Pos(), "%s= has no effect: who connects to a Unix socket has no address", key).
				Hintf("SocketMode= in [Socket] says who may")
		}
	}
}
