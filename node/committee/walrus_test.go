package committee_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// walrusTown is a committee of four members in an epoch.
func walrusTown(t *testing.T, epoch uint64) (*committee.Committee, []*identity.Key) {
	t.Helper()
	var members []committee.Member
	var keys []*identity.Key
	for i, shards := range committee.Spread(10, 4) {
		key := identity.GenerateKey()
		keys = append(keys, key)
		members = append(members, identity.NewMember(string(rune('a'+i)), "127.0.0.1:"+string(rune('1'+i)), key, shards))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: 10, Scheme: commit.Walrus}, epoch, members)
	if err != nil {
		t.Fatal(err)
	}
	return c, keys
}

// TestWalrusMessage holds the bytes that Walrus's clients expect.
func TestWalrusMessage(t *testing.T) {
	id := commit.BlobID(bytes.Repeat([]byte{0xab}, 32))
	object := committee.ObjectID(bytes.Repeat([]byte{0xcd}, 32))
	for _, c := range []struct {
		name  string
		a     committee.Attestation
		epoch uint64
		want  string
	}{
		{"permanent", committee.Attestation{Kind: committee.WalrusPermanent, Blob: id}, 9, "01000309000000" + strings.Repeat("ab", 32) + "00"},
		{"deletable", committee.Attestation{Kind: committee.WalrusDeletable, Blob: id, Object: object}, 0x01020304, "01000304030201" + strings.Repeat("ab", 32) + "01" + strings.Repeat("cd", 32)},
		{"invalid", committee.Attestation{Kind: committee.WalrusInvalid, Blob: id}, 7, "02000307000000" + strings.Repeat("ab", 32)},
	} {
		m := c.a.WalrusMessage(c.epoch)
		if got := hex.EncodeToString(m); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if a, epoch, err := committee.ParseWalrusMessage(m); err != nil || a != c.a || epoch != c.epoch {
			t.Errorf("%s: read back as %+v of epoch %d (%v)", c.name, a, epoch, err)
		}
		for i := range m {
			bad := bytes.Clone(m)
			bad[i] ^= 0x40
			if a, epoch, err := committee.ParseWalrusMessage(bad); err == nil && a == c.a && epoch == c.epoch {
				t.Errorf("%s: byte %d does not matter", c.name, i)
			}
			if _, _, err := committee.ParseWalrusMessage(m[:i]); !errors.Is(err, committee.ErrCertificate) {
				t.Errorf("%s: %d bytes of it: %v", c.name, i, err)
			}
		}
	}
	if m := (committee.Attestation{Kind: committee.Stored, Blob: id}).WalrusMessage(1); m != nil {
		t.Errorf("stored has a message of Walrus's: %x", m)
	}
}

// TestWalrusCertificates: what clients add up is a certificate like any other, of no other
// epoch, blob, registration or kind.
func TestWalrusCertificates(t *testing.T) {
	c, keys := walrusTown(t, 7)
	other, _ := walrusTown(t, 8)
	id, object := commit.BlobID{1}, committee.ObjectID{2}
	for _, a := range []committee.Attestation{{Kind: committee.WalrusPermanent, Blob: id}, {Kind: committee.WalrusDeletable, Blob: id, Object: object}} {
		signatures := make(map[int]committee.Signature)
		for i, key := range keys[:3] {
			signatures[i] = key.Signer(nil).Attest(c, a)
			if err := c.VerifyAttestation(i, a, signatures[i]); err != nil {
				t.Fatal(err)
			}
			if stored := (committee.Attestation{Kind: committee.Stored, Blob: id}); c.VerifyAttestation(i, stored, signatures[i]) == nil {
				t.Error("the signature is one of another message, too")
			}
		}
		made, err := c.Certify(a, signatures)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := committee.WalrusCertificate(c, a.WalrusMessage(7), []int{0, 1, 2}, made.Signature())
		if err != nil {
			t.Fatal(err)
		}
		if err := committee.Verify(c, cert); err != nil {
			t.Fatal(err)
		}
		data, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back, err := committee.ParseCertificate(c, data)
		if err != nil || back.Attestation != a || !back.Stores(id) || back.Stores(commit.BlobID{9}) {
			t.Fatalf("read back: %+v (%v)", back, err)
		}
		if len(data) > committee.MaxCertificate(10) {
			t.Errorf("%d bytes, more than MaxCertificate", len(data))
		}
		for i := range data {
			bad := bytes.Clone(data)
			bad[i] ^= 1
			if _, err := committee.ParseCertificate(c, bad); err == nil {
				t.Errorf("%v: byte %d does not matter", a.Kind, i)
			}
		}
		for _, bad := range []struct {
			name    string
			c       *committee.Committee
			message []byte
			signers []int
		}{
			{"another epoch", other, a.WalrusMessage(7), []int{0, 1, 2}},
			{"no message", c, []byte("nonsense"), []int{0, 1, 2}},
			{"a signer twice", c, a.WalrusMessage(7), []int{0, 1, 1}},
			{"no member", c, a.WalrusMessage(7), []int{0, 1, 4}},
			{"a negative one", c, a.WalrusMessage(7), []int{0, 1, -1}},
		} {
			if _, err := committee.WalrusCertificate(bad.c, bad.message, bad.signers, made.Signature()); !errors.Is(err, committee.ErrCertificate) {
				t.Errorf("%s: %v, want ErrCertificate", bad.name, err)
			}
		}
		wrong, err := committee.WalrusCertificate(c, a.WalrusMessage(7), []int{0, 1, 3}, made.Signature())
		if err != nil {
			t.Fatal(err)
		}
		if err := committee.Verify(c, wrong); !errors.Is(err, committee.ErrSignature) {
			t.Errorf("other signers: %v, want ErrSignature", err)
		}
		few, err := committee.WalrusCertificate(c, a.WalrusMessage(7), []int{0}, made.Signature())
		if err != nil {
			t.Fatal(err)
		}
		if err := committee.Verify(c, few); !errors.Is(err, committee.ErrWeight) {
			t.Errorf("one signer: %v, want ErrWeight", err)
		}
	}
	late, lateKeys := walrusTown(t, 1<<32+7)
	a := committee.Attestation{Kind: committee.WalrusPermanent, Blob: id}
	signatures := make(map[int]committee.Signature)
	for i, key := range lateKeys {
		signatures[i] = key.Signer(nil).Attest(late, a)
	}
	cert, err := late.Certify(a, signatures)
	if err == nil {
		err = committee.Verify(late, cert)
	}
	if !errors.Is(err, committee.ErrCertificate) {
		t.Errorf("an epoch that Walrus has not: %v, want ErrCertificate", err)
	}
}

// TestWalrusInvalid: f+1 shards say in Walrus's words that there is no blob of an id, and that is no
// certificate that one is stored.
func TestWalrusInvalid(t *testing.T) {
	c, keys := walrusTown(t, 7)
	a := committee.Attestation{Kind: committee.WalrusInvalid, Blob: commit.BlobID{1, 2}}
	signatures := make(map[int]committee.Signature)
	for i, key := range keys[:2] {
		signatures[i] = key.Signer(nil).Attest(c, a)
	}
	cert, err := c.Certify(a, signatures)
	if err != nil {
		t.Fatal(err)
	}
	if err := committee.Verify(c, cert); err != nil || cert.Stores(a.Blob) || !cert.Invalidates(a.Blob) || cert.Invalidates(commit.BlobID{1}) {
		t.Errorf("verified: %v; stores the blob: %t; says that there is none: %t; or of another one: %t", err, cert.Stores(a.Blob), cert.Invalidates(a.Blob), cert.Invalidates(commit.BlobID{1}))
	}
	made, err := committee.WalrusCertificate(c, a.WalrusMessage(7), []int{0, 1}, cert.Signature())
	if err == nil {
		err = committee.Verify(c, made)
	}
	if err != nil || !made.Invalidates(a.Blob) {
		t.Errorf("as clients make it: %v, of %+v", err, made)
	}
}

// TestShardRequest: a request for a shard is verified by the key of whoever signed it, and none of
// another kind is.
func TestShardRequest(t *testing.T) {
	c, keys := walrusTown(t, 7)
	body := []byte("what is asked for")
	message, signature := committee.SignShardRequest(keys[0].Signer(nil), 9, body)
	if want := append([]byte{3, 0, 3, 9, 0, 0, 0}, body...); !bytes.Equal(message, want) {
		t.Errorf("message %x, want %x", message, want)
	}
	epoch, back, err := committee.VerifyShardRequest(keys[0].Public(), message, signature)
	if err != nil || epoch != 9 || !bytes.Equal(back, body) {
		t.Errorf("read back: epoch %d, %q (%v)", epoch, back, err)
	}
	for i := range message {
		bad := bytes.Clone(message)
		bad[i] ^= 1
		if _, _, err := committee.VerifyShardRequest(keys[0].Public(), bad, signature); !errors.Is(err, committee.ErrSignature) {
			t.Errorf("byte %d does not matter: %v", i, err)
		}
	}
	stored := committee.Attestation{Kind: committee.WalrusPermanent, Blob: commit.BlobID{1}}
	for _, bad := range []struct {
		name      string
		key       committee.PublicKey
		message   []byte
		signature committee.Signature
	}{
		{"another key", keys[1].Public(), message, signature},
		{"cut off", keys[0].Public(), message[:6], signature},
		{"of a blob that is stored", keys[0].Public(), stored.WalrusMessage(7), keys[0].Signer(nil).Attest(c, stored)},
	} {
		if _, _, err := committee.VerifyShardRequest(bad.key, bad.message, bad.signature); !errors.Is(err, committee.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", bad.name, err)
		}
	}
}
