package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestOutput writes extents that begin and end anywhere in pages.
func TestOutput(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 3*writeSize)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	for _, lengths := range [][]int{
		{1}, {page}, {directLeast}, {directLeast + 1}, {writeSize}, {writeSize + page - 1, 1}, {500_001, 250_007, 493_388, 3},
		{directLeast - 1, 1}, {5, 2 * writeSize, page}, {writeSize - 5, directLeast, 7},
	} {
		for _, gap := range []int64{0, 1, 3*page + 17} {
			name := filepath.Join(t.TempDir(), "f")
			var want []byte
			var extents []extent
			at := 0
			for _, n := range lengths {
				want = append(want, make([]byte, gap)...)
				extents = append(extents, extent{off: int64(len(want)), data: data[at:][:n]})
				want = append(want, data[at:][:n]...)
				at += n
			}
			half := len(extents) / 2 // another write goes on where one has ended
			for _, part := range [][]extent{extents[:half], extents[half:]} {
				if err := writeOut(vfs.Default, name, part); err != nil {
					t.Fatalf("%v, %d between: %v", lengths, gap, err)
				}
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, %d between: another file of %d bytes, %v, want %d", lengths, gap, len(got), err, len(want))
			}
		}
	}
}

func writeOut(fs vfs.FS, name string, extents []extent) error {
	file, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer file.Close()
	w := outputs.Get().(*output)
	defer outputs.Put(w)
	w.reset(file)
	if err := w.writeAll(extents); err != nil {
		return fmt.Errorf("writeAll: %w", err)
	}
	return nil
}
