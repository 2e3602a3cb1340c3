package gf16

import "sync"

// Elem is an element of GF(2^16), written as its 16 coordinates in the Cantor
// basis: bit i is the coefficient of basis element v_i. Addition is XOR. The
// element 1 is the word 1, because v_0 = 1.
type Elem uint16

const (
	// Order is the number of elements of the field.
	Order = 1 << 16
	// Modulus is the order of the multiplicative group; logarithms are taken
	// modulo it.
	Modulus = Order - 1

	// polynomial x^16 + x^5 + x^3 + x^2 + 1 defines the field in the monomial
	// basis, where x generates the multiplicative group.
	polynomial = 0x1002D
)

// cantorBasis holds v_0 … v_15 in the monomial basis. It is a Cantor basis:
// v_0 = 1 and v_i = v_{i+1}² + v_{i+1} (D. G. Cantor, "On arithmetical
// algorithms over finite fields", 1989). What this buys is derived in fft.go.
var cantorBasis = [16]uint16{
	0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012,
	0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E,
}

// logTables holds discrete logarithms to the base x, and their inverse, both
// indexed by Cantor coordinates. exp is doubled so that the sum of two
// logarithms needs no reduction.
type logTables struct {
	log [Order]uint16
	exp [2 * Order]Elem
}

var tables = sync.OnceValue(func() *logTables {
	t := new(logTables)
	// toMonomial[w] is the monomial-basis form of the word w: linear in w.
	var toMonomial [Order]uint16
	for w := 1; w < Order; w++ {
		low := w & -w
		if low == w {
			toMonomial[w] = cantorBasis[trailingZeros(w)]
			continue
		}
		toMonomial[w] = toMonomial[low] ^ toMonomial[w^low]
	}
	var fromMonomial [Order]Elem
	for w, m := range toMonomial {
		fromMonomial[m] = Elem(w)
	}
	power := 1
	for i := range Modulus {
		e := fromMonomial[power]
		t.exp[i], t.exp[i+Modulus] = e, e
		t.log[e] = uint16(i)
		if power <<= 1; power >= Order {
			power ^= polynomial
		}
	}
	return t
})

// Mul returns the product of a and b.
func Mul(a, b Elem) Elem {
	if a == 0 || b == 0 {
		return 0
	}
	t := tables()
	return t.exp[int(t.log[a])+int(t.log[b])]
}

// Inv returns the multiplicative inverse of a. It panics if a is zero.
func Inv(a Elem) Elem {
	if a == 0 {
		panic("gf: inverse of zero")
	}
	t := tables()
	return t.exp[Modulus-int(t.log[a])]
}

// Div returns a divided by b. It panics if b is zero.
func Div(a, b Elem) Elem { return Mul(a, Inv(b)) }

// Log returns the discrete logarithm of a, in [0, Modulus). It panics if a is
// zero.
func Log(a Elem) int {
	if a == 0 {
		panic("gf: logarithm of zero")
	}
	return int(tables().log[a])
}

// Exp returns the element with logarithm e, which is taken modulo Modulus.
func Exp(e int) Elem {
	if e %= Modulus; e < 0 {
		e += Modulus
	}
	return tables().exp[e]
}
