package node_test

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// openFiles counts files that are open.
type openFiles struct{ open atomic.Int64 }

// of returns a filesystem whose open files are counted.
func (o *openFiles) of(fs vfs.FS) vfs.FS { return countedFS{fs, o} }

type countedFS struct {
	vfs.FS
	files *openFiles
}

func (c countedFS) count(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, err
	}
	c.files.open.Add(1)
	return &countedFile{File: f, closed: sync.OnceFunc(func() { c.files.open.Add(-1) })}, nil
}

func (c countedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return c.count(c.FS.Create(name, category))
}

func (c countedFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return c.count(c.FS.Open(name, o...))
}

func (c countedFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return c.count(c.FS.OpenReadWrite(name, category, o...))
}

func (c countedFS) OpenDir(name string) (vfs.File, error) { return c.count(c.FS.OpenDir(name)) }

func (c countedFS) ReuseForWrite(before, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return c.count(c.FS.ReuseForWrite(before, name, category))
}

func (c countedFS) Lock(name string) (io.Closer, error) {
	lock, err := c.FS.Lock(name)
	if err != nil {
		return lock, err
	}
	c.files.open.Add(1)
	return &countedLock{lock, sync.OnceFunc(func() { c.files.open.Add(-1) })}, nil
}

func (c countedFS) Unwrap() vfs.FS { return c.FS }

type countedFile struct {
	vfs.File
	closed func()
}

func (f *countedFile) Close() error {
	f.closed()
	return f.File.Close()
}

type countedLock struct {
	io.Closer
	closed func()
}

func (l *countedLock) Close() error {
	l.closed()
	return l.Closer.Close()
}
