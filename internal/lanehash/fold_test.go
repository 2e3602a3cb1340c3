package lanehash

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/internal/race"
)

// guarded returns a copy of flat with no spare capacity after it.
func guarded(flat []byte) []byte {
	return append(make([]byte, 0, len(flat)), flat...)[:len(flat):len(flat)]
}

// root is that of the tree over leaves, folded as the one column there is.
func root(h *Hasher, leaves []Hash) Hash {
	nodes := flatten(leaves)
	h.FoldColumns(nodes, len(leaves), 1)
	return Hash(nodes)
}

// TestRoots holds the roots that the folds are compared with against trees folded a node
// at a time.
func TestRoots(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for leaves := 1; leaves <= 130; leaves++ {
			hashes := randomHashes(leaves, 49)
			if got, want := root(h, hashes), treeRoot(t, h.Scheme(), hashes); got != want {
				t.Errorf("root of %d leaves is %v, want %v", leaves, got, want)
			}
		}
	})
}

// checkColumns folds a rows x cols matrix by columns and compares with trees.
func checkColumns(h *Hasher, rows, cols int) error {
	hashes := randomHashes(rows*cols, 50)
	nodes := guarded(flatten(hashes))
	roots := make([]byte, (rows+1)/2*cols*HashSize)
	h.FoldColumnsInto(roots, nodes, rows, cols)
	if !bytes.Equal(nodes, flatten(hashes)) {
		return fmt.Errorf("%d x %d: FoldColumnsInto changed what it folds", rows, cols)
	}
	h.FoldColumns(nodes, rows, cols)
	if !bytes.Equal(nodes[:cols*HashSize], roots[:cols*HashSize]) {
		return fmt.Errorf("%d x %d: FoldColumnsInto and FoldColumns differ", rows, cols)
	}
	for c := range cols {
		column := make([]Hash, rows)
		for r := range column {
			column[r] = hashes[r*cols+c]
		}
		if got, want := Hash(nodes[c*HashSize:][:HashSize]), root(h, column); got != want {
			return fmt.Errorf("%d x %d: root of column %d is %v, want %v", rows, cols, c, got, want)
		}
	}
	return nil
}

// checkRowTrees folds a rows x cols matrix of whole trees and compares with them.
func checkRowTrees(h *Hasher, rows, cols int) error {
	hashes := randomHashes(rows*cols, 51)
	nodes := guarded(flatten(hashes))
	h.FoldRows(nodes, rows, cols, treeDepth(cols))
	for r := range rows {
		want := root(h, hashes[r*cols:(r+1)*cols])
		if got := Hash(nodes[r*HashSize:][:HashSize]); got != want {
			return fmt.Errorf("%d x %d: root of row %d is %v, want %v", rows, cols, r, got, want)
		}
	}
	return nil
}

// checkTiles folds rows trees of cols leaves in tiles of 2^levels, puts the
// tiles' nodes together and folds those.
func checkTiles(h *Hasher, rows, cols, levels int) error {
	hashes := randomHashes(rows*cols, 52)
	width := 1 << levels
	if cols <= width {
		levels = treeDepth(cols) // a single tile is a whole tree
	}
	tiles := (cols + width - 1) / width
	top := make([]byte, rows*tiles*HashSize)
	for tile := range tiles {
		first := tile * width
		size := min(width, cols-first)
		var part []Hash
		for r := range rows {
			part = append(part, hashes[r*cols+first:][:size]...)
		}
		nodes := guarded(flatten(part))
		h.FoldRows(nodes, rows, size, levels)
		for r := range rows {
			copy(top[(r*tiles+tile)*HashSize:], nodes[r*HashSize:][:HashSize])
		}
	}
	h.FoldRows(top, rows, tiles, treeDepth(tiles))
	for r := range rows {
		want := root(h, hashes[r*cols:(r+1)*cols])
		if got := Hash(top[r*HashSize:][:HashSize]); got != want {
			return fmt.Errorf("%d x %d in tiles of %d: root of row %d is %v, want %v", rows, cols, width, r, got, want)
		}
	}
	return nil
}

func TestFolds(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		for size := 1; size <= 40; size++ {
			for _, other := range []int{1, 3, 16, 32} {
				check(checkColumns(h, size, other))
				check(checkColumns(h, other, size))
				check(checkRowTrees(h, other, size))
			}
		}
		// More columns, rows and odd pairs than one batch of padding holds.
		check(checkColumns(h, 7, foldBatch+1))
		check(checkColumns(h, 5, 3*foldBatch))
		check(checkRowTrees(h, foldBatch+1, 5))
		check(checkRowTrees(h, MaxGroup+3, maxBand))
		check(checkRowTrees(h, 2*MaxGroup-1, maxBand-1))
		check(checkRowTrees(h, 2*MaxGroup, 2*maxBand+1))
		check(checkRowTrees(h, 2, 4*foldBatch+3))
		check(checkRowTrees(h, 2*foldBatch+1, 1))
		for cols := 1; cols <= 100; cols++ {
			check(checkTiles(h, 3, cols, 4))
		}
		check(checkTiles(h, foldBatch+1, 33, 4)) // pads lone nodes in batches
	})
}

func TestFoldsProperty(t *testing.T) {
	for _, s := range []Scheme{BLAKE3, Walrus} {
		h := mustHasher(t, s, "")
		rapid.Check(t, func(t *rapid.T) {
			rows := rapid.IntRange(1, 80).Draw(t, "rows")
			cols := rapid.IntRange(1, 80).Draw(t, "cols")
			levels := rapid.IntRange(0, 6).Draw(t, "levels")
			for _, err := range []error{checkColumns(h, rows, cols), checkRowTrees(h, rows, cols), checkTiles(h, rows, cols, levels)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestFoldRowsPartly(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	hashes := randomHashes(2*5, 53)
	nodes := flatten(hashes)
	h.FoldRows(nodes, 2, 5, 0)
	if !bytes.Equal(nodes, flatten(hashes)) {
		t.Fatal("no levels must change nothing")
	}
	h.FoldRows(nodes, 2, 5, 1)
	for r := range 2 {
		row := hashes[5*r:]
		want := []Hash{h.Node(row[0], row[1]), h.Node(row[2], row[3]), h.Node(row[4], Hash{})}
		if !bytes.Equal(nodes[r*3*HashSize:][:3*HashSize], flatten(want)) {
			t.Errorf("row %d after one level differs", r)
		}
	}
}

func TestFoldsOfNothing(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	h.FoldColumns(nil, 0, 5)
	h.FoldColumns(nil, 5, 0)
	h.FoldRows(nil, 0, 5, 3)
	h.FoldRows(nil, 5, 0, 3)
}

func TestFoldPanics(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	tests := []struct {
		name string
		f    func()
	}{
		{"columns into too short a slice", func() { h.FoldColumnsInto(make([]byte, 2*3*HashSize-1), make([]byte, 3*3*HashSize), 3, 3) }},
		{"columns of too short a slice", func() { h.FoldColumns(make([]byte, 2*3*HashSize-1), 2, 3) }},
		{"rows of too short a slice", func() { h.FoldRows(make([]byte, 2*3*HashSize-1), 2, 3, 1) }},
		{"negative rows", func() { h.FoldColumns(nil, -1, 1) }},
		{"negative columns", func() { h.FoldRows(nil, 1, -1, 1) }},
		{"negative levels", func() { h.FoldRows(make([]byte, HashSize), 1, 1, -1) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustPanic(t, tt.f) })
	}
}

func TestFoldsDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("pools drop memory at random under the race detector")
	}
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		nodes := flatten(randomHashes(50*13, 54))
		if n := testing.AllocsPerRun(20, func() {
			h.FoldColumns(nodes, 50, 13)
			h.FoldRows(nodes, 50, 13, 5)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// BenchmarkFold folds a tile of the expanded matrix of 1000 shards: 16 columns
// to their roots, and 1000 rows by the four levels that lie in the tile.
func BenchmarkFold(b *testing.B) {
	for _, s := range []Scheme{BLAKE3, Walrus} {
		h := mustHasher(b, s, "")
		for _, bench := range []struct {
			name string
			cols int
			fold func(nodes []byte, cols int)
		}{
			{"columns", 16, func(nodes []byte, cols int) { h.FoldColumns(nodes, 1000, cols) }},
			{"rows", 16, func(nodes []byte, cols int) { h.FoldRows(nodes, 1000, cols, 4) }},
			{"rows", 13, func(nodes []byte, cols int) { h.FoldRows(nodes, 1000, cols, 4) }},
			{"rows", 63, func(nodes []byte, cols int) { h.FoldRows(nodes, 1000, cols, 6) }},
		} {
			b.Run(fmt.Sprintf("%v/%s/%s=1000x%d", s, h.Backend(), bench.name, bench.cols), func(b *testing.B) {
				nodes := flatten(randomHashes(1000*bench.cols, 55))
				for b.Loop() {
					bench.fold(nodes, bench.cols)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(1000*bench.cols), "ns/node")
			})
		}
	}
}
