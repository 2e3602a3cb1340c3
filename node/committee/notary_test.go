package committee

import (
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

func TestRecent(t *testing.T) {
	var r recent
	hashed := 0
	get := func(i int) {
		t.Helper()
		a := Attestation{Stored, commit.BlobID{byte(i), byte(i >> 8)}}
		p := r.get(a, func(a Attestation) (p bls.G2Affine) {
			hashed++
			p.X.A0.SetUint64(uint64(a.Blob[0]) + uint64(a.Blob[1])<<8)
			return p
		})
		if p.X.A0.Uint64() != uint64(i) {
			t.Fatalf("%d has the point of %v", i, p.X.A0.Uint64())
		}
	}
	const many = 5 * maxRecent
	for i := range many {
		get(i)
		get(i)
		get(max(0, i-maxRecent+1))
		if len(r.young) > maxRecent || len(r.old) > maxRecent {
			t.Fatal("too many are remembered")
		}
	}
	if hashed != many {
		t.Fatalf("%d computed of %d", hashed, many)
	}
	if get(0); hashed == many {
		t.Fatal("nothing is forgotten")
	}
}
