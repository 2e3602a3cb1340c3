package rs2d

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// benchCase is an encoded blob with slivers in random order.
type benchCase struct {
	c       *Code
	e       *Encoding
	slivers [2][]Sliver // as many of each axis as it takes
}

func newBenchCase(b *testing.B, n, size int, opts ...Option) *benchCase {
	b.Helper()
	x := &benchCase{c: newCode(b, n, opts...)}
	var err error
	if x.e, err = x.c.Encode(pattern(size, n)); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(n)))
	for axis := range Axis(2) {
		for _, i := range random.Perm(n)[:sourceSymbols(x.c.params, axis.Other())] {
			x.slivers[axis] = append(x.slivers[axis], x.e.Sliver(SliverRef{axis, i}))
		}
	}
	return x
}

// BenchmarkDecode decodes from random slivers of one axis, on one core.
func BenchmarkDecode(b *testing.B) {
	for _, s := range []struct{ n, size int }{{10, 1 << 20}, {100, 4 << 20}, {1000, 1}, {1000, 1 << 20}, {1000, 32 << 20}} {
		var x *benchCase
		for axis := range Axis(2) {
			for check := CheckStrict; check <= CheckNone; check++ {
				b.Run(fmt.Sprintf("n=%d/size=%d/%v/%s", s.n, s.size, axis, checks[check]), func(b *testing.B) {
					if x == nil {
						x = newBenchCase(b, s.n, s.size, WithWorkers(1))
					}
					b.SetBytes(int64(s.size))
					b.ReportAllocs()
					for b.Loop() {
						if _, err := x.c.Decode(x.e.Metadata(), x.slivers[axis], check); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkVerifySlivers verifies all slivers of a node with a tenth of the shards.
func BenchmarkVerifySlivers(b *testing.B) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		for _, size := range []int{1 << 20, 32 << 20} {
			b.Run(fmt.Sprintf("%v/n=1000/size=%d", scheme, size), func(b *testing.B) {
				x := newBenchCase(b, 1000, size, WithWorkers(1), WithScheme(scheme))
				slivers := append(x.slivers[Primary][:50:50], x.slivers[Secondary][:50]...)
				b.ReportAllocs()
				for b.Loop() {
					for _, err := range x.c.VerifySlivers(x.e.Metadata(), slivers) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// BenchmarkSymbol computes one symbol of parity.
func BenchmarkSymbol(b *testing.B) {
	for _, size := range []int{1 << 20, 32 << 20} {
		x := newBenchCase(b, 1000, size, WithWorkers(1))
		for axis := range Axis(2) {
			b.Run(fmt.Sprintf("%v/n=1000/size=%d", axis, size), func(b *testing.B) {
				s := x.e.Sliver(SliverRef{axis, 5})
				b.ReportAllocs()
				for b.Loop() {
					if _, err := x.c.Symbol(s, 900); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkProver expands and hashes a sliver, and gives one symbol.
func BenchmarkProver(b *testing.B) {
	x := newBenchCase(b, 1000, 32<<20, WithWorkers(1))
	for axis := range Axis(2) {
		b.Run(fmt.Sprintf("%v/n=1000/size=%d", axis, 32<<20), func(b *testing.B) {
			s := x.e.Sliver(SliverRef{axis, 5})
			for b.Loop() {
				p, err := x.c.NewProver(s)
				if err != nil {
					b.Fatal(err)
				}
				p.Symbol(900)
			}
		})
	}
}

// BenchmarkRecover recovers the two slivers of a pair, from symbols of random others,
// and verifies the proofs of the same symbols.
func BenchmarkRecover(b *testing.B) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		x := newBenchCase(b, 1000, 32<<20, WithWorkers(1), WithScheme(scheme))
		first, second := PairSlivers(7, 1000)
		var symbols [2][]Symbol
		for axis := range Axis(2) {
			want := first
			if axis == Secondary {
				want = second
			}
			for _, s := range x.slivers[axis.Other()] {
				p, err := x.c.NewProver(s)
				if err != nil {
					b.Fatal(err)
				}
				symbols[axis] = append(symbols[axis], p.Symbol(want.Index))
			}
		}
		recover := func(b *testing.B) {
			for axis, want := range []SliverRef{first, second} {
				if _, err := x.c.Recover(x.e.Metadata(), want, symbols[axis]); err != nil {
					b.Fatal(err)
				}
			}
		}
		verify := func(b *testing.B) {
			for axis := range symbols {
				for _, err := range x.c.VerifySymbols(x.e.Metadata(), symbols[axis]) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		b.Run(fmt.Sprintf("%v/pair/n=1000/size=%d", scheme, 32<<20), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				recover(b)
			}
		})
		b.Run(fmt.Sprintf("%v/proofs/n=1000/size=%d", scheme, 32<<20), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				verify(b)
			}
		})
	}
}
