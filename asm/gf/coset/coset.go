// Package coset describes the transforms of few rows that fit in registers, for the
// generators of all instruction sets: which butterflies there are, in which order, and with which
// constants. internal/gf16/fft.go derives it.
package coset

import "math/bits"

// Step is a butterfly of rows I and J at distance 2^Layer, J-I. Its constant is that of
// the group that starts at row Start: with the first row at point x, (x+Start)>>Layer.
type Step struct{ I, J, Layer, Start int }

// Constant returns which of the constants of so many rows the step has: those of the
// outermost layer come first, and of a layer that of the first group.
func (s Step) Constant(rows int) int { return rows/2>>s.Layer - 1 + s.Start>>(s.Layer+1) }

// Forward lists the steps of a transform of so many rows, a power of two, in order. A
// step is row I += w·row J; row J += row I.
func Forward(rows int) []Step {
	var steps []Step
	for layer := log2(rows) - 1; layer >= 0; layer-- {
		dist := 1 << layer
		for start := 0; start < rows; start += 2 * dist {
			for i := range dist {
				steps = append(steps, Step{start + i, start + i + dist, layer, start})
			}
		}
	}
	return steps
}

// Inverse lists the steps of the inverse: row J += row I; row I += w·row J.
func Inverse(rows int) []Step {
	var steps []Step
	for layer := range log2(rows) {
		for _, s := range Forward(rows) {
			if s.Layer == layer {
				steps = append(steps, s)
			}
		}
	}
	return steps
}

// Kernel is an encoder of few parity shards: rows are 0 … Rows-1 of parity, and data
// comes in blocks of as many rows at the points Rows, 2·Rows, …
//
// A block is taken in groups of Group rows, all of it or half of it. With halves A and B
// and the constant u of the last layer of the inverse, the coefficients are
//
//	A + u·(A+B) = (u+1)·A + u·B   and   A+B
//
// which are summed up half by half, so that no more than Rows+Group rows are held.
type Kernel struct{ Rows, Group int }

// Kernels lists those of a machine whose registers hold that many rows and what it takes
// to multiply them.
func Kernels(held int) []Kernel {
	var list []Kernel
	for rows := 2; rows <= 16; rows *= 2 {
		for _, groups := range []int{1, 2} {
			if k := (Kernel{rows, rows / groups}); k.Rows+k.Group <= held {
				list = append(list, k)
				break
			}
		}
	}
	return list
}

// Name returns the kernel's name.
func (k Kernel) Name() string {
	return map[int]string{2: "encode2", 4: "encode4", 8: "encode8", 16: "encode16"}[k.Rows]
}

// Halves reports whether a block is taken in two groups.
func (k Kernel) Halves() bool { return k.Group < k.Rows }

// Layers is how many layers the constants of data are of: those of a group's rows, and
// that of the two groups of a block.
func (k Kernel) Layers() int { return log2(k.Rows) }

func log2(n int) int { return bits.TrailingZeros(uint(n)) }
