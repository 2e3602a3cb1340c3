package committee

import (
	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// HashCache remembers the points that attestations hash to: the last maxHashes, and up
// to as many before them. Hashing costs about as much as a signature. The zero value is
// empty, and ready for use by several goroutines.
type HashCache struct {
	points generations[hashKey, bls.G2Affine]
}

// hashKey is what a point is the hash of.
type hashKey struct {
	committee Fingerprint
	what      subject
}

// maxHashes bounds a generation of points: half a megabyte.
const maxHashes = 1 << 11

// get returns the point that members of the committee sign.
func (h *HashCache) get(c *Committee, s subject) bls.G2Affine {
	return h.point(hashKey{c.fingerprint, s}, func() bls.G2Affine { return s.point(c) })
}

// point returns the point of a key, which hash computes if it must.
func (h *HashCache) point(key hashKey, hash func() bls.G2Affine) bls.G2Affine {
	point, ok := h.points.get(key)
	if !ok {
		point = hash()
		h.points.set(key, point, maxHashes)
	}
	return point
}
