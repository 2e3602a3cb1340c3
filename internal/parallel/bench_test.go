package parallel

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkDo measures what it takes to hand out pieces beyond the work in them.
func BenchmarkDo(b *testing.B) {
	for _, work := range []time.Duration{0, 10 * time.Microsecond, 30 * time.Microsecond, 100 * time.Microsecond} {
		b.Run(fmt.Sprintf("work=%v/workers=4", work), func(b *testing.B) {
			g := NewCrew(4).NewGroup()
			spin := func(int, int) {
				for start := time.Now(); time.Since(start) < work; {
				}
			}
			for b.Loop() {
				g.Do(4, 4, spin)
			}
		})
	}
}
