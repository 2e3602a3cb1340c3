package sliverdir

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestWriter writes slivers in pieces of any lengths, from many goroutines that each have
// their own places, and finds them whole.
func TestWriter(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		root, err := atomicfile.OpenRoot(path)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		p, err := commit.NewParams(shards)
		if err != nil {
			t.Fatal(err)
		}
		length := uint64(rapid.IntRange(0, 400_000).Draw(t, "length"))
		size, err := p.SymbolSize(length)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newWriter(t.Context(), root, path, p, length)
		if err != nil {
			t.Fatal(err)
		}
		w.chunk = rapid.SampledFrom([]int{minChunk, 4 * minChunk, maxChunk}).Draw(t, "chunk")
		ref := rs2d.SliverRef{Axis: rs2d.Primary, Index: rapid.IntRange(0, shards-1).Draw(t, "index")}
		want := make([]byte, p.S*size)
		rand.NewChaCha8([32]byte{3}).Read(want)
		places := rapid.IntRange(1, 6).Draw(t, "places")
		longest := rapid.IntRange(1, 20_000).Draw(t, "longest")
		var workers sync.WaitGroup
		for i := range places {
			from, to := i*len(want)/places, (i+1)*len(want)/places
			workers.Go(func() {
				for off := from; off < to; {
					piece := want[off:min(to, off+1+rand.IntN(longest))]
					if err := w.WriteSliverAt(ref, piece, int64(off)); err != nil {
						t.Error(err)
					}
					off += len(piece)
				}
			})
		}
		workers.Wait()
		if err := w.flush(ref); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(path, Name(ref, shards)))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, %v; want %d others", len(got), err, len(want))
		}
	})
}
