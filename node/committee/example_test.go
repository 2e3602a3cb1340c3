package committee_test

import (
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Attestations of members that own n-f shards are a certificate that a blob is stored,
// which anybody verifies who knows the committee of its epoch.
func ExampleParseCertificate() {
	var members []committee.Member
	var signers []*committee.Signer
	for i, owned := range committee.Spread(8, 4) {
		key := identity.GenerateKey()
		signers = append(signers, key.Signer(new(committee.HashCache)))
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprintf("node-%d.example.org:7100", i), key, owned))
	}
	c, err := committee.New(committee.System{Network: "example", Shards: 8, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{1}}
	signatures := make(map[int]committee.Signature)
	for _, member := range []int{0, 1, 3} {
		_, err := c.Certify(stored, signatures)
		fmt.Println(len(signatures), "members:", errors.Is(err, committee.ErrWeight))
		signatures[member] = signers[member].Attest(c, stored)
	}
	cert, err := c.Certify(stored, signatures)
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := committee.ParseCertificate(c, raw)
	fmt.Println(got.Attestation == stored, got.Signed(3), got.Signed(2), err)
	// Output:
	// 0 members: true
	// 1 members: true
	// 2 members: true
	// true true false <nil>
}
