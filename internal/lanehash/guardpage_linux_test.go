package lanehash

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// guardPages returns two slices of n bytes that touch memory which must not be
// touched: one begins right after it, one ends right before it.
func guardPages(t *testing.T, n int) (first, last []byte) {
	t.Helper()
	page := os.Getpagesize()
	inner := (n + page - 1) / page * page
	if inner == 0 {
		inner = page
	}
	mem, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	usable := mem[page : page+inner : page+inner]
	copy(usable, randomBytes(uint64(n), inner))
	return usable[:n:n], usable[inner-n:]
}

// TestLeavesTouchOnlyTheirSlices crashes if a kernel reads or writes a byte
// outside of its slices.
func TestLeavesTouchOnlyTheirSlices(t *testing.T) {
	sizes := []int{1, 2, 3, 4, 5, 7, 8, 9, 14, 15, 16, 17, 30, 31, 32, 33, 47, 62, 63, 64, 65, 66,
		126, 127, 128, 129, 130, 152, 192, 254, 255, 256, 257, 511, 1022, 1023, 1024, 1025, 1026, 2047, 2050}
	for _, size := range sizes {
		for _, count := range []int{1, 2, 3, 4, 5, 8, 9, 16, 17, 33} {
			first, last := guardPages(t, size*count)
			dstFirst, dstLast := guardPages(t, HashSize*count)
			forEachHasher(t, func(t *testing.T, h *Hasher) {
				for i, src := range [][]byte{first, last} {
					for _, dst := range [][]byte{dstFirst, dstLast} {
						h.Leaves(dst, HashSize, src, size, size, count)
						for m := range count {
							if Hash(dst[m*HashSize:]) != oracleShape(h.Scheme(), src[m*size:][:size]) {
								t.Fatalf("size %d, count %d, side %d: digest %d differs", size, count, i, m)
							}
						}
					}
				}
			})
		}
	}
}

func TestNodesTouchOnlyTheirSlices(t *testing.T) {
	for _, count := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33} {
		first, last := guardPages(t, 2*HashSize*count)
		row, lastRow := guardPages(t, HashSize*count)
		dstFirst, dstLast := guardPages(t, HashSize*count)
		forEachHasher(t, func(t *testing.T, h *Hasher) {
			for _, dst := range [][]byte{dstFirst, dstLast} {
				for i, tc := range []struct {
					left, right []byte
					stride      int
				}{
					{first, first[HashSize:], 2 * HashSize},
					{last, last[HashSize:], 2 * HashSize},
					{row, lastRow, HashSize},
					{lastRow, row, HashSize},
				} {
					h.Nodes(dst, tc.left, tc.right, tc.stride, count)
					for m := range count {
						at := m * tc.stride
						want := oracleNode(h.Scheme(), tc.left[at:][:HashSize], tc.right[at:][:HashSize])
						if Hash(dst[m*HashSize:]) != want {
							t.Fatalf("%d nodes, case %d: node %d differs", count, i, m)
						}
					}
				}
			}
		})
	}
}

func TestLeafBatchTouchesOnlyItsSlices(t *testing.T) {
	const count = 11
	for _, size := range []int{1025, 1024 + 16, 1024 + 127, 1024 + 128, 2048, 2049, 3071} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			whole := randomBytes(uint64(size), size*count)
			forEachHasher(t, func(t *testing.T, h *Hasher) {
				batch := h.NewLeafBatch()
				batch.Reset(size, count)
				for at := 0; at < size; at += LeafPiece {
					width := min(LeafPiece, size-at)
					first, last := guardPages(t, width*count)
					piece := first
					if at%(2*LeafPiece) == 0 {
						piece = last
					}
					for i := range count {
						copy(piece[i*width:][:width], whole[i*size+at:])
					}
					batch.Write(piece, width, width)
				}
				dst := make([]byte, HashSize*count)
				batch.Sum(dst, HashSize)
				for i := range count {
					if Hash(dst[i*HashSize:]) != oracleLeaf(h.Scheme(), whole[i*size:][:size]) {
						t.Fatalf("digest %d differs", i)
					}
				}
			})
		})
	}
}
