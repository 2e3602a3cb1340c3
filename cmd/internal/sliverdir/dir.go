package sliverdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	// ErrNoMetadata is returned when the directory has no file of metadata, so that it is none of ours.
	ErrNoMetadata = errors.New("no metadata in it; not a directory written by rs2d encode")
	// ErrMissing is returned when there is no file for the sliver.
	ErrMissing = errors.New("missing")
	// ErrNotRegular is returned when what has a sliver's name is no regular file, and is not opened.
	// Links are not followed: what they lead to is no part of the directory.
	ErrNotRegular = errors.New("not a regular file")
	// ErrDirectory is returned when a sliver cannot be written where a directory stands: what is in it
	// may be wanted.
	ErrDirectory = errors.New("a directory has its name, and is left alone")
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

// Dir is a directory of slivers. Its methods may be called concurrently. They are about
// the directory that was opened, whatever has its name meanwhile, and never leave it.
type Dir struct {
	path       string
	root       *os.Root
	meta       *commit.Metadata
	id         commit.BlobID
	params     commit.Params
	symbolSize int
}

// Open reads the metadata of a directory, and nothing else yet. An error that wraps
// commit.ErrMalformed or commit.ErrIDMismatch means that the metadata was damaged.
// After use the directory is to be closed.
func Open(path string) (*Dir, error) {
	root, err := atomicfile.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, root: root}
	if err := d.readMetadata(); err != nil {
		root.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

func (d *Dir) readMetadata() error {
	named := func(err error) error { return fmt.Errorf("%s: %w", filepath.Join(d.path, MetadataName), bare(err)) }
	f, size, err := d.openRegular(MetadataName)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", d.path, ErrNoMetadata)
	}
	if err != nil {
		return named(err)
	}
	defer f.Close()
	if size > maxMetadata {
		return named(fmt.Errorf("%w: %d bytes are longer than any metadata", commit.ErrMalformed, size))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxMetadata))
	if err != nil {
		return named(err)
	}
	if d.meta, d.id, err = commit.ParseFile(data); err != nil {
		return named(err)
	}
	if d.params, err = commit.NewParams(d.meta.Shards()); err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	if d.symbolSize, err = d.params.SymbolSize(d.meta.Length); err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return nil
}

// openRegular opens a file for reading and returns its length, unless it is something
// to follow, to wait for, or to set off by opening it.
func (d *Dir) openRegular(name string) (*os.File, int64, error) {
	there, err := d.root.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !there.Mode().IsRegular() {
		return nil, 0, ErrNotRegular
	}
	// Another file may have the name by now. To open it waits for nothing then.
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(there, opened) {
		err = ErrNotRegular
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, opened.Size(), nil
}

// bare takes the name off a file system's error: callers name the file as users know it.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
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
	info, err := d.root.Lstat(d.File(ref))
	if err != nil {
		return missing(err)
	}
	if !info.Mode().IsRegular() {
		return ErrNotRegular
	}
	return checkSize(info.Size(), d.SliverSize(ref.Axis))
}

// missing returns ErrMissing for a file that is not there, and other errors without a
// name.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrMissing
	}
	return bare(err)
}

// checkSize returns a *LengthError for a file of another length than wanted.
func checkSize(have, want int64) error {
	if have != want {
		return &LengthError{Have: have, Want: want}
	}
	return nil
}

// open opens a sliver's file if it has the right length. Errors are those of Check.
func (d *Dir) open(ref rs2d.SliverRef) (*os.File, error) {
	f, size, err := d.openRegular(d.File(ref))
	if err != nil {
		return nil, missing(err)
	}
	if err := checkSize(size, d.SliverSize(ref.Axis)); err != nil {
		f.Close()
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
		return rs2d.Sliver{}, bare(err)
	}
	return rs2d.Sliver{SliverRef: ref, Data: data}, nil
}

// ReadSliverAt fills dst from offset off of a sliver on. Errors are those of Check.
func (d *Dir) ReadSliverAt(ref rs2d.SliverRef, dst []byte, off int64) error {
	f, err := d.open(ref)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.ReadAt(dst, off); err != nil {
		return bare(err)
	}
	return nil
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
			return nil, bare(err)
		}
	}
	return symbols, nil
}

// Write puts a sliver into the directory, in the place of what was there: a link, a
// pipe or a device is replaced too, and what it leads to is not touched. The file has
// the mode of the one before it if that could be read, or else a new file's. The error
// is ErrDirectory or the file system's, without a name.
func (d *Dir) Write(ctx context.Context, s rs2d.Sliver) error {
	name, mode := d.File(s.SliverRef), fs.FileMode(0o666)
	switch there, err := d.root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return bare(err)
	case there.IsDir():
		return ErrDirectory
	case there.Mode().IsRegular():
		if f, _, err := d.openRegular(name); err == nil {
			f.Close()
			mode = there.Mode().Perm()
		}
	}
	f, err := atomicfile.CreateIn(ctx, d.root, name, mode)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(s.Data); err != nil {
		return bare(err)
	}
	return f.Commit()
}

// Sweep removes what killed processes have left unfinished in the directory.
func (d *Dir) Sweep() error { return atomicfile.Sweep(d.path) }
