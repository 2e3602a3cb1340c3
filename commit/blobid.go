package commit

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// BlobID names a blob: the hash of its length, its encoding and the root of the
// tree over all its slivers' roots.
type BlobID [HashSize]byte

// blobIDText is the text form's alphabet. Strict, so that one id has one text:
// 43 characters carry 258 bits, and the two surplus ones must be zero.
var blobIDText = base64.RawURLEncoding.Strict()

// blobIDChars is the length of the text form.
const blobIDChars = 43

// String returns the id in URL-safe base64 without padding, 43 characters.
func (id BlobID) String() string { return blobIDText.EncodeToString(id[:]) }

// ParseBlobID is the inverse of String and accepts nothing else. The error
// wraps ErrBlobID.
func ParseBlobID(s string) (BlobID, error) {
	var id BlobID
	if len(s) != blobIDChars {
		return BlobID{}, fmt.Errorf("%w: %d characters, want %d", ErrBlobID, len(s), blobIDChars)
	}
	// The decoder skips line breaks; an id that held one comes out too short.
	n, err := blobIDText.Decode(id[:], []byte(s))
	if err != nil {
		return BlobID{}, fmt.Errorf("%w: %w", ErrBlobID, err)
	}
	if n != len(id) {
		return BlobID{}, fmt.Errorf("%w: holds a line break", ErrBlobID)
	}
	return id, nil
}

// MarshalText returns String's form.
func (id BlobID) MarshalText() ([]byte, error) {
	return blobIDText.AppendEncode(nil, id[:]), nil
}

// UnmarshalText sets id as ParseBlobID reads it. After an error id is unchanged.
func (id *BlobID) UnmarshalText(text []byte) error {
	parsed, err := ParseBlobID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// Rotation returns the id, as a big-endian integer, modulo n: how far the blob's
// sliver pairs are rotated over n shards, so that blobs spread their load.
// It panics unless n is 1 to MaxShards.
func (id BlobID) Rotation(n int) int {
	if n < 1 || n > MaxShards {
		panic(fmt.Sprintf("commit: Rotation over %d shards", n))
	}
	// Horner's rule in base 2^32: the remainder is below 2^16, so that the
	// remainder and the next digit together fit 64 bits.
	var rem uint64
	for i := 0; i < len(id); i += 4 {
		rem = (rem<<32 | uint64(binary.BigEndian.Uint32(id[i:]))) % uint64(n)
	}
	return int(rem)
}

// ShardOfPair returns the shard, of n, that stores the given sliver pair of the
// blob. It panics unless 0 <= pair < n <= MaxShards.
func (id BlobID) ShardOfPair(pair, n int) int {
	checkRange("pair", pair, n)
	return (pair + id.Rotation(n)) % n
}

// PairOfShard returns the sliver pair of the blob that the given shard, of n,
// stores: the inverse of ShardOfPair. It panics unless 0 <= shard < n <= MaxShards.
func (id BlobID) PairOfShard(shard, n int) int {
	checkRange("shard", shard, n)
	return (shard + n - id.Rotation(n)) % n
}

// checkRange panics unless 0 <= i < n.
func checkRange(what string, i, n int) {
	if i < 0 || i >= n {
		panic(fmt.Sprintf("commit: %s %d of %d", what, i, n))
	}
}
