package peer

import (
	"math"
	"time"
)

// Walrus are the times of walrus-core (Rust, release build, one thread) at n = 1000.
// They were measured earlier on an AMD EPYC (Zen 4, AVX-512), by itself,
// not beside what they are compared with here.
var Walrus = struct {
	Encode, ID, DecodeNone, DecodeSecondary, DecodeStrict map[int]time.Duration // by bytes of blob
	RecoverPair                                           time.Duration         // 32 MiB, proofs verified
}{
	Encode:          times(595, 598, 851, 2930),
	ID:              times(590, 600, 759, 2170),
	DecodeNone:      times(272, 267, 388, 1240),
	DecodeSecondary: times(95, 93, 148, 640),
	DecodeStrict:    times(868, 876, 1130, 3390),
	RecoverPair:     4150 * time.Microsecond,
}

// Yardstick is what klauspost's encode of 667+333 shards of 1 KiB took one core of the machine
// on which [Walrus] was measured. What it takes elsewhere, divided by this, is how much slower
// that machine is at such work.
const Yardstick = 112 * time.Microsecond

// Budget is how long one core of that machine may take to encode and commit to a blob with BLAKE3 at
// n = 1000, at most and as an aim, by bytes of blob.
var Budget = map[int][2]time.Duration{
	32 << 20:  {70 * time.Millisecond, 65 * time.Millisecond},
	256 << 20: {390 * time.Millisecond, 350 * time.Millisecond},
}

func times(b1, m1, m32, m256 time.Duration) map[int]time.Duration {
	return map[int]time.Duration{1: b1 * time.Millisecond, 1 << 20: m1 * time.Millisecond,
		32 << 20: m32 * time.Millisecond, 256 << 20: m256 * time.Millisecond}
}

// What one core of a Zen 4 machine with AVX-512 and GFNI can do at most, by
// measurements of the single steps.
const (
	// hashBlock is the time of 64 bytes in 16 lanes of BLAKE3, 7.1 GB/s, and
	// hashNode that of an inner node; nanoseconds.
	hashBlock = 64 / 7.1
	hashNode  = 9.5
	// memoryRate is the speed of reading DRAM in large pages, bytes a nanosecond.
	memoryRate = 30
)

// encodeRate is the compute bound of encoding, in bytes of data a nanosecond: the
// butterflies that each shape takes at 1.40 ns for 128 bytes, and nothing else.
var encodeRate = map[string]float64{"667+333": 12.1, "334+666": 6.3, "1000+1000": 9.0, "128+128": 13.1, "32768+32768": 6.1}

// EncodeBound returns the most bytes of data a second that one core can encode in
// a shape, and whether that is known.
func EncodeBound(shape string) (rate float64, known bool) {
	rate, known = encodeRate[shape]
	return rate * 1e9, known
}

// HashBound returns the least nanoseconds that a message of size bytes takes one core.
func HashBound(size int) float64 {
	blocks := math.Ceil(float64(max(size, 1)) / 64)
	chunks := math.Ceil(float64(max(size, 1)) / 1024)
	return blocks*hashBlock + (chunks-1)*hashNode
}

// MemoryBound returns the least nanoseconds that it takes one core to read or write
// that many bytes of DRAM once.
func MemoryBound(bytes int) float64 { return float64(bytes) / memoryRate }

// RedStuffBound returns the least nanoseconds that encoding and committing to a blob
// takes one core at n = 1000 in the BLAKE3 scheme: the transforms of all rows and
// columns, n² leaves and 2n² inner nodes, with symbols of that many bytes.
func RedStuffBound(symbol int) float64 {
	const n, p, s = 1000, 334, 667
	rows := float64(p*s*symbol) / encodeRate["667+333"]
	columns := float64(n*p*symbol) / encodeRate["334+666"]
	return rows + columns + n*n*(HashBound(symbol)+2*hashNode)
}
