package rsmt2dcodec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/celestiaorg/rsmt2d"
)

// BenchmarkSquare extends a square, and repairs one of which a quarter is left, with
// rsmt2d's own codec (codec=leopard) and with this one (codec=redstuff). Both include
// the hashing of rows and columns where rsmt2d does it.
func BenchmarkSquare(b *testing.B) {
	const size = 512
	codecs := []struct {
		name string
		rsmt2d.Codec
	}{{"leopard", rsmt2d.NewLeoRSCodec()}, {"redstuff", New()}}
	for _, width := range []int{256, 512} {
		shares := square(width, size)
		original, rows, cols := extend(b, shares, rsmt2d.NewLeoRSCodec())
		left := lose(original)
		for _, work := range []string{"extend", "repair"} {
			for _, c := range codecs {
				b.Run(fmt.Sprintf("width=%d/work=%s/codec=%s", width, work, c.name), func(b *testing.B) {
					b.SetBytes(int64(width * width * size))
					for b.Loop() {
						if work == "extend" {
							if _, err := rsmt2d.ComputeExtendedDataSquare(shares, c, rsmt2d.NewDefaultTree); err != nil {
								b.Fatal(err)
							}
							continue
						}
						eds, err := rsmt2d.ImportExtendedDataSquare(slices.Clone(left), c, rsmt2d.NewDefaultTree)
						if err != nil {
							b.Fatal(err)
						}
						if err := eds.Repair(rows, cols); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
