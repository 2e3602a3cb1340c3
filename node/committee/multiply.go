package committee

import (
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// scalar is a factor of points of G2: in four digits to the base z, the absolute value of
// the curve's parameter, and each of those in odd factors below 8, of either sign, of some
// powers of two, from the lowest power on. The other powers have the factor 0.
type scalar [4][]int8

// z is 2^63.7, and z⁴ more than the number of the group's elements.
const z = 0xd201000000010000

// newScalar returns the scalar of a number from 0 up to the order of the group.
func newScalar(k *big.Int) (s scalar) {
	rest, digit, base := new(big.Int).Set(k), new(big.Int), new(big.Int).SetUint64(z)
	for i := range s {
		rest.QuoRem(rest, base, digit)
		for k := digit.Uint64(); k != 0; k >>= 1 {
			factor := int8(0)
			if k&1 != 0 {
				if factor = int8(k & 0xf); factor > 8 {
					factor -= 16
				}
				k -= uint64(factor) // is a multiple of 16 then, and below 2^64: z is by far
			}
			s[i] = append(s[i], factor)
		}
	}
	return s
}

// timesZ multiplies a point by z, in the time of two multiplications of coordinates: the
// Frobenius endomorphism ψ of G2 multiplies by -z. It takes conjugates of the coordinates,
// times constants, which the generator tells.
var timesZ = func() func(bls.G2Affine) bls.G2Affine {
	_, _, _, g := bls.Generators()
	var product bls.G2Affine
	product.ScalarMultiplication(&g, new(big.Int).SetUint64(z))
	x, y := ratio(product.X, g.X), ratio(product.Y, g.Y)
	return func(p bls.G2Affine) bls.G2Affine {
		p.X.Conjugate(&p.X).Mul(&p.X, &x)
		p.Y.Conjugate(&p.Y).Mul(&p.Y, &y)
		return p
	}
}()

// ratio returns a coordinate in terms of the conjugate of another one.
func ratio(a, b bls.E2) bls.E2 {
	b.Conjugate(&b)
	a.Div(&a, &b)
	return a
}

// times returns a point of the group times the scalar. It takes a third of the time of
// bls.G2Affine.ScalarMultiplication: as many additions, but a quarter of its doublings, as
// those are the same for all four digits.
func (s *scalar) times(p bls.G2Affine) (product bls.G2Affine) {
	var odd [len(s)][4]bls.G2Affine // the point times 1, 3, 5 and 7, by power of z
	odd[0][0] = p
	var sum, two bls.G2Jac
	sum.FromAffine(&p)
	two.Double(&sum)
	for i := range odd[0][1:] {
		sum.AddAssign(&two)
		odd[0][i+1].FromJacobian(&sum)
	}
	length := len(s[0])
	for i := range s[1:] {
		for j, point := range odd[i] {
			odd[i+1][j] = timesZ(point)
		}
		length = max(length, len(s[i+1]))
	}
	sum = bls.G2Jac{} // which is the point at infinity
	sum.X.SetOne()
	sum.Y.SetOne()
	for bit := length - 1; bit >= 0; bit-- {
		sum.DoubleAssign()
		for i, factors := range s {
			if bit >= len(factors) || factors[bit] == 0 {
				continue
			}
			factor := factors[bit]
			point := odd[i][max(factor, -factor)/2]
			if factor < 0 {
				point.Neg(&point)
			}
			sum.AddMixed(&point)
		}
	}
	product.FromJacobian(&sum)
	return product
}
