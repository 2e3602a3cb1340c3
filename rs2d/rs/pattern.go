package rs

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/redstuff-go/redstuff/gf"
)

// Pattern is an erasure pattern compiled: which shards to use, and the factors that
// decoding takes. It depends on the pattern alone, so one serves every strip of
// every blob that lost the same shards. A Pattern is immutable.
//
// # Derivation
//
// In the Cauchy form of the code (see the type code), with q_d = data_d·τ(d) and
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
// of one quotient R = Λ_L/Λ_B, see [gf.Locator].
type Pattern struct {
	lost []int // data shards that are missing, ascending
	near []int // parity shards used in their place, as many, ascending, from 0
	fill int   // a shard that is there, for its size

	beta  []factors // what to multiply the used parity's rows by
	alpha []factors // what to multiply the restored data's rows by

	// sums, if not nil, has coefficients over sources for each wanted shard, in
	// place of the transforms.
	sources []int
	targets []int
	sums    [][]gf.Elem
}

// factors are those of a run of rows: the shards first, first+1, … of one side,
// within one block. The factor of a row that takes no part is zero.
type factors struct {
	first  int
	coeffs []gf.Elem
}

// Pattern returns the compiled pattern for the shards that are present, len(present)
// being TotalShards, and those wanted: missing shards, nil standing for all missing
// data shards. The codec remembers recent patterns. The error matches
// [ErrTooFewShards] if fewer than DataShards are present.
func (c *Codec) Pattern(present, wanted []bool) (*Pattern, error) {
	n := c.TotalShards()
	if len(present) != n || wanted != nil && len(wanted) != n {
		return nil, fmt.Errorf("%w: the pattern speaks of %d shards, the codec has %d", ErrTooFewShards, len(present), n)
	}
	there := 0
	for _, p := range present {
		if p {
			there++
		}
	}
	if there < c.k {
		return nil, fmt.Errorf("%w: %d of %d are there, %d are needed", ErrTooFewShards, there, n, c.k)
	}
	return c.patterns.get(c, present, wanted), nil
}

// compile builds the pattern. At least k shards are present.
func (c *Codec) compile(present, wanted []bool) *Pattern {
	p := &Pattern{fill: slices.Index(present, true)}
	for i := range c.k {
		if !present[i] {
			p.lost = append(p.lost, i)
		}
	}
	p.near = c.chooseParity(present[c.k:], len(p.lost))
	for i := range present {
		if !present[i] && (wanted == nil && i < c.k || wanted != nil && wanted[i]) {
			p.targets = append(p.targets, i)
		}
	}
	if len(p.targets) == 0 {
		return p
	}

	space := c.quotient(p)
	defer c.locators.Put(space)
	log := space.log
	if c.sumsAreCheaper(p) {
		c.compileSums(p, present, log)
		return p
	}
	// Factors of shards at outer points have 1/τ twice, see the type Pattern.
	parity, data := 0, -2
	if c.low {
		parity, data = -2, 0
	}
	p.beta = c.compileFactors(p.near, c.k, func(point int) int { return int(log[point]) + parity*c.logTau(point) })
	p.alpha = c.compileFactors(p.lost, 0, func(point int) int { return -int(log[point]) + data*c.logTau(point) })
	return p
}

// quotient leaves the logarithms of Λ_L/Λ_B at all points in use in memory that goes
// back to c.locators.
func (c *Codec) quotient(p *Pattern) *locatorSpace {
	l, _ := c.locators.Get().(*locatorSpace)
	if l == nil {
		l = new(locatorSpace)
	}
	points := ceilPow2(c.points())
	l.log, l.scratch = resize(l.log, points), resize(l.scratch, points)
	l.zeros, l.poles = l.zeros[:0], l.poles[:0]
	for _, shard := range p.lost {
		l.zeros = append(l.zeros, c.point(shard))
	}
	for _, shard := range p.near {
		l.poles = append(l.poles, c.point(c.k+shard))
	}
	gf.Locator(l.log, l.scratch, l.zeros, l.poles)
	return l
}

// locatorSpace is the memory that compiling takes and does not keep.
type locatorSpace struct {
	log          []uint16
	scratch      []int32
	zeros, poles []int
}

// logTau returns the logarithm of τ(point).
func (c *Codec) logTau(point int) int {
	if point < c.code.c {
		return 0
	}
	return c.logSubspace(point)
}

// chooseParity picks n of the parity shards present, so that few blocks take part:
// the lowest for the inner side, and for the outer side those of the fullest blocks.
func (c *Codec) chooseParity(present []bool, n int) []int {
	if n == 0 {
		return nil
	}
	block := len(present)
	if c.low {
		block = c.code.c
	}
	type span struct{ first, there int }
	var spans []span
	for first := 0; first < len(present); first += block {
		s := span{first: first}
		for _, p := range present[first:min(first+block, len(present))] {
			if p {
				s.there++
			}
		}
		spans = append(spans, s)
	}
	slices.SortStableFunc(spans, func(a, b span) int { return b.there - a.there })
	chosen := make([]int, 0, n)
	for _, s := range spans {
		for i := s.first; i < min(s.first+block, len(present)) && len(chosen) < n; i++ {
			if present[i] {
				chosen = append(chosen, i)
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}

// compileFactors returns the factors of shards of one side, ascending: offset is 0
// for data and k for parity.
func (c *Codec) compileFactors(shards []int, offset int, logFactor func(point int) int) []factors {
	var runs []factors
	for len(shards) > 0 {
		first := shards[0] &^ (c.code.c - 1)
		end := first + c.code.c
		n, _ := slices.BinarySearch(shards, end)
		run := factors{first: first, coeffs: make([]gf.Elem, shards[n-1]+1-first)}
		for _, shard := range shards[:n] {
			run.coeffs[shard-first] = gf.Exp(logFactor(c.point(offset + shard)))
		}
		runs = append(runs, run)
		shards = shards[n:]
	}
	return runs
}

// compileSums fills in the coefficients of each target over the sources.
func (c *Codec) compileSums(p *Pattern, present []bool, log []uint16) {
	p.sources = make([]int, 0, c.k)
	for i := range c.k {
		if present[i] {
			p.sources = append(p.sources, i)
		}
	}
	for _, b := range p.near {
		p.sources = append(p.sources, c.k+b)
	}
	// What depends on the source alone: its point, and log(Λ_L/Λ_B) with its weight.
	points, logs := make([]gf.Elem, c.k), make([]int32, c.k)
	for i, source := range p.sources {
		x := c.point(source)
		points[i], logs[i] = gf.Elem(x), int32(log[x])+int32(c.logWeight(source))
	}
	p.sums = make([][]gf.Elem, len(p.targets))
	for t, target := range p.targets {
		x := c.point(target)
		p.sums[t] = make([]gf.Elem, c.k)
		gf.CauchyRow(p.sums[t], gf.Elem(x), points, logs, -int(log[x])-c.logWeight(target))
	}
}

// logWeight returns the logarithm of what takes a shard to its Cauchy form: τ for
// data, 1/τ for parity.
func (c *Codec) logWeight(shard int) int {
	tau := c.logTau(c.point(shard))
	if shard >= c.k {
		return -tau
	}
	return tau
}

// sumsAreCheaper compares the two ways by their multiplications by a constant, in
// the measured proportion of their costs.
func (c *Codec) sumsAreCheaper(p *Pattern) bool {
	transform := c.code.c * bits.Len(uint(c.code.c-1)) / 2
	blocks := func(n int) int { return (n + c.code.c - 1) / c.code.c }
	transforms := 2 + blocks(c.k) + blocks(len(p.near))
	if p.targets[len(p.targets)-1] >= c.k {
		transforms += 1 + blocks(c.m) + blocks(c.k)
	}
	return len(p.targets)*c.k < transforms*transform+c.k
}

// Sources is the list of shards that decoding reads, and the memory it takes.
type Sources struct {
	shards [][]byte
	zeros  []byte // never written, so always zero
}

// Sources makes the list for shards in l, and returns it: shards with zeros in place
// of those that are missing or that the pattern has no use for. It is valid until the
// next call with l.
func (p *Pattern) Sources(l *Sources, shards [][]byte) [][]byte {
	if size := len(shards[p.fill]); len(l.zeros) < size {
		l.zeros = make([]byte, size)
	}
	l.shards = append(l.shards[:0], shards...)
	for i, shard := range shards {
		if len(shard) == 0 {
			l.shards[i] = l.zeros
		}
	}
	for _, i := range p.targets {
		l.shards[i] = l.zeros
	}
	return l.shards
}

// Clear drops the references to shards.
func (l *Sources) Clear() {
	clear(l.shards)
	l.shards = l.shards[:0]
}
