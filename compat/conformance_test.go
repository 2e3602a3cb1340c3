package compat

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/rs2d/rs"
	"pgregory.net/rapid"
)

// codec is what both are driven by.
type codec interface {
	reedsolomon.Encoder
	reedsolomon.Extensions
}

// machine is both codecs, and shards that both worked on alike. After each call the
// shards must be equal, and so must be which of them kept their memory.
type machine struct {
	k, m         int
	ours, theirs codec
	a, b         [][]byte // the shards of ours and theirs
	sound        bool     // the shards that are there belong to one code word
}

// newMachine returns one of up to limit shards on a side.
func newMachine(t *rapid.T, limit int) *machine {
	s := &machine{k: rapid.IntRange(1, limit).Draw(t, "k"), m: rapid.IntRange(1, limit).Draw(t, "m")}
	ours, err := rs.New(s.k, s.m, rs.WithWorkers(rapid.IntRange(1, 3).Draw(t, "workers")))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := reedsolomon.New(s.k, s.m, reedsolomon.WithLeopardGF16(true))
	if err != nil {
		t.Fatal(err)
	}
	s.ours, s.theirs = ours, theirs.(codec)
	for _, figures := range [][2]int{
		{s.ours.DataShards(), s.theirs.DataShards()}, {s.ours.ParityShards(), s.theirs.ParityShards()},
		{s.ours.TotalShards(), s.theirs.TotalShards()}, {s.ours.ShardSizeMultiple(), s.theirs.ShardSizeMultiple()},
	} {
		if figures[0] != figures[1] {
			t.Fatalf("%v: figures differ", figures)
		}
	}
	s.allocate(t)
	return s
}

// allocate begins with other shards, of any size.
func (s *machine) allocate(t *rapid.T) {
	size := 64 * rapid.SampledFrom([]int{1, 1, 2, 3, 17, 65}).Draw(t, "size/64")
	s.a, s.b = s.ours.AllocAligned(size), s.theirs.AllocAligned(size)
	seed := rapid.Uint64().Draw(t, "content")
	for i := range s.a {
		for j := range s.a[i] {
			seed = seed*6364136223846793005 + 1442695040888963407
			s.a[i][j] = byte(seed >> 56)
		}
		copy(s.b[i], s.a[i])
	}
	s.sound = false
}

// compare fails unless errors and shards are equal.
func (s *machine) compare(t *rapid.T, call string, ours, theirs error) {
	if err := sameErrors(ours, theirs); err != nil {
		t.Fatalf("%s: %v", call, err)
	}
	for i := range s.a {
		if !bytes.Equal(s.a[i], s.b[i]) {
			t.Fatalf("%s: shard %d differs (%d and %d bytes)", call, i, len(s.a[i]), len(s.b[i]))
		}
	}
}

// there returns how many shards are.
func (s *machine) there() (n int) {
	for _, shard := range s.a {
		if len(shard) > 0 {
			n++
		}
	}
	return n
}

// unchanged runs f and fails if it moves a shard that was there, or one with room.
func (s *machine) unchanged(t *rapid.T, f func()) {
	before, size := slices.Clone(s.a), 0
	for _, shard := range s.a {
		size = max(size, len(shard))
	}
	f()
	for i, old := range before {
		if len(s.a[i]) > 0 && cap(old) >= len(s.a[i]) && unsafe.SliceData(s.a[i]) != unsafe.SliceData(old) {
			t.Fatalf("shard %d had room for %d bytes, but moved", i, size)
		}
	}
}

func (s *machine) encode(t *rapid.T) {
	s.unchanged(t, func() {
		ours := s.ours.Encode(s.a)
		s.compare(t, "Encode", ours, s.theirs.Encode(s.b))
		s.sound = s.sound || ours == nil
	})
}

func (s *machine) verify(t *rapid.T) {
	ok, ours := s.ours.Verify(s.a)
	want, theirs := s.theirs.Verify(s.b)
	s.compare(t, "Verify", ours, theirs)
	if ok != want {
		t.Fatalf("Verify: %v, want %v", ok, want)
	}
}

func (s *machine) lose(t *rapid.T) {
	n := rapid.SampledFrom([]int{1, 2, s.m / 2, s.m, s.m, s.m + 1}).Draw(t, "lost")
	keep := rapid.IntRange(0, 3).Draw(t, "keep memory")
	for _, i := range permutation(t, s.k+s.m)[:min(n, s.k+s.m)] {
		switch {
		case keep == 0 || i%3 == keep:
			s.a[i], s.b[i] = nil, nil
		case i%5 == keep:
			s.a[i], s.b[i] = s.a[i][:0:len(s.a[i])/2], s.b[i][:0:len(s.b[i])/2]
		default:
			s.a[i], s.b[i] = s.a[i][:0], s.b[i][:0]
		}
	}
}

func permutation(t *rapid.T, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return rapid.Permutation(list).Draw(t, "order")
}

func (s *machine) reconstruct(t *rapid.T) {
	// What contradictory shards decode to depends on which of them are used: with more
	// than are needed the two may differ.
	if !s.sound && s.there() > s.k {
		s.soundAgain(t)
	}
	var ours, theirs error
	s.unchanged(t, func() {
		switch mode := rapid.SampledFrom([]string{"all", "all", "data", "some", "some data", "wrong list"}).Draw(t, "mode"); mode {
		case "all":
			ours, theirs = s.ours.Reconstruct(s.a), s.theirs.Reconstruct(s.b)
		case "data":
			ours, theirs = s.ours.ReconstructData(s.a), s.theirs.ReconstructData(s.b)
		case "wrong list": // which theirs takes for all data shards
			if err := s.ours.ReconstructSome(s.a, make([]bool, s.k+s.m+1)); sameErrors(err, reedsolomon.ErrInvalidInput) != nil {
				t.Fatalf("ReconstructSome of a list too long: %v", err)
			}
		default:
			n := s.k
			if mode == "some" {
				n += s.m
			}
			required := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "required")
			missing := make([]bool, s.k+s.m)
			for i := range s.a {
				missing[i] = len(s.a[i]) == 0
			}
			ours, theirs = s.ours.ReconstructSome(s.a, required), s.theirs.ReconstructSome(s.b, required)
			if ours != nil || theirs != nil {
				break
			}
			// Theirs takes any list for one that requires everything.
			for i := range s.a {
				if !missing[i] || i < n && required[i] {
					continue
				}
				if len(s.a[i]) != 0 {
					t.Fatalf("ReconstructSome computed shard %d, which was not required", i)
				}
				s.a[i] = append(s.a[i], s.b[i]...)
			}
		}
	})
	s.compare(t, "Reconstruct", ours, theirs)
	// Any DataShards of shards, and what they decode to, are a code word.
	s.sound = s.sound || ours == nil && s.there() == s.k+s.m
}

// soundAgain encodes the shards, and loses those again that were missing.
func (s *machine) soundAgain(t *rapid.T) {
	size := 0
	for _, shard := range s.a {
		if size = len(shard); size > 0 {
			break
		}
	}
	var missing []int
	for i := range s.a {
		if len(s.a[i]) == 0 {
			missing = append(missing, i)
			s.a[i], s.b[i] = make([]byte, size), make([]byte, size)
		}
		if len(s.a[i]) != size {
			return // sizes differ: there will be an error
		}
	}
	s.compare(t, "Encode", s.ours.Encode(s.a), s.theirs.Encode(s.b))
	s.sound = true
	for _, i := range missing {
		s.a[i], s.b[i] = s.a[i][:0], s.b[i][:0]
	}
}

func (s *machine) corrupt(t *rapid.T) {
	i := rapid.IntRange(0, s.k+s.m-1).Draw(t, "shard")
	if len(s.a[i]) == 0 {
		return
	}
	at := rapid.IntRange(0, len(s.a[i])-1).Draw(t, "at")
	s.a[i][at]++
	s.b[i][at]++
	s.sound = false
}

// split begins with shards cut from data with and without spare capacity.
func (s *machine) split(t *rapid.T) {
	size := rapid.IntRange(0, 3*64*s.k).Draw(t, "size")
	spare := rapid.SampledFrom([]int{0, 1, 64, 64 * s.m, 6 * 64 * (s.k + s.m)}).Draw(t, "spare")
	x, y := bytes.Repeat([]byte{0xaa}, size+spare), bytes.Repeat([]byte{0xaa}, size+spare)
	a, ours := s.ours.Split(x[:size])
	b, theirs := s.theirs.Split(y[:size])
	if ours == nil && theirs == nil {
		s.a, s.b, s.sound = a, b, false
	}
	s.compare(t, "Split", ours, theirs)
	if len(s.a) != len(s.b) || !bytes.Equal(x, y) {
		t.Fatal("Split: another number of shards, or other bytes in the spare capacity")
	}
	for i := range a {
		if cap(a[i]) != cap(b[i]) {
			t.Fatalf("Split: shard %d has room for %d bytes, want %d", i, cap(a[i]), cap(b[i]))
		}
	}
}

func (s *machine) join(t *rapid.T) {
	whole := 0
	for _, shard := range s.a[:min(s.k, len(s.a))] {
		whole += len(shard)
	}
	size := rapid.IntRange(0, whole+1).Draw(t, "size")
	var x, y bytes.Buffer
	ours, theirs := s.ours.Join(&x, s.a, size), s.theirs.Join(&y, s.b, size)
	s.compare(t, "Join", ours, theirs)
	if !bytes.Equal(x.Bytes(), y.Bytes()) {
		t.Fatalf("Join wrote %d bytes, want %d", x.Len(), y.Len())
	}
}

// wrong makes a call with arguments that are wrong in some way.
func (s *machine) wrong(t *rapid.T) {
	a, b := s.a, s.b
	defer func() { s.a, s.b = a, b }()
	s.a, s.b = slices.Clone(a), slices.Clone(b)
	i := rapid.IntRange(0, s.k+s.m-1).Draw(t, "shard")
	resize := func(size int) []byte { return make([]byte, size) }
	switch rapid.IntRange(0, 7).Draw(t, "way") {
	case 0:
		s.a, s.b = s.a[1:], s.b[1:]
	case 1:
		s.a, s.b = append(s.a, resize(64)), append(s.b, resize(64))
	case 2:
		s.a[i], s.b[i] = resize(len(a[i])+64), resize(len(b[i])+64)
	case 3:
		s.a[i], s.b[i] = resize(65), resize(65)
	case 4: // all of a size that is not allowed
		for i := range s.a {
			if len(s.a[i]) > 0 {
				s.a[i], s.b[i] = resize(66), resize(66)
			}
		}
	case 5:
		for i := range s.a {
			s.a[i], s.b[i] = nil, nil
		}
	case 6:
		s.a, s.b = nil, nil
	case 7: // one shard alone
		s.a, s.b = make([][]byte, s.k+s.m), make([][]byte, s.k+s.m)
		s.a[i], s.b[i] = resize(63), resize(63)
	}
	size := rapid.SampledFrom([]int{0, 1, 1 << 20}).Draw(t, "size")
	sound := s.sound
	// Only errors are of interest: what contradictory shards decode to is not.
	for _, call := range []struct {
		name         string
		ours, theirs func() error
	}{
		{"Join", func() error { return s.ours.Join(new(bytes.Buffer), s.a, size) }, func() error { return s.theirs.Join(new(bytes.Buffer), s.b, size) }},
		{"Encode", func() error { return s.ours.Encode(copyOf(s.a)) }, func() error { return s.theirs.Encode(copyOf(s.b)) }},
		{"Verify", func() error { _, err := s.ours.Verify(s.a); return err }, func() error { _, err := s.theirs.Verify(s.b); return err }},
		{"Reconstruct", func() error { return s.ours.Reconstruct(copyOf(s.a)) }, func() error { return s.theirs.Reconstruct(copyOf(s.b)) }},
		{"ReconstructData", func() error { return s.ours.ReconstructData(copyOf(s.a)) }, func() error { return s.theirs.ReconstructData(copyOf(s.b)) }},
		{"ReconstructSome", func() error { return s.ours.ReconstructSome(copyOf(s.a), make([]bool, s.k+s.m)) }, func() error { return s.theirs.ReconstructSome(copyOf(s.b), make([]bool, s.k+s.m)) }},
	} {
		if err := sameErrors(call.ours(), call.theirs()); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
	}
	s.sound = sound
}

func copyOf(shards [][]byte) [][]byte {
	c := make([][]byte, len(shards))
	for i, shard := range shards {
		if len(shard) > 0 {
			c[i] = bytes.Clone(shard)
		}
	}
	return c
}

// refill gives all shards their room back, as a program does that uses buffers again.
func (s *machine) refill(*rapid.T) {
	size := 0
	for _, shard := range s.a {
		size = max(size, len(shard))
	}
	for i := range s.a {
		if len(s.a[i]) == size {
			continue
		}
		content := bytes.Repeat([]byte{byte(i)}, size)
		s.a[i], s.b[i] = append(s.a[i][:0], content...), append(s.b[i][:0], content...)
		s.sound = false
	}
}

// circle encodes, loses, reconstructs and verifies, whatever was before.
func (s *machine) circle(t *rapid.T) {
	s.refill(t)
	s.encode(t)
	s.lose(t)
	s.reconstruct(t)
	s.verify(t)
}

// TestConformance drives klauspost/reedsolomon and rs2d/rs through the same sequences
// of calls.
func TestConformance(t *testing.T) {
	for _, limit := range []int{3, 20, 150, 300} {
		t.Run(fmt.Sprintf("shards<=%d+%d", limit, limit), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := newMachine(t, limit)
				t.Repeat(map[string]func(*rapid.T){
					"":             func(t *rapid.T) { s.compare(t, "at rest", nil, nil) },
					"allocate":     s.allocate,
					"encode":       s.encode,
					"verify":       s.verify,
					"lose":         s.lose,
					"reconstruct":  s.reconstruct,
					"whole circle": s.circle,
					"corrupt":      s.corrupt,
					"split":        s.split,
					"join":         s.join,
					"wrong":        s.wrong,
					"refill":       s.refill,
				})
			})
		})
	}
}

// TestLargeConformance has the shapes that random ones do not reach.
func TestLargeConformance(t *testing.T) {
	for _, shape := range [][2]int{{667, 333}, {334, 666}, {1000, 1000}, {65535, 1}, {32768, 32768}, {49152, 16384}, {1, 32768}} {
		t.Run(fmt.Sprintf("%d+%d", shape[0], shape[1]), func(t *testing.T) {
			ours, err := rs.New(shape[0], shape[1])
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := reedsolomon.New(shape[0], shape[1], reedsolomon.WithLeopardGF16(true))
			if err != nil {
				t.Fatal(err)
			}
			a, b := ours.AllocAligned(64), ours.AllocAligned(64)
			for i := range shape[0] {
				for j := range a[i] {
					a[i][j] = byte(i*i*7 + j*j*3 + i*j + i>>8)
				}
				copy(b[i], a[i])
			}
			if err := ours.Encode(a); err != nil {
				t.Fatal(err)
			}
			if err := theirs.Encode(b); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(a, b, bytes.Equal) {
				t.Fatal("the parity differs")
			}
			for i := range shape[1] {
				a[i*(shape[0]+shape[1])/shape[1]] = nil
			}
			if err := ours.Reconstruct(a); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(a, b, bytes.Equal) {
				t.Fatal("the reconstructed shards differ")
			}
		})
	}
}
