package gf

import "github.com/redstuff-go/redstuff/internal/gf16"

// Elem is an element of GF(2^16), written as its 16 coordinates in the Cantor basis: bit
// i is the coefficient of basis element v_i. Addition is XOR. The element 1 is the word
// 1, because v_0 = 1. It is a uint16.
type Elem = gf16.Elem

const (
	// Order is the number of elements of the field.
	Order = gf16.Order
	// Modulus is the order of the multiplicative group. Logarithms are taken modulo it.
	Modulus = gf16.Modulus
)

// Mul returns the product of a and b.
func Mul(a, b Elem) Elem { return gf16.Mul(a, b) }

// Inv returns the multiplicative inverse of a. It panics if a is zero.
func Inv(a Elem) Elem { return gf16.Inv(a) }

// Div returns a divided by b. It panics if b is zero.
func Div(a, b Elem) Elem { return gf16.Div(a, b) }

// Log returns the discrete logarithm of a, in [0, Modulus). It panics if a is zero.
func Log(a Elem) int { return gf16.Log(a) }

// Exp returns the element with logarithm e, which is taken modulo Modulus.
func Exp(e int) Elem { return gf16.Exp(e) }
