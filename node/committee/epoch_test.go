package committee_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

var update = flag.Bool("update", false, "write golden files anew")

// epochs is a lookup of several epochs.
type epochs []*committee.Committee

func (e epochs) At(epoch uint64) (*committee.Committee, error) {
	for _, c := range e {
		if c.Epoch() == epoch {
			return c, nil
		}
	}
	return nil, &committee.EpochError{Epoch: epoch, First: e[0].Epoch(), Last: e[len(e)-1].Epoch()}
}

// fixedKeys returns keys that are the same in every run.
func fixedKeys(t testing.TB, count int) (keys []*identity.Key) {
	t.Helper()
	for i := range count {
		// 32 bytes in base64, of which the first letter differs.
		key, err := identity.ParseKey([]byte("redstuff-secret-v1:" + string(rune('A'+i)) + strings.Repeat("A", 42)))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// of returns the committee of an epoch of members with the keys, over n shards.
func of(t testing.TB, epoch uint64, keys []*identity.Key, n int) *committee.Committee {
	t.Helper()
	var list []committee.Member
	for i, s := range committee.Spread(n, len(keys)) {
		list = append(list, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprintf("127.0.0.1:%d", i+1), keys[i], s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: n, Scheme: commit.BLAKE3}, epoch, list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func attestAll(c *committee.Committee, keys []*identity.Key, a committee.Attestation, members ...int) map[int]committee.Signature {
	s := make(map[int]committee.Signature)
	for _, i := range members {
		s[i] = keys[i].Signer(nil).Attest(c, a)
	}
	return s
}

// TestCertificateOfEpoch has certificates of three epochs, with other members each
// time.
func TestCertificateOfEpoch(t *testing.T) {
	keys := fixedKeys(t, 12)
	var known epochs
	var raws [][]byte
	for i := range 3 {
		own := keys[i : i+7+i] // 7, 8 and 9 members: bitmaps of one byte and of two
		c := of(t, uint64(4+i), own, 21)
		a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i)}}
		cert, err := c.Certify(a, attestAll(c, own, a, 0, 1, 2, 3, 4, 5, 6))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := cert.Epoch, c.Epoch(); got != want {
			t.Errorf("certificate of epoch %d, want %d", got, want)
		}
		raw, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if limit := committee.MaxCertificate(21); len(raw) > limit {
			t.Errorf("%d bytes, at most %d", len(raw), limit)
		}
		known, raws = append(known, c), append(raws, raw)
	}
	certs, errs := committee.ParseCertificates(known, raws)
	v := committee.NewBatchVerifier(nil)
	for i, raw := range raws {
		if errs[i] != nil || certs[i].Epoch != uint64(4+i) {
			t.Errorf("epoch %d: %v, %v", 4+i, certs[i], errs[i])
		}
		if _, err := v.ParseCertificate(known, raw); err != nil {
			t.Errorf("epoch %d, as it comes: %v", 4+i, err)
		}
		for _, c := range known {
			_, err := committee.ParseCertificate(c, raw)
			if c.Epoch() == uint64(4+i) {
				if err != nil {
					t.Errorf("epoch %d in its own: %v", 4+i, err)
				}
				continue
			}
			var unknown *committee.EpochError
			if !errors.As(err, &unknown) || !errors.Is(err, committee.ErrEpoch) || unknown.Epoch != uint64(4+i) || unknown.First != c.Epoch() {
				t.Errorf("epoch %d in epoch %d: %v, want an EpochError", 4+i, c.Epoch(), err)
			}
		}
	}
	want := "committee: the committee of epoch 9 is not known, those of epochs 4 to 6 are"
	if _, err := known.At(9); err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// TestForeignCertificates: a certificate verifies in the committee that made it, as it
// was made, and nowhere else.
func TestForeignCertificates(t *testing.T) {
	keys := fixedKeys(t, 7)
	c := of(t, 4, keys, 21)
	swapped := append([]*identity.Key{keys[1], keys[0]}, keys[2:]...)
	others := map[string]*committee.Committee{
		"other epoch":       of(t, 5, keys, 21),
		"other shards":      of(t, 4, keys, 22),
		"other order":       of(t, 4, swapped, 21),
		"fewer members":     of(t, 4, keys[:6], 21),
		"others' keys":      of(t, 4, fixedKeys(t, 14)[7:], 21),
		"epoch of 256 more": of(t, 260, keys, 21),
	}
	changes := map[string]func(*committee.Certificate){
		"kind": func(c *committee.Certificate) {
			c.Kind = map[committee.Kind]committee.Kind{
				committee.Stored: committee.Inconsistent, committee.Inconsistent: committee.Stored, committee.StoredDeletable: committee.WalrusDeletable,
			}[c.Kind]
		},
		"registration": func(c *committee.Certificate) { c.Kind, c.Object[0] = committee.StoredDeletable, c.Object[0]+1 },
		"blob":         func(c *committee.Certificate) { c.Blob[5]++ },
		"epoch":        func(c *committee.Certificate) { c.Epoch++ },
	}
	rapid.Check(t, func(t *rapid.T) {
		a := committee.Attestation{
			Kind: rapid.SampledFrom([]committee.Kind{committee.Stored, committee.Inconsistent, committee.StoredDeletable}).Draw(t, "kind"),
			Blob: commit.BlobID{rapid.Byte().Draw(t, "blob")},
		}
		if a.Kind == committee.StoredDeletable {
			a.Object = committee.ObjectID{5: rapid.Byte().Draw(t, "object"), 6: 1}
		}
		members := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6}).Draw(t, "members")
		members = members[:rapid.IntRange(0, 7).Draw(t, "signers")]
		cert, err := c.Certify(a, attestAll(c, keys, a, members...))
		if enough := 3*len(members) >= c.Quorum(a.Kind); enough != (err == nil) {
			t.Fatalf("%v by %d of 7 members with 3 of 21 shards each: %v", a.Kind, len(members), err)
		}
		if err != nil {
			return
		}
		if err := committee.Verify(c, cert); err != nil {
			t.Fatal(err)
		}
		raw, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(others))).Draw(t, "other")
		// As it is, and with the epoch that the other committee asks for.
		moved := *cert
		moved.Epoch = others[name].Epoch()
		for _, cert := range []*committee.Certificate{cert, &moved} {
			if committee.Verify(others[name], cert) == nil {
				t.Fatalf("%s: certificate of another committee is taken", name)
			}
		}
		changed := *cert
		name = rapid.SampledFrom(slices.Sorted(maps.Keys(changes))).Draw(t, "changed")
		changes[name](&changed)
		if committee.Verify(relabelled{c}, &changed) == nil {
			t.Fatalf("%s may be another", name)
		}
		at := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		raw[at/8] ^= 1 << (at % 8)
		if _, err := committee.ParseCertificate(relabelled{c}, raw); err == nil {
			t.Fatalf("bit %d may be another", at)
		}
	})
}

// relabelled gives one committee for every epoch, as no honest lookup does: what keeps a
// certificate of another epoch out must not be the lookup alone.
type relabelled struct{ *committee.Committee }

func (r relabelled) At(uint64) (*committee.Committee, error) { return r.Committee, nil }

// TestGoldenCertificate holds the bytes of certificates, which stores keep.
func TestGoldenCertificate(t *testing.T) {
	keys := fixedKeys(t, 10)
	c := of(t, 0x0102030405, keys, 31)
	var text strings.Builder
	for _, kind := range []committee.Kind{committee.Stored, committee.Inconsistent, committee.StoredDeletable} {
		a := committee.Attestation{Kind: kind, Blob: commit.BlobID{1, 2, 3, 31: 0xff}}
		if kind == committee.StoredDeletable {
			a.Object = committee.ObjectID{4, 5, 31: 0xee}
		}
		cert, err := c.Certify(a, attestAll(c, keys, a, 0, 1, 2, 4, 5, 8, 9))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%v %s\n", kind, hex.EncodeToString(raw))
	}
	fmt.Fprintf(&text, "fingerprint %v\n", c.Fingerprint())
	name := filepath.Join("testdata", "certificates.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func FuzzParseCertificate(f *testing.F) {
	keys := fixedKeys(f, 10)
	c := of(f, 4, keys, 31)
	a := committee.Attestation{Kind: committee.Inconsistent}
	cert, err := c.Certify(a, attestAll(c, keys, a, 0, 1, 2, 3))
	if err != nil {
		f.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:50])
	named := committee.Attestation{Kind: committee.StoredDeletable, Object: committee.ObjectID{7}}
	if cert, err = c.Certify(named, attestAll(c, keys, named, 0, 1, 2, 3, 4, 5, 6)); err != nil {
		f.Fatal(err)
	}
	naming, err := cert.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(naming)
	other := append([]byte(nil), raw...)
	other[1]++
	f.Add(other)
	f.Fuzz(func(t *testing.T, data []byte) {
		cert, err := committee.ParseCertificate(c, data)
		if err != nil {
			if cert != nil {
				t.Fatalf("a certificate beside %v", err)
			}
			for _, is := range []error{committee.ErrCertificate, committee.ErrEpoch, committee.ErrWeight, committee.ErrSignature} {
				if errors.Is(err, is) {
					return
				}
			}
			t.Fatalf("error of no kind: %v", err)
		}
		// Nobody can make another one without the keys.
		if string(data) != string(raw) && string(data) != string(naming) {
			t.Fatalf("%x is taken", data)
		}
	})
}

// TestSucceed: a committee beside another one is the same as one by itself, and members
// that the other one does not have still show their proofs.
func TestSucceed(t *testing.T) {
	c, _ := build(t, 4, 10)
	other, _ := build(t, 4, 10)
	var same, mixed, unproven []committee.Member
	for i := range c.Len() {
		same = append(same, c.Member(i))
		mixed = append(mixed, c.Member(i))
	}
	mixed[2].PublicKey, mixed[2].Proof = other.Member(2).PublicKey, other.Member(2).Proof
	unproven = append(unproven, mixed...)
	unproven[2].Proof = other.Member(1).Proof
	for name, members := range map[string][]committee.Member{"the same": same, "one more": mixed} {
		got, err := c.Succeed(8, members)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := committee.New(c.System(), 8, members)
		if err != nil || got.Fingerprint() != want.Fingerprint() || got.Epoch() != 8 {
			t.Errorf("%s: epoch %d, %v; want 8, %v (%v)", name, got.Epoch(), got.Fingerprint(), want.Fingerprint(), err)
		}
	}
	if _, err := c.Succeed(8, unproven); !errors.Is(err, committee.ErrCommittee) {
		t.Errorf("a new member without its proof: error %v, want ErrCommittee", err)
	}
}
