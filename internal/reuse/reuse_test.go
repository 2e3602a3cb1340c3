package reuse

import (
	"testing"

	"github.com/redstuff-go/redstuff/internal/race"
)

func TestPools(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector pools drop some of what is put")
	}
	var p Pools[*int]
	if v, ok := p.Get(100); ok || v != nil {
		t.Fatalf("an empty pool gave %v", v)
	}
	one := new(int)
	p.Put(one, 100)
	for _, bytes := range []int{0, 1, 63, 128, 200, 1 << 30} {
		if _, ok := p.Get(bytes); ok {
			t.Fatalf("what takes 100 bytes was given to who needs %d", bytes)
		}
	}
	if v, ok := p.Get(127); !ok || v != one {
		t.Fatalf("a pool with what takes 100 bytes has nothing for 127: %v, %v", v, ok)
	}
	if _, ok := p.Get(100); ok {
		t.Fatal("a value was given twice")
	}
}
