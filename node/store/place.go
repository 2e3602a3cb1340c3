package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// blockSize is how many bytes of a sliver share a checksum: a range costs at most two
// blocks more than its length to read.
const blockSize = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksums returns the CRC-32C of every block.
func checksums(data []byte) []uint32 {
	s := Sums{blocks: make([]uint32, 0, (len(data)+blockSize-1)/blockSize)}
	s.Add(data)
	return s.blocks
}

// place is the database's value for a sliver: the sliver itself, or where it is.
//
// In bytes: 0, CRC-32C, data; or 1, the number of the file, offset and length in 64
// bits each, and a CRC-32C for each block. Numbers are little-endian. The first byte
// has the mark of a quarantined sliver as well, times two.
type place struct {
	mark   byte
	inline []byte // with one checksum for all of it
	file   uint64 // number of the file; 0 if inline
	off    int64
	size   int64
	sums   []uint32
}

const (
	placeInline = 0
	placeFile   = 1

	placeHead  = 1 + 3*8
	inlineHead = 1 + 4
)

func inlineValue(data []byte) []byte {
	value := make([]byte, 0, inlineHead+len(data))
	value = append(value, placeInline)
	value = binary.LittleEndian.AppendUint32(value, crc32.Checksum(data, castagnoli))
	return append(value, data...)
}

func (p *place) value() []byte {
	value := append(make([]byte, 0, placeHead+4*len(p.sums)), placeFile|p.mark<<1)
	value = binary.LittleEndian.AppendUint64(value, p.file)
	value = binary.LittleEndian.AppendUint64(value, uint64(p.off))
	value = binary.LittleEndian.AppendUint64(value, uint64(p.size))
	for _, sum := range p.sums {
		value = binary.LittleEndian.AppendUint32(value, sum)
	}
	return value
}

// markedValue returns a value with another mark.
func markedValue(value []byte, mark byte) []byte {
	value = append([]byte(nil), value...)
	value[0] = value[0]&1 | mark<<1
	return value
}

// parsePlace reads a value. Inline data borrows from it.
func parsePlace(value []byte) (p place, err error) {
	switch {
	case len(value) < inlineHead || value[0]>>1 > lastMark:
	case value[0]&1 == placeInline:
		p.mark = value[0] >> 1
		p.inline = value[inlineHead:]
		p.size = int64(len(p.inline))
		p.sums = []uint32{binary.LittleEndian.Uint32(value[1:])}
		return p, nil
	case len(value) >= placeHead:
		p.mark = value[0] >> 1
		p.file = binary.LittleEndian.Uint64(value[1:])
		p.off = int64(binary.LittleEndian.Uint64(value[9:]))
		p.size = int64(binary.LittleEndian.Uint64(value[17:]))
		rest := value[placeHead:]
		const most = 1 << 48 // so that sums of offsets and lengths do not overflow
		if p.file == 0 || p.off < 0 || p.off > most || p.size < 0 || p.size > most ||
			len(rest)%4 != 0 || int64(len(rest)/4) != (p.size+blockSize-1)/blockSize {
			break
		}
		for ; len(rest) > 0; rest = rest[4:] {
			p.sums = append(p.sums, binary.LittleEndian.Uint32(rest))
		}
		return p, nil
	}
	return p, fmt.Errorf("%w: place of a sliver", ErrCorrupt)
}
