package load

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// contents makes blobs from numbers.
type contents struct {
	seed  uint64
	sizes Sizes
}

// make returns blob k.
func (c contents) make(k uint64) []byte {
	stream, length := c.stream(k)
	blob := make([]byte, length)
	stream.XORKeyStream(blob, blob)
	return blob
}

// is reports whether those are the bytes of blob k. It makes a few of them at a time, since memory for
// all would cost as much as their making.
func (c contents) is(k uint64, blob []byte) bool {
	stream, length := c.stream(k)
	if uint64(len(blob)) != length {
		return false
	}
	var zero, want [16 << 10]byte
	for len(blob) > 0 {
		n := min(len(blob), len(want))
		stream.XORKeyStream(want[:n], zero[:n])
		if !bytes.Equal(blob[:n], want[:n]) {
			return false
		}
		blob = blob[n:]
	}
	return true
}

// stream returns where the bytes of blob k come from, and how many there are.
func (c contents) stream(k uint64) (stream cipher.Stream, length uint64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], c.seed)
	binary.LittleEndian.PutUint64(key[8:], k)
	length = c.sizes.Draw(rand.New(rand.NewChaCha8(key)))
	// A generator of 64-bit numbers would take a fifth of the clients' processor time, where
	// large blobs are read.
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has a right length
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)), length
}

// encodeWrong encodes a blob as a malicious writer does: one row is not what the others
// say, and the metadata commits to it. Nodes cannot tell, since each of their slivers
// is what the metadata commits to; strict readers can.
func encodeWrong(code *rs2d.Code, blob []byte) (meta *commit.Metadata, pair func(int) (primary, secondary rs2d.Sliver), err error) {
	encoding, err := code.Encode(blob)
	if err != nil {
		return nil, nil, err
	}
	meta = encoding.Metadata()
	wrong := encoding.Primary(0)
	wrong.Data = append([]byte(nil), wrong.Data...)
	wrong.Data[0] ^= 1
	prover, err := code.NewProver(wrong)
	if err != nil {
		return nil, nil, err
	}
	roots := append([]commit.Hash(nil), meta.Primary...)
	roots[wrong.Index] = prover.Root()
	meta = &commit.Metadata{Scheme: meta.Scheme, Length: meta.Length, Primary: roots, Secondary: meta.Secondary}
	return meta, func(p int) (rs2d.Sliver, rs2d.Sliver) {
		primary, secondary := encoding.Pair(p)
		if primary.Index == wrong.Index {
			primary = wrong
		}
		return primary, secondary
	}, nil
}
