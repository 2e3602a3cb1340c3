package store

import (
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// standbyDescriptors is how many file descriptors a store holds back for its database,
// which takes having none for the end of it.
const standbyDescriptors = 8

// Pauses before a file is opened once more, when the process has no descriptors and the
// standby ones are used up.
const (
	descriptorPause = 20 * time.Millisecond
	descriptorTries = 100
)

// standbyFS opens files also when the process has no file descriptors left: it gives up
// one of those it holds back, and, when it has none, waits for a while.
type standbyFS struct {
	vfs.FS
	dir string

	mu      sync.Mutex
	standby []io.Closer
	waits   time.Time // when somebody waited for one last
}

// starved reports whether somebody waits for a descriptor, or did a moment ago.
func (s *standbyFS) starved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.waits.IsZero() && time.Since(s.waits) < 10*descriptorPause
}

// Unwrap returns the file system below.
func (s *standbyFS) Unwrap() vfs.FS { return s.FS }

// refill takes descriptors until there are as many as there should be, or no more are
// to be had.
func (s *standbyFS) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.standby) < standbyDescriptors {
		f, err := s.FS.OpenDir(s.dir)
		if err != nil {
			return
		}
		s.standby = append(s.standby, f)
	}
}

// release gives one descriptor up, and reports whether there was one.
func (s *standbyFS) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.standby) == 0 {
		return false
	}
	last := len(s.standby) - 1
	_ = s.standby[last].Close()
	s.standby = s.standby[:last]
	return true
}

func (s *standbyFS) close() {
	for s.release() {
	}
}

// retry opens something until it is not for want of descriptors that it fails.
func (s *standbyFS) retry(open func() (vfs.File, error)) (vfs.File, error) {
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
func (s *standbyFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.Create(name, c) })
}

// Open opens a file for reading.
func (s *standbyFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.Open(name, o...) })
}

// OpenReadWrite opens a file for reading and writing.
func (s *standbyFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir opens a directory for syncing.
func (s *standbyFS) OpenDir(name string) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.OpenDir(name) })
}

// ReuseForWrite opens an old file under a new name.
func (s *standbyFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.retry(func() (vfs.File, error) { return s.FS.ReuseForWrite(from, to, c) })
}

// List lists a directory, for which it is opened.
func (s *standbyFS) List(dir string) (names []string, err error) {
	_, err = s.retry(func() (vfs.File, error) {
		names, err = s.FS.List(dir)
		return nil, err
	})
	return names, err
}
