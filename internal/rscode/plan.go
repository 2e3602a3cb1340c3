package rscode

import (
	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
)

// Plan is what decoding from shards that come one by one takes: it depends on the missing
// shards only. It is immutable. See [Pattern] for the derivation.
type Plan struct {
	c    *Code
	used bitset.Set // the shards that take part: the data and as much parity as it lacks
	log  []uint16   // logarithms of Λ_L/Λ_B at all points
}

// NewPlan returns the plan of a code for a set of at most m missing shards. It panics if the set is
// not of the code's shards.
func NewPlan(c *Code, missing bitset.Set) *Plan {
	if c == nil {
		panic("rscode: NewPlan of a nil *Code")
	}
	c.checkSet(missing)
	lost := missing.AppendTo(nil, 0, c.Data, 0)
	pattern := &Pattern{lost: lost, usedParity: c.compiler.chooseParity(nil, missing, len(lost))}
	p := &Plan{c: c, used: make(bitset.Set, len(missing)), log: c.compiler.quotient(c.compiler.space(pattern))}
	for i := range c.Data {
		if !missing.Has(i) {
			p.used.Add(i)
		}
	}
	for _, i := range pattern.usedParity {
		p.used.Add(c.Data + i)
	}
	return p
}

// Uses reports whether the shard takes part.
func (p *Plan) Uses(shard int) bool { return p.used.Has(shard) }

// Coefficient returns what the source, a shard that takes part, is to be multiplied by for
// the target, a missing shard.
func (p *Plan) Coefficient(source, target int) gf16.Elem {
	c := p.c
	s, t := c.Point(source), c.Point(target)
	log := int(p.log[s]) + c.logWeight(source) - int(p.log[t]) - c.logWeight(target)
	return gf16.Exp(log - gf16.Log(gf16.Elem(s^t)))
}
