package lanehash

import "math/bits"

// BLAKE3 as its paper specifies it (O'Connor, Aumasson, Neves, Wilcox-O'Hearn,
// "BLAKE3: one function, fast everywhere", section 2). Symbols have equal
// lengths, so their trees have equal shapes, and everything below works on rows:
// row i holds what the algorithm would hold of message i.

const (
	blake3BlockSize = 64
	blake3ChunkSize = 1024

	flagChunkStart        = 1 << 0
	flagChunkEnd          = 1 << 1
	flagParent            = 1 << 2
	flagRoot              = 1 << 3
	flagDeriveKeyContext  = 1 << 5
	flagDeriveKeyMaterial = 1 << 6
)

var blake3IV = [8]uint32{
	0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
	0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
}

// blake3Job is what all messages of one kernel call share. The assembly reads
// it by offset: keep the order of the fields.
type blake3Job struct {
	key     [8]uint32
	flags   uint32 // of every block
	start   uint32 // added on the first block
	end     uint32 // added on the last block
	counter uint32 // chunk number of message 0; the high word is always 0, which limits messages to 4 TiB
	step    uint32 // chunk number of message i+1 less that of message i: 0 or 1
}

// blake3Domain holds the jobs of one derive_key context.
type blake3Domain struct {
	single blake3Job // a message of at most one chunk, whole
	chunk  blake3Job // one chunk of a longer message
	parent blake3Job // an inner node of BLAKE3's own tree
	root   blake3Job // its root
}

// newBlake3Domain hashes the context into the domain's key. The contexts are
// constants shorter than a block, so that is one compression.
func newBlake3Domain(context string) *blake3Domain {
	var block [blake3BlockSize]byte
	length := copy(block[:], context)
	key := blake3IV
	blake3Compress(&key, &block, uint32(length), 0,
		flagDeriveKeyContext|flagChunkStart|flagChunkEnd|flagRoot)
	const m = flagDeriveKeyMaterial
	return &blake3Domain{
		single: blake3Job{key: key, flags: m, start: flagChunkStart, end: flagChunkEnd | flagRoot},
		chunk:  blake3Job{key: key, flags: m, start: flagChunkStart, end: flagChunkEnd},
		parent: blake3Job{key: key, flags: m | flagParent},
		root:   blake3Job{key: key, flags: m | flagParent | flagRoot},
	}
}

var (
	blake3Leaf = newBlake3Domain("redstuff v1 leaf")
	blake3Node = newBlake3Domain("redstuff v1 node")
	blake3Pair = newBlake3Domain("redstuff v1 pair")
	blake3Blob = newBlake3Domain("redstuff v1 blob")
)

// blake3Group is the number of rows that Leaves carries through a tree at
// once: the widest kernel's lanes. It also is the number of chunks that a
// single long message is cut into at once.
const blake3Group = 16

// blake3Depth bounds the stack of a tree: 2^32 chunks, and one row being merged.
const blake3Depth = 33

// blake3Tree merges rows of chunk chaining values into a row of digests. Its
// stack holds one row per complete subtree, the largest at the bottom, as in
// section 5.1.2 of the paper.
type blake3Tree struct {
	kernels *kernels
	domain  *blake3Domain
	stack   []byte // rows of rowLen bytes
	rowLen  int    // 32 * count
	count   int
	depth   int    // rows on the stack
	chunks  uint64 // rows pushed so far, but for the last
}

// next is where the chaining values of the next chunk belong.
func (t *blake3Tree) next() []byte { return t.stack[t.depth*t.rowLen:][:t.rowLen] }

// push takes the row written to next. More rows must follow it: whether a merge
// makes the root is known at the last row only.
func (t *blake3Tree) push() {
	t.depth++
	t.chunks++
	for n := t.chunks; n&1 == 0; n >>= 1 {
		t.merge(&t.domain.parent, t.stack[(t.depth-2)*t.rowLen:], HashSize)
	}
}

// finish takes the last row, written to next, and writes the digests. There
// must have been a row before it.
func (t *blake3Tree) finish(dst []byte, dstStride int) {
	t.depth++
	for t.depth > 2 {
		t.merge(&t.domain.parent, t.stack[(t.depth-2)*t.rowLen:], HashSize)
	}
	t.merge(&t.domain.root, dst, dstStride)
}

// merge replaces the two topmost rows by their parents, written to dst.
func (t *blake3Tree) merge(job *blake3Job, dst []byte, dstStride int) {
	t.depth--
	left, right := t.stack[(t.depth-1)*t.rowLen:], t.stack[t.depth*t.rowLen:]
	t.kernels.blake3Runs(dst, dstStride, left, right, HashSize, 2*HashSize, t.count, job)
}

// blake3Messages hashes count messages of any equal size.
func blake3Messages(k *kernels, dst []byte, dstStride int, src []byte, srcStride, size, count int, d *blake3Domain) {
	if size <= blake3ChunkSize {
		k.blake3Runs(dst, dstStride, src, nil, srcStride, size, count, &d.single)
		return
	}
	if count == 1 {
		blake3Long(k, dst, src[:size], d)
		return
	}
	// Most trees are shallow; the stack of a group of the largest symbols is 4 KiB.
	var small [8 * blake3Group * HashSize]byte
	stack := small[:]
	if need := (bits.Len(uint(size/blake3ChunkSize)) + 1) * blake3Group * HashSize; need > len(stack) {
		stack = make([]byte, need)
	}
	for first := 0; first < count; first += blake3Group {
		if left := count - first; left < blake3Group && longIsCheaper(k, size, left) {
			for ; first < count; first++ {
				blake3Long(k, dst[first*dstStride:], src[first*srcStride:][:size], d)
			}
			return
		}
		t := blake3Tree{kernels: k, domain: d, stack: stack, count: min(blake3Group, count-first)}
		t.rowLen = t.count * HashSize
		from := src[first*srcStride:]
		job := d.chunk
		at := 0
		for ; size-at > blake3ChunkSize; at += blake3ChunkSize {
			k.blake3Runs(t.next(), HashSize, from[at:], nil, srcStride, blake3ChunkSize, t.count, &job)
			t.push()
			job.counter++
		}
		k.blake3Runs(t.next(), HashSize, from[at:], nil, srcStride, size-at, t.count, &job)
		t.finish(dst[first*dstStride:], dstStride)
	}
}

// longIsCheaper compares two ways to hash count messages, no more than a group, of more
// than a chunk: the chunks of one message after the other side by side, or the messages.
// Few messages leave lanes idle. But one message's last chunk is alone in its lanes, and
// its parents do not fill them: a quarter of the time of their chunks.
func longIsCheaper(k *kernels, size, count int) bool {
	cost := func(n int) int { return k.callCost(k.blake3Lanes, blake3HalfCost, n) }
	full := (size - 1) / blake3ChunkSize
	groups, rest := full/blake3Group, full%blake3Group
	long := groups*(cost(blake3Group)+fullCost/4) + cost(rest) + cost(1) + fullCost/4
	return count*long < (full+1)*cost(count)
}

// blake3Long hashes one message of more than a chunk, its chunks side by side.
// Every group but the last is a complete subtree of blake3Group chunks.
func blake3Long(k *kernels, dst, msg []byte, d *blake3Domain) {
	var stack [blake3Depth * HashSize]byte
	t := blake3Tree{kernels: k, domain: d, stack: stack[:], rowLen: HashSize, count: 1}
	var cvs [blake3Group * HashSize]byte
	job := d.chunk
	job.step = 1
	const group = blake3Group * blake3ChunkSize
	for len(msg) > group {
		k.blake3Runs(cvs[:], HashSize, msg, nil, blake3ChunkSize, blake3ChunkSize, blake3Group, &job)
		for n := blake3Group / 2; n > 0; n /= 2 {
			k.blake3Runs(cvs[:], HashSize, cvs[:], nil, 2*HashSize, 2*HashSize, n, &d.parent)
		}
		copy(t.next(), cvs[:])
		t.push()
		job.counter += blake3Group
		msg = msg[group:]
	}
	// The last group has 1 to blake3Group chunks, the last of any length. A left
	// subtree is the largest power of two short of all chunks, so pairing
	// neighbours and passing an odd one upwards gives the same tree.
	full := (len(msg) - 1) / blake3ChunkSize
	if full > 0 {
		k.blake3Runs(cvs[:], HashSize, msg, nil, blake3ChunkSize, blake3ChunkSize, full, &job)
	}
	job.counter += uint32(full)
	last := msg[full*blake3ChunkSize:]
	k.blake3Runs(cvs[full*HashSize:], HashSize, last, nil, 0, len(last), 1, &job)
	n := full + 1
	for ; n > 2 || n == 2 && t.depth > 0; n = (n + 1) / 2 {
		k.blake3Runs(cvs[:], HashSize, cvs[:], nil, 2*HashSize, 2*HashSize, n/2, &d.parent)
		if n&1 == 1 {
			copy(cvs[n/2*HashSize:], cvs[(n-1)*HashSize:n*HashSize])
		}
	}
	if t.depth > 0 {
		copy(t.next(), cvs[:])
		t.finish(dst, HashSize)
		return
	}
	k.blake3Runs(dst, HashSize, cvs[:], nil, 0, 2*HashSize, 1, &d.root)
}
