package mangen

// differences lists where a file means something else than a Quadlet.
func differences() string {
	return ""
}
