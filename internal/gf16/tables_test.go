package gf16

import "testing"

// The tables are made by adding up entries, and random words meet few of their
// bytes. So here is every byte of every table, against the products it stands for.

func TestEveryLogarithm(t *testing.T) {
	tables := tables()
	power := uint16(1)
	for i := range Modulus {
		e := tables.exp[i]
		if toMonomial(e) != power || tables.exp[i+Modulus] != e || int(tables.log[e]) != i {
			t.Fatalf("x^%d is %#x, again %#x, with logarithm %d", i, e, tables.exp[i+Modulus], tables.log[e])
		}
		power = mulMonomial(power, 2)
	}
}

func TestEveryConstantByNibbles(t *testing.T) {
	cantor, tower := nibbleTables(), towerNibbles()
	for c := range Elem(Order - 1) {
		c++
		parts := towerProducts(c)
		for v := range 16 {
			for k := range 4 {
				if got, want := Elem(cantor[c].word(k, v)), Mul(c, Elem(v)<<(4*k)); got != want {
					t.Fatalf("%#x·%#x is %#x in the tables, want %#x", c, v<<(4*k), got, want)
				}
			}
			for i, part := range parts {
				for k := range 2 {
					if got, want := Elem(tower[c][2*i+k][v]), Mul(part, Elem(v)<<(4*k)); got != want {
						t.Fatalf("product %d by %#x of %#x is %#x in the tables, want %#x", i, c, v<<(4*k), got, want)
					}
				}
			}
		}
	}
}

func TestEveryConstantByMatrices(t *testing.T) {
	cantor, tower := matrices(), towerMatrices()
	for c := range Elem(Order - 1) {
		c++
		parts := towerProducts(c)
		for in := range 8 {
			b := byte(1) << in
			for half := range 2 {
				got := Elem(affine(cantor[c][half], b)) | Elem(affine(cantor[c][2+half], b))<<8
				if want := Mul(c, Elem(b)<<(8*half)); got != want {
					t.Fatalf("%#x·%#x is %#x by the matrices, want %#x", c, Elem(b)<<(8*half), got, want)
				}
			}
			for i, part := range parts {
				if got, want := Elem(affine(tower[c][i], b)), Mul(part, Elem(b)); got != want {
					t.Fatalf("product %d by %#x of %#x is %#x by the matrices, want %#x", i, c, b, got, want)
				}
			}
		}
	}
}

// Products by 0 have no bits, and its entry of the tower's tables has those of T,
// which maps v_i to v_(8+i) + v_i·γ, behind them.
func TestEntryOfZero(t *testing.T) {
	m, n := towerMatrices()[0], towerNibbles()[0]
	if matrices()[0] != (matrix{}) || nibbleTables()[0] != (nibbles{}) || m != (matrix{3: m[3]}) || n != (nibbles{6: n[6], 7: n[7]}) {
		t.Error("a product by 0 is not 0")
	}
	for b := range 256 {
		want := Elem(b)<<8 ^ Mul(Elem(b), gamma)
		if Elem(affine(m[3], byte(b))) != want || Elem(n[6][b&15]^n[7][b>>4]) != want {
			t.Errorf("T(%#x) is not %#x in the tables", b, want)
		}
	}
}

// towerProducts returns the factors of the three products that c = c_0 + c_1·γ
// takes, from c alone.
func towerProducts(c Elem) [3]Elem {
	c1 := c >> 8
	c0 := c ^ Mul(c1, gamma)
	return [3]Elem{c0, Mul(1<<7, c1), c0 ^ c1}
}
