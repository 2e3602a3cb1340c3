package committee_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

func build(t testing.TB, members, shards int) (*committee.Committee, []*identity.Key) {
	t.Helper()
	var keys []*identity.Key
	var list []committee.Member
	for i, s := range committee.Spread(shards, members) {
		key := identity.GenerateKey()
		keys = append(keys, key)
		list = append(list, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("host:", 1+i), key, s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.Walrus}, 7, list)
	if err != nil {
		t.Fatal(err)
	}
	return c, keys
}

func TestCertificates(t *testing.T) {
	c, keys := build(t, 10, 31) // f = 10, weights 3 and 4
	a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{1, 2}}
	sign := func(a committee.Attestation, members ...int) map[int]committee.Signature {
		s := make(map[int]committee.Signature)
		for _, i := range members {
			s[i] = keys[i].Signer(nil).Attest(c, a)
		}
		return s
	}
	cert, err := c.Certify(a, sign(a, 0, 1, 2, 3, 4, 5, 9))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > committee.MaxCertificate(c.Len()) {
		t.Fatal(len(raw))
	}
	back, err := committee.ParseCertificate(c, raw)
	if err != nil || back.Attestation != a || !back.Signed(9) || back.Signed(8) || back.Signed(-1) || back.Signed(100) {
		t.Fatal(back, err)
	}
	for i := range raw {
		wrong := bytes.Clone(raw)
		wrong[i] ^= 1
		if _, err := committee.ParseCertificate(c, wrong); err == nil {
			t.Fatalf("byte %d may be anything", i)
		}
	}
	for i := range len(raw) {
		if _, err := committee.ParseCertificate(c, raw[:i]); !errors.Is(err, committee.ErrCertificate) {
			t.Fatalf("%d bytes: %v", i, err)
		}
	}
	if _, err := c.Certify(a, sign(a, 0, 1, 2, 3, 4, 5)); !errors.Is(err, committee.ErrWeight) {
		t.Fatalf("too light: %v", err)
	}
	// Few are enough to say that a blob is inconsistent.
	b := committee.Attestation{Kind: committee.Inconsistent, Blob: a.Blob}
	if _, err := c.Certify(b, sign(b, 0, 1, 2, 9)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Certify(b, sign(b, 0, 1)); !errors.Is(err, committee.ErrWeight) {
		t.Fatal(err)
	}
	// Signatures of others, of something else, and of nothing are found out.
	mixed := sign(a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	mixed[3] = keys[4].Signer(nil).Attest(c, a)
	mixed[6] = keys[6].Signer(nil).Attest(c, b)
	mixed[8] = committee.Signature{}
	var bad *committee.BadSignersError
	if _, err := c.Certify(a, mixed); !errors.As(err, &bad) {
		t.Fatal(err)
	}
	slices.Sort(bad.Members)
	if !slices.Equal(bad.Members, []int{3, 6, 8}) {
		t.Fatal(bad.Members)
	}
	// No certificate is valid in another committee.
	other, _ := build(t, 10, 31)
	if _, err := committee.ParseCertificate(other, raw); !errors.Is(err, committee.ErrSignature) {
		t.Fatal(err)
	}
	unknown := committee.Attestation{Kind: 99, Blob: a.Blob}
	if _, err := c.Certify(unknown, sign(unknown, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)); !errors.Is(err, committee.ErrCertificate) {
		t.Fatal(err)
	}
}

func TestPairsCoverShards(t *testing.T) {
	c, _ := build(t, 7, 40)
	rapid.Check(t, func(t *rapid.T) {
		var id commit.BlobID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
		seen := make(map[int]bool)
		for i := range c.Len() {
			for _, pair := range c.Pairs(id, i) {
				if seen[pair] || c.OwnerOfPair(id, pair) != i {
					t.Fatalf("pair %d", pair)
				}
				seen[pair] = true
			}
		}
		if len(seen) != 40 {
			t.Fatalf("%d pairs", len(seen))
		}
	})
}

func TestShardsText(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "3-5": {3, 4, 5}, "0-1,3,7-8": {0, 1, 3, 7, 8}} {
		var s committee.Shards
		if err := s.UnmarshalText([]byte(text)); err != nil || !slices.Equal(s, want) || s.String() != text {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, bad := range []string{"", "-", "1-", "-1", "5-3", "1,1", "3,2", "a", "70000", "0-65535", "1,,2"} {
		var s committee.Shards
		if err := s.UnmarshalText([]byte(bad)); !errors.Is(err, committee.ErrCommittee) {
			t.Errorf("%q: %v, %v", bad, s, err)
		}
	}
}

func BenchmarkAttest(b *testing.B) {
	c, keys := build(b, 4, 10)
	signer := keys[0].Signer(nil)
	for i := 0; b.Loop(); i++ { // of blobs that were not attested before
		signer.Attest(c, committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i), byte(i >> 8), byte(i >> 16)}})
	}
}

func BenchmarkCertify(b *testing.B) {
	c, keys := build(b, 10, 100)
	a := committee.Attestation{Kind: committee.Stored}
	s := make(map[int]committee.Signature)
	for i, key := range keys {
		s[i] = key.Signer(nil).Attest(c, a)
	}
	for b.Loop() {
		if _, err := c.Certify(a, s); err != nil {
			b.Fatal(err)
		}
	}
}
