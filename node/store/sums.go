package store

import "hash/crc32"

// Sums takes the checksums of a sliver as it comes: its bytes are in the processor's cache then, and
// later they are read from memory for it. The zero value is of a sliver of no bytes, and a nil one
// takes none.
type Sums struct {
	blocks []uint32
	bytes  int64
}

// Add adds bytes that come next.
func (s *Sums) Add(data []byte) {
	for s != nil && len(data) > 0 {
		within := int(s.bytes % blockSize)
		if within == 0 {
			s.blocks = append(s.blocks, 0)
		}
		last, n := &s.blocks[len(s.blocks)-1], min(len(data), blockSize-within)
		*last = crc32.Update(*last, castagnoli, data[:n])
		s.bytes += int64(n)
		data = data[n:]
	}
}

// of returns those of a sliver: they were taken as it came, or are now.
func (s *Sums) of(data []byte) []uint32 {
	if s == nil || s.bytes != int64(len(data)) {
		return checksums(data)
	}
	return s.blocks
}
