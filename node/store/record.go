package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Keys of the database: one byte for the kind of value, and the blob id; for slivers
// also the axis and, in big-endian order, the pair.
const (
	sliverKind  = 's'
	versionKind = 'v'
	badKind     = 'k' // quarantined slivers: keys as those of slivers

	blobKeySize   = 1 + commit.HashSize
	sliverKeySize = blobKeySize + 3
)

func blobKey(kind byte, id commit.BlobID) []byte {
	return append([]byte{kind}, id[:]...)
}

func sliverKey(id commit.BlobID, ref Ref) []byte { return refKey(sliverKind, id, ref) }

func refKey(kind byte, id commit.BlobID, ref Ref) []byte {
	key := append(blobKey(kind, id), byte(ref.Axis))
	return binary.BigEndian.AppendUint16(key, uint16(ref.Pair))
}

func refOfKey(key []byte) Ref {
	return Ref{Axis: rs2d.Axis(key[blobKeySize]), Pair: int(binary.BigEndian.Uint16(key[blobKeySize+1:]))}
}

// after returns the first key past all that begin with the prefix. The prefixes here
// never are all 0xff.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
}

// blockSize is how many bytes of a sliver share a checksum: a range costs at most two
// blocks more than its length to read.
const blockSize = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksums returns the CRC-32C of every block.
func checksums(data []byte) []uint32 {
	sums := make([]uint32, 0, (len(data)+blockSize-1)/blockSize)
	for len(data) > 0 {
		n := min(len(data), blockSize)
		sums = append(sums, crc32.Checksum(data[:n], castagnoli))
		data = data[n:]
	}
	return sums
}

// place is the database's value for a sliver: the sliver itself, or where it is.
//
// In bytes: 0, CRC-32C, data; or 1, the number of the file, offset and length in 64
// bits each, and a CRC-32C for each block. Numbers are little-endian.
type place struct {
	inline []byte // with sums of one for all of it
	file   uint64 // number of the file
	off    int64
	size   int64
	sums   []uint32
}

const (
	placeInline = 0
	placeFile   = 1

	placeHead = 1 + 3*8
)

func inlineValue(data []byte) []byte {
	value := make([]byte, 0, 5+len(data))
	value = append(value, placeInline)
	value = binary.LittleEndian.AppendUint32(value, crc32.Checksum(data, castagnoli))
	return append(value, data...)
}

func (p *place) value() []byte {
	value := append(make([]byte, 0, placeHead+4*len(p.sums)), placeFile)
	value = binary.LittleEndian.AppendUint64(value, p.file)
	value = binary.LittleEndian.AppendUint64(value, uint64(p.off))
	value = binary.LittleEndian.AppendUint64(value, uint64(p.size))
	for _, sum := range p.sums {
		value = binary.LittleEndian.AppendUint32(value, sum)
	}
	return value
}

// parsePlace reads a value. Inline data borrows from it.
func parsePlace(value []byte) (p place, err error) {
	switch {
	case len(value) >= 5 && value[0] == placeInline:
		p.inline = value[5:]
		p.size = int64(len(p.inline))
		p.sums = []uint32{binary.LittleEndian.Uint32(value[1:])}
		return p, nil
	case len(value) >= placeHead && value[0] == placeFile:
		p.file = binary.LittleEndian.Uint64(value[1:])
		p.off = int64(binary.LittleEndian.Uint64(value[9:]))
		p.size = int64(binary.LittleEndian.Uint64(value[17:]))
		rest := value[placeHead:]
		if p.off < 0 || p.size < 0 || len(rest)%4 != 0 || int64(len(rest)/4) != (p.size+blockSize-1)/blockSize {
			break
		}
		for ; len(rest) > 0; rest = rest[4:] {
			p.sums = append(p.sums, binary.LittleEndian.Uint32(rest))
		}
		return p, nil
	}
	return p, fmt.Errorf("%w: place of a sliver", ErrCorrupt)
}
