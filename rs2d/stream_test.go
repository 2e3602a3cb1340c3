package rs2d

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
)

// memorySink collects slivers and counts their bytes.
type memorySink struct {
	mu      sync.Mutex
	slivers map[SliverRef][]byte
	bytes   int
	fail    error
}

func (s *memorySink) WriteSliverAt(ref SliverRef, data []byte, off int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	have := s.slivers[ref]
	if grown := int(off) + len(data); grown > len(have) {
		have = append(have, make([]byte, grown-len(have))...)
	}
	copy(have[off:], data)
	s.slivers[ref] = have
	s.bytes += len(data)
	return nil
}

func TestEncodeTo(t *testing.T) {
	for _, n := range []int{4, 10, 17, 40} {
		c := newCode(t, n, WithWorkers(3))
		p := c.Params()
		encoder := c.NewEncoder()
		for _, length := range []int{0, 1, 2 * p.S, 2*p.S + 1, 2 * p.P * p.S, 65 * p.P * p.S, 3001 * p.P * p.S} {
			t.Run(fmt.Sprintf("n=%d,len=%d", n, length), func(t *testing.T) {
				blob := pattern(length, n)
				want, err := c.Encode(blob)
				if err != nil {
					t.Fatal(err)
				}
				sink := &memorySink{slivers: make(map[SliverRef][]byte)}
				meta, err := encoder.EncodeTo(t.Context(), sink, bytes.NewReader(append(blob, "more"...)), int64(length))
				if err != nil {
					t.Fatal(err)
				}
				if id, err := meta.ID(c.hasher); err != nil || id != want.ID() {
					t.Fatalf("id %v (%v), want %v", id, err, want.ID())
				}
				total := 0
				for i := range n {
					for _, sliver := range []Sliver{want.Primary(i), want.Secondary(i)} {
						if !bytes.Equal(sink.slivers[sliver.SliverRef], sliver.Data) {
							t.Fatalf("%v differs", sliver.SliverRef)
						}
						total += len(sliver.Data)
					}
				}
				if sink.bytes != total {
					t.Errorf("%d bytes were written, want %d: some twice", sink.bytes, total)
				}
			})
		}
	}
}

// TestDiscard has the symbols of a column in pieces, since nothing of it is written.
func TestDiscard(t *testing.T) {
	c := newCode(t, 40)
	blob := pattern((maxUnitBytes/40+100)*c.Params().P*c.Params().S-77, 4)
	want, err := c.ID(blob)
	if err != nil {
		t.Fatal(err)
	}
	done := int64(0)
	meta, err := c.EncodeTo(t.Context(), Discard, bytes.NewReader(blob), int64(len(blob)), MaxMemory(1),
		Progress(func(now, total int64) {
			if done = now; now > total {
				t.Errorf("%d of %d bytes are done", now, total)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := meta.ID(c.hasher); err != nil || id != want {
		t.Errorf("id %v (%v), want %v", id, err, want)
	}
	if l, err := layoutOf(meta); err != nil || done != int64(l.N)*int64(l.row+l.column) {
		t.Errorf("at the end %d bytes are done (%v)", done, err)
	}
}

// TestParityGroups makes groups of columns as small as they get, and slabs of symbols, whose
// last one is short.
func TestParityGroups(t *testing.T) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		c := newCode(t, 40, WithScheme(scheme))
		for _, size := range []int{100, 2 * lanehash.LeafPiece, 3*lanehash.LeafPiece + 10} {
			blob := pattern(size*c.Params().P*c.Params().S-3*size, 3)
			want, err := c.ID(blob)
			if err != nil {
				t.Fatal(err)
			}
			for name, run := range map[string]func(*Encoder){
				"groups":        func(e *Encoder) { e.runGroups(1) },
				"narrow slabs":  func(e *Encoder) { e.runSlabs(lanehash.LeafPiece) },
				"slabs of two":  func(e *Encoder) { e.runSlabs(2 * lanehash.LeafPiece) },
				"a single slab": func(e *Encoder) { e.runSlabs(size) },
			} {
				e := c.NewEncoder()
				if err := e.begin(uint64(len(blob))); err != nil {
					t.Fatal(err)
				}
				e.matrix.set(blob)
				e.emit = &e.store.memoryEmitter
				run(e)
				var meta commit.Metadata
				e.finish(&meta, uint64(len(blob)))
				if id, err := meta.ID(c.hasher); err != nil || id != want {
					t.Errorf("%v, symbols of %d bytes, %s: id %v (%v), want %v", scheme, size, name, id, err, want)
				}
			}
		}
	}
}

// TestSlabWidth has what is held stay within its bound for as many shards and bytes as slabs
// are for, and no slab where all fits.
func TestSlabWidth(t *testing.T) {
	for _, n := range []int{10, 300, 1000, 1400, 2000, 8000} {
		e := newCode(t, n).NewEncoder()
		p := e.c.params
		for _, size := range []int{2, 1024, 1026, 4820, commit.MaxSymbol &^ 1} {
			var err error
			if e.matrix.layout, err = newLayout(p, uint64(size)*uint64(p.P)*uint64(p.S)); err != nil {
				t.Fatal(err)
			}
			width := e.slabWidth(parityBytes)
			held := int64(p.N-p.S) * int64(p.P) * int64(width)
			if width < size {
				held += int64(p.N) * int64(p.N) * int64(e.c.lanes.BatchBytes(size))
			}
			switch whole := int64(p.N-p.S) * int64(p.P) * int64(size); {
			case whole <= parityBytes && width != size:
				t.Errorf("n = %d, symbols of %d bytes: slabs of %d where all fit", n, size, width)
			case width > 0 && held > parityBytes:
				t.Errorf("n = %d, symbols of %d bytes: %d bytes held", n, size, held)
			case width < size && width%lanehash.LeafPiece != 0:
				t.Errorf("n = %d, symbols of %d bytes: slabs of %d", n, size, width)
			case n <= 1000 && width == 0:
				t.Errorf("n = %d, symbols of %d bytes: no slabs", n, size)
			}
		}
	}
}

// TestStreamSlabs reads slabs of symbols, whose last one is short, and finds what changes
// between the first time that one is read and the second.
func TestStreamSlabs(t *testing.T) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		c := newCode(t, 40, WithScheme(scheme), WithWorkers(1))
		p := c.Params()
		const size = 2*leastSlab + 100
		memory := int64(p.N*p.N*c.lanes.BatchBytes(size) + (p.N-p.S)*p.P*leastSlab)
		length := size*p.P*p.S - 77
		blob := pattern(length, 6)
		want, err := c.ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		var read atomic.Int64
		src := readerFunc(func(dst []byte, off int64) (int, error) {
			read.Add(int64(len(dst)))
			return bytes.NewReader(blob).ReadAt(dst, off)
		})
		meta, err := c.EncodeTo(t.Context(), Discard, src, int64(length), MaxMemory(memory))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := meta.ID(c.hasher); err != nil || id != want {
			t.Errorf("%v: id %v (%v), want %v", scheme, id, err, want)
		}
		if read := read.Load(); read != 2*int64(length) {
			t.Errorf("%v: %d bytes are read of %d", scheme, read, length)
		}
		changed := false
		_, err = c.EncodeTo(t.Context(), Discard, src, int64(length), MaxMemory(memory), Progress(func(done, total int64) {
			if !changed && done > total*leastSlab/size { // in the second slab
				changed = true
				blob[(p.S-1)*size+leastSlab+5]++
			}
		}))
		if !errors.Is(err, ErrChanged) {
			t.Errorf("%v: %v", scheme, err)
		}
	}
}

// readerFunc is an io.ReaderAt.
type readerFunc func(p []byte, off int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func TestEncodeToFails(t *testing.T) {
	c := newCode(t, 10)
	broken := errors.New("broken")
	blob := pattern(10000, 1)
	good := bytes.NewReader(blob)
	sink := func() *memorySink { return &memorySink{slivers: make(map[SliverRef][]byte)} }
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		sink *memorySink
		src  io.ReaderAt
		size int64
		want error
	}{
		{"source", t.Context(), sink(), readerFunc(func([]byte, int64) (int, error) { return 0, broken }), 10000, broken},
		{"source ends early", t.Context(), sink(), good, 10001, io.ErrUnexpectedEOF},
		{"sink", t.Context(), &memorySink{fail: broken}, good, 10000, broken},
		{"context", cancelled, sink(), good, 10000, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := c.NewEncoder()
			if meta, err := e.EncodeTo(test.ctx, test.sink, test.src, test.size); !errors.Is(err, test.want) || meta != nil {
				t.Errorf("metadata %v, error %v; want %v", meta, err, test.want)
			}
			// The encoder is as good as new.
			if meta, err := e.Commit(blob); err != nil || len(meta.Primary) != 10 {
				t.Errorf("Commit after a failure: %v", err)
			}
		})
	}
	var large *commit.TooLargeError
	if _, err := c.EncodeTo(t.Context(), sink(), good, int64(c.Params().MaxBlob())+1); !errors.As(err, &large) {
		t.Errorf("a blob too large: %v", err)
	}
	if _, err := c.EncodeTo(t.Context(), sink(), good, -1); err == nil {
		t.Error("a negative size was accepted")
	}
}

// TestEncodeFrom encodes what is read to its end, in memory and by a temporary file.
func TestEncodeFrom(t *testing.T) {
	c := newCode(t, 10)
	for _, length := range []int{0, 1, 1000, 3 << 19} {
		blob := pattern(length, 1)
		want, err := c.ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		for _, memory := range []int64{1, 1 << 30} {
			meta, err := c.NewEncoder().EncodeFrom(t.Context(), Discard, iotest.HalfReader(bytes.NewReader(blob)), MaxMemory(memory))
			if err != nil {
				t.Fatalf("%d bytes, memory %d: %v", length, memory, err)
			}
			if id, err := meta.ID(c.hasher); err != nil || id != want || meta.Length != uint64(length) {
				t.Errorf("%d bytes, memory %d: id %v of %d bytes (%v), want %v", length, memory, id, meta.Length, err, want)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := c.NewEncoder().EncodeFrom(t.Context(), Discard, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader that breaks: %v", err)
	}
	endless, cancel := context.WithCancel(t.Context())
	reads := 0
	_, err := newCode(t, 100).NewEncoder().EncodeFrom(endless, Discard, readFunc(func(p []byte) (int, error) {
		if reads++; reads == 10 {
			cancel()
		}
		return len(p), nil
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a reader without end: %v", err)
	}
	var large *commit.TooLargeError
	small := newCode(t, 4)
	limit := int64(small.Params().MaxBlob())
	if _, err := small.NewEncoder().EncodeFrom(t.Context(), Discard, io.LimitReader(readFunc(func(p []byte) (int, error) { return len(p), nil }), limit+5)); !errors.As(err, &large) {
		t.Errorf("more than fits: %v", err)
	}
}

// readFunc is an io.Reader.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
