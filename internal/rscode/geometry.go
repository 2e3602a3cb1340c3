package rscode

import (
	"fmt"
	"math/bits"

	"github.com/redstuff-go/redstuff/internal/gf16"
)

// Rate is the rule by which a code chooses its inner side, see [Geometry].
type Rate int

const (
	// High rate: the parity is inside, always.
	High Rate = iota
	// Smaller is the rule of format RS2: inside is the side whose number of shards,
	// rounded up to a power of two, is smaller.
	Smaller
)

// Geometry says which shard is the value at which point.
//
// The points below c, a power of two, are the *inner* block; those from c on are the
// *outer* points. One side of the code has the inner points 0, 1, …, the other the outer
// points c, c+1, …:
//
//   - low rate: data inside, parity outside, c = the power of two at or above k.
//     The shards are the values of one polynomial of degree below c that is zero at
//     the inner points from k on.
//   - high rate: parity inside, data outside, c = the power of two at or above m.
//     The sum over the outer blocks of size c of the block's interpolation
//     polynomial, each moved to the inner block, has the parity as its values.
//
// Both are one Cauchy code. With s(x) = x >> log2(c), the subspace polynomial of the
// inner block (see internal/gf16/fft.go), and τ = s at outer points, 1 at inner points,
//
//	parity_p / τ(p) = Σ_d data_d·τ(d) / (p - d)
//
// because 1/(p-d), times s of the outer one of the two, is the Lagrange coefficient
// of the subspace: the subspace's s' is 1 everywhere.
type Geometry struct {
	Data, Parity int  // the numbers of shards, k and m
	Inner        int  // the size of the inner block, c
	Low          bool // the rate is low
}

// ShapeError reports numbers of shards for which the field has too few points.
type ShapeError struct {
	Data, Parity int
	Points       int // the points that they take at least
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("rscode: %d data and %d parity shards take %d points; the field has %d", e.Data, e.Parity, e.Points, gf16.Order)
}

// newGeometry returns the geometry of k data and m parity shards. The error is a
// *ShapeError.
func newGeometry(k, m int, rate Rate) (Geometry, error) {
	if k <= 0 || m <= 0 {
		return Geometry{}, &ShapeError{Data: k, Parity: m}
	}
	if k > gf16.Order || m > gf16.Order {
		return Geometry{}, &ShapeError{Data: k, Parity: m, Points: max(k, m)}
	}
	g := Geometry{Data: k, Parity: m}
	a, b := ceilPow2(k), ceilPow2(m)
	if rate == Smaller {
		// Equal powers choose the rate the other way round, and must: that is what
		// the reference does.
		g.Low = a < b || a == b && k > m
	}
	outer := k
	g.Inner = b
	if g.Low {
		g.Inner, outer = a, m
	}
	if g.Inner+outer > gf16.Order {
		return Geometry{}, &ShapeError{Data: k, Parity: m, Points: g.Inner + outer}
	}
	return g, nil
}

// Total returns the number of all shards.
func (g *Geometry) Total() int { return g.Data + g.Parity }

// Point returns the point of a shard. Data shards are 0 … k-1, then come parity shards.
func (g *Geometry) Point(shard int) int {
	data := shard < g.Data
	if !data {
		shard -= g.Data
	}
	if data != g.Low {
		shard += g.Inner
	}
	return shard
}

// points returns how many points are in use, counted from point 0.
func (g *Geometry) points() int {
	if g.Low {
		return g.Inner + g.Parity
	}
	return g.Inner + g.Data
}

// blocks returns how many blocks of the inner block's size hold n points.
func (g *Geometry) blocks(n int) int { return (n + g.Inner - 1) / g.Inner }

// logTau returns the logarithm of τ(point), which is one for all points of a block.
func (g *Geometry) logTau(point int) int {
	if point < g.Inner {
		return 0
	}
	return gf16.Log(gf16.Elem(point >> bits.TrailingZeros(uint(g.Inner))))
}

// logWeight returns the logarithm of what takes a shard to its Cauchy form: τ for data,
// 1/τ for parity.
func (g *Geometry) logWeight(shard int) int {
	tau := g.logTau(g.Point(shard))
	if shard >= g.Data {
		return -tau
	}
	return tau
}

// Coefficient returns what a data shard is multiplied by in a parity shard, the closed
// form of the code. parity counts from 0.
func (g *Geometry) Coefficient(data, parity int) gf16.Elem {
	d, p := g.Point(data), g.Point(g.Data+parity)
	return gf16.Exp(g.logTau(d) + g.logTau(p) - gf16.Log(gf16.Elem(d^p)))
}

// transformCost is how many multiplications by a constant a transform of the inner block
// takes, for each word.
func (g *Geometry) transformCost() int { return g.Inner * bits.Len(uint(g.Inner-1)) / 2 }

// EncodeCost is how many multiplications by a constant it takes to encode, for each word.
func (g *Geometry) EncodeCost() int {
	outer := g.Data
	if g.Low {
		outer = g.Parity
	}
	return (1 + g.blocks(outer)) * g.transformCost()
}

func ceilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }
