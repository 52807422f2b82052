// Package man holds the manual pages, which package mangen makes, for whoever installs the program without a package.
package man

import "embed"

// Pages are the files, NAME.SECTION each.
//
//go:embed podman-ondemand*
var Pages embed.FS
