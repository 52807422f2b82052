module podman-ondemand

go 1.24.0

require (
	github.com/containers/common v0.64.2
	github.com/coreos/go-systemd/v22 v22.7.0
	github.com/godbus/dbus/v5 v5.1.0
	github.com/google/go-cmp v0.7.0
	github.com/landlock-lsm/go-landlock v0.8.1
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	github.com/vishvananda/netlink v1.3.1
	golang.org/x/sys v0.40.0
	golang.org/x/text v0.31.0
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77
)

require (
	github.com/containers/storage v1.59.1 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/vishvananda/netns v0.0.5 // indirect
)
