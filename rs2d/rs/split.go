package rs

import (
	"fmt"
	"io"
	"unsafe"
)

// split cuts data in n shards of a size.
func split(data []byte, n, size int) [][]byte {
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
	return shards
}

// join is [Codec.Join].
func (s *shape) join(dst io.Writer, shards [][]byte, size int) error {
	if len(shards) < s.data {
		return fmt.Errorf("%w: got %d, want %d or more", ErrTooFewShards, len(shards), s.data)
	}
	// Nothing is written unless all can be.
	have, used := 0, 0
	for have < size || used == 0 {
		if used == s.data {
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
