package gf16

import (
	"testing"

	"pgregory.net/rapid"
)

// mulMonomial multiplies two polynomials over GF(2) modulo the field's polynomial.
func mulMonomial(a, b uint16) uint16 {
	x, r := int(a), 0
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			r ^= x
		}
		if x <<= 1; x >= Order {
			x ^= polynomial
		}
	}
	return uint16(r)
}

func toMonomial(e Elem) (m uint16) {
	for i, v := range cantorBasis {
		if e>>i&1 != 0 {
			m ^= v
		}
	}
	return m
}

func TestBasisIsCantor(t *testing.T) {
	if cantorBasis[0] != 1 {
		t.Fatalf("v_0 = %#x, want 1", cantorBasis[0])
	}
	for i := range 15 {
		v := cantorBasis[i+1]
		if got := mulMonomial(v, v) ^ v; got != cantorBasis[i] {
			t.Errorf("v_%d² + v_%d = %#x, want v_%d = %#x", i+1, i+1, got, i, cantorBasis[i])
		}
	}
}

func TestSubspacePolynomialIsShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := Elem(rapid.Uint16().Draw(t, "x"))
		j := rapid.IntRange(0, 9).Draw(t, "j")
		s := Elem(1)
		for v := range Elem(1 << j) {
			s = Mul(s, x^v)
		}
		if s != x>>j {
			t.Fatalf("s_%d(%#x) = %#x, want %#x", j, x, s, x>>j)
		}
	})
}

func TestFieldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := Elem(rapid.Uint16().Draw(t, "a")), Elem(rapid.Uint16().Draw(t, "b")), Elem(rapid.Uint16().Draw(t, "c"))
		if got, want := toMonomial(Mul(a, b)), mulMonomial(toMonomial(a), toMonomial(b)); got != want {
			t.Fatalf("%#x·%#x = %#x in the monomial basis, want %#x", a, b, got, want)
		}
		if Mul(a, Mul(b, c)) != Mul(Mul(a, b), c) || Mul(a, b^c) != Mul(a, b)^Mul(a, c) {
			t.Fatal("not associative or not distributive")
		}
		if a != 0 {
			if Mul(a, Inv(a)) != 1 || Div(Mul(a, b), a) != b || Exp(Log(a)) != a || Exp(Log(a)-Modulus) != a {
				t.Fatalf("inverse, quotient or logarithm of %#x is wrong", a)
			}
		}
	})
}

func TestTablesOfConstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, x := Elem(rapid.Uint16().Draw(t, "c")), Elem(rapid.Uint16().Draw(t, "x"))
		want := Mul(c, x)
		if matrices()[c] != matrixOf(c) || nibbleTables()[c] != nibblesOf(c) {
			t.Fatalf("table entry of %#x differs from its definition", c)
		}
		var byNibbles Elem
		for k := range 4 {
			byNibbles ^= Elem(nibbleTables()[c].word(k, int(x>>(4*k)&15)))
		}
		if byNibbles != want {
			t.Fatalf("%#x·%#x = %#x by nibbles, want %#x", c, x, byNibbles, want)
		}
		m := matrices()[c]
		lo := affine(m[0], byte(x)) ^ affine(m[1], byte(x>>8))
		hi := affine(m[2], byte(x)) ^ affine(m[3], byte(x>>8))
		if got := Elem(lo) | Elem(hi)<<8; got != want {
			t.Fatalf("%#x·%#x = %#x by matrices, want %#x", c, x, got, want)
		}
	})
}

// affine is GF2P8AFFINEQB on one byte.
func affine(m uint64, x byte) (y byte) {
	for i := range 8 {
		v := byte(m>>(8*(7-i))) & x
		v ^= v >> 4
		v ^= v >> 2
		v ^= v >> 1
		y |= (v & 1) << i
	}
	return y
}

func TestZeroPanics(t *testing.T) {
	for name, f := range map[string]func(){"Inv": func() { Inv(0) }, "Log": func() { Log(0) }, "Div": func() { Div(1, 0) }} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
