package rs

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/gf"
)

// DecodeIdx decodes step by step, from shards that come one by one. expectInput tells
// which shards will be given in all, at least DataShards of them, and is the same in
// all calls of a series; input has some of these shards, each of which must be given
// exactly once; dst has memory, zero at first, for the shards to compute, which are
// any that are not expected. After the last of the series they are complete.
//
// With expectInput nil, input has what another series, of the same expectInput, made
// of other inputs, and is added to dst.
//
// All three lists have an entry for every shard, nil where there is none. Calls for
// the same dst must not run at the same time. Reconstruct takes much less work
// altogether.
func (c *Codec) DecodeIdx(dst [][]byte, expectInput []bool, input [][]byte) error {
	if expectInput == nil {
		return c.mergeDecoded(dst, input)
	}
	size, err := c.checkProgress(dst, expectInput, input)
	if err != nil || size == 0 {
		return err
	}
	a := c.accumulator(size)
	defer a.release()
	var targets, sources []int
	p := c.progressPlan(expectInput)
	for i := range dst {
		if dst[i] != nil {
			a.outputs = append(a.outputs, dst[i])
			targets = append(targets, i)
		}
		if input[i] != nil && p.used[i] {
			a.inputs = append(a.inputs, input[i])
			sources = append(sources, i)
		}
	}
	for _, source := range sources {
		for _, target := range targets {
			a.coeffs = append(a.coeffs, p.coefficient(c, source, target))
		}
	}
	a.run()
	return nil
}

// checkProgress returns the size of the shards, or 0 if none are given and none asked
// for.
func (c *Codec) checkProgress(dst [][]byte, expect []bool, input [][]byte) (size int, err error) {
	if n := c.TotalShards(); len(expect) != n || len(dst) != n || len(input) != n {
		return 0, fmt.Errorf("%w: lists of %d, %d and %d shards; want %d", ErrInput, len(dst), len(expect), len(input), n)
	}
	there := 0
	for i, expected := range expect {
		if expected {
			there++
		}
		if input[i] != nil && !expected {
			return 0, fmt.Errorf("%w: shard %d is given, but was not expected", ErrInput, i)
		}
		if dst[i] != nil && expected {
			return 0, fmt.Errorf("%w: shard %d is to be computed, but is expected", ErrInput, i)
		}
	}
	if there < c.k {
		return 0, fmt.Errorf("%w: %d are expected, %d are needed", ErrTooFewShards, there, c.k)
	}
	for _, shard := range input {
		if shard != nil {
			size = len(shard)
			break
		}
	}
	for _, shards := range [][][]byte{input, dst} {
		for i, shard := range shards {
			if shard != nil && (len(shard) != size || size == 0 || size%c.ShardSizeMultiple() != 0) {
				return 0, &SizeError{Shard: i, Size: len(shard), Want: size, Multiple: c.ShardSizeMultiple(), invalid: true}
			}
		}
	}
	return size, nil
}

// mergeDecoded adds what was decoded elsewhere.
func (c *Codec) mergeDecoded(dst, input [][]byte) error {
	if len(dst) != len(input) {
		return fmt.Errorf("%w: lists of %d and %d shards to merge", ErrInput, len(dst), len(input))
	}
	for i, shard := range input {
		switch {
		case shard == nil:
		case dst[i] == nil:
			return fmt.Errorf("%w: shard %d to merge into nothing", ErrInput, i)
		case len(dst[i]) != len(shard):
			return &SizeError{Shard: i, Size: len(shard), Want: len(dst[i]), Multiple: c.ShardSizeMultiple(), invalid: true}
		}
	}
	for i, shard := range input {
		c.engine.Xor(dst[i][:len(shard)], shard)
	}
	return nil
}

// progressPlan is what the calls of one series have in common: it depends on the
// shards that are expected only. See [Pattern] for the derivation.
type progressPlan struct {
	expect []bool
	used   []bool   // the shards that take part: the data and as much parity as it lacks
	log    []uint16 // logarithms of Λ_L/Λ_B at all points
}

// progressPlan returns the plan for the shards, which the codec remembers for the
// next call.
func (c *Codec) progressPlan(expect []bool) *progressPlan {
	if p := c.progress.Load(); p != nil && slices.Equal(p.expect, expect) {
		return p
	}
	missing := make(bitset, words(c.TotalShards()))
	for i, expected := range expect {
		if !expected {
			missing.add(i)
		}
	}
	pattern := &Pattern{lost: missing.appendTo(nil, 0, c.k, 0)}
	pattern.near = c.chooseParity(nil, missing, len(pattern.lost))
	p := &progressPlan{expect: slices.Clone(expect), used: slices.Clone(expect), log: c.quotient(c.locatorSpace(pattern))}
	clear(p.used[c.k:])
	for _, i := range pattern.near {
		p.used[c.k+i] = true
	}
	c.progress.Store(p)
	return p
}

// coefficient returns what the source is to be multiplied by for the target.
func (p *progressPlan) coefficient(c *Codec, source, target int) gf.Elem {
	s, t := c.point(source), c.point(target)
	log := int(p.log[s]) + c.logWeight(source) - int(p.log[t]) - c.logWeight(target)
	return gf.Exp(log - gf.Log(gf.Elem(s^t)))
}
