package faultfs

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file is an open file of an FS.
type file struct {
	vfs.File
	fs   *FS
	path string
	off  int64
	once sync.Once
}

func (f *file) Close() error {
	err := f.fs.check("File.Close", f.path)
	f.once.Do(func() {
		f.fs.closed()
		if below := f.File.Close(); err == nil {
			err = below
		}
	})
	return err
}

func (f *file) Read(b []byte) (int, error) {
	if err := f.fs.check("File.Read", f.path); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fs.check("File.ReadAt", f.path); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

func (f *file) Write(b []byte) (int, error) {
	if err := f.fs.check("File.Write", f.path); err != nil {
		return 0, err
	}
	if err := f.fs.take(f.path, f.off+int64(len(b))); err != nil {
		return 0, err
	}
	n, err := f.File.Write(b)
	f.off += int64(n)
	return n, err
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.check("File.WriteAt", f.path); err != nil {
		return 0, err
	}
	if err := f.fs.take(f.path, off+int64(len(b))); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f *file) Preallocate(off, length int64) error {
	if err := f.fs.check("File.Preallocate", f.path); err != nil {
		return err
	}
	if err := f.fs.take(f.path, off+length); err != nil {
		return err
	}
	return f.File.Preallocate(off, length)
}

func (f *file) Stat() (vfs.FileInfo, error) {
	if err := f.fs.check("File.Stat", f.path); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *file) Sync() error {
	if err := f.fs.check("File.Sync", f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *file) SyncData() error {
	if err := f.fs.check("File.SyncData", f.path); err != nil {
		return err
	}
	return f.File.SyncData()
}

func (f *file) SyncTo(length int64) (bool, error) {
	if err := f.fs.check("File.SyncTo", f.path); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}
