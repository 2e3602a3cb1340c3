package rs

import (
	"io"
	"sync"
)

// block is a block of every shard.
type block struct {
	memory [][]byte // as much as a block can hold
	shards [][]byte // what was read to it, or is to be written
	size   int      // bytes of every shard
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
	for first := true; ; first = false {
		if err := s.read(b, readers); err != nil {
			return err
		}
		if b.size == 0 {
			if first {
				return ErrNoData
			}
			return nil
		}
		if err := f(b); err != nil {
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
			return &SizeError{Shard: i, Size: b.counts[i], Want: b.size, Multiple: s.codec.ShardSizeMultiple()}
		}
		b.shards[i] = b.memory[i][:b.size]
	}
	return nil
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
