package sliverdir

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

const shards = 7 // P = 3, S = 5

// encode returns the encoding of a small blob, in symbols of 4 bytes.
func encode(t testing.TB) *rs2d.Encoding {
	t.Helper()
	code, err := rs2d.New(shards)
	if err != nil {
		t.Fatal(err)
	}
	encoding, err := code.Encode(bytes.Repeat([]byte("sliver"), 9))
	if err != nil {
		t.Fatal(err)
	}
	return encoding
}

func params(t testing.TB) commit.Params {
	t.Helper()
	p, err := commit.NewParams(shards)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// create writes the encoding to path.
func create(t testing.TB, path string, replace bool, encoding *rs2d.Encoding) error {
	t.Helper()
	return Create(t.Context(), path, replace, params(t), encoding.Metadata().Length, func(w *Writer) (*commit.Metadata, error) {
		return encoding.Metadata(), w.WriteAll(t.Context(), encoding, func(int) {})
	})
}

func TestCreateAndOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d")
	encoding := encode(t)
	if err := create(t, path, false, encoding); err != nil {
		t.Fatal(err)
	}
	dir, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if dir.ID() != encoding.ID() || dir.SymbolSize() != 4 || dir.MatrixSize() != 60 {
		t.Errorf("id %v, symbols of %d bytes, matrix of %d", dir.ID(), dir.SymbolSize(), dir.MatrixSize())
	}
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		for _, ref := range dir.Refs(axis) {
			want := encoding.Sliver(ref).Data
			if err := dir.Check(ref); err != nil {
				t.Errorf("Check(%v): %v", ref, err)
			}
			got, err := dir.Read(ref)
			if err != nil || got.SliverRef != ref || !bytes.Equal(got.Data, want) {
				t.Errorf("Read(%v) = %v, %v", ref, got, err)
			}
			symbols, err := dir.ReadSymbols(ref, []int{0, 2})
			if err != nil || !bytes.Equal(symbols[0], want[:4]) || !bytes.Equal(symbols[1], want[8:12]) {
				t.Errorf("ReadSymbols(%v) = %v, %v", ref, symbols, err)
			}
		}
	}
	// The files of a number are those of a pair.
	data, err := os.ReadFile(filepath.Join(path, "0001.secondary"))
	if err != nil || !bytes.Equal(data, encoding.Secondary(shards-2).Data) {
		t.Errorf("0001.secondary is not secondary sliver %d (%v)", shards-2, err)
	}
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d")
	encoding := encode(t)
	if err := create(t, path, false, encoding); err != nil {
		t.Fatal(err)
	}
	dir, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	ref := rs2d.SliverRef{Axis: rs2d.Primary, Index: 3}
	file := filepath.Join(path, dir.File(ref))
	tests := []struct {
		name   string
		damage func() error
		is     func(error) bool
	}{
		{"short", func() error { return os.Truncate(file, 19) }, isLength(19)},
		{"long", func() error { return os.Truncate(file, 1<<40) }, isLength(1 << 40)},
		{"missing", func() error { return os.Remove(file) }, func(err error) bool { return errors.Is(err, ErrMissing) }},
		{"directory", func() error { return os.Mkdir(file, 0o777) }, func(err error) bool { return errors.Is(err, ErrNotRegular) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.damage(); err != nil {
				t.Fatal(err)
			}
			if err := dir.Check(ref); !test.is(err) {
				t.Errorf("Check: %v", err)
			}
			if _, err := dir.Read(ref); !test.is(err) {
				t.Errorf("Read: %v", err)
			}
			if _, err := dir.ReadSymbols(ref, []int{0}); !test.is(err) {
				t.Errorf("ReadSymbols: %v", err)
			}
		})
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := dir.Write(t.Context(), encoding.Sliver(ref)); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Read(ref); err != nil {
		t.Errorf("Read after Write: %v", err)
	}
}

func isLength(have int64) func(error) bool {
	return func(err error) bool {
		var length *LengthError
		return errors.As(err, &length) && *length == LengthError{Have: have, Want: 20}
	}
}

func TestCreateReplaces(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "d")
	encoding := encode(t)
	for _, step := range []struct {
		name    string
		before  func() error
		replace bool
		fails   bool
	}{
		{name: "empty directory", before: func() error { return os.Mkdir(path, 0o777) }},
		{name: "slivers", fails: true},
		{name: "slivers, by order", replace: true},
		{name: "foreign file", replace: true, fails: true, before: func() error {
			return os.WriteFile(filepath.Join(path, "1.primary"), nil, 0o666)
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.before != nil {
				if err := step.before(); err != nil {
					t.Fatal(err)
				}
			}
			err := create(t, path, step.replace, encoding)
			if (err != nil) != step.fails || step.fails && !errors.Is(err, ErrOccupied) {
				t.Fatalf("Create: %v", err)
			}
			if _, err := Open(path); err != nil {
				t.Errorf("Open: %v", err)
			}
			if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

func TestCreateCancelled(t *testing.T) {
	parent := t.TempDir()
	encoding := encode(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := Create(ctx, filepath.Join(parent, "d"), false, params(t), encoding.Metadata().Length, func(w *Writer) (*commit.Metadata, error) {
		return encoding.Metadata(), w.WriteAll(ctx, encoding, func(int) { cancel() })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Create: %v", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrNoMetadata) {
		t.Errorf("an empty directory: %v", err)
	}
	file := filepath.Join(dir, MetadataName)
	if err := os.WriteFile(file, make([]byte, 100), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, commit.ErrMalformed) {
		t.Errorf("zeros: %v", err)
	}
	if err := os.Truncate(file, 1<<40); err != nil {
		t.Skip(err)
	}
	if _, err := Open(dir); !errors.Is(err, commit.ErrMalformed) {
		t.Errorf("a huge file: %v", err)
	}
}

// FuzzOpenDir reads a directory of arbitrary metadata and one arbitrary sliver: no
// panic, no memory that only the metadata asks for, and never a sliver of another
// length than the metadata says.
func FuzzOpenDir(f *testing.F) {
	encoding := encode(f)
	metadata, err := metadataFile(encoding.Metadata())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(metadata, encoding.Primary(2).Data, uint16(2), false)
	f.Add(metadata, encoding.Secondary(6).Data, uint16(6), true)
	f.Add(metadata[:50], []byte{}, uint16(0), false)
	f.Add([]byte{0}, []byte{}, uint16(0), true)
	largest, err := metadataFile(&commit.Metadata{
		Length: 983010, Primary: make([]commit.Hash, shards), Secondary: make([]commit.Hash, shards),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(largest, []byte{1, 2}, uint16(0), false)
	f.Fuzz(func(t *testing.T, metadata, data []byte, index uint16, secondary bool) {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, MetadataName), metadata, 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := Open(path)
		if err != nil {
			return
		}
		ref := rs2d.SliverRef{Index: int(index) % dir.Params().N}
		if secondary {
			ref.Axis = rs2d.Secondary
		}
		if err := os.WriteFile(filepath.Join(path, dir.File(ref)), data, 0o666); err != nil {
			t.Fatal(err)
		}
		sliver, err := dir.Read(ref)
		if right := int64(len(data)) == dir.SliverSize(ref.Axis); right != (err == nil) {
			t.Fatalf("%d bytes where slivers have %d: %v", len(data), dir.SliverSize(ref.Axis), err)
		}
		if err == nil && !bytes.Equal(sliver.Data, data) {
			t.Fatal("other bytes were read than written")
		}
		symbols, err := dir.ReadSymbols(ref, []int{0})
		if err == nil && !bytes.Equal(symbols[0], data[:dir.SymbolSize()]) {
			t.Fatal("the first symbol is not the sliver's first bytes")
		}
	})
}
