package sliverdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrOccupied is returned when the directory to write is there already, with files in it.
var ErrOccupied = errors.New("is not empty")

// writers is how many sliver files are written or synced at a time: what a disk is
// given to sync together, it syncs faster.
const writers = 16

// CheckTarget reports why a directory of slivers cannot be written to path: it
// exists and is no directory, it is the working directory, or it is not empty
// (ErrOccupied). With replace, a directory may be there, but only with files of the
// names that Create writes: nobody's home is replaced by mistake.
func CheckTarget(path string, replace bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", path)
	}
	if cwd, err := os.Stat("."); err == nil && os.SameFile(cwd, info) {
		return fmt.Errorf("%s is the working directory, which cannot be replaced; name a new one", path)
	}
	dir, err := os.Open(path + string(filepath.Separator) + ".")
	if err != nil {
		return fmt.Errorf("%s: %w", path, bare(err))
	}
	defer dir.Close()
	if replace {
		_ = atomicfile.Sweep(path) // what cannot be removed is reported below
	}
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range entries {
		if !replace {
			return fmt.Errorf("%s %w", path, ErrOccupied)
		}
		if !ours(name) {
			return fmt.Errorf("%s %w: %s is no file of an encoded blob", path, ErrOccupied, name)
		}
	}
	return nil
}

// Create makes the directory of a blob of the given length. fill writes all the slivers
// and returns the metadata. The directory appears complete and durable, or, if fill fails
// or ctx ends, not at all. CheckTarget is heeded.
func Create(ctx context.Context, path string, replace bool, params commit.Params, length uint64, fill func(*Writer) (*commit.Metadata, error)) error {
	if err := CheckTarget(path, replace); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir, err := atomicfile.CreateDir(path)
	if err != nil {
		return err
	}
	defer dir.Discard()
	w, err := newWriter(ctx, dir.Root, path, params, length)
	if err != nil {
		return err
	}
	meta, err := fill(w)
	if err != nil {
		return err
	}
	data, err := metadataFile(meta)
	if err != nil {
		return err
	}
	if err := w.writeAt(MetadataName, data, 0); err != nil {
		return err
	}
	if err := w.sync(ctx); err != nil {
		return err
	}
	if err := CheckTarget(path, replace); err != nil {
		return err // it was filled meanwhile
	}
	return dir.Commit()
}

// WriteAll stores the slivers of an encoding, and calls wrote with the length of
// each, from any goroutine.
func (w *Writer) WriteAll(ctx context.Context, encoding *rs2d.Encoding, wrote func(int)) error {
	return w.each(ctx, func(ref rs2d.SliverRef) error {
		data := encoding.Sliver(ref).Data
		if err := w.WriteSliverAt(ref, data, 0); err != nil {
			return err
		}
		wrote(len(data))
		return nil
	})
}

// sync writes what is left, and makes the content of every file durable.
func (w *Writer) sync(ctx context.Context) error {
	if err := w.syncFile(MetadataName); err != nil {
		return err
	}
	return w.each(ctx, func(ref rs2d.SliverRef) error {
		if err := w.flush(ref); err != nil {
			return err
		}
		return w.syncFile(Name(ref, w.n))
	})
}

// each calls work for every sliver.
func (w *Writer) each(ctx context.Context, work func(rs2d.SliverRef) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		for i := range w.n {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return work(rs2d.SliverRef{Axis: axis, Index: i})
			})
		}
	}
	return group.Wait()
}

func (w *Writer) syncFile(name string) error {
	f, err := w.temp.OpenFile(name, os.O_WRONLY, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	return w.naming(name, err)
}

// naming gives an error the name that the file will have, not its temporary one.
func (w *Writer) naming(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", filepath.Join(w.path, name), bare(err))
}

// metadataFile returns the content of a directory's file of metadata.
func metadataFile(meta *commit.Metadata) ([]byte, error) {
	h, err := commit.NewHasher(meta.Scheme, "")
	if err != nil {
		return nil, err
	}
	return meta.AppendFile(nil, h)
}
