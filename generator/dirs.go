package generator

import "podman-ondemand/manager"

// SearchDirs are the directories in which the generator of a manager looks for
// files, the most important first, for a person who asks.
func SearchDirs(scope manager.Scope) []string {
	env := surroundings(scopeName(scope))
	dirs, _ := env.dirs()
	paths := make([]string, len(dirs))
	for i, d := range dirs {
		paths[i] = d.Path
	}
	return paths
}

func scopeName(scope manager.Scope) string {
	if scope == manager.System {
		return "system"
	}
	return "user"
}
