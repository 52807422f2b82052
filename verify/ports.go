package verify

import (
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
)

// ports looks whether systemd could listen where an application is to.
func (c *checker) ports(t generator.Tree) {
	l := listening(t.App)
	for _, from := range t.App.Listeners {
		address, known := c.expand(string(from.Address), unitOf(t.App, ".socket"))
		ip, err := netip.ParseAddrPort(inFull(address))
		if !known || err != nil {
			continue // of a Unix socket systemd removes what is in the way
		}
		l.Streams, l.Datagrams = nil, nil
		if from.Key == "ListenDatagram" {
			l.Datagrams = []string{ip.String()}
		} else {
			l.Streams = []string{ip.String()}
		}
		port := strconv.Itoa(int(ip.Port()))
		switch err := c.Bindable(l); {
		case err == nil, errors.Is(err, unix.EADDRINUSE) && c.isOurs(ip, t.App):
		case errors.Is(err, fs.ErrPermission) && int(ip.Port()) < c.FirstPort:
			c.diags.Errorf(from.Pos, "port %s cannot be listened on without root: those below %d cannot", port, c.FirstPort).
				Hintf("take another port, or: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=%s", port)
		case errors.Is(err, unix.EADDRINUSE):
			c.diags.Errorf(from.Pos, "%s is taken by somebody else: the socket cannot listen", address).
				Hintf("see who: ss -lntup 'sport = :%s'", port)
		default:
			c.diags.Errorf(from.Pos, "%s cannot be listened on: %v", address, errors.Unwrap(err))
		}
	}
}

// inFull writes the address of a bare port, for which systemd takes all addresses of both families.
func inFull(address string) string {
	if !strings.Contains(address, ":") {
		return "[::]:" + address
	}
	return address
}

// listening is what the socket's unit says besides its addresses.
func listening(app emit.Application) manager.Listening {
	l := manager.Listening{FreeBind: app.FreeBind, IPv6Only: "default"}
	if app.IPv6Only {
		l.IPv6Only = "ipv6-only"
	}
	for _, o := range app.Socket {
		yes := o.Value == "yes" || o.Value == "true" || o.Value == "on" || o.Value == "1"
		switch o.Key {
		case "FreeBind":
			l.FreeBind = yes
		case "ReusePort":
			l.ReusePort = yes
		case "BindIPv6Only":
			l.IPv6Only = string(o.Value)
		}
	}
	return l
}

// ownListeners are the addresses that sockets of ours listen on: one that changes hands between two files is free when it is
// needed. They are asked for when an address is taken, not before: a reload may have opened it just now.
func (c *checker) ownListeners() []string {
	if c.Systemd == nil {
		return nil
	}
	names, _ := c.Systemd.Units(c.ctx, "*.socket")
	var all []string
	for _, name := range names {
		u, err := c.Systemd.Unit(c.ctx, name)
		if err != nil || !u.Up() || filepath.Ext(u.SourcePath) != generator.Extension {
			continue
		}
		if l, err := c.Systemd.Listening(c.ctx, name); err == nil {
			all = append(append(all, l.Streams...), l.Datagrams...)
		}
	}
	return all
}

// isOurs says whether the port is held by a socket of ours, or by the Quadlet that the application was: the next reload
// stops that one.
func (c *checker) isOurs(ip netip.AddrPort, app emit.Application) bool {
	if slices.ContainsFunc(c.ownListeners(), func(address string) bool {
		own, err := netip.ParseAddrPort(address)
		return err == nil && own.Port() == ip.Port()
	}) {
		return true
	}
	if c.Systemd == nil {
		return false
	}
	u, err := c.Systemd.Unit(c.ctx, unitOf(app, ".service"))
	return err == nil && u.Up() && filepath.Ext(u.SourcePath) == ".container" && filepath.Base(u.SourcePath) == app.Name+".container"
}
