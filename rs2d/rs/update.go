package rs

import (
	"fmt"
	"math/bits"
)

// EncodeIdx adds the part that one data shard has in the parity shards. When this was
// done once for each data shard, in any order, on parity that was zero at first, the
// parity is what [Codec.Encode] computes; a shard of zeros can be left out. Encode
// takes much less work altogether: this is for data that comes shard by shard.
//
// Calls for the same parity must not run at the same time.
func (c *Codec) EncodeIdx(dataShard []byte, idx int, parity [][]byte) error {
	if len(parity) != c.m {
		return fmt.Errorf("%w: got %d of parity, want %d", ErrTooFewShards, len(parity), c.m)
	}
	if idx < 0 || idx >= c.k {
		return fmt.Errorf("%w: data shard %d of %d", ErrShardIndex, idx, c.k)
	}
	size, err := c.commonSize(parity, false)
	if err != nil {
		return err
	}
	if len(dataShard) != size {
		return &SizeError{Shard: idx, Size: len(dataShard), Want: size, Multiple: c.ShardSizeMultiple()}
	}
	if err := c.checkMultiple(parity, size); err != nil {
		return err
	}
	a := c.accumulator(size)
	defer a.release()
	a.inputs = append(a.inputs, dataShard)
	a.outputs = append(a.outputs, parity...)
	a.addColumn(idx)
	a.run()
	return nil
}

// Update brings the parity up to date with data shards that change. shards has the
// data as it was, empty where it does not change or does not matter, and all of the
// parity; newDatashards has the data as it will be, empty where it does not change.
// Only the parity is written. The work is in proportion to the number of data shards
// that change, up to that of encoding.
//
// The error matches [ErrInput] if the old data of a changed shard or a parity shard is
// missing.
func (c *Codec) Update(shards, newDatashards [][]byte) error {
	if len(newDatashards) != c.k {
		return fmt.Errorf("%w: got %d of new data, want %d", ErrTooFewShards, len(newDatashards), c.k)
	}
	size, err := c.checkShards(shards, true)
	if err != nil {
		return err
	}
	newSize, err := c.commonSize(newDatashards, true)
	if err != nil {
		return err
	}
	if newSize != size {
		return &SizeError{Shard: firstThere(newDatashards), Size: newSize, Want: size, Multiple: c.ShardSizeMultiple()}
	}
	changed := 0
	for i, shard := range newDatashards {
		if len(shard) == 0 {
			continue
		}
		changed++
		if len(shards[i]) == 0 {
			return fmt.Errorf("%w: data shard %d changes, but what it was is missing", ErrInput, i)
		}
	}
	parity := shards[c.k:]
	for i, shard := range parity {
		if len(shard) == 0 {
			return fmt.Errorf("%w: parity shard %d is missing", ErrInput, i)
		}
	}
	if err := c.checkMultiple(shards, size); err != nil {
		return err
	}
	if c.encodingIsCheaper(changed) {
		c.updateAll(parity, shards[:c.k], newDatashards, size)
		return nil
	}
	a := c.accumulator(size)
	defer a.release()
	a.outputs = append(a.outputs, parity...)
	for i, shard := range newDatashards {
		if len(shard) > 0 {
			a.inputs, a.olds = append(a.inputs, shard), append(a.olds, shards[i])
			a.addColumn(i)
		}
	}
	a.run()
	return nil
}

// encodingIsCheaper compares products of each changed shard for each parity shard
// with the transforms of encoding, by multiplications by a constant.
func (c *Codec) encodingIsCheaper(changed int) bool {
	transform := c.code.c * bits.Len(uint(c.code.c-1)) / 2
	outer := c.k
	if c.low {
		outer = c.m
	}
	transforms := 1 + (outer+c.code.c-1)/c.code.c
	return changed*c.m > transforms*transform
}

// updateSpace is what updating by encoding takes, for one worker: a strip of every
// shard, and one of zeros.
type updateSpace struct {
	*Workspace
	memory     [][]byte // what changes in the data, then the parity of it, then zeros
	delta, sum [][]byte
}

func (c *Codec) updateSpace() *updateSpace {
	if s, ok := c.updates.Get().(*updateSpace); ok {
		return s
	}
	memory := alignedShards(c.k+c.m+1, c.StripSize())
	return &updateSpace{c.NewWorkspace(), memory, make([][]byte, c.k), memory[c.k:][:c.m]}
}

// updateAll adds the parity of the changes to the parity, strip by strip.
func (c *Codec) updateAll(parity, olds, news [][]byte, size int) {
	strip := c.StripSize()
	pieces := (size + strip - 1) / strip
	spaces := make([]*updateSpace, min(c.crew.Free(), pieces))
	for i := range spaces {
		s := c.updateSpace()
		defer c.updates.Put(s)
		spaces[i] = s
		for d := range s.delta {
			s.delta[d] = s.memory[d]
			if len(news[d]) == 0 {
				s.delta[d] = s.memory[c.k+c.m]
			}
		}
	}
	c.crew.NewGroup().Do(len(spaces), pieces, func(worker, piece int) {
		s := spaces[worker]
		off := piece * strip
		n := min(strip, size-off)
		for i, shard := range news {
			if len(shard) > 0 {
				copy(s.delta[i], shard[off:][:n])
				c.engine.Xor(s.delta[i][:n], olds[i][off:][:n])
			}
		}
		s.Encode(Symbols{Shards: s.sum, Size: n, Count: 1}, Symbols{Shards: s.delta, Size: n, Count: 1})
		for j, shard := range s.sum {
			c.engine.Xor(parity[j][off:][:n], shard[:n])
		}
	})
}
