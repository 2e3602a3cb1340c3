package rs2d

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
)

var errUnreadable = errors.New("unreadable")

// memorySource gives out slivers, of which those without data cannot be read.
type memorySource map[SliverRef][]byte

func (s memorySource) ReadSliverAt(ref SliverRef, dst []byte, off int64) error {
	data := s[ref]
	if int64(len(data)) < off+int64(len(dst)) {
		return errUnreadable
	}
	copy(dst, data[off:])
	return nil
}

// refs lists the slivers there are.
func (s memorySource) refs() (have []SliverRef) {
	for ref := range s {
		have = append(have, ref)
	}
	return have
}

// decodeTo is DecodeTo from slivers, the first of each name.
func decodeTo(c *Code, w io.Writer, meta *commit.Metadata, slivers []Sliver, check Check, opts ...StreamOption) error {
	src := memorySource{}
	for _, s := range slivers {
		if src[s.SliverRef] == nil {
			src[s.SliverRef] = s.Data
		}
	}
	return c.DecodeTo(context.Background(), w, meta, src, src.refs(), check, opts...)
}

// file is a file in memory.
type file struct{ bytes.Buffer }

func (f *file) ReadAt(dst []byte, off int64) (int, error) {
	return bytes.NewReader(f.Bytes()).ReadAt(dst, off)
}

// TestDecodeToAnyLoss takes away, breaks and hides any slivers. As long as enough right
// ones are left the blob comes back, with any memory, otherwise a typed error; and of a
// check that fails nothing wrong is written.
func TestDecodeToAnyLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 30).Draw(t, "n")
		length := rapid.SampledFrom([]int{0, 1, 2, 100, 1000, 5000, 20000}).Draw(t, "length")
		c, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		blob := pattern(length, n)
		e, err := c.Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		p, live := c.params, liveRows(c, length)
		src, bad := memorySource{}, map[SliverRef]error{}
		right := [2]int{p.P - live, 0}
		// Of each axis some part of the slivers is right.
		for axis := range Axis(2) {
			good := rapid.IntRange(0, 10).Draw(t, "tenths that are right")
			for i := range n {
				s := e.Sliver(SliverRef{axis, i})
				switch {
				case rapid.IntRange(1, 10).Draw(t, "tenth") <= good:
					src[s.SliverRef] = s.Data
					if axis == Secondary || i < live || i >= p.P {
						right[axis]++
					}
					continue
				case rapid.Bool().Draw(t, "wrong"):
					data := bytes.Clone(s.Data)
					data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
					src[s.SliverRef], bad[s.SliverRef] = data, ErrRoot
				case rapid.Bool().Draw(t, "unreadable"):
					src[s.SliverRef], bad[s.SliverRef] = nil, errUnreadable
				}
			}
		}
		enough := right[Primary] >= p.P || right[Secondary] >= p.S
		memory := rapid.SampledFrom([]int64{1, 1000, 10000, 1 << 20}).Draw(t, "memory")
		for _, check := range []Check{CheckStrict, CheckSystematic} {
			for _, back := range []bool{false, true} {
				var out file
				done, total := int64(-1), int64(-2)
				opts := []StreamOption{
					MaxMemory(memory), Progress(func(a, b int64) {
						if a <= done || a > b {
							t.Fatalf("%s, read back %v: %d of %d bytes are done after %d, want more", checks[check], back, a, b, done)
						}
						done, total = a, b
					}),
					ReportRejected(func(ref SliverRef, why error) {
						if bad[ref] == nil || !errors.Is(why, bad[ref]) {
							t.Fatalf("%s: %v is rejected: %v, want %v", checks[check], ref, why, bad[ref])
						}
					}),
				}
				if back {
					opts = append(opts, ReadBack(&out))
				}
				err := c.DecodeTo(context.Background(), &out, e.Metadata(), src, src.refs(), check, opts...)
				var few *NotEnoughError
				switch {
				case !bytes.HasPrefix(blob, out.Bytes()):
					t.Fatalf("%s, read back %v: wrong bytes were written", checks[check], back)
				case err == nil && out.Len() != length:
					t.Fatalf("%s, read back %v: %d of %d bytes were written", checks[check], back, out.Len(), length)
				case err == nil && length > 0 && done != total:
					t.Fatalf("%s, read back %v: progress ends at %d of %d", checks[check], back, done, total)
				case err != nil && enough:
					t.Fatalf("%s, read back %v: %v, with enough slivers", checks[check], back, err)
				case err != nil && !errors.As(err, &few):
					t.Fatalf("%s, read back %v: %v", checks[check], back, err)
				case err != nil && check == CheckStrict && !back && out.Len() > 0:
					t.Fatalf("%d bytes were written before a strict check failed", out.Len())
				}
			}
		}
		if enough && len(bad) == 0 {
			var out bytes.Buffer
			if err := c.DecodeTo(context.Background(), &out, e.Metadata(), src, src.refs(), CheckNone, MaxMemory(memory)); err != nil || !bytes.Equal(out.Bytes(), blob) {
				t.Fatalf("no check: %d bytes, %v", out.Len(), err)
			}
		}
	})
}

// TestDecodeToBoundary recovers the row that the blob ends in from fewer columns than it
// takes elsewhere, where some of them lie.
func TestDecodeToBoundary(t *testing.T) {
	c := newCode(t, 10)
	p := c.Params()
	blob := pattern(562, 3) // symbols of 22 bytes, five of them in the last row
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	live := liveRows(c, len(blob))
	src := memorySource{}
	for i := range p.P {
		if i != live-1 {
			src[SliverRef{Primary, i}] = e.Primary(i).Data
		}
	}
	for j := range p.S - 1 {
		src[SliverRef{Secondary, j}] = e.Secondary(j).Data
	}
	for _, check := range []Check{CheckStrict, CheckSystematic, CheckNone} {
		var out bytes.Buffer
		if err := c.DecodeTo(t.Context(), &out, e.Metadata(), src, src.refs(), check); err != nil || !bytes.Equal(out.Bytes(), blob) {
			t.Errorf("%s: %d bytes, %v", checks[check], out.Len(), err)
		}
	}
	liar := bytes.Clone(src[SliverRef{Secondary, 0}])
	liar[(live-1)*e.SymbolSize()] ^= 1
	src[SliverRef{Secondary, 0}] = liar
	var few *NotEnoughError
	if err := c.DecodeTo(t.Context(), io.Discard, e.Metadata(), src, src.refs(), CheckSystematic); !errors.As(err, &few) || !errors.Is(err, ErrRoot) {
		t.Errorf("with a wrong column: %v", err)
	}
}

// fickleSource does not give the same twice.
type fickleSource struct {
	memorySource
	reads map[SliverRef]int
	ref   SliverRef
	from  int // the read of it from which on it fails
	fail  bool
}

func (s *fickleSource) ReadSliverAt(ref SliverRef, dst []byte, off int64) error {
	if ref != s.ref {
		return s.memorySource.ReadSliverAt(ref, dst, off)
	}
	s.reads[ref]++
	if s.reads[ref] >= s.from && s.fail {
		return errUnreadable
	}
	err := s.memorySource.ReadSliverAt(ref, dst, off)
	if s.reads[ref] >= s.from {
		dst[0] ^= 1
	}
	return err
}

// TestDecodeToFickle has a source whose slivers change or vanish while they are read: what
// is written is right all the same.
func TestDecodeToFickle(t *testing.T) {
	c := newCode(t, 10, WithWorkers(1))
	blob := pattern(30000, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	for _, fail := range []bool{false, true} {
		for from := 1; from < 40; from++ {
			t.Run(fmt.Sprintf("fail=%v,from=%d", fail, from), func(t *testing.T) {
				src := &fickleSource{memorySource: memorySource{}, reads: map[SliverRef]int{}, ref: SliverRef{Primary, 1}, from: from, fail: fail}
				for i := range 10 {
					src.memorySource[SliverRef{Primary, i}] = e.Primary(i).Data
					src.memorySource[SliverRef{Secondary, i}] = e.Secondary(i).Data
				}
				var out bytes.Buffer
				done, total := int64(0), int64(-1)
				err := c.DecodeTo(t.Context(), &out, e.Metadata(), src, src.refs(), CheckStrict, Progress(func(a, b int64) {
					if a <= done || a > b {
						t.Errorf("%d of %d bytes are done after %d, want more", a, b, done)
					}
					done, total = a, b
				}))
				if err == nil && done != total {
					t.Errorf("%d of %d bytes are done at the end", done, total)
				}
				if !bytes.HasPrefix(blob, out.Bytes()) || err == nil && out.Len() != len(blob) {
					t.Errorf("%d bytes, %v", out.Len(), err)
				}
				if err != nil && (fail || !errors.Is(err, ErrChanged)) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

// TestDecodeToInconsistentFickle has a sliver vanish while a blob is read that no blob encodes
// to: all others show the same, and the error is what it would be without it.
func TestDecodeToInconsistentFickle(t *testing.T) {
	c := newCode(t, 10, WithWorkers(1))
	blob := pattern(30000, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []SliverRef{{Primary, 9}, {Secondary, 9}} {
		meta := e.Metadata().Clone()
		if wrong.Axis == Primary {
			meta.Primary[9][0] ^= 1
		} else {
			meta.Secondary[9][0] ^= 1
		}
		for _, gone := range []SliverRef{{Primary, 0}, {Primary, 1}, {Secondary, 2}} {
			for from := 1; from < 40; from++ {
				t.Run(fmt.Sprintf("%v,%v,from=%d", wrong, gone, from), func(t *testing.T) {
					src := &fickleSource{memorySource: memorySource{}, reads: map[SliverRef]int{}, ref: gone, from: from, fail: true}
					for i := range 10 {
						src.memorySource[SliverRef{Primary, i}] = e.Primary(i).Data
						src.memorySource[SliverRef{Secondary, i}] = e.Secondary(i).Data
					}
					for i, opts := range [][]StreamOption{nil, {ReadBack(bytes.NewReader(blob))}} {
						clear(src.reads)
						var inconsistent *InconsistentError
						err := c.DecodeTo(t.Context(), io.Discard, meta, src, src.refs(), CheckStrict, opts...)
						if !errors.As(err, &inconsistent) {
							t.Fatalf("reading back %d: error %v, want an *InconsistentError", i, err)
						}
						if err := c.VerifyInconsistency(meta, inconsistent.Proof); err != nil {
							t.Errorf("reading back %d: its proof: %v", i, err)
						}
					}
				})
			}
		}
	}
}

func TestDecodeToFails(t *testing.T) {
	c := newCode(t, 10)
	e, err := c.Encode(pattern(30000, 1))
	if err != nil {
		t.Fatal(err)
	}
	src := memorySource{}
	for i := range 10 {
		src[SliverRef{Primary, i}] = e.Primary(i).Data
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		ctx  context.Context
		w    io.Writer
		opts []StreamOption
		want error
	}{
		{"context", cancelled, io.Discard, nil, context.Canceled},
		{"writer", t.Context(), writerFunc(func([]byte) (int, error) { return 0, broken }), nil, broken},
		{"no memory", t.Context(), io.Discard, []StreamOption{MaxMemory(0)}, ErrOption},
		{"nil option", t.Context(), io.Discard, []StreamOption{nil}, ErrOption},
		{"no spool", t.Context(), io.Discard, []StreamOption{MaxMemory(1), SpoolIn(filepath.Join(t.TempDir(), "none"))}, os.ErrNotExist},
	} {
		t.Run(test.name, func(t *testing.T) {
			have := src.refs()
			if test.name == "no spool" {
				have = nil
				for i := 5; i < 10; i++ {
					have = append(have, SliverRef{Primary, i})
				}
			}
			if err := c.DecodeTo(test.ctx, test.w, e.Metadata(), src, have, CheckStrict, test.opts...); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if err := c.DecodeTo(t.Context(), io.Discard, e.Metadata(), src, nil, Check(9)); !errors.Is(err, ErrCheck) {
		t.Errorf("check 9: %v", err)
	}
	var few *NotEnoughError
	have := []SliverRef{{Primary, 10}, {2, 1}}
	if err := c.DecodeTo(t.Context(), io.Discard, e.Metadata(), src, have, CheckNone); !errors.As(err, &few) || !errors.Is(err, ErrIndex) || !errors.Is(err, ErrAxis) {
		t.Errorf("slivers that there are not: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(data []byte) (int, error) { return f(data) }

// TestSpoolIsRemoved looks for what decoding from recovered rows leaves behind.
func TestSpoolIsRemoved(t *testing.T) {
	c := newCode(t, 10)
	blob := pattern(30000, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	src := memorySource{}
	for i := 4; i < 10; i++ {
		src[SliverRef{Primary, i}] = e.Primary(i).Data
	}
	dir := t.TempDir()
	var out bytes.Buffer
	if err := c.DecodeTo(t.Context(), &out, e.Metadata(), src, src.refs(), CheckStrict, MaxMemory(1), SpoolIn(dir)); err != nil || !bytes.Equal(out.Bytes(), blob) {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
	if _, err := c.NewEncoder().EncodeFrom(t.Context(), Discard, bytes.NewReader(blob), MaxMemory(1), SpoolIn(dir)); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left in the directory of temporary files, %v", left, err)
	}
}
