package store

import (
	"encoding/binary"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// The first byte of a key says what its value is. Numbers in keys are big-endian, so
// that keys are in their order.
const (
	indexKind   = 'i' // blob → blobIndex
	recordKind  = 'r' // record, blob → the record
	sliverKind  = 's' // shard, blob, axis → place; the pair follows from shard and blob
	pendingKind = 'u' // seconds, blob → nothing: of blobs neither certified nor invalid
	endKind     = 'e' // epoch, blob → nothing
	usageKind   = 'q' // class, writer → bytes
	noteKind    = 'n' // name → note
)

const (
	sliverKeySize  = 1 + 2 + commit.HashSize + 1
	pendingKeySize = 1 + 8 + commit.HashSize
	endKeySize     = 1 + 4 + commit.HashSize
	recordKeySize  = 2 + commit.HashSize
)

func indexKey(id commit.BlobID) []byte { return append([]byte{indexKind}, id[:]...) }

func recordKey(r Record, id commit.BlobID) []byte {
	return append([]byte{recordKind, byte(r)}, id[:]...)
}

func shardPrefix(shard int) []byte {
	return binary.BigEndian.AppendUint16(append(make([]byte, 0, sliverKeySize), sliverKind), uint16(shard))
}

// sliverKey returns the key of a sliver of the shard. Of each blob a shard has one pair.
func sliverKey(shard int, id commit.BlobID, axis rs2d.Axis) []byte {
	return append(append(shardPrefix(shard), id[:]...), byte(axis))
}

func blobOfSliverKey(key []byte) commit.BlobID { return commit.BlobID(key[3:][:commit.HashSize]) }

func pendingKey(seconds int64, id commit.BlobID) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{pendingKind}, uint64(seconds)), id[:]...)
}

func endKey(epoch uint32, id commit.BlobID) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{endKind}, epoch), id[:]...)
}

// after returns the first key past all that begin with the prefix, which is not all
// 0xff.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
}
