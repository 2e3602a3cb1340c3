package committee

import (
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

func TestHashCache(t *testing.T) {
	var h HashCache
	hashed := 0
	get := func(i int) {
		t.Helper()
		key := hashKey{Fingerprint{byte(i)}, subject{alone: Attestation{Kind: Stored, Blob: commit.BlobID{byte(i >> 8)}}}}
		p := h.point(key, func() (p bls.G2Affine) {
			hashed++
			p.X.A0.SetUint64(uint64(i))
			return p
		})
		if got := p.X.A0.Uint64(); got != uint64(i) {
			t.Fatalf("%d has the point of %v", i, got)
		}
	}
	const many = 5 * maxHashes
	for i := range many {
		get(i)
		get(i)
		get(max(0, i-maxHashes+1))
		if len(h.points.young) > maxHashes || len(h.points.old) > maxHashes {
			t.Fatalf("%d and %d are remembered, at most %d each", len(h.points.young), len(h.points.old), maxHashes)
		}
	}
	if hashed != many {
		t.Fatalf("%d computed, want %d", hashed, many)
	}
	if get(0); hashed == many {
		t.Fatal("nothing is forgotten")
	}
}
