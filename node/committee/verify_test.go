package committee_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// certify returns the certificate, in bytes, of blob i by members.
func certify(t testing.TB, c *committee.Committee, keys []*identity.Key, i int, members ...int) []byte {
	t.Helper()
	a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i), byte(i >> 8)}}
	signatures := make(map[int]committee.Signature)
	for _, m := range members {
		signatures[m] = keys[m].Signer(nil).Attest(c, a)
	}
	cert, err := c.Certify(a, signatures)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// mixed returns certificates of which some are wrong, and which are right.
func mixed(t testing.TB, c *committee.Committee, keys []*identity.Key) (data [][]byte, right []bool) {
	t.Helper()
	for i := range 12 {
		signers := []int{0, 1, 2, 3, 4}
		if i%3 == 0 {
			signers = rand.Perm(7)[:5+i%2]
		}
		data, right = append(data, certify(t, c, keys, i, signers...)), append(right, true)
	}
	// Two exchange their signatures, so that the sum of all stays the same: what the
	// random factors are for.
	signature := len(data[0]) - committee.SignatureSize
	for k := signature; k < len(data[0]); k++ {
		data[4][k], data[5][k] = data[5][k], data[4][k]
	}
	copy(data[7][signature:], data[8][signature:]) // right, but of something else
	data[9][signature-1] ^= 1                      // another signer
	data[10] = data[10][1:]
	data[11][signature] ^= 0xff // no point
	for _, i := range []int{4, 5, 7, 9, 10, 11} {
		right[i] = false
	}
	return data, right
}

func TestManyCertificates(t *testing.T) {
	c, keys := build(t, 7, 21)
	data, right := mixed(t, c, keys)
	var v committee.Verifier // which has seen all but the last one
	for count := range len(data) + 1 {
		certs, errs := v.ParseCertificates(c, data[:count])
		for i := range count {
			_, want := committee.ParseCertificate(c, data[i])
			if (want == nil) != right[i] {
				t.Fatalf("certificate %d alone: %v", i, want)
			}
			if (errs[i] == nil) != right[i] || (certs[i] != nil) != right[i] || want != nil && !errors.Is(errs[i], errors.Unwrap(want)) && !errors.Is(errs[i], want) {
				t.Fatalf("certificate %d of %d: %v instead of %v", i, count, errs[i], want)
			}
			if right[i] && certs[i].Blob != (commit.BlobID{byte(i)}) {
				t.Fatalf("certificate %d is of %v", i, certs[i].Blob)
			}
		}
	}
}

func TestBatchVerifier(t *testing.T) {
	c, keys := build(t, 7, 21)
	data, right := mixed(t, c, keys)
	hashes := new(committee.HashCache)
	signer := keys[3].Signer(hashes)
	for i := range 3 { // what is remembered, and what is not
		a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i)}}
		if err := c.VerifyAttestation(3, a, signer.Attest(c, a)); err != nil {
			t.Fatal(err)
		}
	}
	v := committee.NewBatchVerifier(hashes)
	var group sync.WaitGroup
	for range 5 {
		for i := range data {
			group.Go(func() {
				cert, err := v.ParseCertificate(c, data[i])
				if (err == nil) != right[i] || (cert != nil) != right[i] {
					t.Errorf("certificate %d: %v", i, err)
				}
			})
		}
	}
	group.Go(func() { // and many at once
		certs, errs := v.ParseCertificates(c, data)
		for i := range data {
			if (errs[i] == nil) != right[i] || (certs[i] != nil) != right[i] {
				t.Errorf("certificate %d of many: %v, %v", i, certs[i], errs[i])
			}
		}
	})
	group.Wait()
	if certs, errs := v.ParseCertificates(c, nil); len(certs)+len(errs) > 0 {
		t.Errorf("of no certificates: %v, %v", certs, errs)
	}
}

// TestBatchVerifierPauses: a certificate that comes first is verified at once, and one that
// comes soon after it with what comes within a short time.
func TestBatchVerifierPauses(t *testing.T) {
	c, keys := build(t, 4, 10)
	data := certify(t, c, keys, 0, 0, 1, 2)
	synctest.Test(t, func(t *testing.T) {
		v := committee.NewBatchVerifier(nil)
		for _, want := range []time.Duration{0, 100 * time.Millisecond, 100 * time.Millisecond} { // computing takes no time here
			began := time.Now()
			if _, err := v.ParseCertificate(c, data); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("a certificate waited %v, want %v", took, want)
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		if _, err := v.ParseCertificate(c, data); err != nil || time.Since(began) != 0 {
			t.Errorf("%v: after a second a certificate waited %v", err, time.Since(began))
		}
	})
}

func BenchmarkParseCertificate(b *testing.B) {
	c, keys := build(b, 10, 100)
	raw := certify(b, c, keys, 0, 0, 1, 2, 3, 4, 5, 6)
	for b.Loop() {
		if _, err := committee.ParseCertificate(c, raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCertificates(b *testing.B) {
	c, keys := build(b, 10, 100)
	for _, same := range []bool{true, false} {
		for _, count := range []int{5, 20, 100} {
			b.Run(fmt.Sprintf("same=%v/%d", same, count), func(b *testing.B) {
				var data [][]byte
				for i := range count {
					signers := []int{0, 1, 2, 3, 4, 5, 6}
					if !same {
						signers = rand.Perm(10)[:7]
					}
					data = append(data, certify(b, c, keys, i, signers...))
				}
				for b.Loop() {
					_, errs := committee.ParseCertificates(c, data)
					if err := errors.Join(errs...); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "µs/certificate")
			})
		}
	}
}

// BenchmarkBatchVerifier verifies certificates of what a node has signed, as it does.
func BenchmarkBatchVerifier(b *testing.B) {
	c, keys := build(b, 10, 100)
	hashes := new(committee.HashCache)
	signer, v := keys[0].Signer(hashes), committee.NewBatchVerifier(hashes)
	const blobs = 256
	var data [][]byte
	for i := range blobs {
		data = append(data, certify(b, c, keys, i, rand.Perm(10)[:7]...))
		signer.Attest(c, committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{byte(i)}})
	}
	b.SetParallelism(64) // what waits while others are verified is verified together
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(blobs); pb.Next(); i++ {
			if _, err := v.ParseCertificate(c, data[i%blobs]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
