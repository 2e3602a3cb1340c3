package committee

import bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

// Bits of the first byte of a compressed point.
const (
	flagCompressed = 1 << 7
	flagInfinity   = 1 << 6
	flagLargest    = 1 << 5 // of the two roots, y is the one that is larger in order
	flags          = flagCompressed | flagInfinity | flagLargest
)

// decompress returns the point of the curve that the bytes name, which may be outside
// the subgroup. The error is ErrSignature, also for the point at infinity.
//
// It is bls.G2Affine.SetBytes with a square root at a third of the cost. The square
// root y = y0 + y1·u of a = a0 + a1·u in Fp(u), u² = -1, has
//
//	y0² - y1² = a0, 2·y0·y1 = a1, and so y0² + y1² = ±s with s² = a0² + a1².
//
// Hence d = (a0+s)/2 is y0², or, if it is no square, -d is y1²: -1 is no square here.
func decompress(s Signature) (p bls.G2Affine, err error) {
	const half = SignatureSize / 2
	head := s[0]
	if head&(flagCompressed|flagInfinity) != flagCompressed {
		return p, ErrSignature
	}
	s[0] &^= flags
	if p.X.A1.SetBytesCanonical(s[:half]) != nil || p.X.A0.SetBytesCanonical(s[half:]) != nil {
		return p, ErrSignature
	}
	a := p.X // y² = x³ + 4 + 4u
	a.Square(&p.X).Mul(&a, &p.X)
	b := p.X.A0
	b.SetUint64(4)
	a.A0.Add(&a.A0, &b)
	a.A1.Add(&a.A1, &b)

	y0, y1, d, t := a.A0, a.A1, a.A0, a.A1
	d.Square(&d)
	t.Square(&t)
	if d.Add(&d, &t).Sqrt(&d) == nil {
		return p, ErrSignature // the norm of a square is a square, and of no other
	}
	d.Add(&d, &a.A0)
	d.Halve()
	if d.IsZero() { // a1 = 0 and s = -a0: the other sign tells y
		d = a.A0
	}
	square := d.Legendre() >= 0
	if !square {
		d.Neg(&d)
	}
	y0.Sqrt(&d)
	y1.Double(&y0)
	y1.Inverse(&y1).Mul(&y1, &a.A1)
	p.Y.A0, p.Y.A1 = y0, y1
	if !square {
		p.Y.A0, p.Y.A1 = y1, y0
	}
	if p.Y.LexicographicallyLargest() != (head&flagLargest != 0) {
		p.Y.Neg(&p.Y)
	}
	return p, nil
}
