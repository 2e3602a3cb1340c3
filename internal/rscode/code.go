package rscode

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
)

// Code is a code on one backend. It is immutable, but for the patterns it remembers, and
// safe for concurrent use.
type Code struct {
	Geometry
	Engine *gf16.Engine

	strip    int        // see StripSize
	words    int        // of a set of shards
	parity   bitset.Set // all parity shards
	patterns patternCache
	compiler compiler

	// fusedSize and factors are the Size and the Factors of gf16.BlockEncoding. fusedSize is
	// 0 where the engine has no fused passes for the code.
	fusedSize int
	factors   []gf16.Elem

	// Few encodes with all rows of a block in registers. It is nil unless the code has few
	// parity shards. Where it is not nil, strips are of no use to encoding.
	Few *gf16.FewEncoder
}

// New returns the code of k data and m parity shards on a backend, named as in
// gf.Backends. The error is a *[ShapeError], or lists the backends that there are.
func New(k, m int, rate Rate, backend string) (*Code, error) {
	g, err := newGeometry(k, m, rate)
	if err != nil {
		return nil, err
	}
	engine, err := gf16.NewEngine(backend)
	if err != nil {
		return nil, err
	}
	c := &Code{Geometry: g, Engine: engine, strip: stripSize(&g), words: bitset.Words(g.Total())}
	c.parity = make(bitset.Set, c.words)
	for i := k; i < k+m; i++ {
		c.parity.Add(i)
	}
	c.compiler.Geometry = &c.Geometry
	c.fusedSize, c.factors = fusedTransforms(&g, engine)
	if !g.Low {
		c.Few = gf16.NewFewEncoder(engine, m, k)
	}
	return c, nil
}

// fusedTransforms returns the size of the transforms that encode in fused passes, if the
// engine has them: the inner block's, but with data outside that fits a smaller power of
// two, that. Then the data is the values of one polynomial at one coset of that size. On
// each of parity's cosets s(x) of that size takes one value at the points' distances from
// the data, and the polynomial's values are to be divided by it.
func fusedTransforms(g *Geometry, e *gf16.Engine) (size int, factors []gf16.Elem) {
	size = g.Inner
	if !g.Low {
		size = min(size, ceilPow2(g.Data))
	}
	for size <= g.Inner && !e.CanEncodeBlocks(size, g.points()) {
		size *= 2
	}
	if size > g.Inner {
		return 0, nil
	}
	if size < g.Inner {
		for first := 0; first < g.Parity; first += size {
			factors = append(factors, gf16.Inv(gf16.Elem((first^g.Inner)/size)))
		}
	}
	return size, factors
}

// Pattern returns the compiled pattern for the shards that are present, of all of the
// code, and those wanted: missing shards, nil standing for all missing data shards. The
// code remembers recent patterns. The error says that fewer than k shards are present, or
// that a list is not of all shards.
func (c *Code) Pattern(present, wanted []bool) (*Pattern, error) {
	n := c.Total()
	if len(present) != n || wanted != nil && len(wanted) != n {
		return nil, fmt.Errorf("rscode: the pattern speaks of %d shards present and %d wanted, the code has %d", len(present), len(wanted), n)
	}
	sets := make(bitset.Set, 2*c.words)
	missing, targets := sets[:c.words], sets[c.words:]
	for i, there := range present {
		if there {
			continue
		}
		missing.Add(i)
		if wanted == nil && i < c.Data || wanted != nil && wanted[i] {
			targets.Add(i)
		}
	}
	if there := n - missing.Count(0, n); there < c.Data {
		return nil, fmt.Errorf("rscode: %d of %d shards are there, %d are needed", there, n, c.Data)
	}
	return c.PatternOf(missing, targets), nil
}

// PatternOf is [Code.Pattern] for sets of missing shards, at most m, and of those of them
// that are wanted. It keeps neither, and panics if they are not of the code's shards.
func (c *Code) PatternOf(missing, wanted bitset.Set) *Pattern {
	c.checkSet(missing)
	c.checkSet(wanted)
	return c.patterns.get(&c.compiler, missing, wanted)
}

// ParityPattern is [Code.Pattern] for one parity shard where all of the data is there, and
// no parity. It panics if the shard is none of parity.
func (c *Code) ParityPattern(shard int) *Pattern {
	if shard < c.Data || shard >= c.Total() {
		panic(fmt.Sprintf("rscode: ParityPattern of shard %d; those of parity are %d to %d", shard, c.Data, c.Total()-1))
	}
	wanted := make(bitset.Set, c.words)
	wanted.Add(shard)
	return c.PatternOf(c.parity, wanted)
}

// checkSet panics unless the set is one of the code's shards.
func (c *Code) checkSet(set bitset.Set) {
	if len(set) != c.words {
		panic("rscode: a set of other shards than the code's")
	}
}

// NewWorkspace returns an empty workspace of the code.
func (c *Code) NewWorkspace() *Workspace {
	return &Workspace{c: c, rows: planarRows{c: c}}
}
