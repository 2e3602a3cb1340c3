package restore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// fixture is an encoded blob and the directory it is in.
type fixture struct {
	path     string
	blob     []byte
	encoding *rs2d.Encoding
	params   commit.Params
}

func newFixture(t interface{ Fatal(...any) }, path string, n int, blob []byte) *fixture {
	code, err := rs2d.New(n)
	if err != nil {
		t.Fatal(err)
	}
	encoding, err := code.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := encoding.Metadata().AppendFile(nil, hasher)
	if err != nil {
		t.Fatal(err)
	}
	// Without sliverdir, which waits for the disk.
	if err := errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o777)); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{sliverdir.MetadataName: metadata}
	for i := range n {
		for _, axis := range axes {
			sliver := encoding.Sliver(rs2d.SliverRef{Axis: axis, Index: i})
			files[sliverdir.Name(sliver.SliverRef, n)] = sliver.Data
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(path, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return &fixture{path: path, blob: blob, encoding: encoding, params: code.Params()}
}

func (f *fixture) open(t interface{ Fatal(...any) }) *Store {
	store, err := Open(f.path, ui.NewProgress(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// decodeTo returns what DecodeTo writes.
func decodeTo(s *Store, check rs2d.Check) ([]byte, error) {
	var out bytes.Buffer
	err := s.DecodeTo(context.Background(), &out, check, rs2d.MaxMemory(2000))
	return out.Bytes(), err
}

// damage says what happens to a sliver.
type damage int

const (
	intact damage = iota
	missing
	flipped
	cut
	damages
)

func (f *fixture) damage(t interface{ Fatal(...any) }, ref rs2d.SliverRef, d damage) {
	name := filepath.Join(f.path, sliverdir.Name(ref, f.params.N))
	var err error
	switch d {
	case missing:
		err = os.Remove(name)
	case flipped:
		data := bytes.Clone(f.encoding.Sliver(ref).Data)
		data[rand.IntN(len(data))] ^= byte(1 + rand.IntN(255))
		err = os.WriteFile(name, data, 0o666)
	case cut:
		err = os.Truncate(name, int64(rand.IntN(len(f.encoding.Sliver(ref).Data))))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// whole fails unless every sliver is the encoder's.
func (f *fixture) whole(t interface {
	Fatal(...any)
	Errorf(string, ...any)
}) {
	store := f.open(t)
	for _, axis := range axes {
		for _, ref := range store.Refs(axis) {
			sliver, err := store.Read(ref)
			if err != nil || !bytes.Equal(sliver.Data, f.encoding.Sliver(ref).Data) {
				t.Errorf("%v is not the encoder's (%v)", ref, err)
			}
		}
	}
}

func randomBlob(n int) []byte {
	blob := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(blob)
	return blob
}

// TestTolerates damages up to f pairs in any way: every reader gives the exact
// bytes, and the repaired directory is the encoder's.
func TestTolerates(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 25).Draw(t, "n")
		blob := randomBlob(rapid.IntRange(0, 3000).Draw(t, "length"))
		f := newFixture(t, filepath.Join(dir, "d"), n, blob)
		pairs := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, f.params.F, rapid.ID[int]).Draw(t, "pairs")
		hurt := map[rs2d.SliverRef]bool{}
		for _, pair := range pairs {
			primary, secondary := rs2d.PairSlivers(pair, n)
			for _, ref := range []rs2d.SliverRef{primary, secondary} {
				d := damage(rapid.IntRange(0, int(damages)-1).Draw(t, "damage"))
				f.damage(t, ref, d)
				if d != intact {
					hurt[ref] = true
				}
			}
		}
		ctx := context.Background()
		for _, check := range []rs2d.Check{rs2d.CheckStrict, rs2d.CheckSystematic} {
			got, err := f.open(t).Decode(ctx, check)
			if err != nil || !bytes.Equal(got, blob) {
				t.Fatalf("check %v: %d bytes, %v", check, len(got), err)
			}
			got, err = decodeTo(f.open(t), check)
			if err != nil || !bytes.Equal(got, blob) {
				t.Fatalf("check %v, streamed: %d bytes, %v", check, len(got), err)
			}
		}
		if len(blob) > 0 {
			from := rapid.IntRange(0, len(blob)-1).Draw(t, "from")
			count := rapid.IntRange(1, len(blob)-from).Draw(t, "count")
			var got bytes.Buffer
			err := f.open(t).CopyRange(ctx, &got, uint64(from), uint64(count))
			if err != nil || !bytes.Equal(got.Bytes(), blob[from:from+count]) {
				t.Fatalf("range: %d bytes, %v", got.Len(), err)
			}
		}
		store := f.open(t)
		if err := store.Verify(ctx); err != nil {
			t.Fatal(err)
		}
		for _, p := range store.Problems() {
			if !hurt[p.Ref] {
				t.Errorf("%v is right, but: %v", p.Ref, p.Err)
			}
			delete(hurt, p.Ref)
		}
		if len(hurt) != 0 {
			t.Errorf("not found: %v", hurt)
		}
		if _, err := f.open(t).Repair(ctx); err != nil {
			t.Fatal(err)
		}
		f.whole(t)
	})
}

// TestBeyond damages slivers without limit: either the bytes are exact, or there is
// a *NotEnoughError. Decode may succeed where DecodeTo and Repair do not: from slivers
// that are corrupt in their padding only.
func TestBeyond(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 16).Draw(t, "n")
		blob := randomBlob(rapid.IntRange(1, 1000).Draw(t, "length"))
		f := newFixture(t, filepath.Join(dir, "d"), n, blob)
		store := f.open(t)
		worst := rapid.IntRange(1, 20).Draw(t, "of twenty")
		var right []rs2d.Sliver
		for _, axis := range axes {
			for _, ref := range store.Refs(axis) {
				if rapid.IntRange(1, 20).Draw(t, "luck") <= worst {
					f.damage(t, ref, damage(rapid.IntRange(1, int(damages)-1).Draw(t, "damage")))
				} else {
					right = append(right, f.encoding.Sliver(ref))
				}
			}
		}
		ctx := context.Background()
		var few *rs2d.NotEnoughError
		got, err := f.open(t).Decode(ctx, rs2d.CheckStrict)
		switch {
		case err == nil:
			if !bytes.Equal(got, blob) {
				t.Fatal("wrong bytes")
			}
		case !errors.As(err, &few):
			t.Fatal(err)
		}
		streamed, streamErr := decodeTo(f.open(t), rs2d.CheckStrict)
		switch {
		case streamErr == nil:
			if !bytes.Equal(streamed, blob) {
				t.Fatal("wrong bytes streamed")
			}
		case !errors.As(streamErr, &few):
			t.Fatalf("streamed: %v; at once: %v", streamErr, err)
		case err == nil:
			code, err := rs2d.New(n)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := code.Decode(f.encoding.Metadata(), right, rs2d.CheckStrict); !errors.As(err, &few) {
				t.Fatalf("streamed: %v; of the right slivers: %v", streamErr, err)
			}
		}
		var part bytes.Buffer
		rangeErr := f.open(t).CopyRange(ctx, &part, 0, uint64(len(blob)))
		if rangeErr == nil && !bytes.Equal(part.Bytes(), blob) || !bytes.HasPrefix(blob, part.Bytes()) {
			t.Fatal("wrong bytes of the range")
		}
		_, repairErr := f.open(t).Repair(ctx)
		switch {
		case repairErr == nil:
			if err != nil {
				t.Errorf("repaired, but Decode: %v", err)
			}
			f.whole(t)
		case !errors.As(repairErr, &few):
			t.Fatal(repairErr)
		}
	})
}

// TestRepairMoves states what a repair costs: for one pair, one symbol of each of S
// secondary and of P primary slivers.
func TestRepairMoves(t *testing.T) {
	f := newFixture(t, filepath.Join(t.TempDir(), "d"), 40, randomBlob(40_000))
	primary, secondary := rs2d.PairSlivers(5, 40)
	f.damage(t, primary, missing)
	f.damage(t, secondary, missing)
	r, err := f.open(t).Repair(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p, size := f.params, int64(f.encoding.SymbolSize())
	if want := int64(p.P+p.S) * size; r.Moved != want {
		t.Errorf("moved %d bytes, want %d", r.Moved, want)
	}
	if want := int64(p.P*p.S) * size; r.Moved1D != want {
		t.Errorf("in one dimension %d bytes, want %d", r.Moved1D, want)
	}
	if r.Pairs != 1 || len(r.Slivers) != 2 || r.WholeWay {
		t.Errorf("%+v", r)
	}
	f.whole(t)
}

// TestManyParity rebuilds so many parity slivers that helpers are extended whole.
func TestManyParity(t *testing.T) {
	f := newFixture(t, filepath.Join(t.TempDir(), "d"), 100, randomBlob(10_000))
	for i := range 100 {
		f.damage(t, rs2d.SliverRef{Axis: rs2d.Primary, Index: i}, missing)
	}
	if _, err := f.open(t).Repair(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.whole(t)
}

func TestCancelled(t *testing.T) {
	f := newFixture(t, filepath.Join(t.TempDir(), "d"), 7, randomBlob(100))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.open(t).Decode(ctx, rs2d.CheckStrict); !errors.Is(err, context.Canceled) {
		t.Errorf("Decode: %v", err)
	}
	if _, err := f.open(t).Repair(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Repair: %v", err)
	}
	if err := f.open(t).CopyRange(ctx, io.Discard, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("CopyRange: %v", err)
	}
}
