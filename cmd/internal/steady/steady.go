// Package steady proves that a file which is read several times was the same each time.
package steady

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"sync"
)

// ErrChanged is returned when what was read again is not what was read before.
var ErrChanged = errors.New("changed while it was read")

// Reader reads a file in passes. In each pass every byte is read once, in any order and
// in any pieces; a pass begins when all reads of the one before it have returned.
//
// Passes are compared by fingerprints: the file's 64-bit little-endian words, each times
// a random key of its place, added up in 128 bits. The sum does not depend on how the
// file is cut into pieces. Two files that differ in whatever way, without regard to
// the keys, have the same fingerprint with a probability of about 2⁻⁶³.
//
// It may be used concurrently.
type Reader struct {
	src  io.ReaderAt
	size int64
	seed uint64
	low  [lowKeys]uint64

	mu     sync.Mutex
	read   int64 // bytes, in all passes
	passes []sum
}

// lowKeys is how many words in a row have keys of the table; the next as many have the
// same, with another number added by exclusive or.
const lowKeys = 512

// sum is a 128-bit number.
type sum struct{ hi, lo uint64 }

func (s *sum) add(o sum) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, o.lo, 0)
	s.hi += o.hi + carry
}

// New returns a reader of the first size bytes of src.
func New(src io.ReaderAt, size int64) *Reader {
	r := &Reader{src: src, size: size, seed: rand.Uint64()}
	for i := range r.low {
		r.low[i] = rand.Uint64()
	}
	return r
}

// ReadAt reads as src does.
func (r *Reader) ReadAt(data []byte, off int64) (int, error) {
	n, err := r.src.ReadAt(data, off)
	if n <= 0 {
		return n, err
	}
	s := r.fingerprint(data[:n], uint64(off))
	r.mu.Lock()
	defer r.mu.Unlock()
	pass := int(r.read / max(r.size, 1))
	r.read += int64(n)
	for len(r.passes) <= pass {
		r.passes = append(r.passes, sum{})
	}
	r.passes[pass].add(s)
	return n, err
}

// fingerprint returns what the bytes at off add to the file's fingerprint. A word that
// a piece has in part counts with zeros for the rest: the parts add up to the word.
func (r *Reader) fingerprint(data []byte, off uint64) (s sum) {
	if head := off % 8; head != 0 {
		var word [8]byte
		n := copy(word[head:], data)
		s.addWord(binary.LittleEndian.Uint64(word[:]), r.key(off/8))
		data, off = data[n:], off-head+8
	}
	for len(data) >= 8 {
		place := off / 8
		high := r.high(place / lowKeys)
		words := min(uint64(len(data)/8), lowKeys-place%lowKeys)
		keys := r.low[place%lowKeys:][:words]
		var hi, lo, carry uint64
		piece := data[:8*words]
		for len(keys) >= 4 && len(piece) >= 32 {
			h0, l0 := bits.Mul64(binary.LittleEndian.Uint64(piece), keys[0]^high)
			h1, l1 := bits.Mul64(binary.LittleEndian.Uint64(piece[8:]), keys[1]^high)
			h2, l2 := bits.Mul64(binary.LittleEndian.Uint64(piece[16:]), keys[2]^high)
			h3, l3 := bits.Mul64(binary.LittleEndian.Uint64(piece[24:]), keys[3]^high)
			lo, carry = bits.Add64(lo, l0, 0)
			hi, _ = bits.Add64(hi, h0, carry)
			lo, carry = bits.Add64(lo, l1, 0)
			hi, _ = bits.Add64(hi, h1, carry)
			lo, carry = bits.Add64(lo, l2, 0)
			hi, _ = bits.Add64(hi, h2, carry)
			lo, carry = bits.Add64(lo, l3, 0)
			hi, _ = bits.Add64(hi, h3, carry)
			keys, piece = keys[4:], piece[32:]
		}
		for i, low := range keys {
			h, l := bits.Mul64(binary.LittleEndian.Uint64(piece[8*i:]), low^high)
			lo, carry = bits.Add64(lo, l, 0)
			hi, _ = bits.Add64(hi, h, carry)
		}
		s.add(sum{hi, lo})
		data, off = data[8*words:], off+8*words
	}
	if len(data) > 0 {
		var word [8]byte
		copy(word[:], data)
		s.addWord(binary.LittleEndian.Uint64(word[:]), r.key(off/8))
	}
	return s
}

func (s *sum) addWord(word, key uint64) {
	hi, lo := bits.Mul64(word, key)
	s.add(sum{hi, lo})
}

// key returns the random key of a word.
func (r *Reader) key(place uint64) uint64 { return r.low[place%lowKeys] ^ r.high(place/lowKeys) }

// high returns the part of the key that words of a block have in common. It is the
// output of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
// generators, 2014) in that block's place.
func (r *Reader) high(block uint64) uint64 {
	z := r.seed + (block+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Check reports, with ErrChanged, whether passes have read other bytes than the first
// one. It is an error too if the last pass has not read every byte.
func (r *Reader) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > 0 && r.read%r.size != 0 {
		return fmt.Errorf("steady: %d bytes read of a file of %d: no whole number of passes", r.read, r.size)
	}
	for _, pass := range r.passes {
		if pass != r.passes[0] {
			return ErrChanged
		}
	}
	return nil
}
