package main

// target is one way to an application. services are those whose processor time it costs, the proxy first if there is one.
type target struct {
	name, address string
	services      []string
}

// The ways to the same application that are compared.
var (
	throughUs     = target{"ours", ourAddress, []string{"ours-proxy.service", "ours.service"}}
	throughTrio   = target{"trio", trioAddress, []string{"trio-proxy.service", "trio.service"}}
	throughPort   = target{"published port alone", portAddress, []string{"trio.service"}}
	throughNative = target{"LISTEN_FDS", nativeAddress, []string{"native.service"}}
	others        = []target{throughTrio, throughPort, throughNative}
	ways          = append([]target{throughUs}, others...)
)

// The addresses are all of the test host's own loopback.
const (
	ourAddress    = "127.0.0.1:18080"
	trioAddress   = "127.0.0.1:18081" // systemd-socket-proxyd
	portAddress   = "127.0.0.1:18082" // the port that podman publishes for it
	nativeAddress = "127.0.0.1:18091" // the application itself
)

const image = "localhost/testapp"

// ours is all that a person writes.
const ours = `[Container]
Image=` + image + `
PublishPort=` + ourAddress + `:80
`

// native is for an application that takes its sockets from systemd.
const native = `[Container]
Image=` + image + `
Exec=-activated
PublishPort=` + nativeAddress + `:80

[OnDemand]
Proxy=none
`

// The trio that people write by hand: a socket, systemd-socket-proxyd, and a container with a port published on loopback.
const (
	trioContainer = `[Container]
Image=` + image + `
PublishPort=` + portAddress + `:80
`
	trioSocket = `[Socket]
ListenStream=` + trioAddress + `
`
	trioProxy = `[Unit]
Requires=trio.service trio-proxy.socket
After=trio.service trio-proxy.socket

[Service]
ExecStart=` + socketProxyd + " " + portAddress + `
`
	socketProxyd = "/usr/lib/systemd/systemd-socket-proxyd"
)

// wakeAll installs all ways, and has each of them answer.
func (b *bench) wakeAll() error {
	if err := b.installTrio(); err != nil {
		return err
	}
	if err := b.lab.install("native", native); err != nil {
		return err
	}
	if err := b.lab.install("ours", ours); err != nil {
		return err
	}
	for _, t := range ways {
		if err := eventually(t.name+" answers", func() bool { return get(t.address) == nil }); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) installTrio() error {
	for _, file := range []struct{ name, text string }{
		{".config/containers/systemd/trio.container", trioContainer},
		{".config/systemd/user/trio-proxy.socket", trioSocket},
		{".config/systemd/user/trio-proxy.service", trioProxy},
	} {
		if err := b.lab.write(file.name, file.text); err != nil {
			return err
		}
	}
	if err := b.lab.systemctl("daemon-reload"); err != nil {
		return err
	}
	return b.lab.systemctl("start", "trio-proxy.socket")
}
