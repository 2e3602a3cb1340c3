package work

import "github.com/redstuff-go/redstuff/gf"

// TransformRows and TransformHalf are the shape of Transform: 8 KiB, well inside of any
// first cache.
const (
	TransformRows = 64
	TransformHalf = 64
)

// Butterflies is how many butterflies of 128 bytes Transform does.
const Butterflies = TransformRows / 2 * 6 * 2 * TransformHalf / 64

// Transform evaluates polynomials at points of the subfield of 256 elements, in the first
// cache, on a backend.
func Transform(a *Arena, backend string) (*Op, error) {
	e, err := gf.NewEngine(backend)
	if err != nil {
		return nil, err
	}
	rows := a.Bytes(2 * TransformHalf * TransformRows)
	Fill(rows, 1)
	return &Op{Bytes: int64(len(rows)), Run: func() error {
		e.FFT(rows, rows, TransformHalf, TransformRows, TransformRows, TransformRows)
		return nil
	}}, nil
}
