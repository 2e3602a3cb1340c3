package gf16

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, x := Elem(rapid.Uint16().Draw(t, "c")), Elem(rapid.Uint16().Draw(t, "x"))
		a0, a1 := Elem(byte(x)^towerMap(byte(x>>8))), x>>8
		if got := a0 ^ Mul(a1, gamma); got != x {
			t.Fatalf("%#x + %#x·γ = %#x, want %#x", a0, a1, got, x)
		}
		if a0 >= 256 || Mul(a0, a1) >= 256 {
			t.Fatal("V_8 is not closed under multiplication")
		}
		parts := towerParts(c)
		p0, p1, p2 := Mul(parts[0], a0), Mul(parts[1], a1), Mul(parts[2], a0^a1)
		low, high := p0^p1, p2^p0
		if got, want := low^Elem(towerMap(byte(high)))^high<<8, Mul(c, x); got != want {
			t.Fatalf("%#x·%#x = %#x by parts, want %#x", c, x, got, want)
		}
		if c < 256 && (parts[0] != c || parts[1] != 0 || parts[2] != c) {
			t.Fatalf("the parts of %#x are %#x", c, parts)
		}
		m, n := towerMatrices()[c], towerNibbles()[c]
		for i, part := range parts {
			b := byte(x)
			want := byte(Mul(part, Elem(b)))
			if got := affine(m[i], b); got != want {
				t.Fatalf("%#x·%#x = %#x by matrix %d of %#x, want %#x", part, b, got, i, c, want)
			}
			if got := n[2*i][b&15] ^ n[2*i+1][b>>4]; got != want {
				t.Fatalf("%#x·%#x = %#x by nibbles %d of %#x, want %#x", part, b, got, i, c, want)
			}
		}
		b := byte(x)
		m, n = towerMatrices()[0], towerNibbles()[0]
		if want := towerMap(b); affine(m[3], b) != want || n[6][b&15]^n[7][b>>4] != want {
			t.Fatalf("T(%#x) by tables is not %#x", b, want)
		}
	})
}
