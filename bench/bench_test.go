package bench

import (
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/bench/internal/work"
)

// arena is the memory of whichever benchmark runs.
var arena work.Arena

// maxMemory bounds the bytes of all shards, or of a blob and its slivers. Backends
// that are slow get slowMemory.
const (
	maxMemory  = 1 << 30
	slowMemory = 64 << 20
)

// sizeName returns a number of bytes as it stands in names.
func sizeName(n int) string {
	for _, unit := range []string{"", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprint(n, unit)
		}
		n /= 1024
	}
	return fmt.Sprint(n, "GiB")
}

func coresName(cores int) string {
	if cores == 0 {
		return "all"
	}
	return fmt.Sprint(cores)
}

// run times an operation, which is made outside of the clock.
func run(b *testing.B, name string, makeOp func() (*work.Op, error)) {
	b.Run(name, func(b *testing.B) {
		op, err := makeOp()
		if err != nil {
			b.Fatal(err)
		}
		if err := op.Run(); err != nil { // what is made once is made now
			b.Fatal(err)
		}
		b.SetBytes(op.Bytes)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if err := op.Step(i, b.StopTimer, b.StartTimer); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
