package rs

import (
	"slices"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// stepDecoder decodes from shards that come one by one. It remembers what the calls of the
// last series have in common.
type stepDecoder struct {
	code         *rscode.Code
	accumulators *accumulators
	last         atomic.Pointer[stepPlan]
}

type stepPlan struct {
	*rscode.Plan
	expect []bool // the shards that it is for
}

// decode adds to dst what input contributes.
func (d *stepDecoder) decode(dst [][]byte, expect []bool, input [][]byte, size int) {
	a := d.accumulators.get(size)
	defer a.release()
	var targets, sources []int
	p := d.plan(expect)
	for i := range dst {
		if dst[i] != nil {
			a.outputs = append(a.outputs, dst[i])
			targets = append(targets, i)
		}
		if input[i] != nil && p.Uses(i) {
			a.inputs = append(a.inputs, input[i])
			sources = append(sources, i)
		}
	}
	for _, source := range sources {
		for _, target := range targets {
			a.coeffs = append(a.coeffs, p.Coefficient(source, target))
		}
	}
	a.run()
}

// merge adds what was decoded elsewhere.
func (d *stepDecoder) merge(dst, input [][]byte) {
	for i, shard := range input {
		d.code.Engine.Xor(dst[i][:len(shard)], shard)
	}
}

// plan returns the plan for the shards that are expected.
func (d *stepDecoder) plan(expect []bool) *stepPlan {
	if p := d.last.Load(); p != nil && slices.Equal(p.expect, expect) {
		return p
	}
	missing := make(bitset.Set, bitset.Words(len(expect)))
	for i, expected := range expect {
		if !expected {
			missing.Add(i)
		}
	}
	p := &stepPlan{rscode.NewPlan(d.code, missing), slices.Clone(expect)}
	d.last.Store(p)
	return p
}
