package bench

import (
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/bench/internal/work"
)

var (
	shapes = []work.Shape{{Data: 10, Parity: 4}, {Data: 128, Parity: 128}, {Data: 334, Parity: 666},
		{Data: 667, Parity: 333}, {Data: 1000, Parity: 1000}, {Data: 32768, Parity: 32768}}
	shardSizes = []int{64, 152, 1 << 10, 16 << 10, 1 << 20}
)

// onedim calls f for every shape, size, number of cores and engine that make sense
// together.
func onedim(b *testing.B, f func(b *testing.B, e work.Engine, s work.Shape, size, cores int)) {
	for _, s := range shapes {
		for _, size := range shardSizes {
			memory := s.Total() * size
			if memory > maxMemory {
				continue
			}
			for _, cores := range []int{1, 0} {
				for _, e := range engines(cores) {
					if size%64 != 0 && !e.Any || e.Slow && memory > slowMemory {
						continue
					}
					b.Run(fmt.Sprintf("shape=%v/size=%s/cores=%s/codec=%s", s, sizeName(size), coresName(cores), e.Name),
						func(b *testing.B) { f(b, e, s, size, cores) })
				}
			}
		}
	}
}

// engines lists the codecs that are compared on one core or on all.
func engines(cores int) []work.Engine {
	list := append([]work.Engine{work.Redstuff, work.RS2, work.Klauspost}, work.Backends()...)
	if cores != 1 {
		list = append(list, work.KlauspostSplit(0), work.KlauspostSplit(4<<10))
	}
	return list
}

func BenchmarkEncode1D(b *testing.B) {
	onedim(b, func(b *testing.B, e work.Engine, s work.Shape, size, cores int) {
		run(b, "op=encode", func() (*work.Op, error) { return work.Encode1D(&arena, e, s, size, cores) })
	})
}

func BenchmarkDecode1D(b *testing.B) {
	onedim(b, func(b *testing.B, e work.Engine, s work.Shape, size, cores int) {
		for _, loss := range work.Losses {
			run(b, "lost="+loss.Name, func() (*work.Op, error) {
				return work.Decode1D(&arena, e, s, size, cores, loss)
			})
		}
	})
}
