package figures

import (
	"fmt"
	"strconv"
	"time"
)

// StartMessage is the MESSAGE_ID= of the journal entry about a start (systemd.journal-fields(7)).
const StartMessage = "faa1e2a4779d477e97832a7022437655"

// Start is how one start went, in the parts of which somebody who waits may want to know whose they are.
type Start struct {
	// At is when the application answered. It is the entry's own time, not one of its fields.
	At time.Time
	// Unit is the service behind the proxy.
	Unit string
	// Podman is from the start of that service until the container's process was there; of a unit that is not ours, until
	// systemd called it active; 0: it ran already.
	Podman time.Duration
	// Application is from then until the application answered.
	Application time.Duration
	// Client is how long the first client waited in all, from the start until its connection was passed on; 0: nobody waited.
	Client time.Duration
}

// Took is from the beginning until the application answered.
func (s Start) Took() time.Duration { return s.Podman + s.Application }

// String is the entry's text.
func (s Start) String() string {
	text := s.Unit + " answers"
	if s.Podman > 0 {
		text += fmt.Sprintf(" after %d ms: podman took %d ms, the application %d ms", s.Took().Milliseconds(), s.Podman.Milliseconds(), s.Application.Milliseconds())
	} else {
		text += fmt.Sprintf(" after %d ms: it ran already", s.Application.Milliseconds())
	}
	if s.Client > 0 {
		text += fmt.Sprintf("; the first client waited %d ms", s.Client.Milliseconds())
	}
	return text
}

// The fields of the entry.
const (
	fieldUnit        = "PODMAN_ONDEMAND_UNIT"
	fieldPodman      = "PODMAN_ONDEMAND_PODMAN_USEC"
	fieldApplication = "PODMAN_ONDEMAND_APPLICATION_USEC"
	fieldClient      = "PODMAN_ONDEMAND_CLIENT_USEC"
)

// StartFields names what a reader has to ask for.
var StartFields = []string{fieldUnit, fieldPodman, fieldApplication, fieldClient}

// Fields are those of the entry, but for its text.
func (s Start) Fields() map[string]string {
	usec := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	return map[string]string{
		"MESSAGE_ID":     StartMessage,
		fieldUnit:        s.Unit,
		fieldPodman:      usec(s.Podman),
		fieldApplication: usec(s.Application),
		fieldClient:      usec(s.Client),
	}
}

// ParseStart reads the fields of an entry.
func ParseStart(field func(name string) string) (Start, error) {
	s := Start{Unit: field(fieldUnit)}
	for _, f := range []struct {
		name string
		into *time.Duration
	}{{fieldPodman, &s.Podman}, {fieldApplication, &s.Application}, {fieldClient, &s.Client}} {
		usec, err := strconv.ParseInt(field(f.name), 10, 64)
		if err != nil {
			return Start{}, fmt.Errorf("%s=: %w", f.name, err)
		}
		*f.into = time.Duration(usec) * time.Microsecond
	}
	return s, nil
}
