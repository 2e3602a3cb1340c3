package lanehash

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/redstuff-go/redstuff/internal/race"
)

// testLengths steps through every length of one chunk and a little more, then
// past every chunk boundary sparsely.
func testLengths() []int {
	var sizes []int
	for n := range 1101 {
		sizes = append(sizes, n)
	}
	for n := 2048; n <= 65536; n += 1024 * (1 + n/4096) {
		sizes = append(sizes, n-1, n, n+1, n+126)
	}
	return append(sizes, 4000, 4100, 4200, 65534, 70000)
}

func TestLeafLengths(t *testing.T) {
	data := randomBytes(1, 70000)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for _, n := range testLengths() {
			if got, want := h.Leaf(data[:n]), oracleLeaf(h.Scheme(), data[:n]); got != want {
				t.Fatalf("Leaf of %d bytes = %v, want %v", n, got, want)
			}
		}
	})
}

func TestLeavesLengths(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for _, size := range testLengths() {
			count := h.Lanes() + 3
			if size > 4200 {
				count = 3
			}
			src := randomBytes(uint64(size), count*size)
			dst := make([]byte, count*HashSize)
			h.Leaves(dst, HashSize, src, size, size, count)
			// The first lane, the last message, which is in a group of few, and any other.
			for _, i := range []int{0, size % count, count - 1} {
				if got, want := Hash(dst[i*HashSize:]), oracleLeaf(h.Scheme(), src[i*size:][:size]); got != want {
					t.Fatalf("size %d: digest %d of %d = %v, want %v", size, i, count, got, want)
				}
			}
		}
	})
}

// TestFewLongMessages has numbers of messages that leave lanes idle, and lengths of which
// the chunks of one fill them.
func TestFewLongMessages(t *testing.T) {
	const most = 21
	for _, size := range []int{1025, 2048, 3500, 16 << 10, 16<<10 + 1, 17 << 10, 33<<10 - 1, 65534} {
		src := randomBytes(uint64(size), most*(size+3))
		var want [most]Hash
		for _, scheme := range []Scheme{BLAKE3, Walrus} {
			for i := range want {
				want[i] = oracleLeaf(scheme, src[i*(size+3):][:size])
			}
			for _, backend := range cpu.Supported() {
				h := mustHasher(t, scheme, backend)
				for count := 1; count <= most; count++ {
					dst := make([]byte, count*40)
					h.Leaves(dst, 40, src, size+3, size, count)
					for i := range count {
						if Hash(dst[40*i:]) != want[i] {
							t.Fatalf("%v on %s: digest %d of %d messages of %d bytes differs", scheme, backend, i, count, size)
						}
						if !bytes.Equal(dst[40*i+HashSize:][:8], make([]byte, 8)) {
							t.Fatalf("%v on %s: %d messages of %d bytes: wrote past digest %d", scheme, backend, count, size, i)
						}
					}
				}
			}
		}
	}
}

// TestCost sees to it that one call costs no more than two, and full lanes the least.
func TestCost(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		full := h.Cost(h.Lanes())
		for a := range 70 {
			if got := h.Cost(a); got*h.Lanes() < a*full || a%h.Lanes() == 0 && got != a/h.Lanes()*full {
				t.Errorf("%d messages cost %d, %d of them %d", a, got, h.Lanes(), full)
			}
			for b := range 70 {
				if h.Cost(a+b) > h.Cost(a)+h.Cost(b) {
					t.Errorf("%d messages cost %d, but %d and %d alone %d and %d", a+b, h.Cost(a+b), a, b, h.Cost(a), h.Cost(b))
				}
			}
		}
	})
}

func TestLeavesShapes(t *testing.T) {
	const canary = 0xA5
	every := 3
	if testing.Short() {
		every = 7
	}
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for count := range 41 {
			for _, size := range []int{0, 1, 2, 3, 4, 30, 31, 32, 33, 62, 63, 64, 65, 127, 128, 152, 255, 256, 300, 1024, 1025, 2050} {
				for _, srcStride := range []int{0, 2, size, size + 7} {
					for _, dstStride := range []int{32, 39} {
						if (count+size+srcStride+dstStride)%every != 0 {
							continue
						}
						src := randomBytes(uint64(size), 3+max(0, count-1)*srcStride+size)[3:]
						dst := bytes.Repeat([]byte{canary}, count*dstStride)
						h.Leaves(dst, dstStride, src, srcStride, size, count)
						for i := range count {
							got, rest := Hash(dst[i*dstStride:]), dst[i*dstStride+HashSize:(i+1)*dstStride]
							if want := oracleShape(h.Scheme(), src[i*srcStride:][:size]); got != want {
								t.Fatalf("count %d, size %d, strides %d and %d: digest %d = %v, want %v",
									count, size, srcStride, dstStride, i, got, want)
							}
							if len(bytes.Trim(rest, string([]byte{canary}))) != 0 {
								t.Fatalf("count %d, size %d, strides %d and %d: wrote past digest %d",
									count, size, srcStride, dstStride, i)
							}
						}
					}
				}
			}
		}
	})
}

// oracleShape remembers the oracle's digests, because TestLeavesShapes asks for
// the same messages on every backend.
func oracleShape(s Scheme, msg []byte) Hash {
	key := string(append([]byte{byte(s)}, msg...))
	digest, ok := shapeDigests[key]
	if !ok {
		digest = oracleLeaf(s, msg)
		shapeDigests[key] = digest
	}
	return digest
}

var shapeDigests = map[string]Hash{}

func TestNodes(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for count := range 41 {
			data := randomBytes(uint64(count), 64*40+5)
			for _, tc := range []struct {
				name        string
				left, right []byte
				stride      int
			}{
				{"neighbours", data[5:], data[5+32:], 64},
				{"two rows", data[1:], data[1+32*40:], 32},
				{"rows the other way round", data[32*40:], data, 32},
				{"wide", data, data[7:], 63},
			} {
				dst := make([]byte, count*HashSize)
				h.Nodes(dst, tc.left, tc.right, tc.stride, count)
				for i := range count {
					want := oracleNode(h.Scheme(), tc.left[i*tc.stride:][:32], tc.right[i*tc.stride:][:32])
					if got := Hash(dst[i*32:]); got != want {
						t.Fatalf("%s: node %d of %d = %v, want %v", tc.name, i, count, got, want)
					}
				}
			}
		}
	})
}

func TestNodesInPlace(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for count := range 80 {
			data := randomBytes(uint64(count), 64*80+64)
			want := make([]byte, count*HashSize)
			for _, ahead := range []int{0, 1, 32, 64} { // by which dst lies before left
				got := bytes.Clone(data)
				left := got[ahead:]
				h.Nodes(want, bytes.Clone(left), bytes.Clone(left[32:]), 64, count)
				h.Nodes(got, left, left[32:], 64, count)
				if !bytes.Equal(got[:len(want)], want) {
					t.Fatalf("folding %d neighbours onto %d bytes before them differs", count, ahead)
				}
				got = bytes.Clone(data)
				left, right := got[ahead:], got[ahead+32*80:]
				h.Nodes(want, bytes.Clone(left), bytes.Clone(right), 32, count)
				h.Nodes(got, left, right, 32, count)
				if !bytes.Equal(got[:len(want)], want) {
					t.Fatalf("folding two rows of %d onto %d bytes before the first differs", count, ahead)
				}
			}
		}
	})
}

func TestPairLeavesAndSingles(t *testing.T) {
	data := randomBytes(3, 64*40)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for count := range 41 {
			got := bytes.Clone(data)
			h.PairLeaves(got, got, count)
			for i := range count {
				pair := data[64*i:][:64]
				want := oraclePair(h.Scheme(), pair)
				if Hash(got[32*i:]) != want {
					t.Fatalf("pair leaf %d of %d differs", i, count)
				}
				if h.PairLeaf(Hash(pair), Hash(pair[32:])) != want {
					t.Fatalf("PairLeaf %d differs", i)
				}
				if h.Node(Hash(pair), Hash(pair[32:])) != oracleNode(h.Scheme(), pair[:32], pair[32:]) {
					t.Fatalf("Node %d differs", i)
				}
			}
		}
	})
}

func TestBlobID(t *testing.T) {
	root := Hash(randomBytes(4, 32))
	var input []byte
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		input = append(input[:0], 1)
		if h.Scheme() == BLAKE3 {
			input = binary.LittleEndian.AppendUint16(input, 1000)
		}
		input = binary.LittleEndian.AppendUint64(input, 1<<40+3)
		input = append(input, root[:]...)
		if got, want := h.blobID(1000, 1<<40+3, root), oracle(h.Scheme(), "redstuff v1 blob", nil, input); got != want {
			t.Fatalf("blob id = %v, want %v", got, want)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	if race.Enabled {
		t.Skip("what the race detector is told of escapes to the heap")
	}
	data := randomBytes(5, 70000)
	dst := make([]byte, 40*32)
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for name, f := range map[string]func(){
			"Leaves of 152": func() { h.Leaves(dst, 32, data, 152, 152, 40) },
			"Leaves of 64K": func() { h.Leaves(dst, 32, data, 2, 65534, 20) },
			"Leaf of 64K":   func() { h.Leaf(data) },
			"Leaf on stack": func() { var symbol [100]byte; h.Leaf(symbol[:]) },
			"Node":          func() { h.Node(Hash{}, Hash{1}) },
			"Nodes":         func() { h.Nodes(dst, data, data[32:], 64, 40) },
			"PairLeaf":      func() { h.PairLeaf(Hash{}, Hash{1}) },
			"blobID":        func() { h.blobID(1000, 1, Hash{}) },
		} {
			if n := testing.AllocsPerRun(3, f); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	})
}

func TestBadArgumentsPanic(t *testing.T) {
	b := make([]byte, 256)
	h := mustHasher(t, BLAKE3, "")
	batch := h.NewLeafBatch()
	batch.Reset(3000, 2)
	const huge = int(^uint(0) >> 1)
	for name, f := range map[string]func(){
		"source too short":         func() { h.Leaves(b, 32, b, 64, 64, 5) },
		"destination too short":    func() { h.Leaves(b, 64, b, 0, 64, 5) },
		"stride overflows":         func() { h.Leaves(b, 32, b, huge, 64, 3) },
		"size overflows":           func() { h.Leaves(b, 32, b, 0, huge, 3) },
		"negative count":           func() { h.Leaves(b, 32, b, 0, 1, -1) },
		"negative stride":          func() { h.Leaves(b, 32, b, -1, 1, 1) },
		"destination stride of 31": func() { h.Leaves(b, 31, b, 1, 1, 2) },
		"node stride of 31":        func() { h.Nodes(b, b, b, 31, 2) },
		"right row too short":      func() { h.Nodes(b, b, b[200:], 32, 2) },
		"pairs too short":          func() { h.PairLeaves(b, b, 5) },
		"digests over symbols":     func() { h.Leaves(b, 32, b, 64, 64, 4) },
		"digests among symbols":    func() { h.Leaves(b[64:], 96, b, 96, 64, 2) },
		"last digest on a symbol":  func() { h.Leaves(b[:160], 128, b[159:], 1, 1, 2) },
		"nodes on later children":  func() { h.Nodes(b[32:], b, b[32:], 64, 3) },
		"nodes on a right child":   func() { h.Nodes(b[100:], b, b[96:], 64, 2) },
		"leaves on later pairs":    func() { h.PairLeaves(b[1:], b, 2) },
		"roots within nodes":       func() { h.FoldColumnsInto(b[32:], b, 4, 1) },
		"piece of 1000":            func() { batch.Write(make([]byte, 4000), 1000, 1000) },
		"piece too long":           func() { batch.Write(make([]byte, 9000), 3072, 3072) },
		"sum too early":            func() { batch.Sum(b, 32) },
		"negative size":            func() { h.NewLeafBatch().Reset(-1, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
