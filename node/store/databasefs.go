package store

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// databaseFS is the file system as the database sees it. Its directory is locked by who
// opens the database, who may have to try more than once.
//
// It makes the names of pebble's manifests and markers durable at once.
//
// Pebble creates a manifest, then a marker that names it, then removes the old marker,
// and syncs the directory once in the end. That is safe only where directory entries
// reach the disk in the order of the operations. Where they do not, a power cut can
// leave a marker without its manifest, or no marker, which reads as no database.
//
// A database that was given up may have goroutines left that wait for the disk. Once it
// is fenced off they can change nothing, so that the directory can be opened again.
type databaseFS struct {
	vfs.FS
	fenced *atomic.Bool
}

var errFenced = errors.New("store: the database was given up")

func newDatabaseFS(fs vfs.FS) databaseFS { return databaseFS{fs, new(atomic.Bool)} }

// fence ends all changes.
func (o databaseFS) fence() { o.fenced.Store(true) }

// change calls f unless the database is fenced off.
func (o databaseFS) change(f func() error) error {
	if o.fenced.Load() {
		return errFenced
	}
	return f()
}

// Unwrap returns the file system below.
func (o databaseFS) Unwrap() vfs.FS { return o.FS }

// Lock does nothing.
func (o databaseFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Create creates a file.
func (o databaseFS) Create(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = o.change(func() error {
		f, err = o.FS.Create(name, category)
		return err
	})
	if err != nil {
		return nil, err
	}
	if base := o.PathBase(name); strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker.") {
		if err := syncDir(o.FS, o.PathDir(name)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// OpenReadWrite opens a file for reading and writing.
func (o databaseFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = o.change(func() error {
		f, err = o.FS.OpenReadWrite(name, c, opts...)
		return err
	})
	return f, err
}

// ReuseForWrite opens an old file under a new name.
func (o databaseFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = o.change(func() error {
		f, err = o.FS.ReuseForWrite(from, to, c)
		return err
	})
	return f, err
}

// Link links a file.
func (o databaseFS) Link(from, to string) error {
	return o.change(func() error { return o.FS.Link(from, to) })
}

// Rename renames a file.
func (o databaseFS) Rename(from, to string) error {
	return o.change(func() error { return o.FS.Rename(from, to) })
}

// Remove removes a file.
func (o databaseFS) Remove(name string) error {
	return o.change(func() error { return o.FS.Remove(name) })
}

// RemoveAll removes all below a directory.
func (o databaseFS) RemoveAll(name string) error {
	return o.change(func() error { return o.FS.RemoveAll(name) })
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
