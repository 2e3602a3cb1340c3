// Package faultfs is a file system for tests that fails when it is told to, and that has
// only so many file descriptors and so many bytes.
package faultfs

import (
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Op is one call of the file system or of one of its files.
type Op struct {
	Call string // the method's name; those of files begin with "File."
	Path string
}

// Changes reports whether the call changes the disk.
func (o Op) Changes() bool {
	switch o.Call {
	case "Open", "OpenDir", "List", "Stat", "GetDiskUsage", "File.Read", "File.ReadAt", "File.Stat", "File.Prefetch":
		return false
	}
	return true
}

// Opens reports whether the call takes a file descriptor.
func (o Op) Opens() bool {
	switch o.Call {
	case "Open", "OpenDir", "OpenReadWrite", "Create", "ReuseForWrite", "List", "Lock":
		return true
	}
	return false
}

// FS is a file system that fails. Its settings may change while it is used.
type FS struct {
	vfs.FS

	mu       sync.Mutex
	fail     func(Op) error
	open     int
	maxOpen  int // 0 for no bound
	capacity int64
	limited  bool
	sizes    map[string]int64
}

// New returns a file system on another.
func New(fs vfs.FS) *FS { return &FS{FS: fs, sizes: make(map[string]int64)} }

// Unwrap returns the file system below.
func (f *FS) Unwrap() vfs.FS { return f.FS }

// Fail has every call ask fail first, and fail itself with its error if that is not nil.
// fail may be called by several goroutines at once. nil ends it.
func (f *FS) Fail(fail func(Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// MaxOpen lets only so many files be open at once: beyond it is EMFILE. 0 ends it.
func (f *FS) MaxOpen(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.maxOpen = n
}

// OpenFiles returns how many files are open.
func (f *FS) OpenFiles() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// SetFree lets only so many bytes more be written: beyond it is ENOSPC. What is removed,
// and was written through f, comes back.
func (f *FS) SetFree(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity, f.limited = bytes, true
}

func (f *FS) check(call, path string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		return fail(Op{call, path})
	}
	return nil
}

// opened counts an open file, or says that there are too many.
func (f *FS) opened() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.maxOpen > 0 && f.open >= f.maxOpen {
		return syscall.EMFILE
	}
	f.open++
	return nil
}

func (f *FS) closed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

// take takes bytes of the disk for a file that has so many from then on.
func (f *FS) take(path string, size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	more := size - f.sizes[path]
	if more <= 0 {
		return nil
	}
	if f.limited && more > f.capacity {
		return syscall.ENOSPC
	}
	f.capacity -= more
	f.sizes[path] = size
	return nil
}

// give gives back the bytes of a file.
func (f *FS) give(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity += f.sizes[path]
	delete(f.sizes, path)
}

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

func (f *FS) moved(from, to string) {
	f.give(to)
	f.mu.Lock()
	defer f.mu.Unlock()
	if size, known := f.sizes[from]; known {
		f.sizes[to] = size
		delete(f.sizes, from)
	}
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
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.limited {
		return f.FS.GetDiskUsage(path)
	}
	return vfs.DiskUsage{AvailBytes: uint64(max(0, f.capacity)), TotalBytes: 1 << 40}, nil
}

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
