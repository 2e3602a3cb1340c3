package committee_test

import (
	"encoding/hex"
	"errors"
	"fmt"
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

func batchOf(count int) (batch []committee.Attestation) {
	for i := range count {
		a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i), 1}}
		if i%2 == 1 {
			a.Kind, a.Object = committee.StoredDeletable, committee.ObjectID{byte(i), 2}
		}
		batch = append(batch, a)
	}
	return batch
}

func attestBatch(c *committee.Committee, keys []*identity.Key, batch []committee.Attestation, members ...int) map[int]committee.Signature {
	s := make(map[int]committee.Signature)
	for _, i := range members {
		s[i] = keys[i].Signer(nil).AttestBatch(c, batch)
	}
	return s
}

// TestBatch: each certificate of attestations that were signed at once verifies alone and
// with others, attests its own blob, and no change of it verifies.
func TestBatch(t *testing.T) {
	keys := fixedKeys(t, 7)
	c := of(t, 4, keys, 21)
	for _, count := range []int{2, 3, 4, 5, 8, 9, 33, committee.MaxBatch} {
		batch := batchOf(count)
		certs, err := committee.CertifyBatch(c, batch, attestBatch(c, keys, batch, 0, 1, 2, 3, 4, 6))
		if err != nil {
			t.Fatalf("%d: %v", count, err)
		}
		var raws [][]byte
		for i, cert := range certs {
			raw, err := cert.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if limit := committee.MaxCertificate(21); len(raw) > limit {
				t.Errorf("%d of %d: %d bytes, at most %d", i, count, len(raw), limit)
			}
			raws = append(raws, raw)
		}
		parsed, errs := committee.ParseCertificates(c, raws)
		for i := range raws {
			if errs[i] != nil || parsed[i].Attestation != batch[i] {
				t.Fatalf("%d of %d: %v, %v, want %v", i, count, parsed[i], errs[i], batch[i])
			}
		}
		last := count - 1
		got, err := committee.ParseCertificate(c, raws[last])
		if err != nil || got.Attestation != batch[last] || !got.Signed(6) || got.Signed(5) {
			t.Errorf("last of %d: %v, %v", count, got, err)
		}
		if err := committee.Verify(c, certs[last]); err != nil {
			t.Errorf("last of %d: %v", count, err)
		}
		if _, err := committee.NewBatchVerifier(nil).ParseCertificate(c, raws[0]); err != nil {
			t.Errorf("first of %d, as it comes: %v", count, err)
		}
	}
}

// TestBatchAmongOthers: wrong certificates are found among right ones of the same batch.
func TestBatchAmongOthers(t *testing.T) {
	keys := fixedKeys(t, 7)
	c := of(t, 4, keys, 21)
	var raws [][]byte
	for _, count := range []int{3, 8} {
		batch := batchOf(count)
		certs, err := committee.CertifyBatch(c, batch, attestBatch(c, keys, batch, 0, 1, 2, 3, 4))
		if err != nil {
			t.Fatal(err)
		}
		for _, cert := range certs {
			raw, err := cert.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			raws = append(raws, raw)
		}
	}
	var seen committee.Verifier // has seen the right ones
	if _, errs := seen.ParseCertificates(c, raws); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	wrong := []int{1, 4, 10}
	for _, i := range wrong {
		raws[i] = slices.Clone(raws[i])
		raws[i][len(raws[i])-1] ^= 1
	}
	for range 2 { // what is wrong is not remembered
		for name, v := range map[string]*committee.Verifier{"one that has seen the right ones": &seen, "a new one": {}} {
			_, errs := v.ParseCertificates(c, raws)
			for i, err := range errs {
				if want := slices.Contains(wrong, i); errors.Is(err, committee.ErrSignature) != want || want == (err == nil) {
					t.Errorf("%s: %d: %v, wrong is %v", name, i, err, want)
				}
			}
		}
	}
	other := of(t, 4, append(fixedKeys(t, 6), identity.GenerateKey()), 21)
	if _, err := seen.ParseCertificate(other, raws[0]); !errors.Is(err, committee.ErrSignature) {
		t.Errorf("another committee of the epoch: %v, want ErrSignature", err)
	}
}

// TestForeignBatch: no byte of a certificate of a batch can be changed.
func TestForeignBatch(t *testing.T) {
	keys := fixedKeys(t, 7)
	c := of(t, 4, keys, 21)
	batch := batchOf(5)
	certs, err := committee.CertifyBatch(c, batch, attestBatch(c, keys, batch, 0, 1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := certs[3].MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		if cert, err := committee.ParseCertificate(c, bad); err == nil {
			t.Errorf("byte %d changed: taken as %v", i, cert.Attestation)
		}
	}
	for length := range raw {
		if _, err := committee.ParseCertificate(c, raw[:length]); !errors.Is(err, committee.ErrCertificate) {
			t.Errorf("%d bytes of %d: %v, want ErrCertificate", length, len(raw), err)
		}
	}
	if _, err := committee.ParseCertificate(c, append(slices.Clone(raw), make([]byte, 32)...)); !errors.Is(err, committee.ErrCertificate) {
		t.Errorf("with a hash more: %v, want ErrCertificate", err)
	}
	for name, other := range map[string]*committee.Committee{"epoch": of(t, 5, keys, 21), "shards": of(t, 4, keys, 22)} {
		if _, err := committee.ParseCertificate(other, raw); err == nil {
			t.Errorf("taken in a committee of another %s", name)
		}
	}
	// The words of another kind are no attestation of the batch.
	other := slices.Clone(raw)
	for kind := range byte(8) {
		if other[0] = 0x80 | kind; other[0] == raw[0] {
			continue
		}
		if cert, err := committee.ParseCertificate(c, other); err == nil {
			t.Errorf("kind %d: taken as %v", kind, cert.Attestation)
		}
	}
}

// TestBatchBlames: members whose signatures are of another batch, or of an attestation
// alone, are named.
func TestBatchBlames(t *testing.T) {
	keys := fixedKeys(t, 7)
	c := of(t, 4, keys, 21)
	rapid.Check(t, func(t *rapid.T) {
		batch := batchOf(rapid.IntRange(2, 9).Draw(t, "attestations"))
		all := attestBatch(c, keys, batch, 0, 1, 2, 3, 4, 5, 6)
		swapped := slices.Clone(batch)
		swapped[0], swapped[1] = swapped[1], swapped[0]
		want := rapid.IntRange(0, 6).Draw(t, "liar")
		lies := []committee.Signature{
			keys[want].Signer(nil).AttestBatch(c, swapped), keys[want].Signer(nil).Attest(c, batch[0]), all[(want+1)%7], {},
		}
		all[want] = rapid.SampledFrom(lies).Draw(t, "lie")
		var bad *committee.BadSignersError
		if _, err := committee.CertifyBatch(c, batch, all); !errors.As(err, &bad) || !slices.Equal(bad.Members, []int{want}) {
			t.Fatalf("%v, want member %d", err, want)
		}
		delete(all, want)
		if _, err := committee.CertifyBatch(c, batch, all); err != nil {
			t.Fatal(err)
		}
		few := map[int]committee.Signature{(want + 1) % 7: all[(want+1)%7]}
		if _, err := committee.CertifyBatch(c, batch, few); !errors.Is(err, committee.ErrWeight) {
			t.Fatalf("%v, want ErrWeight", err)
		}
	})
}

func TestCheckBatch(t *testing.T) {
	keys := fixedKeys(t, 4)
	c := of(t, 4, keys, 13)
	alone := []committee.Kind{
		committee.Inconsistent, committee.Checkpoint, committee.WalrusPermanent, committee.WalrusDeletable, 0, 77,
	}
	bad := map[string][]committee.Attestation{
		"none": nil, "one": batchOf(1), "too many": batchOf(committee.MaxBatch + 1),
	}
	for _, kind := range alone {
		batch := batchOf(3)
		batch[2].Kind = kind
		bad[fmt.Sprintf("kind %v", kind)] = batch
	}
	for name, batch := range bad {
		if err := committee.CheckBatch(batch); !errors.Is(err, committee.ErrBatch) {
			t.Errorf("%s: %v, want ErrBatch", name, err)
		}
		if _, err := committee.CertifyBatch(c, batch, nil); !errors.Is(err, committee.ErrBatch) {
			t.Errorf("%s: CertifyBatch: %v, want ErrBatch", name, err)
		}
	}
}

// BenchmarkBatch is what a member and a client take for each of some attestations.
func BenchmarkBatch(b *testing.B) {
	var keys []*identity.Key
	for range 10 {
		keys = append(keys, identity.GenerateKey())
	}
	c := of(b, 4, keys, 100)
	for _, count := range []int{2, 8, 32} {
		batch := batchOf(count)
		n := byte(0)
		b.Run(fmt.Sprintf("sign/%d", count), func(b *testing.B) {
			s := keys[0].Signer(nil)
			for b.Loop() {
				for i := range batch {
					n++
					batch[i].Blob[1] = n
				}
				s.AttestBatch(c, batch)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "µs/attestation")
		})
		b.Run(fmt.Sprintf("certify/%d", count), func(b *testing.B) {
			signatures := attestBatch(c, keys, batch, 0, 1, 2, 3, 4, 5, 6)
			for b.Loop() {
				if _, err := committee.CertifyBatch(c, batch, signatures); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "µs/attestation")
		})
	}
}

func TestGoldenBatch(t *testing.T) {
	keys := fixedKeys(t, 10)
	c := of(t, 0x0102030405, keys, 31)
	var text strings.Builder
	batch := batchOf(3)
	certs, err := committee.CertifyBatch(c, batch, attestBatch(c, keys, batch, 0, 1, 2, 4, 5, 8, 9))
	if err != nil {
		t.Fatal(err)
	}
	for _, cert := range certs {
		raw, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s\n", hex.EncodeToString(raw))
	}
	name := filepath.Join("testdata", "batch.txt")
	if *update {
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

func FuzzParseBatchCertificate(f *testing.F) {
	keys := fixedKeys(f, 10)
	c := of(f, 4, keys, 31)
	batch := batchOf(5)
	certs, err := committee.CertifyBatch(c, batch, attestBatch(c, keys, batch, 0, 1, 2, 3, 4, 5, 6))
	if err != nil {
		f.Fatal(err)
	}
	known := make(map[string]committee.Attestation)
	for i, cert := range certs {
		raw, err := cert.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		known[string(raw)] = batch[i]
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cert, err := committee.ParseCertificate(c, data)
		if err != nil {
			for _, is := range []error{committee.ErrCertificate, committee.ErrEpoch, committee.ErrWeight, committee.ErrSignature} {
				if errors.Is(err, is) {
					return
				}
			}
			t.Fatalf("error of no kind: %v", err)
		}
		// Nobody can make another one without the keys.
		if want, ok := known[string(data)]; !ok || cert.Attestation != want {
			t.Fatalf("%x is taken as %v, want %v", data, cert.Attestation, want)
		}
	})
}
