package emit

import "testing"

func TestInUnit(t *testing.T) {
	for _, c := range []struct {
		arg, want Arg
		unit      string
	}{
		{"systemd-%N", "systemd-web", "web.service"},
		{"systemd-%p_%i", "systemd-web_%i", "web@.service"},
		{"%n %N", "web@%i.service web@%i", "web@.service"},
		{"%n %p", "web@8081.service web", "web@8081.service"},
		{"%N %j %J %P", "a-b b b a/b", "a-b.service"},
		{"%%N 100%% %h", "%%N 100%% %h", "web.service"},
	} {
		if got := c.arg.inUnit(c.unit); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.arg, c.unit, got, c.want)
		}
	}
}
