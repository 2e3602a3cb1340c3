package rscode

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
)

// Pattern is an erasure pattern compiled: which shards to use, and the factors that
// decoding takes. It depends on the pattern alone, so one serves every strip of
// every blob that lost the same shards. A Pattern is immutable.
//
// # Derivation
//
// In the Cauchy form of the code (see [Geometry]), with q_d = data_d·τ(d) and
// p_b = parity_b/τ(b), lost data L and as many parity shards B, the unknowns solve
//
//	Σ_{x∈L} q_x/(b-x) = r_b    where  r_b = p_b + Σ_{d there} q_d/(b-d),  b∈B
//
// which is a Cauchy system. With Λ_E(z) = Π_{e∈E}(z-e) its solution is
//
//	q_x = α_x · Σ_{b∈B} β_b·r_b/(x-b),  α_x = Λ_B(x)/Λ_L'(x),  β_b = Λ_L(b)/Λ_B'(b)
//
// Both sums over 1/(point-point) are what the transforms compute: the one from data
// to parity is the encoder, and the one back is its transpose, which takes the same
// number of butterflies. So decoding costs one encoding with the lost data as zero,
// a factor for each b in B, one encoding in the other direction and a factor for
// each x in L. No transform is larger than the inner block, and none is needed for
// a side that has nothing to give.
//
// For a target t of few, one sum over the shards that are used is cheaper. Partial
// fractions of Λ_L(z)/(Λ_B(z)(z-d)(z-t)) give its coefficients: with ŷ = q or p,
//
//	ŷ_t = Λ_B(t)/Λ_L(t) · Σ_i (Λ_L(i)/Λ_B(i))·ŷ_i/(t-i),   i over the data there and B
//
// where Λ_L or Λ_B is its derivative at its own roots. All these factors are powers
// of one quotient R = Λ_L/Λ_B, see [gf16.Locator].
type Pattern struct {
	shards  int // of the code, all of them
	missing bitset.Set
	present int   // a shard that is there, which tells the size of all
	targets []int // missing shards that are wanted, ascending

	lost       []int // data shards that are missing, ascending
	usedParity []int // parity shards used in their place, as many, ascending, from 0

	beta  []factors // what to multiply the used parity's rows by
	alpha []factors // what to multiply the restored data's rows by

	// sums, if not nil, has coefficients over the sources for each wanted shard, in
	// place of the transforms.
	sources []run
	sums    [][]gf16.Elem
}

// run is the shards first, first+1, …, up to end.
type run struct{ first, end int }

// factors are those of a run of rows: the shards first, first+1, … of one side,
// within one block. The factor of a row that takes no part is zero.
type factors struct {
	first  int
	coeffs []gf16.Elem
}

// Restores reports whether [Workspace.Reconstruct] with this pattern computes the shard.
func (p *Pattern) Restores(shard int) bool {
	list := p.lost
	if p.sums != nil {
		list = p.targets
	}
	_, found := slices.BinarySearch(list, shard)
	return found
}

// Sums reports whether all wanted shards are computed one by one, as sums: else the
// pattern restores data only.
func (p *Pattern) Sums() bool { return p.sums != nil }

// Targets returns the missing shards that are wanted, ascending. They are not to be
// changed.
func (p *Pattern) Targets() []int { return p.targets }

// Lost returns the missing data shards, ascending. They are not to be changed.
func (p *Pattern) Lost() []int { return p.lost }

// Sources is the list of shards that decoding reads, and the memory it takes.
type Sources struct {
	shards [][]byte
	zeros  []byte // never written, so always zero
}

// Sources makes the list for shards in l, and returns it: shards with zeros in place
// of those that the pattern has as missing. It is valid until the next call with l. It
// panics if l is nil, or if shards are not all of the code's.
func (p *Pattern) Sources(l *Sources, shards [][]byte) [][]byte {
	if l == nil {
		panic("rscode: Pattern.Sources in a nil *Sources")
	}
	if len(shards) != p.shards {
		panic(fmt.Sprintf("rscode: Pattern.Sources of %d shards; want %d", len(shards), p.shards))
	}
	if size := len(shards[p.present]); len(l.zeros) < size {
		l.zeros = make([]byte, size)
	}
	l.shards = append(l.shards[:0], shards...)
	for i, word := range p.missing {
		for ; word != 0; word &= word - 1 {
			l.shards[i<<6+bits.TrailingZeros64(word)] = l.zeros
		}
	}
	return l.shards
}

// Clear drops the references to shards.
func (l *Sources) Clear() {
	clear(l.shards)
	l.shards = l.shards[:0]
}
