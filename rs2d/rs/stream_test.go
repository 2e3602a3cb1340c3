package rs

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/internal/race"
)

// readers reads shards, in portions of odd sizes; a nil shard has no reader.
func readers(shards [][]byte) []io.Reader {
	list := make([]io.Reader, len(shards))
	for i, shard := range shards {
		switch {
		case shard == nil:
		case i%3 == 0:
			list[i] = iotest.HalfReader(bytes.NewReader(shard))
		case i%3 == 1:
			list[i] = iotest.DataErrReader(bytes.NewReader(shard))
		default:
			list[i] = bytes.NewReader(shard)
		}
	}
	return list
}

// writers returns buffers and the writers to those for which want is true.
func writers(n int, want func(i int) bool) ([]bytes.Buffer, []io.Writer) {
	buffers, list := make([]bytes.Buffer, n), make([]io.Writer, n)
	for i := range buffers {
		if want(i) {
			list[i] = &buffers[i]
		}
	}
	return buffers, list
}

func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		variant := rapid.SampledFrom([]Variant{Leopard, RS2}).Draw(t, "variant")
		k, m := rapid.IntRange(1, 30).Draw(t, "k"), rapid.IntRange(1, 30).Draw(t, "m")
		block := 64 * rapid.IntRange(0, 4).Draw(t, "block/64")
		s, err := NewStream(k, m, WithVariant(variant), WithStreamBlockSize(block),
			WithConcurrentStreamReads(rapid.Bool().Draw(t, "read together")),
			WithConcurrentStreamWrites(rapid.Bool().Draw(t, "write together")))
		if err != nil {
			t.Fatal(err)
		}
		c := s.codec
		multiple := int64(c.ShardSizeMultiple())
		size := rapid.Int64Range(1, 15*int64(k)*multiple).Draw(t, "size")
		data := make([]byte, size)
		fill(rapid.Uint64().Draw(t, "seed"), [][]byte{data})
		want, err := c.Split(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Encode(want); err != nil {
			t.Fatal(err)
		}

		all := func(int) bool { return true }
		split, to := writers(k, all)
		if err := s.Split(iotest.OneByteReader(io.MultiReader(bytes.NewReader(data), zeros{})), to, size); err != nil {
			t.Fatal(err)
		}
		for i := range split {
			if !bytes.Equal(split[i].Bytes(), want[i]) {
				t.Fatalf("Split: shard %d differs", i)
			}
		}
		left := rapid.SliceOfN(rapid.Bool(), k+m, k+m).Draw(t, "written")
		parity, to := writers(m, func(i int) bool { return left[i] })
		if err := s.Encode(readers(want[:k]), to); err != nil {
			t.Fatal(err)
		}
		for i := range parity {
			if left[i] && !bytes.Equal(parity[i].Bytes(), want[k+i]) {
				t.Fatalf("Encode: parity shard %d differs", i)
			}
		}
		if ok, err := s.Verify(readers(want)); !ok || err != nil {
			t.Fatalf("Verify: %v, %v", ok, err)
		}

		valid := clone(want)
		lost := rapid.Permutation(seq(k+m)).Draw(t, "lost")[:rapid.IntRange(0, m).Draw(t, "count")]
		for _, i := range lost {
			valid[i] = nil
		}
		filled, to := writers(k+m, func(i int) bool { return valid[i] == nil && left[i] })
		if err := s.Reconstruct(readers(valid), to); err != nil {
			t.Fatal(err)
		}
		for _, i := range lost {
			if left[i] && !bytes.Equal(filled[i].Bytes(), want[i]) {
				t.Fatalf("Reconstruct: shard %d differs", i)
			}
		}
		var joined bytes.Buffer
		if err := s.Join(&joined, readers(want), size); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(joined.Bytes(), data) {
			t.Fatal("Join wrote other bytes")
		}
		i := rapid.IntRange(0, k+m-1).Draw(t, "shard")
		want[i][rapid.IntRange(0, len(want[i])-1).Draw(t, "at")] ^= 1
		if ok, err := s.Verify(readers(want)); ok || err != nil {
			t.Fatalf("Verify of a corrupted shard: %v, %v", ok, err)
		}
	})
}

func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	sizes := func(sizes ...int) []io.Reader {
		list := make([]io.Reader, len(sizes))
		for i, n := range sizes {
			switch {
			case n >= 0:
				list[i] = bytes.NewReader(make([]byte, n))
			case n == -2:
				list[i] = iotest.ErrReader(broken)
			}
		}
		return list
	}
	sinks := func(want ...int) []io.Writer {
		list := make([]io.Writer, len(want))
		for i, w := range want {
			list[i] = []io.Writer{nil, io.Discard, failingWriter{broken}, stingyWriter{}}[w]
		}
		return list
	}
	for _, together := range []bool{false, true} {
		s, err := NewStream(3, 2, WithStreamBlockSize(128), WithConcurrentStreamReads(together), WithConcurrentStreamWrites(together))
		if err != nil {
			t.Fatal(err)
		}
		verify := func(r ...int) error {
			_, err := s.Verify(sizes(r...))
			return err
		}
		for _, test := range []struct {
			name      string
			err, want error
		}{
			{"too few data", s.Encode(sizes(64, 64), sinks(1, 1)), ErrTooFewShards},
			{"too few parity", s.Encode(sizes(64, 64, 64), sinks(1)), ErrTooFewShards},
			{"missing data", s.Encode(sizes(64, -1, 64), sinks(1, 1)), ErrNoData},
			{"empty data", s.Encode(sizes(0, 0, 0), sinks(1, 1)), ErrNoData},
			{"one empty", s.Encode(sizes(0, 64, 64), sinks(1, 1)), ErrShardSize},
			{"one shorter", s.Encode(sizes(192, 128, 192), sinks(1, 1)), ErrShardSize},
			{"one longer", s.Encode(sizes(192, 192, 256), sinks(1, 1)), ErrShardSize},
			{"not a multiple of 64", s.Encode(sizes(130, 130, 130), sinks(1, 1)), ErrShardSize},
			{"broken reader", s.Encode(sizes(64, -2, 64), sinks(1, 1)), broken},
			{"broken writer", s.Encode(sizes(64, 64, 64), sinks(0, 2)), broken},
			{"short write", s.Encode(sizes(64, 64, 64), sinks(1, 3)), io.ErrShortWrite},
			{"verify: too few", verify(64, 64, 64, 64), ErrTooFewShards},
			{"verify: missing", verify(64, 64, 64, 64, -1), ErrNoData},
			{"verify: empty", verify(0, 0, 0, 0, 0), ErrNoData},
			{"verify: parity shorter", verify(128, 128, 128, 128, 64), ErrShardSize},
			{"verify: broken reader", verify(128, 128, 128, 128, -2), broken},
			{"reconstruct: lists of another length", s.Reconstruct(sizes(64, 64, 64, 64, 64), sinks(1)), ErrTooFewShards},
			{"reconstruct: read and write", s.Reconstruct(sizes(64, 64, 64, 64, -1), sinks(1, 0, 0, 0, 0)), ErrReconstructMismatch},
			{"reconstruct: none", s.Reconstruct(sizes(-1, -1, -1, -1, -1), sinks(1, 0, 0, 0, 0)), ErrNoData},
			{"reconstruct: too few", s.Reconstruct(sizes(64, -1, -1, -1, 64), sinks(0, 1, 0, 0, 0)), ErrTooFewShards},
			{"reconstruct: broken writer", s.Reconstruct(sizes(64, -1, 64, -1, 64), sinks(0, 1, 0, 2, 0)), broken},
			{"split: nothing", s.Split(zeros{}, sinks(1, 1, 1), 0), ErrShortData},
			{"split: less than nothing", s.Split(zeros{}, sinks(1, 1, 1), -1), ErrShortData},
			{"split: parity too", s.Split(zeros{}, sinks(1, 1, 1, 1, 1), 1), ErrShardNum},
			{"split: no writer", s.Split(zeros{}, sinks(1, 1, 0), 1), ErrNoData},
			{"split: data ends", s.Split(bytes.NewReader(make([]byte, 99)), sinks(1, 1, 1), 100), ErrShortData},
			{"split: broken writer", s.Split(zeros{}, sinks(1, 2, 1), 100), broken},
			{"split: broken reader", s.Split(iotest.ErrReader(broken), sinks(1, 1, 1), 100), broken},
			{"join: too few", s.Join(io.Discard, sizes(64, 64), 1), ErrTooFewShards},
			{"join: missing", s.Join(io.Discard, sizes(64, 64, -1), 1), ErrNoData},
			{"join: negative", s.Join(io.Discard, sizes(64, 64, 64), -1), ErrShortData},
			{"join: to nothing", s.Join(nil, sizes(64, 64, 64), 1), ErrInput},
			{"split: no data", s.Split(nil, sinks(1, 1, 1), 1), ErrInput},
			{"join: too much asked for", s.Join(io.Discard, sizes(64, 64, 64, 64, 64), 193), ErrShortData},
			{"join: broken reader", s.Join(io.Discard, sizes(64, -2, 64), 100), broken},
			{"join: broken writer", s.Join(failingWriter{broken}, sizes(64, 64, 64), 1), broken},
		} {
			t.Run(test.name, func(t *testing.T) {
				if !errors.Is(test.err, test.want) {
					t.Errorf("error %v, want %v", test.err, test.want)
				}
			})
		}
		var read StreamReadError
		if err := s.Encode(sizes(64, 64, -2), sinks(1, 1)); !errors.As(err, &read) || read.Stream != 2 {
			t.Errorf("error %v, want a StreamReadError of shard 2", err)
		}
		var write StreamWriteError
		if err := s.Encode(sizes(64, 64, 64), sinks(1, 2)); !errors.As(err, &write) || write.Stream != 1 {
			t.Errorf("error %v, want a StreamWriteError of shard 1", err)
		}
	}
	for _, opt := range []Option{WithStreamBlockSize(-64), WithStreamBlockSize(65)} {
		if _, err := NewStream(3, 2, opt); !errors.Is(err, ErrOption) {
			t.Errorf("error %v, want %v", err, ErrOption)
		}
	}
	if _, err := NewStream(0, 2); !errors.Is(err, ErrShardNum) {
		t.Errorf("error %v, want %v", err, ErrShardNum)
	}
}

// TestStreamSizeErrors has shards of which some are shorter or longer than the others,
// and looks at what is said of them, in whole lengths, whatever the block.
func TestStreamSizeErrors(t *testing.T) {
	const full = 1 << 20 // of a shard that is read to no end
	for _, test := range []struct {
		name  string
		sizes []int // -1 is a shard that is not there
		want  StreamSizeError
		text  string
	}{
		{"first shorter", []int{896, 1024, 1024, 1024, 1024}, StreamSizeError{Shard: 0, Size: 896, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 0 ended after 896 bytes where the others have 1024"},
		{"inner shorter by a block", []int{1024, 1024, 896, 1024, 1024}, StreamSizeError{Shard: 2, Size: 896, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 2 ended after 896 bytes where the others have 1024"},
		{"last shorter by a byte", []int{1024, 1024, 1024, 1024, 1023}, StreamSizeError{Shard: 4, Size: 1023, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 4 ended after 1023 bytes where the others have 1024"},
		{"first longer by a byte", []int{1025, 1024, 1024, 1024, 1024}, StreamSizeError{Shard: 0, Size: 1025, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 0 has 1025 bytes where the others ended after 1024"},
		{"last longer by a byte", []int{1024, 1024, 1024, 1024, 1025}, StreamSizeError{Shard: 4, Size: 1025, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 4 has 1025 bytes where the others ended after 1024"},
		{"inner longer by a block", []int{1024, 1024, 1024, 1152, 1024}, StreamSizeError{Shard: 3, Size: 1152, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 3 has 1152 bytes where the others ended after 1024"},
		{"endless", []int{1024, full, 1024, 1024, 1024}, StreamSizeError{Shard: 1, Size: 1280, More: true, Want: 1024, Agree: 4, Shards: 5},
			"rs: shard 1 has 1280 or more bytes where the others ended after 1024"},
		{"one of many endless", []int{full, full, 64, full, full}, StreamSizeError{Shard: 2, Size: 64, Want: 256, WantMore: true, Agree: 4, Shards: 5},
			"rs: shard 2 ended after 64 bytes where the others have 256 or more"},
		{"empty", []int{64, 64, 64, 0, 64}, StreamSizeError{Shard: 3, Size: 0, Want: 64, Agree: 4, Shards: 5},
			"rs: shard 3 ended after 0 bytes where the others have 64"},
		{"several", []int{1024, 960, 1024, 1024, 1088}, StreamSizeError{Shard: 1, Size: 960, Want: 1024, Agree: 3, Shards: 5},
			"rs: shard 1 ended after 960 bytes where 3 of 5 have 1024"},
		{"with two missing", []int{960, -1, 1024, -1, 1024}, StreamSizeError{Shard: 0, Size: 960, Want: 1024, Agree: 2, Shards: 3},
			"rs: shard 0 ended after 960 bytes where the others have 1024"},
		{"two and two", []int{960, 960, 1024, -1, 1024}, StreamSizeError{Shard: 0, Size: 960, Want: 1024, Agree: 2, Shards: 4},
			"rs: shard 0 ended after 960 bytes where 2 of 4 have 1024"},
		{"not a multiple", []int{1026, 1026, 1026, 1026, 1026}, StreamSizeError{Shard: 0, Size: 1026},
			"rs: shard 0 has 1026 bytes; the size must be a multiple of 64"},
	} {
		for _, together := range []bool{false, true} {
			s, err := NewStream(3, 2, WithStreamBlockSize(128), WithConcurrentStreamReads(together))
			if err != nil {
				t.Fatal(err)
			}
			open := func() []io.Reader {
				list := make([]io.Reader, 5)
				for i, n := range test.sizes {
					if n == full {
						list[i] = zeros{}
					} else if n >= 0 {
						list[i] = bytes.NewReader(make([]byte, n))
					}
				}
				return list
			}
			check := func(call string, err error) {
				t.Helper()
				want := test.want
				want.Multiple = 64
				var got *StreamSizeError
				if !errors.As(err, &got) || *got != want || !errors.Is(err, ErrShardSize) {
					t.Errorf("%s: %s: error %+v, want %+v", test.name, call, got, want)
				} else if err.Error() != test.text {
					t.Errorf("%s: %s: error %q, want %q", test.name, call, err, test.text)
				}
			}
			if !slices.Contains(test.sizes, -1) {
				_, err = s.Verify(open())
				check("Verify", err)
			}
			if err := s.Reconstruct(open(), make([]io.Writer, 5)); err != nil || test.want.Agree > 0 {
				check("Reconstruct", err)
			}
		}
	}
	// A reader that fails when it is read on for the error's sake changes nothing in
	// who is to blame.
	s, err := NewStream(3, 1, WithStreamBlockSize(128))
	if err != nil {
		t.Fatal(err)
	}
	block := func() io.Reader { return bytes.NewReader(make([]byte, 128)) }
	failing := io.MultiReader(block(), iotest.ErrReader(errors.New("broken")))
	err = s.Encode([]io.Reader{bytes.NewReader(make([]byte, 64)), failing, block()}, []io.Writer{nil})
	if want := "rs: shard 0 ended after 64 bytes where the others have 128 or more"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestStreamMemory sees to it that many shards do not make a stream's blocks large,
// and that blocks are used again: of 16, each costs a few small allocations.
func TestStreamMemory(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {10, 4}, {667, 333}, {32768, 32768}} {
		s, err := NewStream(shape[0], shape[1])
		if err != nil {
			t.Fatal(err)
		}
		if total := s.blockSize * s.codec.TotalShards(); total > 64<<20 || s.blockSize > 4<<20 || s.blockSize%64 != 0 || s.blockSize == 0 {
			t.Errorf("%d+%d: blocks of %d bytes, %d in all", shape[0], shape[1], s.blockSize, total)
		}
	}
	s, err := NewStream(4, 2, WithWorkers(1), WithStreamBlockSize(1<<16))
	if err != nil {
		t.Fatal(err)
	}
	shards := makeShards(4, 1<<20)
	from, to := make([]io.Reader, 4), []io.Writer{io.Discard, io.Discard}
	for i := range from {
		from[i] = bytes.NewReader(nil)
	}
	run := func() {
		for i := range from {
			from[i].(*bytes.Reader).Reset(shards[i])
		}
		if err := s.Encode(from, to); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(20, run); n > 40 && !race.Enabled {
		t.Errorf("%v allocations a call", n)
	}
	if slices.Max(shards[0]) != 0 {
		t.Error("a stream wrote to what it reads")
	}
}
