package committee

import (
	"crypto/rand"
	"math/big"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// TestTimes multiplies by numbers at the edges of digits, and by any, as gnark does.
func TestTimes(t *testing.T) {
	var numbers []*big.Int
	for power, base := big.NewInt(1), new(big.Int).SetUint64(z); power.Cmp(fr.Modulus()) < 0; power = new(big.Int).Mul(power, base) {
		for _, near := range []int64{-9, -1, 0, 1, 7, 8, 9, 15, 16} {
			numbers = append(numbers, new(big.Int).Add(power, big.NewInt(near)))
		}
	}
	for _, below := range []int64{1, 2, 8, 9} {
		numbers = append(numbers, new(big.Int).Sub(fr.Modulus(), big.NewInt(below)))
	}
	for range 50 {
		k, err := rand.Int(rand.Reader, fr.Modulus())
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, k)
	}
	point := hash([]byte("a message"), domainSign)
	for _, k := range numbers {
		if k.Sign() < 0 {
			continue
		}
		var want bls.G2Affine
		want.ScalarMultiplication(&point, k)
		s := newScalar(k)
		if got := s.times(point); !got.Equal(&want) {
			t.Errorf("times %v: %v, want %v", k, got, want)
		}
	}
	s := newScalar(numbers[len(numbers)-1])
	if got := s.times(bls.G2Affine{}); !got.IsInfinity() {
		t.Errorf("the point at infinity times a number is %v", got)
	}
}
