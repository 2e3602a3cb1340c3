package lanehash

import (
	"testing"

	"pgregory.net/rapid"
)

func TestLeafBatchPieces(t *testing.T) {
	data := randomBytes(8, 20*9000+64)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		batch := h.NewLeafBatch() // shared by all cases: Reset must forget everything
		rapid.Check(t, func(t *rapid.T) {
			size := rapid.OneOf(
				rapid.IntRange(0, 9000),
				rapid.Custom(func(t *rapid.T) int {
					return 1024*rapid.IntRange(1, 8).Draw(t, "chunks") + rapid.IntRange(-2, 2).Draw(t, "off")
				}),
			).Draw(t, "size")
			count := rapid.IntRange(0, 20).Draw(t, "count")
			stride := size + rapid.IntRange(0, 3).Draw(t, "gap")
			if count > 0 && (count-1)*stride+size > len(data) {
				t.Skip("too long")
			}
			batch.Reset(size, count)
			for at := 0; at < size; {
				width := LeafPiece * rapid.IntRange(0, 4).Draw(t, "pieces")
				if width >= size-at {
					width = size - at
				}
				batch.Write(data[at:], stride, width)
				at += width
			}
			dstStride := 32 + rapid.IntRange(0, 8).Draw(t, "dst gap")
			dst := make([]byte, count*dstStride)
			batch.Sum(dst, dstStride)
			for i := range count {
				if Hash(dst[i*dstStride:]) != oracleLeaf(h.Scheme(), data[i*stride:][:size]) {
					t.Fatalf("digest %d differs", i)
				}
			}
		})
	})
}

func TestLeafBatchReuse(t *testing.T) {
	data := randomBytes(9, 5000*20)
	dst := make([]byte, 20*HashSize)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		batch := h.NewLeafBatch()
		run := func() {
			batch.Reset(5000, 20)
			batch.Write(data, 5000, 2048)
			batch.Write(data[2048:], 5000, 5000-2048)
			batch.Sum(dst, HashSize)
		}
		run()
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("a reused batch allocates %v times", n)
		}
	})
}
