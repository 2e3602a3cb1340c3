package store

import (
	"testing"
	"time"
)

func TestInfoWithin(t *testing.T) {
	for _, c := range []struct {
		name string
		ago  time.Duration
		want bool
	}{
		{"just now", time.Second, true},
		{"before", 2 * time.Minute, false},
		{"before the clock was set back", -time.Second, false},
	} {
		info := Info{Inserted: time.Now().Add(-c.ago)}
		if got := info.Within(time.Minute); got != c.want {
			t.Errorf("%s: within a minute is %v, want %v", c.name, got, c.want)
		}
	}
}
