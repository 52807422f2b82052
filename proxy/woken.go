package proxy

import "os"

// noteWoken leaves the name of somebody else's unit that we have woken in our runtime directory. systemd removes that when we end; but when
// the .ondemand file has gone meanwhile it knows nothing any more of the directory, nor that our end was to be that of the unit: the note is
// still there then, and the apply helper puts the unit to sleep. Without the note nothing else is amiss.
func (c *config) noteWoken(log logger) {
	if c.wokenFile == "" {
		return
	}
	if err := os.WriteFile(c.wokenFile, []byte(c.wakes), 0o600); err != nil {
		log(prioWarning, "%s will not be stopped when the file that has woken it is removed: %v.", c.wakes, err)
	}
}
