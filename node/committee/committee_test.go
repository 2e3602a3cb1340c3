package committee_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

func build(t testing.TB, members, shards int) (*committee.Committee, []*committee.Key) {
	t.Helper()
	var keys []*committee.Key
	var list []committee.Member
	for i, s := range committee.Spread(shards, members) {
		key := committee.GenerateKey()
		keys = append(keys, key)
		list = append(list, committee.NewMember(fmt.Sprint("node-", i), fmt.Sprint("host:", i), key, s))
	}
	c, err := committee.New(7, commit.Walrus, list, []committee.Client{{Name: "writer", TLSKey: committee.GenerateKey().TLSPublic()}})
	if err != nil {
		t.Fatal(err)
	}
	return c, keys
}

func TestFileRoundTrip(t *testing.T) {
	c, keys := build(t, 9, 100)
	text, err := c.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := committee.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.MarshalText()
	if err != nil || !bytes.Equal(text, again) {
		t.Fatal("another file")
	}
	// What one signs, the other verifies.
	a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{1}}
	if err := back.VerifyAttestation(3, a, c.Attest(keys[3], a)); err != nil {
		t.Fatal(err)
	}
	if i, ok := back.Find(keys[5].Public()); !ok || i != 5 {
		t.Fatal(i, ok)
	}
	for name, change := range map[string][2]string{
		"unknown key":    {"epoch", "age"},
		"shard twice":    {`"11-21"`, `"10-20"`},
		"shard missing":  {`"11-21"`, `"12-21"`},
		"no range":       {`"11-21"`, `"21-11"`},
		"foreign proof":  {lines(text, "proof")[0], lines(text, "proof")[1]},
		"foreign key":    {lines(text, "public_key")[0], lines(text, "public_key")[1]},
		"same TLS key":   {lines(text, "tls_key")[0], lines(text, "tls_key")[1]},
		"same name":      {`"node-1"`, `"node-2"`},
		"same address":   {`"host:1"`, `"host:2"`},
		"unknown scheme": {lines(text, "scheme")[0], `scheme = "sha1"`},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := committee.Parse([]byte(changed)); !errors.Is(err, committee.ErrCommittee) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// lines returns the lines that set a key.
func lines(text []byte, key string) (found []string) {
	for line := range strings.Lines(string(text)) {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, key+" ") {
			found = append(found, trimmed)
		}
	}
	return found
}

func TestLoadKey(t *testing.T) {
	key := committee.GenerateKey()
	text, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key")
	if _, err := committee.LoadKey(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for content, want := range map[string]error{string(text): nil, "no key": committee.ErrKey} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := committee.LoadKey(name)
		if !errors.Is(err, want) || err == nil && got.TLSPublic() != key.TLSPublic() {
			t.Errorf("%q: %v", content, err)
		}
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name the file: %v", err)
		}
	}
}

func TestKeys(t *testing.T) {
	key := committee.GenerateKey()
	text, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := committee.ParseKey(append(text, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	if back.Public().Bytes() != key.Public().Bytes() || back.TLSPublic() != key.TLSPublic() {
		t.Fatal("another key")
	}
	if err := key.Public().VerifyProof(back.Prove()); err != nil {
		t.Fatal(err)
	}
	if err := key.Public().VerifyProof(committee.GenerateKey().Prove()); !errors.Is(err, committee.ErrSignature) {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(key), strings.TrimPrefix(string(text), "redstuff-secret-v1:")) {
		t.Fatal("printing a key shows the secret")
	}
	for _, bad := range []string{"", "x", string(text[:len(text)-1]), string(text) + "A", "redstuff-secret-v2" + string(text[18:])} {
		if _, err := committee.ParseKey([]byte(bad)); !errors.Is(err, committee.ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	infinity := make([]byte, committee.PublicKeySize)
	infinity[0] = 0xc0
	for name, raw := range map[string][]byte{"infinity": infinity, "zeros": make([]byte, committee.PublicKeySize), "short": infinity[1:]} {
		if _, err := committee.ParsePublicKey(raw); !errors.Is(err, committee.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	c, keys := build(t, 10, 31) // f = 10, weights 3 and 4
	a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{1, 2}}
	sign := func(a committee.Attestation, members ...int) map[int]committee.Signature {
		s := make(map[int]committee.Signature)
		for _, i := range members {
			s[i] = c.Attest(keys[i], a)
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
	if len(raw) != committee.MaxCertificate(c.Len()) {
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
	mixed[3] = c.Attest(keys[4], a)
	mixed[6] = c.Attest(keys[6], b)
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
	unknown := committee.Attestation{Kind: 9, Blob: a.Blob}
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

func FuzzParse(f *testing.F) {
	c, _ := build(f, 2, 4)
	text, err := c.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("epoch = 1\n[[member]]\nshards = \"0-65534\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := committee.Parse(text)
		if err != nil {
			if !errors.Is(err, committee.ErrCommittee) {
				t.Fatal(err)
			}
			return
		}
		if _, err := c.MarshalText(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAttest(b *testing.B) {
	c, keys := build(b, 4, 10)
	for b.Loop() {
		c.Attest(keys[0], committee.Attestation{Kind: committee.Stored})
	}
}

func BenchmarkCertify(b *testing.B) {
	c, keys := build(b, 10, 100)
	a := committee.Attestation{Kind: committee.Stored}
	s := make(map[int]committee.Signature)
	for i, key := range keys {
		s[i] = c.Attest(key, a)
	}
	for b.Loop() {
		if _, err := c.Certify(a, s); err != nil {
			b.Fatal(err)
		}
	}
}
