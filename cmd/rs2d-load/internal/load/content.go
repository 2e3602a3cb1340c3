package load

import (
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
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], c.seed)
	binary.LittleEndian.PutUint64(key[8:], k)
	blob := make([]byte, c.sizes.Draw(rand.New(rand.NewChaCha8(key))))
	// A generator of 64-bit numbers would take a fifth of the clients' processor time, where
	// large blobs are read.
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has a right length
	}
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(blob, blob)
	return blob
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
