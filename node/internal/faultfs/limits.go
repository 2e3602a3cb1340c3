package faultfs

import (
	"sync"
	"syscall"
)

// descriptors counts the open files, and bounds them.
type descriptors struct {
	mu      sync.Mutex
	open    int
	maxOpen int // 0 for no bound
}

// MaxOpen lets only so many files be open at once: beyond it is EMFILE. 0 ends it.
func (d *descriptors) MaxOpen(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.maxOpen = n
}

// OpenFiles returns how many files are open.
func (d *descriptors) OpenFiles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// opened counts an open file, or says that there are too many.
func (d *descriptors) opened() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.maxOpen > 0 && d.open >= d.maxOpen {
		return syscall.EMFILE
	}
	d.open++
	return nil
}

func (d *descriptors) closed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
}

// space counts the bytes that files take, and bounds them.
type space struct {
	mu       sync.Mutex
	capacity int64
	limited  bool
	sizes    map[string]int64
}

// SetFree lets only so many bytes more be written: beyond it is ENOSPC. What is removed,
// and was written through the file system, comes back.
func (s *space) SetFree(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capacity, s.limited = bytes, true
}

// free returns how many bytes may be written still, if that is limited.
func (s *space) free() (bytes int64, limited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.capacity), s.limited
}

// take takes bytes of the disk for a file that has so many from then on.
func (s *space) take(path string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	more := size - s.sizes[path]
	if more <= 0 {
		return nil
	}
	if s.limited && more > s.capacity {
		return syscall.ENOSPC
	}
	s.capacity -= more
	s.sizes[path] = size
	return nil
}

// give gives back the bytes of a file.
func (s *space) give(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveLocked(path)
}

// moved gives the bytes of one file to another, and those of the other back.
func (s *space) moved(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveLocked(to)
	if size, known := s.sizes[from]; known {
		s.sizes[to] = size
		delete(s.sizes, from)
	}
}

func (s *space) giveLocked(path string) {
	s.capacity += s.sizes[path]
	delete(s.sizes, path)
}
