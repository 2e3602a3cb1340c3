package rsmt2dcodec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/celestiaorg/rsmt2d"
)

func square(width, size int) [][]byte {
	r := rand.NewChaCha8([32]byte{byte(width), byte(width >> 8)})
	shares := make([][]byte, width*width)
	for i := range shares {
		shares[i] = make([]byte, size)
		if _, err := r.Read(shares[i]); err != nil {
			panic(err)
		}
	}
	return shares
}

func extend(t testing.TB, shares [][]byte, codec rsmt2d.Codec) (eds *rsmt2d.ExtendedDataSquare, rows, cols [][]byte) {
	t.Helper()
	eds, err := rsmt2d.ComputeExtendedDataSquare(shares, codec, rsmt2d.NewDefaultTree)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err = eds.RowRoots(); err != nil {
		t.Fatal(err)
	}
	if cols, err = eds.ColRoots(); err != nil {
		t.Fatal(err)
	}
	return eds, rows, cols
}

// lose keeps a quarter of the extended square: of half of the rows, half of the shares.
func lose(eds *rsmt2d.ExtendedDataSquare) [][]byte {
	width := int(eds.Width())
	r := rand.New(rand.NewPCG(uint64(width), 0))
	left := make([][]byte, width*width)
	all := eds.Flattened()
	for _, row := range r.Perm(width)[:width/2] {
		for _, col := range r.Perm(width)[:width/2] {
			left[row*width+col] = all[row*width+col]
		}
	}
	return left
}

// TestSquares holds squares extended and repaired by this codec against those by
// rsmt2d's own. Widths are those of the original square.
func TestSquares(t *testing.T) {
	for _, test := range []struct{ width, size int }{{4, 64}, {128, 64}, {129, 64}, {200, 64}, {256, 128}, {512, 64}} {
		t.Run(fmt.Sprintf("width=%d", test.width), func(t *testing.T) {
			if (testing.Short() || raceEnabled) && test.width > 200 {
				t.Skip("takes seconds")
			}
			shares := square(test.width, test.size)
			theirs, rows, cols := extend(t, shares, rsmt2d.NewLeoRSCodec())
			ours, ourRows, ourCols := extend(t, shares, New())
			if !slices.EqualFunc(ours.Flattened(), theirs.Flattened(), bytes.Equal) || !ours.Equals(theirs) {
				t.Fatal("the extended squares differ")
			}
			if !slices.EqualFunc(ourRows, rows, bytes.Equal) || !slices.EqualFunc(ourCols, cols, bytes.Equal) {
				t.Fatal("the roots differ")
			}
			left := lose(theirs)
			for _, codec := range []rsmt2d.Codec{New(), rsmt2d.NewLeoRSCodec()} {
				eds, err := rsmt2d.ImportExtendedDataSquare(slices.Clone(left), codec, rsmt2d.NewDefaultTree)
				if err != nil {
					t.Fatal(err)
				}
				if err := eds.Repair(rows, cols); err != nil {
					t.Fatalf("repair by %T: %v", codec, err)
				}
				if !slices.EqualFunc(eds.Flattened(), theirs.Flattened(), bytes.Equal) {
					t.Fatalf("repair by %T: the square differs", codec)
				}
			}
		})
	}
}

// TestByzantine repairs towards roots that are not the square's: both codecs must find
// the same row guilty.
func TestByzantine(t *testing.T) {
	shares := square(130, 64)
	theirs, rows, cols := extend(t, shares, rsmt2d.NewLeoRSCodec())
	rows[3] = bytes.Repeat([]byte{7}, len(rows[3]))
	left := theirs.Flattened()
	left[3*260+5] = nil
	var texts []string
	for _, codec := range []rsmt2d.Codec{New(), rsmt2d.NewLeoRSCodec()} {
		eds, err := rsmt2d.ImportExtendedDataSquare(slices.Clone(left), codec, rsmt2d.NewDefaultTree)
		if err != nil {
			t.Fatal(err)
		}
		err = eds.Repair(rows, cols)
		if err == nil {
			t.Fatalf("%T repaired a square towards a wrong root", codec)
		}
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("errors differ: %q, %q", texts[0], texts[1])
	}
}

func TestCodec(t *testing.T) {
	ours, theirs := New(), rsmt2d.NewLeoRSCodec()
	if ours.Name() != theirs.Name() || ours.MaxChunks() != theirs.MaxChunks() {
		t.Errorf("%s of %d shares, want %s of %d", ours.Name(), ours.MaxChunks(), theirs.Name(), theirs.MaxChunks())
	}
	for _, size := range []int{0, 1, 63, 64, 65, 512} {
		if a, b := ours.ValidateChunkSize(size), theirs.ValidateChunkSize(size); (a == nil) != (b == nil) {
			t.Errorf("shares of %d bytes: %v, want %v", size, a, b)
		}
	}
	row := square(20, 64)[:300]
	for _, test := range []struct {
		name string
		row  [][]byte
	}{
		{"shares of two sizes", append(slices.Clone(row[:299]), make([]byte, 128))},
		{"a share missing", append(slices.Clone(row[:299]), nil)},
		{"too wide", make([][]byte, 1<<15+1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, a := ours.Encode(test.row)
			_, b := theirs.Encode(test.row)
			if a == nil || b == nil {
				t.Errorf("errors %v, %v", a, b)
			}
		})
	}
	for _, lost := range []int{0, 1, 150, 151, 300} {
		parity, err := ours.Encode(row)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(row, parity)
		a, b := slices.Clone(want), slices.Clone(want)
		for i := range lost {
			a[i*2%600], b[i*2%600] = nil, nil
		}
		for i := 300; i < lost; i++ {
			a[i], b[i] = nil, nil
		}
		gotA, errA := ours.Decode(a)
		gotB, errB := theirs.Decode(b)
		if (errA == nil) != (errB == nil) || !slices.EqualFunc(gotA, gotB, bytes.Equal) {
			t.Errorf("%d lost: errors %v, %v, or shares differ", lost, errA, errB)
		}
		if lost <= 300 && !slices.EqualFunc(gotA, want, bytes.Equal) {
			t.Errorf("%d lost: decoded to other shares", lost)
		}
	}
}
