// Package faultfs is a file system for tests that fails when it is told to, and that has
// only so many file descriptors and so many bytes.
package faultfs

import (
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system that fails. Its settings may change while it is used.
type FS struct {
	vfs.FS
	faults
	descriptors
	space
}

// New returns a file system on another.
func New(fs vfs.FS) *FS { return &FS{FS: fs, space: space{sizes: make(map[string]int64)}} }

// Unwrap returns the file system below.
func (f *FS) Unwrap() vfs.FS { return f.FS }

func (f *FS) file(call, path string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := f.check(call, path); err != nil {
		return nil, err
	}
	if err := f.opened(); err != nil {
		return nil, err
	}
	below, err := open()
	if err != nil {
		f.closed()
		return nil, err
	}
	return &file{File: below, fs: f, path: path}, nil
}

// Create creates a file.
func (f *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file("Create", name, func() (vfs.File, error) {
		f.give(name)
		return f.FS.Create(name, c)
	})
}

// Open opens a file for reading.
func (f *FS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return f.file("Open", name, func() (vfs.File, error) { return f.FS.Open(name, o...) })
}

// OpenReadWrite opens a file for reading and writing.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.file("OpenReadWrite", name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir opens a directory.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	return f.file("OpenDir", name, func() (vfs.File, error) { return f.FS.OpenDir(name) })
}

// ReuseForWrite opens an old file under a new name.
func (f *FS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file("ReuseForWrite", from, func() (vfs.File, error) {
		f.moved(from, to)
		return f.FS.ReuseForWrite(from, to, c)
	})
}

// Lock locks a file.
func (f *FS) Lock(name string) (io.Closer, error) {
	if err := f.check("Lock", name); err != nil {
		return nil, err
	}
	return f.FS.Lock(name)
}

// List lists a directory.
func (f *FS) List(dir string) ([]string, error) {
	if err := f.check("List", dir); err != nil {
		return nil, err
	}
	if err := f.opened(); err != nil {
		return nil, err
	}
	defer f.closed()
	return f.FS.List(dir)
}

// Link links a file.
func (f *FS) Link(from, to string) error {
	if err := f.check("Link", from); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

// Remove removes a file.
func (f *FS) Remove(name string) error {
	if err := f.check("Remove", name); err != nil {
		return err
	}
	err := f.FS.Remove(name)
	if err == nil {
		f.give(name)
	}
	return err
}

// RemoveAll removes all below a directory.
func (f *FS) RemoveAll(name string) error {
	if err := f.check("RemoveAll", name); err != nil {
		return err
	}
	return f.FS.RemoveAll(name)
}

// Rename renames a file.
func (f *FS) Rename(from, to string) error {
	if err := f.check("Rename", from); err != nil {
		return err
	}
	err := f.FS.Rename(from, to)
	if err == nil {
		f.moved(from, to)
	}
	return err
}

// MkdirAll makes a directory.
func (f *FS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.check("MkdirAll", dir); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir, perm)
}

// Stat describes a file.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	if err := f.check("Stat", name); err != nil {
		return nil, err
	}
	return f.FS.Stat(name)
}

// GetDiskUsage tells how many bytes are free.
func (f *FS) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if err := f.check("GetDiskUsage", path); err != nil {
		return vfs.DiskUsage{}, err
	}
	if free, limited := f.free(); limited {
		return vfs.DiskUsage{AvailBytes: uint64(free), TotalBytes: 1 << 40}, nil
	}
	return f.FS.GetDiskUsage(path)
}
