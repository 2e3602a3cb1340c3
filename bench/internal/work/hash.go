package work

import (
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"

	"github.com/redstuff-go/redstuff/commit"
)

// hashBatch is how many messages an operation hashes: the symbols of a column at
// n = 1000, which fill no kernel's lanes evenly.
const hashBatch = 1000

// Messages returns how many messages of size bytes one run of Leaves hashes.
func Messages(size int) int { return max(1, min(hashBatch, 1<<20/max(size, 1))) }

// Leaves hashes symbols of size bytes, Messages of them, on one core.
func Leaves(a *Arena, scheme commit.Scheme, backend string, size int) (*Op, error) {
	hasher, err := commit.NewHasher(scheme, backend)
	if err != nil {
		return nil, err
	}
	count := Messages(size)
	src, dst := a.Bytes(size*count), make([]byte, commit.HashSize*count)
	Fill(src, 1)
	return &Op{Bytes: int64(len(src)), Run: func() error {
		hasher.Leaves(dst, commit.HashSize, src, size, size, count)
		return nil
	}}, nil
}

// Nodes hashes Messages(64) inner nodes on one core.
func Nodes(a *Arena, scheme commit.Scheme, backend string) (*Op, error) {
	hasher, err := commit.NewHasher(scheme, backend)
	if err != nil {
		return nil, err
	}
	const size = 2 * commit.HashSize
	count := Messages(size)
	src, dst := a.Bytes(size*count), make([]byte, commit.HashSize*count)
	Fill(src, 1)
	return &Op{Bytes: int64(len(src)), Run: func() error {
		hasher.Nodes(dst, src, src[commit.HashSize:], size, count)
		return nil
	}}, nil
}

// PeerHashes hashes symbols of size bytes with the library that a scheme's hash is
// known from, one at a time. Domain separation costs that of BLAKE3 nothing, as in
// its derive-key mode; that of Walrus is a byte in front of each message.
func PeerHashes(a *Arena, scheme commit.Scheme, size int) *Op {
	hash, stride := blake3.Sum256, size
	if scheme == commit.Walrus {
		hash, stride = blake2b.Sum256, size+1
	}
	count := Messages(size)
	src, dst := a.Bytes(stride*count), make([]byte, commit.HashSize*count)
	Fill(src, 1)
	return &Op{Bytes: int64(size * count), Run: func() error {
		for i := range count {
			digest := hash(src[i*stride:][:stride])
			copy(dst[i*commit.HashSize:], digest[:])
		}
		return nil
	}}
}
