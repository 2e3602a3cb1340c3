package rs

import (
	"fmt"
	"io"
	"unsafe"
)

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
	size := int(c.splitSize(int64(len(data))))
	n := c.TotalShards()

	room := data[:min(cap(data), n*size)]
	clear(room[len(data):])
	shards := make([][]byte, n)
	whole := min(len(room)/size, n)
	for i := range whole {
		shards[i] = room[i*size:][:size:size]
	}
	if whole < n {
		copy(shards[whole:], alignedShards(n-whole, size))
	}
	// What is left of the data fills part of the first shard that is not in place.
	if rest := whole * size; rest < len(data) {
		copy(shards[whole], data[rest:])
	}
	return shards, nil
}

// splitSize returns the size of the shards for so many bytes of data.
func (c *Codec) splitSize(data int64) int64 {
	k, multiple := int64(c.k), int64(c.ShardSizeMultiple())
	size := (data-1)/k + 1
	return (size + multiple - 1) / multiple * multiple
}

// Join writes the first size bytes of the data shards to dst. Only as many shards as
// hold them must be there, and in any case the first. The error matches
// [ErrTooFewShards] if fewer than DataShards are listed, [ErrReconstructRequired] if one
// that must be there is nil, [ErrShortData] if all hold less, [ErrInput] if size is
// negative or dst is nil; other errors are those of dst.
func (c *Codec) Join(dst io.Writer, shards [][]byte, size int) error {
	if len(shards) < c.k {
		return fmt.Errorf("%w: got %d, want %d or more", ErrTooFewShards, len(shards), c.k)
	}
	// Nothing is written unless all can be.
	have, used := 0, 0
	for have < size || used == 0 {
		if used == c.k {
			return fmt.Errorf("%w: the data shards hold %d bytes, want %d", ErrShortData, have, size)
		}
		if shards[used] == nil {
			return fmt.Errorf("%w: shard %d", ErrReconstructRequired, used)
		}
		have += len(shards[used])
		used++
	}
	if size < 0 {
		return fmt.Errorf("%w: %d bytes to join", ErrInput, size)
	}
	if dst == nil {
		return fmt.Errorf("%w: Join to a nil io.Writer", ErrInput)
	}
	for _, shard := range shards[:used] {
		part := shard[:min(len(shard), size)]
		if len(part) == 0 {
			continue
		}
		n, err := dst.Write(part)
		if err != nil {
			return err
		}
		if n != len(part) {
			return io.ErrShortWrite
		}
		size -= n
	}
	return nil
}

// AllocAligned returns TotalShards shards of the given size, see the function of the
// same name.
func (c *Codec) AllocAligned(each int) [][]byte { return AllocAligned(c.TotalShards(), each) }

// AllocAligned returns shards of the given size, zeroed, each at a multiple of 64 bytes
// in memory. They are parts of one allocation, so that they are freed together. It panics
// if either number is negative.
func AllocAligned(shards, each int) [][]byte {
	if shards < 0 || each < 0 {
		panic(fmt.Sprintf("rs: AllocAligned of %d shards of %d bytes", shards, each))
	}
	return alignedShards(shards, each)
}

// alignedShards allocates n shards in one piece.
func alignedShards(n, each int) [][]byte {
	const line = 64
	step := (each + line - 1) &^ (line - 1)
	memory := make([]byte, n*step+line-1)
	memory = memory[-uintptr(unsafe.Pointer(&memory[0]))%line:]
	shards := make([][]byte, n)
	for i := range shards {
		shards[i] = memory[i*step:][:each:step]
	}
	return shards
}
