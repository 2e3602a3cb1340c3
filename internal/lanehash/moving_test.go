package lanehash

import (
	"bytes"
	"testing"

	"github.com/redstuff-go/redstuff/internal/lines"
)

// TestMoving hashes while a job of moves is under way: both come out right.
func TestMoving(t *testing.T) {
	for _, size := range []int{2, 64, 152, 1024, 1206, 3000} {
		const count = 40
		src := randomBytes(uint64(size), count*size)
		forEachHasher(t, func(t *testing.T, h *Hasher) {
			want, got := make([]byte, count*HashSize), make([]byte, count*HashSize)
			h.Leaves(want, HashSize, src, size, size, count)
			for _, moved := range []int{1, 1000, 100000} {
				from, to := randomBytes(1, moved), make([]byte, moved)
				job := lines.New(h.Backend()).NewJob()
				job.Store(lines.Rows{Base: to}, lines.Rows{Base: from}, moved, 1)
				moving := h.Moving(job)
				clear(got)
				moving.Leaves(got, HashSize, src, size, size, count)
				if !bytes.Equal(got, want) {
					t.Fatalf("size %d, %d bytes moved: digests differ", size, moved)
				}
				batch := moving.NewLeafBatch()
				batch.Reset(size, count)
				clear(got)
				for at := 0; at < size; at += LeafPiece {
					batch.Write(src[at:], size, min(LeafPiece, size-at))
				}
				batch.Sum(got, HashSize)
				if !bytes.Equal(got, want) {
					t.Fatalf("size %d, %d bytes moved: digests of a batch differ", size, moved)
				}
				job.Finish()
				if !bytes.Equal(to, from) {
					t.Fatalf("size %d: %d bytes moved wrongly", size, moved)
				}
			}
		})
	}
}
