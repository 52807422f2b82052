package emit

// Pod is what an application of several containers has besides its Container,
// which is the pod itself.
type Pod struct {
	// ExitPolicy is podman's --exit-policy: continue or stop.
	ExitPolicy Arg
	// StopTimeout is how many seconds "podman pod stop" leaves to the containers.
	StopTimeout Arg
	// Members are the containers, each as if it were an application of its own of
	// which only the service counts.
	Members []Application
}

// podIDFile lies beside the pid files. It is how the pod is found when its own
// unit has gone.
const podIDFile = "/pod.id"

// infra is the container that holds the pod's namespaces.
func (app Application) infra() Arg { return app.Container.Name + "-infra" }

// podUnits makes NAME.service, which is the pod, and NAME-MEMBER.service for
// each container. They hang together as with Quadlet: the pod's service pulls
// its containers in and they are bound to it.
func podUnits(app Application, opt Options) []Unit {
	bonds := stopsWithSocket(app)
	for _, m := range app.Pod.Members {
		if member := Sibling(m.container()); len(app.Broken) == 0 {
			bonds = append(bonds, Option{"Wants", member}, Option{"Before", member})
		}
	}
	units := []Unit{serviceUnit(app, opt, ": pod", bonds, podService(app, opt))}
	for _, m := range app.Pod.Members {
		units = append(units, memberUnit(app, m, opt))
	}
	return units
}

// memberUnit makes the service of a container. One that ends and is not started
// again takes the pod with it: what is left would not answer, and the next
// connection starts all of it anew.
func memberUnit(app, m Application, opt Options) Unit {
	m.Container.PodService = Sibling(app.container())
	bonds := inPod(m)
	if !restarts(m.Service) {
		bonds = append(bonds, Option{"PropagatesStopTo", m.Container.PodService})
	}
	return serviceUnit(m, opt, ": container", bonds, containerService(m, opt))
}

// restarts says whether systemd starts the service again when it has ended.
func restarts(service []Option) bool {
	restart := last(service, "Restart")
	return restart != "" && restart != "no"
}

func podService(app Application, opt Options) []Option {
	c := app.Container
	dir := Arg("%t/" + runtimeDir("%N"))
	command := func(args ...Arg) Value { return Exec(podman(c, opt, append([]Arg{"pod"}, args...)...)...) }
	options := append([]Option{
		{"Type", "forking"},
		{"PIDFile", Value(dir + conmonPidFile)},
		{"Environment", "PODMAN_SYSTEMD_UNIT=%n"},
	}, ownDirectory...)
	if len(app.Broken) == 0 {
		create := []Arg{"create", "--infra-conmon-pidfile=" + dir + conmonPidFile, "--pod-id-file=" + dir + podIDFile,
			"--replace", "--exit-policy=" + app.Pod.ExitPolicy, "--infra-name", app.infra(), "--name", c.Name}
		options = append(options,
			Option{"ExecStartPre", command(append(create, c.Run...)...)},
			Option{"ExecStart", command("start", c.Name)})
	} else {
		options = append(options, Option{"ExecStart", Exec(brokenCommand(app, opt)...)})
	}
	return append(options,
		Option{"ExecStop", command("stop", "--ignore", "--time="+app.Pod.StopTimeout, c.Name)},
		Option{"ExecStopPost", "-" + command("rm", "--ignore", "--force", c.Name)})
}
