package ceiling

import (
	"testing"

	"github.com/redstuff-go/redstuff/gf"
)

func TestMeasure(t *testing.T) {
	ceilings := Measure(gf.Backends())
	for _, c := range ceilings {
		// A byte a nanosecond is less than any vector unit does, a megabyte more.
		if c.Rate < 1 || c.Rate > 1e6 {
			t.Errorf("%s %s: %v bytes a nanosecond", c.Set, c.Work, c.Rate)
		}
		if got := Find(ceilings, c.Set, c.Work); got != c.Rate {
			t.Errorf("%s %s: found %v, want %v", c.Set, c.Work, got, c.Rate)
		}
	}
	if got := Find(ceilings, "none", "load"); got != 0 {
		t.Errorf("a set that does not exist loads %v bytes a nanosecond", got)
	}
}
