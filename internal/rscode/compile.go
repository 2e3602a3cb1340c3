package rscode

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
)

// compiler makes patterns of one code.
type compiler struct {
	*Geometry
	spaces sync.Pool // of *locatorSpace
}

// compile builds the pattern. At least k shards are there.
func (c *compiler) compile(missing, wanted bitset.Set) *Pattern {
	n := c.Total()
	lost, targets := missing.Count(0, c.Data), wanted.Count(0, n)
	lists := make([]int, 0, targets+2*lost+63) // parity is chosen in words
	p := &Pattern{shards: n, missing: slices.Clone(missing), targets: wanted.AppendTo(lists, 0, n, 0)}
	for missing.Has(p.present) {
		p.present++
	}
	p.lost = missing.AppendTo(lists[targets:targets], 0, c.Data, 0)
	p.usedParity = c.chooseParity(lists[targets+lost:targets+lost], missing, lost)
	if targets == 0 {
		return p
	}

	space := c.space(p)
	defer c.spaces.Put(space)
	if c.sumsAreCheaper(p) {
		c.compileSums(p, space)
		return p
	}
	log := c.quotient(space)
	// Factors of shards at outer points have 1/τ twice, see the type Pattern.
	parity, data := 0, -2
	if c.Low {
		parity, data = -2, 0
	}
	p.beta = c.compileFactors(p.usedParity, c.Data, log, 1, parity)
	p.alpha = c.compileFactors(p.lost, 0, log, -1, data)
	return p
}

// locatorSpace is the memory that compiling takes and does not keep.
type locatorSpace struct {
	zeros, poles []int // the points of lost data and of the parity used for it

	log     []uint16
	scratch []uint64
	points  []gf16.Elem // of the sources
	logs    []int32
}

// space returns memory with the points of lost data and of parity. It goes back
// to c.spaces.
func (c *compiler) space(p *Pattern) *locatorSpace {
	l, _ := c.spaces.Get().(*locatorSpace)
	if l == nil {
		l = new(locatorSpace)
	}
	l.zeros, l.poles = l.zeros[:0], l.poles[:0]
	for _, shard := range p.lost {
		l.zeros = append(l.zeros, c.Point(shard))
	}
	for _, shard := range p.usedParity {
		l.poles = append(l.poles, c.Point(c.Data+shard))
	}
	return l
}

// quotient returns the logarithms of Λ_L/Λ_B at all points in use, in l's memory.
func (c *compiler) quotient(l *locatorSpace) []uint16 {
	points := ceilPow2(c.points())
	l.log, l.scratch = resize(l.log, points), resize(l.scratch, points/2)
	gf16.Locator(l.log, l.scratch, l.zeros, l.poles)
	return l.log
}

// chooseParity appends n of the parity shards that are not missing, so that few blocks
// take part: the lowest for the inner side, and for the outer side those of the
// fullest blocks.
func (c *compiler) chooseParity(chosen []int, missing bitset.Set, n int) []int {
	blocks := []run{{c.Data, c.Total()}}
	if c.Low && c.Parity > c.Inner {
		blocks = blocks[:0]
		for first := c.Data; first < c.Total(); first += c.Inner {
			blocks = append(blocks, run{first, min(first+c.Inner, c.Total())})
		}
		slices.SortStableFunc(blocks, func(a, b run) int {
			return cmp.Compare(b.end-b.first-missing.Count(b.first, b.end), a.end-a.first-missing.Count(a.first, a.end))
		})
	}
	for _, b := range blocks {
		// A word at a time, because n is often reached early.
		for b.first < b.end && len(chosen) < n {
			end := min(b.end, b.first&^63+64)
			chosen = missing.AppendOthers(chosen, b.first, end, c.Data)
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
func (c *compiler) compileFactors(shards []int, offset int, log []uint16, sign, power int) []factors {
	var runs []factors
	for len(shards) > 0 {
		first := shards[0] &^ (c.Inner - 1)
		n, _ := slices.BinarySearch(shards, first+c.Inner)
		f := factors{first: first, coeffs: make([]gf16.Elem, shards[n-1]+1-first)}
		point := c.Point(offset + first)
		tau := power * c.logTau(point)
		for _, shard := range shards[:n] {
			f.coeffs[shard-first] = gf16.Exp(sign*int(log[point+shard-first]) + tau)
		}
		runs = append(runs, f)
		shards = shards[n:]
	}
	return runs
}

// compileSums fills in the coefficients of each target over the sources.
func (c *compiler) compileSums(p *Pattern, l *locatorSpace) {
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
	points, logs := l.points[:c.Data], l.logs[:c.Data]
	p.sums = make([][]gf16.Elem, len(p.targets))
	coeffs := make([]gf16.Elem, c.Data*len(p.targets))
	for t := range p.sums {
		p.sums[t] = coeffs[t*c.Data:][:c.Data]
		gf16.CauchyRow(p.sums[t], l.points[c.Data+t], points, logs, -int(l.logs[c.Data+t]))
	}
}

// sourceRuns returns the shards that are used: k in all, in runs of one side each.
func (c *compiler) sourceRuns(p *Pattern) []run {
	runs := make([]run, 0, 2*len(p.lost)+1)
	first := 0
	for _, lost := range p.lost {
		if first < lost {
			runs = append(runs, run{first, lost})
		}
		first = lost + 1
	}
	if first < c.Data {
		runs = append(runs, run{first, c.Data})
	}
	for i, b := range p.usedParity {
		if i > 0 && b == p.usedParity[i-1]+1 {
			runs[len(runs)-1].end++
		} else {
			runs = append(runs, run{c.Data + b, c.Data + b + 1})
		}
	}
	return runs
}

// addWeights appends the points of a run of shards of one side, and what takes them to
// the Cauchy form.
func (c *compiler) addWeights(l *locatorSpace, r run) {
	for r.first < r.end {
		x, weight := c.Point(r.first), int32(c.logWeight(r.first))
		n := min(r.end-r.first, c.Inner-x&(c.Inner-1)) // within a block
		for i := range n {
			l.points, l.logs = append(l.points, gf16.Elem(x+i)), append(l.logs, weight)
		}
		r.first += n
	}
}

// addQuotients adds the logarithms of Λ_L/Λ_B at the points to the logarithms there.
func (c *compiler) addQuotients(l *locatorSpace) {
	points := ceilPow2(c.points())
	if (len(l.zeros)+len(l.poles))*len(l.points) <= points*bits.Len(uint(points)) {
		gf16.AddLocator(l.logs, l.points, l.zeros, l.poles)
		return
	}
	log := c.quotient(l)
	for i, x := range l.points {
		l.logs[i] += int32(log[x])
	}
}

// sumsAreCheaper compares the two ways by their measured costs, in products of a source by
// a constant. A transform costs one a row, and a tenth more for each of its layers: most of
// it are loads and stores, of which several layers have one. To bring a data shard into
// rows costs three.
func (c *compiler) sumsAreCheaper(p *Pattern) bool {
	if c.Parity == 1 {
		return true // there is one target, and all shards add up to zero
	}
	transforms := 2 + c.blocks(c.Data) + c.blocks(len(p.usedParity))
	if p.targets[len(p.targets)-1] >= c.Data {
		transforms += 1 + c.blocks(c.Parity) + c.blocks(c.Data)
	}
	return len(p.targets)*c.Data < 3*c.Data+transforms*c.Inner*(10+bits.Len(uint(c.Inner-1)))/10
}

// resize returns a slice of n elements in the memory of s if it has room.
func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n)
}
