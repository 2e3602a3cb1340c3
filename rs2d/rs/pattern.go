package rs

import (
	"cmp"
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
	shards  int // of the codec, all of them
	missing bitset
	fill    int   // a shard that is there, for its size
	targets []int // missing shards that are wanted, ascending

	lost []int // data shards that are missing, ascending
	near []int // parity shards used in their place, as many, ascending, from 0

	beta  []factors // what to multiply the used parity's rows by
	alpha []factors // what to multiply the restored data's rows by

	// sums, if not nil, has coefficients over the sources for each wanted shard, in
	// place of the transforms.
	sources []run
	sums    [][]gf.Elem
}

// run is the shards first, first+1, …, up to end.
type run struct{ first, end int }

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
		return nil, fmt.Errorf("%w: the pattern speaks of %d shards present and %d wanted, the codec has %d", ErrTooFewShards, len(present), len(wanted), n)
	}
	sets := make(bitset, 2*words(n))
	missing, targets := sets[:words(n)], sets[words(n):]
	for i, there := range present {
		if there {
			continue
		}
		missing.add(i)
		if wanted == nil && i < c.k || wanted != nil && wanted[i] {
			targets.add(i)
		}
	}
	if err := c.checkEnough(missing); err != nil {
		return nil, err
	}
	return c.patterns.get(c, missing, targets), nil
}

// checkEnough reports too many missing shards.
func (c *Codec) checkEnough(missing bitset) error {
	n := c.TotalShards()
	if there := n - missing.count(0, n); there < c.k {
		return fmt.Errorf("%w: %d of %d are there, %d are needed", ErrTooFewShards, there, n, c.k)
	}
	return nil
}

// compile builds the pattern. At least k shards are there.
func (c *Codec) compile(missing, wanted bitset) *Pattern {
	n := c.TotalShards()
	lost, targets := missing.count(0, c.k), wanted.count(0, n)
	lists := make([]int, 0, targets+2*lost+63) // parity is chosen in words
	p := &Pattern{shards: n, missing: slices.Clone(missing), targets: wanted.appendTo(lists, 0, n, 0)}
	for missing.has(p.fill) {
		p.fill++
	}
	p.lost = missing.appendTo(lists[targets:targets], 0, c.k, 0)
	p.near = c.chooseParity(lists[targets+lost:targets+lost], missing, lost)
	if targets == 0 {
		return p
	}

	space := c.locatorSpace(p)
	defer c.locators.Put(space)
	if c.sumsAreCheaper(p) {
		c.compileSums(p, space)
		return p
	}
	log := c.quotient(space)
	// Factors of shards at outer points have 1/τ twice, see the type Pattern.
	parity, data := 0, -2
	if c.low {
		parity, data = -2, 0
	}
	p.beta = c.compileFactors(p.near, c.k, log, 1, parity)
	p.alpha = c.compileFactors(p.lost, 0, log, -1, data)
	return p
}

// locatorSpace is the memory that compiling takes and does not keep.
type locatorSpace struct {
	zeros, poles []int // the points of lost data and of the parity used for it

	log     []uint16
	scratch []uint64
	points  []gf.Elem // of the sources
	logs    []int32
}

// locatorSpace returns memory with the points of lost data and of parity. It goes back
// to c.locators.
func (c *Codec) locatorSpace(p *Pattern) *locatorSpace {
	l, _ := c.locators.Get().(*locatorSpace)
	if l == nil {
		l = new(locatorSpace)
	}
	l.zeros, l.poles = l.zeros[:0], l.poles[:0]
	for _, shard := range p.lost {
		l.zeros = append(l.zeros, c.point(shard))
	}
	for _, shard := range p.near {
		l.poles = append(l.poles, c.point(c.k+shard))
	}
	return l
}

// quotient returns the logarithms of Λ_L/Λ_B at all points in use, in l's memory.
func (c *Codec) quotient(l *locatorSpace) []uint16 {
	points := ceilPow2(c.points())
	l.log, l.scratch = resize(l.log, points), resize(l.scratch, points/2)
	gf.Locator(l.log, l.scratch, l.zeros, l.poles)
	return l.log
}

// logTau returns the logarithm of τ(point), which is one for all points of a block.
func (c *Codec) logTau(point int) int {
	if point < c.code.c {
		return 0
	}
	return c.logSubspace(point)
}

// chooseParity appends n of the parity shards that are not missing, so that few blocks
// take part: the lowest for the inner side, and for the outer side those of the
// fullest blocks.
func (c *Codec) chooseParity(chosen []int, missing bitset, n int) []int {
	blocks := []run{{c.k, c.TotalShards()}}
	if c.low && c.m > c.code.c {
		blocks = blocks[:0]
		for first := c.k; first < c.TotalShards(); first += c.code.c {
			blocks = append(blocks, run{first, min(first+c.code.c, c.TotalShards())})
		}
		slices.SortStableFunc(blocks, func(a, b run) int {
			return cmp.Compare(b.end-b.first-missing.count(b.first, b.end), a.end-a.first-missing.count(a.first, a.end))
		})
	}
	for _, b := range blocks {
		// A word at a time, because n is often reached early.
		for b.first < b.end && len(chosen) < n {
			end := min(b.end, b.first&^63+64)
			chosen = missing.appendOthers(chosen, b.first, end, c.k)
			b.first = end
		}
	}
	chosen = chosen[:n]
	slices.Sort(chosen)
	return chosen
}

// compileFactors returns the factors of shards of one side, ascending: offset is 0
// for data and k for parity. A factor is the quotient, whose logarithms are given, to
// the power of ±1, times a power of τ.
func (c *Codec) compileFactors(shards []int, offset int, log []uint16, sign, power int) []factors {
	var runs []factors
	for len(shards) > 0 {
		first := shards[0] &^ (c.code.c - 1)
		n, _ := slices.BinarySearch(shards, first+c.code.c)
		f := factors{first: first, coeffs: make([]gf.Elem, shards[n-1]+1-first)}
		point := c.point(offset + first)
		tau := power * c.logTau(point)
		for _, shard := range shards[:n] {
			f.coeffs[shard-first] = gf.Exp(sign*int(log[point+shard-first]) + tau)
		}
		runs = append(runs, f)
		shards = shards[n:]
	}
	return runs
}

// compileSums fills in the coefficients of each target over the sources.
func (c *Codec) compileSums(p *Pattern, l *locatorSpace) {
	p.sources = c.sourceRuns(p)
	// What depends on the shard alone: its point, and log(Λ_L/Λ_B) with its weight.
	l.points, l.logs = l.points[:0], l.logs[:0]
	for _, r := range p.sources {
		c.addWeights(l, r)
	}
	for _, target := range p.targets {
		c.addWeights(l, run{target, target + 1})
	}
	c.addQuotients(l)
	points, logs := l.points[:c.k], l.logs[:c.k]
	p.sums = make([][]gf.Elem, len(p.targets))
	coeffs := make([]gf.Elem, c.k*len(p.targets))
	for t := range p.sums {
		p.sums[t] = coeffs[t*c.k:][:c.k]
		gf.CauchyRow(p.sums[t], l.points[c.k+t], points, logs, -int(l.logs[c.k+t]))
	}
}

// sourceRuns returns the shards that are used: k in all, in runs of one side each.
func (c *Codec) sourceRuns(p *Pattern) []run {
	runs := make([]run, 0, 2*len(p.lost)+1)
	first := 0
	for _, lost := range p.lost {
		if first < lost {
			runs = append(runs, run{first, lost})
		}
		first = lost + 1
	}
	if first < c.k {
		runs = append(runs, run{first, c.k})
	}
	for i, b := range p.near {
		if i > 0 && b == p.near[i-1]+1 {
			runs[len(runs)-1].end++
		} else {
			runs = append(runs, run{c.k + b, c.k + b + 1})
		}
	}
	return runs
}

// addWeights appends the points of a run of shards of one side, and what takes them to
// the Cauchy form.
func (c *Codec) addWeights(l *locatorSpace, r run) {
	for r.first < r.end {
		x, weight := c.point(r.first), int32(c.logWeight(r.first))
		n := min(r.end-r.first, c.code.c-x&(c.code.c-1)) // within a block
		for i := range n {
			l.points, l.logs = append(l.points, gf.Elem(x+i)), append(l.logs, weight)
		}
		r.first += n
	}
}

// addQuotients adds the logarithms of Λ_L/Λ_B at the points to the logarithms there.
func (c *Codec) addQuotients(l *locatorSpace) {
	points := ceilPow2(c.points())
	if (len(l.zeros)+len(l.poles))*len(l.points) <= points*bits.Len(uint(points)) {
		gf.AddLocator(l.logs, l.points, l.zeros, l.poles)
		return
	}
	log := c.quotient(l)
	for i, x := range l.points {
		l.logs[i] += int32(log[x])
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
	if c.m == 1 {
		return true // there is one target, and all shards add up to zero
	}
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
// of those that the pattern has as missing. It is valid until the next call with l. It
// panics if l is nil, or if shards are not all of the codec's.
func (p *Pattern) Sources(l *Sources, shards [][]byte) [][]byte {
	if l == nil {
		panic("rs: Pattern.Sources in a nil *Sources")
	}
	if len(shards) != p.shards {
		panic(fmt.Sprintf("rs: Pattern.Sources of %d shards; want %d", len(shards), p.shards))
	}
	if size := len(shards[p.fill]); len(l.zeros) < size {
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
