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

// ErrOccupied: the directory to write is there already, with files in it.
var ErrOccupied = errors.New("is not empty")

// writers is how many sliver files are written at a time: what a disk is given to
// sync together, it syncs faster.
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
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
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

// Create writes a blob's directory of metadata, as AppendFile gives it, and of all
// the slivers of n pairs. It appears complete or not at all. CheckTarget is heeded.
// wrote is called with the length of every sliver written, from any goroutine.
func Create(ctx context.Context, path string, replace bool, metadata []byte, n int, sliver func(rs2d.SliverRef) rs2d.Sliver, wrote func(int)) error {
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
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	write := func(name string, data []byte) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := writeSynced(filepath.Join(dir.Path(), name), data); err != nil {
				return fmt.Errorf("%s: %w", filepath.Join(path, name), err)
			}
			wrote(len(data))
			return nil
		})
	}
	write(MetadataName, metadata)
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		for i := range n {
			ref := rs2d.SliverRef{Axis: axis, Index: i}
			write(Name(ref, n), sliver(ref).Data)
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := CheckTarget(path, replace); err != nil {
		return err // it was filled meanwhile
	}
	return dir.Commit()
}

// writeSynced writes a new file. Its errors do not name it: the name is temporary.
func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		_, err = f.Write(data)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// MetadataFile returns the content of a directory's file of metadata. Its errors are
// those of commit.Metadata.AppendFile.
func MetadataFile(meta *commit.Metadata) ([]byte, error) {
	h, err := commit.NewHasher(meta.Scheme, "")
	if err != nil {
		return nil, err
	}
	return meta.AppendFile(nil, h)
}
