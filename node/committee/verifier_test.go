package committee

import (
	"fmt"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/commit"
)

// TestVerifierRemembers: of certificates of one batch the first one takes the work, in
// whatever calls they come; those of another committee with the same members take it again.
func TestVerifierRemembers(t *testing.T) {
	var (
		members []Member
		keys    []*Signer
	)
	for i, shards := range Spread(10, 4) {
		secret := DeriveSecretKey([]byte(fmt.Sprintf("a seed of thirty-two bytes, no. %d", i)))
		keys = append(keys, NewSigner(secret, nil))
		members = append(members, Member{
			ID: secret.Public().NodeID(), Name: fmt.Sprint("node-", i), Address: fmt.Sprintf("host:%d", 1+i), PublicKey: secret.Public(), Proof: secret.Prove(), TLSKey: TLSKey{byte(1 + i)}, Shards: shards,
		})
	}
	batch := []Attestation{{Kind: Stored, Blob: commit.BlobID{1}}, {Kind: Stored, Blob: commit.BlobID{2}}, {Kind: Stored, Blob: commit.BlobID{3}}}
	var (
		v      Verifier
		hashed int
	)
	counted := points{hash: func(c *Committee, s subject) bls.G2Affine { hashed++; return s.point(c) }}
	for epoch := range uint64(2) {
		c, err := New(System{Network: "test", Shards: 10, Scheme: commit.BLAKE3}, 1+epoch, members)
		if err != nil {
			t.Fatal(err)
		}
		signatures := make(map[int]Signature)
		for i := range keys[:3] {
			signatures[i] = keys[i].AttestBatch(c, batch)
		}
		certs, err := CertifyBatch(c, batch, signatures)
		if err != nil {
			t.Fatal(err)
		}
		hashed = 0
		for _, cert := range certs {
			raw, err := cert.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if u := v.parse(c, counted, raw)[0]; u.err != nil || u.cert.Attestation != cert.Attestation {
				t.Errorf("epoch %d: %v of %v (%v)", 1+epoch, u.cert, cert.Blob, u.err)
			}
		}
		if hashed != 1 {
			t.Errorf("epoch %d: %d messages were hashed to points, want 1", 1+epoch, hashed)
		}
	}
}
