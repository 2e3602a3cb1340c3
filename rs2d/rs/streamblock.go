package rs

import (
	"io"
	"slices"
	"sync"
)

// block is a block of every shard.
type block struct {
	memory [][]byte // as much as a block can hold
	shards [][]byte // what was read to it, or is to be written
	size   int      // bytes of every shard
	before int64    // bytes of every shard in the blocks before
	counts []int    // what each reader gave
	errs   []error  // of each reader or writer
}

// getBlock returns a block from the pool.
func (s *Stream) getBlock() *block {
	if b, ok := s.blocks.Get().(*block); ok {
		return b
	}
	n := s.codec.TotalShards()
	return &block{
		memory: alignedShards(n, s.blockSize),
		shards: make([][]byte, n),
		counts: make([]int, n),
		errs:   make([]error, n),
	}
}

// eachBlock reads block after block of the shards whose reader is not nil, as the
// first shards of a block, and calls f for each.
func (s *Stream) eachBlock(readers []io.Reader, f func(b *block) error) error {
	b := s.getBlock()
	defer s.blocks.Put(b)
	for b.before = 0; ; b.before += int64(b.size) {
		if err := s.read(b, readers); err != nil {
			return err
		}
		if b.size == 0 {
			if b.before == 0 {
				return ErrNoData
			}
			return nil
		}
		if err := f(b); err != nil {
			if e, ok := err.(*SizeError); ok { // the codec's, which knows of this block only
				return &StreamSizeError{Shard: e.Shard, Size: b.before + int64(e.Size), Multiple: e.Multiple}
			}
			return err
		}
		// Shards of a whole number of blocks are known to have ended by reading on.
		if b.size < s.blockSize {
			return nil
		}
	}
}

// read fills the block from the readers.
func (s *Stream) read(b *block, readers []io.Reader) error {
	s.readAll(b, readers)
	b.size = 0
	for i := range readers {
		if b.errs[i] != nil {
			return StreamReadError{b.errs[i], i}
		}
		b.size = max(b.size, b.counts[i])
	}
	for i, r := range readers {
		if r == nil {
			continue
		}
		if b.counts[i] != b.size {
			return s.unequal(b, readers)
		}
		b.shards[i] = b.memory[i][:b.size]
	}
	return nil
}

// unequal returns the error for shards of which some ended in this block, and some did
// not or ended elsewhere. Those that did not are read for one block more, so that the
// error has true lengths where they differ by less than that.
func (s *Stream) unequal(b *block, readers []io.Reader) error {
	sizes, open := make([]int64, len(readers)), make([]bool, len(readers))
	longer := make([]io.Reader, len(readers))
	for i, r := range readers {
		sizes[i] = b.before + int64(b.counts[i])
		if b.counts[i] == s.blockSize {
			longer[i], open[i] = r, true
		}
	}
	s.readAll(b, longer)
	if !slices.ContainsFunc(b.errs[:len(readers)], func(err error) bool { return err != nil }) {
		for i := range readers {
			sizes[i] += int64(b.counts[i])
			open[i] = b.counts[i] == s.blockSize
		}
	}
	e := &StreamSizeError{Shard: -1, Multiple: s.codec.ShardSizeMultiple()}
	votes := make(map[int64]int)
	for i, r := range readers {
		if r != nil {
			e.Shards++
			votes[sizes[i]]++
		}
	}
	// What most shards have is right; of two that as many have, the longer one, because
	// bytes are lost more easily than made.
	for size, n := range votes {
		if n > e.Agree || n == e.Agree && size > e.Want {
			e.Want, e.Agree = size, n
		}
	}
	for i, r := range readers {
		switch {
		case r == nil:
		case sizes[i] == e.Want:
			e.WantMore = open[i]
		case e.Shard < 0:
			e.Shard, e.Size, e.More = i, sizes[i], open[i]
		}
	}
	return e
}

// readAll reads up to a block from each reader that is not nil, and puts how much it got
// and any error but the end in the block.
func (s *Stream) readAll(b *block, readers []io.Reader) {
	eachStream(s.parallelRead, len(readers), func(i int) bool {
		b.counts[i], b.errs[i] = 0, nil
		if readers[i] == nil {
			return true
		}
		n, err := io.ReadFull(readers[i], b.memory[i])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil
		}
		b.counts[i], b.errs[i] = n, err
		return err == nil
	})
}

// write writes the shards whose writer is not nil.
func (s *Stream) write(b *block, writers []io.Writer, shards [][]byte) error {
	errs := b.errs[:len(writers)]
	clear(errs)
	eachStream(s.parallelWrite, len(writers), func(i int) bool {
		if writers[i] == nil {
			return true
		}
		n, err := writers[i].Write(shards[i])
		if err == nil && n != len(shards[i]) {
			err = io.ErrShortWrite
		}
		errs[i] = err
		return err == nil
	})
	for i, err := range errs {
		if err != nil {
			return StreamWriteError{err, i}
		}
	}
	return nil
}

// eachStream calls f for each stream: for all at once, or for one after the other
// while f returns true.
func eachStream(together bool, n int, f func(i int) bool) {
	if !together {
		for i := 0; i < n && f(i); i++ {
		}
		return
	}
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() { f(i) })
	}
	done.Wait()
}
