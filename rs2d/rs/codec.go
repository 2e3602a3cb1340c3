package rs

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// Variant is a family of codes: how shapes map to points of the field, and which
// shard sizes are allowed.
type Variant int

const (
	// Leopard gives the bytes of catid/leopard and of klauspost/reedsolomon with
	// WithLeopardGF16(true). Shard sizes are multiples of 64 bytes.
	Leopard Variant = iota
	// RS2 is the code of Walrus (reed-solomon-simd 3). Shards have any even size.
	RS2
)

func (v Variant) String() string {
	switch v {
	case Leopard:
		return "Leopard"
	case RS2:
		return "RS2"
	}
	return fmt.Sprintf("Variant(%d)", int(v))
}

// Option is a choice made when a codec is built.
type Option func(*options)

type options struct {
	variant Variant
	backend string
	workers int
	stream  streamOptions
}

// WithVariant chooses the family of codes. The default is [Leopard].
func WithVariant(v Variant) Option { return func(o *options) { o.variant = v } }

// WithBackend chooses the instruction set, one of [gf.Backends]. The default is
// the one in the environment variable REDSTUFF_CPU, or else the best.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithWorkers sets how many goroutines the calls of a codec keep busy at a time: one
// call uses them all, many at once have one each. After a call they look for the next
// one for 200 µs, the first 50 of them without giving way to other goroutines, because
// to wake them may take as long. The default, 0, stands for as many as there are usable
// CPUs.
func WithWorkers(n int) Option { return func(o *options) { o.workers = n } }

// Codec is a systematic Reed–Solomon code: data shards, and parity shards computed
// from them; any DataShards of the TotalShards shards give back all others. It is
// safe for concurrent use.
type Codec struct {
	code
	variant  Variant
	crew     *parallel.Crew
	engine   *gf.Engine
	patterns patternCache
	pool     sync.Pool // of *job
	locators sync.Pool // of *locatorSpace

	// The size of the transforms of gf.Recoding, or 0 where the engine has none that
	// fits, and its factors.
	recodeSize int
	factors    []gf.Elem
	// few says that the engine encodes with all rows in registers.
	few bool

	accumulators sync.Pool // of *accumulator
	updates      sync.Pool // of *updateSpace
	progress     atomic.Pointer[progressPlan]
}

// New returns the codec with the given numbers of shards. Shapes are limited by
// the points of the field: with c the power of two at or above the smaller side,
// c plus the larger side must not exceed 65536 (with [Leopard] the smaller side is
// always the parity).
func New(dataShards, parityShards int, opts ...Option) (*Codec, error) {
	var o options
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: option %d is a nil Option", ErrOption, i)
		}
		opt(&o)
	}
	if o.variant != Leopard && o.variant != RS2 {
		return nil, fmt.Errorf("%w: unknown variant %d; want Leopard or RS2", ErrOption, int(o.variant))
	}
	if o.workers < 0 {
		return nil, fmt.Errorf("%w: %d workers; want 0 (all CPUs) or more", ErrOption, o.workers)
	}
	geometry, err := newCode(dataShards, parityShards, o.variant)
	if err != nil {
		return nil, err
	}
	engine, err := gf.NewEngine(o.backend)
	if err != nil {
		return nil, err
	}
	c := &Codec{code: geometry, variant: o.variant, crew: parallel.NewCrew(o.workers), engine: engine}
	c.recodeSize, c.factors = geometry.recode(engine)
	c.few = !geometry.low && engine.EncodesFew(parityShards, dataShards)
	c.pool.New = func() any { return newJob(c) }
	return c, nil
}

// DataShards returns the number of data shards, k.
func (c *Codec) DataShards() int { return c.k }

// ParityShards returns the number of parity shards, m.
func (c *Codec) ParityShards() int { return c.m }

// TotalShards returns the number of all shards, k+m.
func (c *Codec) TotalShards() int { return c.k + c.m }

// Variant returns the codec's family.
func (c *Codec) Variant() Variant { return c.variant }

// Backend returns the name of the instruction set in use.
func (c *Codec) Backend() string { return c.engine.Backend() }

// ShardSizeMultiple returns what the size of a shard must be a multiple of.
func (c *Codec) ShardSizeMultiple() int {
	if c.variant == RS2 {
		return 2
	}
	return 64
}

// code is the geometry: which shard is the value at which point.
//
// The points below c, a power of two, are the *inner* block; those from c on are
// the *outer* points. One side of the code has the inner points 0, 1, …, the other
// the outer points c, c+1, …:
//
//   - low rate: data inside, parity outside, c = the power of two at or above k.
//     The shards are the values of one polynomial of degree below c that is zero at
//     the inner points from k on.
//   - high rate: parity inside, data outside, c = the power of two at or above m.
//     The sum over the outer blocks of size c of the block's interpolation
//     polynomial, each moved to the inner block, has the parity as its values.
//
// Both are one Cauchy code. With s(x) = x >> log2(c), the subspace polynomial of the
// inner block (see gf/fft.go), and τ = s at outer points, 1 at inner points,
//
//	parity_p / τ(p) = Σ_d data_d·τ(d) / (p - d)
//
// because 1/(p-d), times s of the outer one of the two, is the Lagrange coefficient
// of the subspace: the subspace's s' is 1 everywhere.
type code struct {
	k, m int
	c    int
	low  bool
}

func newCode(k, m int, v Variant) (code, error) {
	if k <= 0 || m <= 0 {
		return code{}, fmt.Errorf("%w: got %d and %d", ErrShardNum, k, m)
	}
	if k > gf.Order || m > gf.Order {
		return code{}, &LimitError{Data: k, Parity: m, Points: max(k, m)}
	}
	g := code{k: k, m: m}
	a, b := ceilPow2(k), ceilPow2(m)
	if v == RS2 {
		// Equal powers choose the rate the other way round, and must: that is what
		// the reference does.
		g.low = a < b || a == b && k > m
	}
	outer := k
	g.c = b
	if g.low {
		g.c, outer = a, m
	}
	if g.c+outer > gf.Order {
		return code{}, &LimitError{Data: k, Parity: m, Points: g.c + outer}
	}
	return g, nil
}

// point returns the point of a shard: data shards are 0 … k-1, then parity.
func (g *code) point(shard int) int {
	data := shard < g.k
	if !data {
		shard -= g.k
	}
	if data != g.low {
		shard += g.c
	}
	return shard
}

// points returns how many points are in use, counted from point 0.
func (g *code) points() int {
	if g.low {
		return g.c + g.m
	}
	return g.c + g.k
}

// logSubspace returns the logarithm of s(x) for an outer point.
func (g *code) logSubspace(x int) int {
	return gf.Log(gf.Elem(x >> bits.TrailingZeros(uint(g.c))))
}

// recode returns the size of the transforms that encode, if the engine has them: c, but
// with data outside that fits a smaller power of two, that. Then the data is the values
// of one polynomial at one coset of that size. On each of parity's cosets s(x) of that
// size takes one value at the points' distances from the data, and the polynomial's
// values are to be divided by it.
func (g *code) recode(e *gf.Engine) (size int, factors []gf.Elem) {
	size = g.c
	if !g.low {
		size = min(size, ceilPow2(g.k))
	}
	for size <= g.c && !e.Recodes(size, g.points()) {
		size *= 2
	}
	if size > g.c {
		return 0, nil
	}
	if size < g.c {
		for first := 0; first < g.m; first += size {
			factors = append(factors, gf.Inv(gf.Elem((first^g.c)/size)))
		}
	}
	return size, factors
}

func ceilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }
