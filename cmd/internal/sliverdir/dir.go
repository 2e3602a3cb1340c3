package sliverdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	// ErrNoMetadata: the directory has no file of metadata, so it is none of ours.
	ErrNoMetadata = errors.New("no metadata in it; not a directory written by rs2d encode")
	// ErrMissing: there is no file for the sliver.
	ErrMissing = errors.New("missing")
	// ErrNotRegular: what has a sliver's name is no regular file, and is not opened.
	ErrNotRegular = errors.New("not a regular file")
)

// LengthError reports a sliver file that is not as long as the sliver.
type LengthError struct {
	Have, Want int64 // bytes
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("%d bytes long instead of %d", e.Have, e.Want)
}

// maxMetadata is the length of the longest metadata file: scheme, id, versions,
// length, the number of pairs, and 33 bytes for each root.
const maxMetadata = 1 + commit.HashSize + 2 + 8 + 3 + 2*commit.MaxShards*(1+commit.HashSize)

// Dir is a directory of slivers. Its methods may be called concurrently.
type Dir struct {
	path       string
	meta       *commit.Metadata
	id         commit.BlobID
	params     commit.Params
	symbolSize int
}

// Open reads the metadata of a directory, and nothing else yet. An error that wraps
// commit.ErrMalformed or commit.ErrIDMismatch means that the metadata was damaged.
func Open(path string) (*Dir, error) {
	data, err := readMetadata(filepath.Join(path, MetadataName))
	if errors.Is(err, fs.ErrNotExist) {
		// The directory itself may be what is missing.
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", path, ErrNoMetadata)
	}
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path}
	if d.meta, d.id, err = commit.ParseFile(data); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, MetadataName), err)
	}
	if d.params, err = commit.NewParams(d.meta.Shards()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if d.symbolSize, err = d.params.SymbolSize(d.meta.Length); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func readMetadata(path string) ([]byte, error) {
	f, info, err := openRegular(path)
	if errors.Is(err, ErrNotRegular) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxMetadata {
		return nil, fmt.Errorf("%s: %w: %d bytes are longer than any metadata", path, commit.ErrMalformed, info.Size())
	}
	return io.ReadAll(io.LimitReader(f, maxMetadata))
}

// openRegular opens a file unless it is something to block or loop on.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, ErrNotRegular
	}
	f, err := os.Open(path)
	return f, info, err
}

// Path returns the directory's name as it was given.
func (d *Dir) Path() string { return d.path }

// Meta returns the blob's metadata.
func (d *Dir) Meta() *commit.Metadata { return d.meta }

// ID returns the blob id.
func (d *Dir) ID() commit.BlobID { return d.id }

// Params returns the numbers of the code.
func (d *Dir) Params() commit.Params { return d.params }

// SymbolSize returns the length of a symbol in bytes.
func (d *Dir) SymbolSize() int { return d.symbolSize }

// Need returns how many slivers of the axis decode the blob.
func (d *Dir) Need(axis rs2d.Axis) int {
	if axis == rs2d.Primary {
		return d.params.P
	}
	return d.params.S
}

// SliverSize returns the length of a sliver of the axis, in bytes: as many symbols
// as slivers of the other axis decode the blob.
func (d *Dir) SliverSize(axis rs2d.Axis) int64 {
	return int64(d.Need(axis.Other())) * int64(d.symbolSize)
}

// MatrixSize returns the length of the zero-padded blob, in bytes.
func (d *Dir) MatrixSize() int64 {
	return int64(d.params.P) * int64(d.params.S) * int64(d.symbolSize)
}

// Refs lists the slivers of the axis.
func (d *Dir) Refs(axis rs2d.Axis) []rs2d.SliverRef {
	refs := make([]rs2d.SliverRef, d.params.N)
	for i := range refs {
		refs[i] = rs2d.SliverRef{Axis: axis, Index: i}
	}
	return refs
}

// File returns the name of the sliver's file in the directory.
func (d *Dir) File(ref rs2d.SliverRef) string { return Name(ref, d.params.N) }

// Check looks whether there is a file for the sliver, and whether it has the right
// length; it does not read it. The error is ErrMissing, ErrNotRegular, a
// *LengthError, or the file system's.
func (d *Dir) Check(ref rs2d.SliverRef) error {
	info, err := os.Stat(d.join(ref))
	return d.checkInfo(ref, info, err)
}

func (d *Dir) checkInfo(ref rs2d.SliverRef, info fs.FileInfo, err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	case errors.As(err, &path):
		return path.Err // the caller names the file
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return ErrNotRegular
	case info.Size() != d.SliverSize(ref.Axis):
		return &LengthError{Have: info.Size(), Want: d.SliverSize(ref.Axis)}
	}
	return nil
}

// open opens a sliver's file if it has the right length. Errors are those of Check.
func (d *Dir) open(ref rs2d.SliverRef) (*os.File, error) {
	f, info, err := openRegular(d.join(ref))
	if err := d.checkInfo(ref, info, err); err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return f, nil
}

// Read reads a sliver. Errors are those of Check; a file of the wrong length is not
// read. Whether the bytes are right is for the code to say.
func (d *Dir) Read(ref rs2d.SliverRef) (rs2d.Sliver, error) {
	f, err := d.open(ref)
	if err != nil {
		return rs2d.Sliver{}, err
	}
	defer f.Close()
	data := make([]byte, d.SliverSize(ref.Axis))
	if _, err := io.ReadFull(f, data); err != nil {
		return rs2d.Sliver{}, err
	}
	return rs2d.Sliver{SliverRef: ref, Data: data}, nil
}

// ReadSymbols reads some of a sliver's stored symbols, those of the given places
// along it. Errors are those of Check. It panics if a place is not stored.
func (d *Dir) ReadSymbols(ref rs2d.SliverRef, places []int) ([][]byte, error) {
	f, err := d.open(ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols := make([][]byte, len(places))
	for k, i := range places {
		if stored := d.Need(ref.Axis.Other()); i < 0 || i >= stored {
			panic(fmt.Sprintf("sliverdir: symbol %d of a sliver that stores %d", i, stored))
		}
		symbols[k] = make([]byte, d.symbolSize)
		if _, err := f.ReadAt(symbols[k], int64(i)*int64(d.symbolSize)); err != nil {
			return nil, err
		}
	}
	return symbols, nil
}

// Write puts a sliver into the directory, in the place of what was there.
func (d *Dir) Write(s rs2d.Sliver) error {
	return atomicfile.WriteFile(d.join(s.SliverRef), s.Data)
}

func (d *Dir) join(ref rs2d.SliverRef) string {
	return filepath.Join(d.path, d.File(ref))
}
