package gf16

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// eachBackend runs f once per backend of this machine.
func eachBackend(t *testing.T, f func(t *testing.T, e *Engine)) {
	for _, name := range Backends() {
		t.Run(name, func(t *testing.T) {
			e, err := NewEngine(name)
			if err != nil {
				t.Fatal(err)
			}
			f(t, e)
		})
	}
}

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func word(rows []byte, half, row, i int) Elem {
	return Elem(rows[2*half*row+i]) | Elem(rows[2*half*row+half+i])<<8
}

// overTower returns rows changed over to the engine's coordinates, or back.
func overTower(e *Engine, rows []byte, half int) []byte {
	rows = bytes.Clone(rows)
	if e.k.toTower != nil {
		e.k.toTower(unsafe.Pointer(&rows[0]), half, len(rows)/(2*half), e.rows.passes.tab)
	}
	return rows
}

// evaluate computes Σ coeff_i·X_i(x) from the definition X_i = Π s_j(x)^(bit j of i).
func evaluate(coeff func(i int) Elem, size int, x Elem) (y Elem) {
	for i := range size {
		term := coeff(i)
		for j := 0; i>>j != 0; j++ {
			if i>>j&1 != 0 {
				term = Mul(term, x>>j)
			}
		}
		y ^= term
	}
	return y
}

func TestFFTEvaluates(t *testing.T) {
	eachBackend(t, func(t *testing.T, e *Engine) {
		for size := 1; size <= 256; size *= 2 {
			for _, base := range []int{0, size, 3 * size, Order - size} {
				t.Run(fmt.Sprintf("size=%d,base=%d", size, base), func(t *testing.T) {
					const half = 32
					src := randomBytes(uint64(size), 2*half*size)
					dst := make([]byte, len(src))
					e.FFT(dst, overTower(e, src, half), half, size, base, size)
					dst = overTower(e, dst, half)
					for _, i := range []int{0, 31} {
						coeff := func(r int) Elem { return word(src, half, r, i) }
						for r := range size {
							want := evaluate(coeff, size, Elem(base+r))
							if got := word(dst, half, r, i); got != want {
								t.Fatalf("word %d at point %d: %#x, want %#x", i, base+r, got, want)
							}
						}
					}
				})
			}
		}
	})
}

// TestTransforms checks, for large and small rows, that pruned transforms agree with
// whole ones, in place and not, and that the inverse is the inverse.
func TestTransforms(t *testing.T) {
	eachBackend(t, func(t *testing.T, e *Engine) {
		rapid.Check(t, func(t *rapid.T) {
			half := RowAlign * rapid.IntRange(1, 9).Draw(t, "half/32")
			size := 1 << rapid.IntRange(0, 11).Draw(t, "log2(size)")
			base := size * rapid.IntRange(0, Order/size-1).Draw(t, "base/size")
			live := rapid.IntRange(1, size).Draw(t, "live")
			stride := 2 * half
			values := randomBytes(rapid.Uint64().Draw(t, "seed"), stride*size)
			noise := bytes.Clone(values)
			clear(values[live*stride:])

			// The inverse transform takes rows past live as zero.
			coeffs := bytes.Clone(noise)
			e.IFFT(coeffs, half, size, base, live)
			back := make([]byte, len(values))
			e.FFT(back, coeffs, half, size, base, size)
			if !bytes.Equal(back, values) {
				t.Fatal("FFT(IFFT(x)) != x")
			}
			// Pruned outputs, out of place and in place.
			e.FFT(back, coeffs, half, size, base, live)
			if !bytes.Equal(back[:live*stride], values[:live*stride]) {
				t.Fatal("pruned FFT differs")
			}
			inPlace := bytes.Clone(coeffs)
			e.FFT(inPlace, inPlace, half, size, base, live)
			if !bytes.Equal(inPlace[:live*stride], values[:live*stride]) {
				t.Fatal("pruned FFT in place differs")
			}
			// From and to natural regions.
			off := rapid.IntRange(0, 9).Draw(t, "off")
			stream := rapid.Bool().Draw(t, "stream")
			if rapid.Bool().Draw(t, "wholeLines") {
				off = BlockSize
			}
			regions := func(from []byte) [][]byte {
				list := make([][]byte, live)
				for i := range list {
					// Allocated in lines, and so at a line.
					list[i] = make([]byte, (off+stride+BlockSize-1)&^(BlockSize-1))[:off+stride]
				}
				if from != nil {
					e.Unpack(list, off, 0, stride, 1, from, half)
				}
				return list
			}
			want := regions(values)
			from := bytes.Clone(noise)
			e.IFFTFrom(from, from, half, size, base, want, off)
			if !bytes.Equal(from, coeffs) {
				t.Fatal("IFFTFrom differs from Pack and IFFT")
			}
			to := regions(nil)
			e.FFTTo(to, off, bytes.Clone(noise), coeffs, half, size, base, stream)
			if !slices.EqualFunc(to, want, bytes.Equal) {
				t.Fatal("FFTTo differs from FFT and Unpack")
			}
			to = regions(nil)
			work := bytes.Clone(coeffs)
			e.FFTTo(to, off, work, work, half, size, base, stream)
			if !slices.EqualFunc(to, want, bytes.Equal) {
				t.Fatal("FFTTo in place differs from FFT and Unpack")
			}

			// Accumulation.
			sum := bytes.Clone(noise)
			e.IFFTAdd(sum, bytes.Clone(noise), half, size, base, live)
			e.Xor(sum, noise)
			if !bytes.Equal(sum, coeffs) {
				t.Fatal("IFFTAdd differs from IFFT")
			}
			sum = bytes.Clone(noise)
			e.IFFTFrom(sum, bytes.Clone(noise), half, size, base, want, off)
			e.Xor(sum, noise)
			if !bytes.Equal(sum, coeffs) {
				t.Fatal("IFFTFrom that adds differs from IFFT")
			}
		})
	})
}

// TestEncodeBlocks compares EncodeBlocks with the transforms that it consists of.
func TestEncodeBlocks(t *testing.T) {
	eachBackend(t, func(t *testing.T, e *Engine) {
		if !e.CanEncodeBlocks(64, 64) {
			t.Skip("this backend has no such kernel")
		}
		rapid.Check(t, func(t *rapid.T) {
			half := RowAlign * rapid.IntRange(1, 7).Draw(t, "half/32")
			size := 1 << rapid.SampledFrom([]int{6, 6, 9}).Draw(t, "log2(size)")
			stride := 2 * half
			block := func(name string) int { return size * rapid.IntRange(0, 3).Draw(t, name) }
			list := func(name string, seed uint64) ([][]byte, int) {
				off := rapid.IntRange(0, 9).Draw(t, "offset of "+name)
				regions := make([][]byte, rapid.IntRange(1, 2*size+9).Draw(t, name))
				for i := range regions {
					regions[i] = randomBytes(seed+uint64(i), off+stride)
				}
				return regions, off
			}
			r := BlockEncoding{PlaneBytes: half, Size: size, SrcBase: block("source"), DstBase: block("destination")}
			seed := rapid.Uint64().Draw(t, "seed")
			r.Srcs, r.SrcOff = list("sources", seed)
			r.Dsts, r.DstOff = list("destinations", seed+5000)
			r.Sum, r.Work = randomBytes(1, stride*size), randomBytes(2, stride*size)
			if max(len(r.Srcs), len(r.Dsts)) <= size && rapid.Bool().Draw(t, "one area") {
				r.Work = r.Sum
			}
			if rapid.Bool().Draw(t, "factors") {
				for range 4 {
					r.Factors = append(r.Factors, Elem(rapid.IntRange(1, 255).Draw(t, "factor")))
				}
			}
			if rapid.Bool().Draw(t, "ahead") {
				r.Prefetch = Prefetch{Regions: r.Srcs, Off: stride, Each: rapid.IntRange(1, 3).Draw(t, "each")}
			}

			want := make([][]byte, len(r.Dsts))
			for i := range want {
				want[i] = bytes.Clone(r.Dsts[i])
			}
			coeffs, work := make([]byte, stride*size), make([]byte, stride*size)
			for first := 0; first < len(r.Srcs); first += size {
				e.IFFTFrom(work, work, half, size, r.SrcBase+first, r.Srcs[first:min(len(r.Srcs), first+size)], r.SrcOff)
				e.Xor(coeffs, work)
			}
			for first := 0; first < len(want); first += size {
				factors := slices.Repeat([]Elem{1}, size)
				if r.Factors != nil {
					factors = slices.Repeat(r.Factors[first/size:][:1], size)
				}
				e.Scale(work, coeffs, half, factors)
				e.FFTTo(want[first:min(len(want), first+size)], r.DstOff, work, work, half, size, r.DstBase+first, false)
			}
			e.EncodeBlocks(&r)
			for i := range want {
				if !bytes.Equal(want[i], r.Dsts[i]) {
					t.Fatalf("destination %d of %d differs", i, len(want))
				}
			}
		})
	})
}

func TestLocator(t *testing.T) {
	for r := range 13 {
		n := 1 << r
		for _, members := range []int{0, 1, 2, 9, n / 3, n} {
			if members > n {
				continue
			}
			t.Run(fmt.Sprintf("points=%d,sets=%d", n, members), func(t *testing.T) {
				set := rand.New(rand.NewPCG(uint64(n), uint64(members))).Perm(n)[:members]
				zeros, poles := set[:(members+1)/2], set[(members+1)/2:]
				dst, scratch := make([]uint16, n), make([]uint64, n/2)
				Locator(dst, scratch, zeros, poles)
				points, logs := make([]Elem, n), make([]int32, n)
				for x := range points {
					points[x] = Elem(x)
				}
				AddLocator(logs, points, zeros, poles)
				for x := 0; x < n; x += 1 + n/300 {
					want := Elem(1)
					for _, e := range zeros {
						if e != x {
							want = Mul(want, Elem(x^e))
						}
					}
					for _, e := range poles {
						if e != x {
							want = Div(want, Elem(x^e))
						}
					}
					if got := Exp(int(dst[x])); got != want || dst[x] >= Modulus {
						t.Fatalf("point %d: %#x (logarithm %d), want %#x", x, got, dst[x], want)
					}
					if got := Exp(int(logs[x])); got != want {
						t.Fatalf("point %d: %#x by itself, want %#x", x, got, want)
					}
				}
			})
		}
	}
	t.Run("whole field", func(t *testing.T) {
		// Π of x-e over the field without x is the product of all nonzero elements: 1.
		set := make([]int, Order)
		for i := range set {
			set[i] = i
		}
		dst, scratch := make([]uint16, Order), make([]uint64, Order/2)
		for _, sets := range [][2][]int{{set, nil}, {nil, set}, {set[:Order/2], nil}} {
			Locator(dst, scratch, sets[0], sets[1])
			// The lower half of the field is a subspace: at its own points the
			// product is again 1.
			for x, l := range dst[:Order/2] {
				if l != 0 {
					t.Fatalf("point %d: logarithm %d, want 0", x, l)
				}
			}
		}
	})
}

func TestCauchyRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := Elem(rapid.Uint16().Draw(t, "x"))
		points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Elem {
			return x ^ Elem(rapid.IntRange(1, Order-1).Draw(t, "difference"))
		}), 0, 5).Draw(t, "points")
		logs := make([]int32, len(points))
		for i := range logs {
			logs[i] = rapid.Int32Range(-3*Modulus, 3*Modulus).Draw(t, "log")
		}
		common := rapid.IntRange(-3*Modulus, 3*Modulus).Draw(t, "common")
		dst := make([]Elem, len(points))
		CauchyRow(dst, x, points, logs, common)
		for i, got := range dst {
			if want := Div(Exp(common+int(logs[i])), x^points[i]); got != want {
				t.Fatalf("element %d: %#x, want %#x", i, got, want)
			}
		}
	})
}
