package committee

import (
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

// expectSame decompresses as gnark does without its check of the subgroup.
func expectSame(t *testing.T, s Signature) {
	t.Helper()
	var want bls.G2Affine
	ok := false
	if _, err := want.SetBytes(s[:]); err == nil {
		ok = !want.IsInfinity()
	} else if s[0]&(flagCompressed|flagInfinity) == flagCompressed {
		// Outside the subgroup gnark refuses, but has computed the point: it is right if
		// it is on the curve, and compresses to the same bytes.
		ok = want.IsOnCurve() && Signature(want.Bytes()) == s
	}
	got, err := decompress(s)
	if (err == nil) != ok || ok && !got.Equal(&want) {
		t.Fatalf("%x: %v, %v instead of %v", s, err, got, want)
	}
}

func TestDecompress(t *testing.T) {
	for i := range 200 {
		point := hash([]byte{byte(i)}, domainSign)
		s := Signature(point.Bytes())
		expectSame(t, s)
		s[0] ^= flagLargest // the other root
		expectSame(t, s)
		s[i%SignatureSize] ^= 1 << (i % 8) // some other x, or no x
		expectSame(t, s)
	}
	for _, head := range []byte{0, flagCompressed, flagInfinity, flagCompressed | flagInfinity, flagCompressed | flagLargest, 0xff} {
		expectSame(t, Signature{head})
	}
}

// TestDecompressReal has points of which y² has no imaginary part: there 3·x0²·x1 +
// 4 = x1³.
func TestDecompressReal(t *testing.T) {
	found := 0
	for i := uint64(1); found < 40; i++ {
		var p bls.G2Affine
		var square, three, four fp.Element
		p.X.A1.SetUint64(i)
		three.SetUint64(3)
		four.SetUint64(4)
		square.Square(&p.X.A1).Mul(&square, &p.X.A1).Sub(&square, &four)
		three.Mul(&three, &p.X.A1)
		square.Div(&square, &three)
		if p.X.A0.Sqrt(&square) == nil {
			continue
		}
		var s Signature
		x1, x0 := p.X.A1.Bytes(), p.X.A0.Bytes()
		copy(s[:], x1[:])
		copy(s[fp.Bytes:], x0[:])
		s[0] |= flagCompressed
		expectSame(t, s)
		s[0] |= flagLargest
		expectSame(t, s)
		found++
	}
}

func FuzzDecompress(f *testing.F) {
	point := hash(nil, domainSign)
	s := point.Bytes()
	f.Add(s[:])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == SignatureSize {
			expectSame(t, Signature(data))
		}
	})
}
