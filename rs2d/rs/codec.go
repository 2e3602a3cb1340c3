package rs

import (
	"errors"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/internal/alias"
	"github.com/redstuff-go/redstuff/internal/gf16"
	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Codec is a systematic Reed–Solomon code: data shards, and parity shards computed
// from them; any DataShards of the TotalShards shards give back all others. It is
// safe for concurrent use.
type Codec struct {
	shape   shape
	variant Variant
	code    *rscode.Code
	jobs    jobs
	updates updater
	steps   stepDecoder
}

// New returns the codec with the given numbers of shards. Shapes are limited by
// the points of the field: with c the power of two at or above the smaller side,
// c plus the larger side must not exceed 65536 (with [Leopard] the smaller side is
// always the parity). The error matches [ErrShardNum] or [ErrOption], is a *[LimitError],
// or says which backends there are.
func New(dataShards, parityShards int, opts ...Option) (*Codec, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if dataShards <= 0 || parityShards <= 0 {
		return nil, fmt.Errorf("%w: got %d and %d", ErrShardNum, dataShards, parityShards)
	}
	code, err := rscode.New(dataShards, parityShards, o.variant.rate(), o.backend)
	if limit := (*rscode.ShapeError)(nil); errors.As(err, &limit) {
		return nil, &LimitError{Data: limit.Data, Parity: limit.Parity, Points: limit.Points}
	}
	if err != nil {
		return nil, err
	}
	crew := parallel.NewCrew(o.workers)
	c := &Codec{
		shape:   shape{data: dataShards, parity: parityShards, multiple: o.variant.sizeMultiple()},
		variant: o.variant,
		code:    code,
	}
	accumulators := &accumulators{engine: code.Engine, crew: crew}
	c.jobs.init(code, crew)
	c.updates = updater{code: code, crew: crew, accumulators: accumulators}
	c.steps = stepDecoder{code: code, accumulators: accumulators}
	return c, nil
}

// DataShards returns the number of data shards, k.
func (c *Codec) DataShards() int { return c.shape.data }

// ParityShards returns the number of parity shards, m.
func (c *Codec) ParityShards() int { return c.shape.parity }

// TotalShards returns the number of all shards, k+m.
func (c *Codec) TotalShards() int { return c.shape.total() }

// ShardSizeMultiple returns what the size of a shard must be a multiple of, in bytes.
func (c *Codec) ShardSizeMultiple() int { return c.shape.multiple }

// Variant returns the codec's family.
func (c *Codec) Variant() Variant { return c.variant }

// Backend returns the name of the instruction set in use.
func (c *Codec) Backend() string { return c.code.Engine.Backend() }

// Encode computes the parity shards from the data shards. shards has the data
// shards, then the parity shards; all have one size, which must not be zero and is
// a multiple of [Codec.ShardSizeMultiple].
//
// A parity shard may not overlap another shard in memory; data shards may overlap one
// another. The error is an *[OverlapError], or matches [ErrTooFewShards], [ErrNoData] or
// [ErrShardSize]; nothing is written then.
func (c *Codec) Encode(shards [][]byte) error {
	size, err := c.shape.encode(shards)
	if err != nil {
		return err
	}
	k := c.shape.data
	if c.code.Few != nil && len(shards)*size < 2*minShare && size%gf16.BlockSize == 0 {
		// A call this short pays for nothing but its work.
		c.code.Few.Encode(shards[k:], shards[:k], 0, size, nil)
		return nil
	}
	j := c.jobs.get(shards, size)
	defer j.release()
	j.parity = shards[k:]
	j.run(j.encodeStrip)
	return nil
}

// EncodeIdx adds the part that one data shard has in the parity shards. When this was
// done once for each data shard, in any order, on parity that was zero at first, the
// parity is what [Codec.Encode] computes; a shard of zeros can be left out. Encode
// takes much less work altogether: this is for data that comes shard by shard.
//
// Calls for the same parity must not run at the same time. A parity shard may not overlap
// another one or the data shard in memory. The error is an *[OverlapError], or matches
// [ErrTooFewShards], [ErrShardIndex], [ErrNoData] or [ErrShardSize].
func (c *Codec) EncodeIdx(dataShard []byte, idx int, parity [][]byte) error {
	if len(parity) != c.shape.parity {
		return fmt.Errorf("%w: got %d of parity, want %d", ErrTooFewShards, len(parity), c.shape.parity)
	}
	if idx < 0 || idx >= c.shape.data {
		return fmt.Errorf("%w: data shard %d of %d", ErrShardIndex, idx, c.shape.data)
	}
	size, err := c.shape.common(parity, false)
	if err != nil {
		return err
	}
	if len(dataShard) != size {
		return &SizeError{Shard: idx, Size: len(dataShard), Want: size, Multiple: c.shape.multiple}
	}
	if err := c.shape.checkMultiple(parity, size); err != nil {
		return err
	}
	if err := c.shape.apart(parity, c.shape.data, [][]byte{dataShard}, idx, size); err != nil {
		return err
	}
	c.updates.add(parity, dataShard, idx)
	return nil
}

// Update brings the parity up to date with data shards that change. shards has the
// data as it was, empty where it does not change or does not matter, and all of the
// parity; newDatashards has the data as it will be, empty where it does not change.
// Only the parity is written. The work is in proportion to the number of data shards
// that change, up to that of encoding.
//
// A parity shard may not overlap another shard in memory, old or new. The error is an
// *[OverlapError], or matches [ErrInput] if the old data of a changed shard or a parity
// shard is missing, [ErrTooFewShards], [ErrNoData] or [ErrShardSize].
func (c *Codec) Update(shards, newDatashards [][]byte) error {
	size, err := c.shape.update(shards, newDatashards)
	if err != nil {
		return err
	}
	c.updates.update(shards[c.shape.data:], shards[:c.shape.data], newDatashards, size)
	return nil
}

// Verify reports whether the parity shards are those of the data shards. It changes
// nothing. The error matches [ErrTooFewShards], [ErrNoData] or [ErrShardSize].
func (c *Codec) Verify(shards [][]byte) (bool, error) {
	size, err := c.shape.whole(shards)
	if err != nil {
		return false, err
	}
	j := c.jobs.get(shards, size)
	defer j.release()
	j.differs.Store(false)
	j.run(j.verifyStrip)
	return !j.differs.Load(), nil
}

// Reconstruct computes all missing shards: those of length zero. A missing shard
// whose capacity suffices is written in place, others are allocated. At least
// DataShards shards must be there; they are taken to be right.
//
// Memory that is written in place may not overlap another shard. The error is an
// *[OverlapError], or matches [ErrTooFewShards], [ErrNoData] or [ErrShardSize]; nothing is
// written then.
func (c *Codec) Reconstruct(shards [][]byte) error {
	return c.jobs.reconstruct(&c.shape, shards, c.shape.total(), nil)
}

// ReconstructData computes the missing data shards only.
func (c *Codec) ReconstructData(shards [][]byte) error {
	return c.jobs.reconstruct(&c.shape, shards, c.shape.data, nil)
}

// ReconstructSome computes the missing ones of the required shards. required has an
// entry for every shard, or for the data shards only.
func (c *Codec) ReconstructSome(shards [][]byte, required []bool) error {
	if len(required) != c.shape.total() && len(required) != c.shape.data {
		return fmt.Errorf("%w: %d entries say what is required; want %d, or %d for the data shards", ErrInput, len(required), c.shape.total(), c.shape.data)
	}
	return c.jobs.reconstruct(&c.shape, shards, len(required), required)
}

// Shard computes one shard, present or not, into dst, from DataShards others that
// are there; shards[index] is not read. For a single shard this is the cheapest way. The
// error is an *[OverlapError] if dst overlaps another shard, matches [ErrShardIndex] if
// there is no such shard, or is one of [Codec.Reconstruct].
func (c *Codec) Shard(dst []byte, shards [][]byte, index int) error {
	if index < 0 || index >= c.shape.total() {
		return fmt.Errorf("%w: %d of %d", ErrShardIndex, index, c.shape.total())
	}
	size, err := c.shape.all(shards, true)
	if err != nil {
		return err
	}
	if len(dst) != size {
		return &SizeError{Shard: index, Size: len(dst), Want: size, Multiple: c.shape.multiple}
	}
	for i, shard := range shards {
		if i != index && alias.Overlap(dst, shard) {
			return &OverlapError{Shard: index, Other: i}
		}
	}
	others := append([][]byte(nil), shards...)
	others[index] = dst[:0:len(dst)]
	required := make([]bool, len(shards))
	required[index] = true
	return c.ReconstructSome(others, required)
}

// DecodeIdx decodes step by step, from shards that come one by one, in a series of calls.
// expectInput tells which shards will be given in all, at least DataShards of them; it is
// the same in all calls of a series. input has some of these shards, and in all calls
// together each of them exactly once. dst has memory, zero at first, for the shards to
// compute: any that are not expected. After the last call of the series they are complete.
//
// With expectInput nil, DecodeIdx merges two series of the same expectInput: input has what
// the one has made of its inputs, and is added to dst, what the other has made of its own.
//
// All three lists have an entry for every shard, nil where there is none. Calls for
// the same dst must not run at the same time. Reconstruct takes much less work
// altogether.
//
// A shard of dst may not overlap another one or one of input in memory. The error is an
// *[OverlapError], or matches [ErrInput], [ErrTooFewShards] or [ErrShardSize]; nothing is
// written then.
func (c *Codec) DecodeIdx(dst [][]byte, expectInput []bool, input [][]byte) error {
	if expectInput == nil {
		if err := c.shape.merge(dst, input); err != nil {
			return err
		}
		c.steps.merge(dst, input)
		return nil
	}
	size, err := c.shape.step(dst, expectInput, input)
	if err != nil || size == 0 {
		return err
	}
	c.steps.decode(dst, expectInput, input, size)
	return nil
}

// Split cuts data in shards of one size, the smallest that [Codec.ShardSizeMultiple]
// allows, the last ones padded with zeros, and adds parity shards of zeros, ready for
// [Codec.Encode].
//
// Shards share the memory of data, whose spare capacity is zeroed and used for as many
// shards as it holds; the others are allocated, and of those that are, one may hold
// the copy of the end of data. So data should not be changed afterwards, nor its spare
// capacity be in use. The error is [ErrShortData] if there is no data.
func (c *Codec) Split(data []byte) ([][]byte, error) {
	if len(data) == 0 {
		return nil, ErrShortData
	}
	return split(data, c.shape.total(), int(c.shape.splitSize(int64(len(data))))), nil
}

// Join writes the first size bytes of the data shards to dst. Only as many shards as
// hold them must be there, and in any case the first. The error matches
// [ErrTooFewShards] if fewer than DataShards are listed, [ErrReconstructRequired] if one
// that must be there is nil, [ErrShortData] if all hold less, [ErrInput] if size is
// negative or dst is nil; other errors are those of dst.
func (c *Codec) Join(dst io.Writer, shards [][]byte, size int) error {
	return c.shape.join(dst, shards, size)
}

// AllocAligned returns TotalShards shards of the given size, see the function of the
// same name.
func (c *Codec) AllocAligned(each int) [][]byte { return AllocAligned(c.shape.total(), each) }
