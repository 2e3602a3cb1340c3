package store

import (
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spareDescriptors is how many file descriptors a store holds back for its database,
// which takes having none for the end of it.
const spareDescriptors = 8

// Pauses before a file is opened once more, when the process has no descriptors and the
// spare ones are used up.
const (
	descriptorPause = 20 * time.Millisecond
	descriptorTries = 100
)

// spareFS opens files also when the process has no file descriptors left: it gives up
// one of those it holds back, and, when it has none, waits for a while.
type spareFS struct {
	vfs.FS
	dir string

	mu    sync.Mutex
	spare []io.Closer
	waits time.Time // when somebody waited for one last
}

// starved reports whether somebody waits for a descriptor, or did a moment ago.
func (s *spareFS) starved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.waits.IsZero() && time.Since(s.waits) < 10*descriptorPause
}

// Unwrap returns the file system below.
func (s *spareFS) Unwrap() vfs.FS { return s.FS }

// refill takes descriptors until there are as many as there should be, or no more are
// to be had.
func (s *spareFS) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.spare) < spareDescriptors {
		f, err := s.FS.OpenDir(s.dir)
		if err != nil {
			return
		}
		s.spare = append(s.spare, f)
	}
}

// release gives one descriptor up, and reports whether there was one.
func (s *spareFS) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spare) == 0 {
		return false
	}
	last := len(s.spare) - 1
	_ = s.spare[last].Close()
	s.spare = s.spare[:last]
	return true
}

func (s *spareFS) close() {
	for s.release() {
	}
}

// retry opens something until it is not for want of descriptors that it fails.
func (s *spareFS) retry(open func() (vfs.File, error)) (vfs.File, error) {
	for try := 0; ; try++ {
		f, err := open()
		if !noDescriptors(err) {
			return f, err
		}
		if s.release() {
			continue
		}
		if try >= descriptorTries {
			return nil, err
		}
		s.mu.Lock()
		s.waits = time.Now()
		s.mu.Unlock()
		time.Sleep(descriptorPause)
	}
}

// Create creates a file.
func (s *spareFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.Create(name, c) })
}

// Open opens a file for reading.
func (s *spareFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.Open(name, o...) })
}

// OpenReadWrite opens a file for reading and writing.
func (s *spareFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir opens a directory for syncing.
func (s *spareFS) OpenDir(name string) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.OpenDir(name) })
}

// ReuseForWrite opens an old file under a new name.
func (s *spareFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.ReuseForWrite(from, to, c) })
}

// List lists a directory, for which it is opened.
func (s *spareFS) List(dir string) (names []string, err error) {
	_, err = s.retry(func() (vfs.File, error) {
		names, err = s.FS.List(dir)
		return nil, err
	})
	return names, err
}
