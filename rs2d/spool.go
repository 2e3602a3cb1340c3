package rs2d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// SpoolIn says in which directory temporary files are made, if any are needed. The default
// is os.TempDir. They are removed before the call returns.
func SpoolIn(dir string) StreamOption { return func(o *streamOptions) { o.spool = dir } }

// spool holds bytes that are read again: in memory, or in a temporary file once there are
// more than a limit of them. Reading and writing may go on at once.
type spool struct {
	dir   string
	limit int64

	mu     sync.RWMutex
	memory []byte
	file   *os.File // nil if the bytes are in memory
}

// WriteAt stores data at the offset off.
func (s *spool) WriteAt(data []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := off + int64(len(data))
	if s.file == nil && end <= s.limit {
		if int64(len(s.memory)) < end {
			s.memory = slices.Grow(s.memory, int(end)-len(s.memory))[:end]
		}
		return copy(s.memory[off:], data), nil
	}
	if s.file == nil {
		file, err := os.CreateTemp(s.dir, "redstuff-*")
		if err != nil {
			return 0, fmt.Errorf("rs2d: a temporary file: %w", err)
		}
		s.file = file
		if _, err := file.WriteAt(s.memory, 0); err != nil {
			return 0, err
		}
		s.memory = nil
	}
	return s.file.WriteAt(data, off)
}

// ReadAt reads what was written.
func (s *spool) ReadAt(dst []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file != nil {
		return s.file.ReadAt(dst, off)
	}
	n := 0
	if off < int64(len(s.memory)) {
		n = copy(dst, s.memory[off:])
	}
	if n < len(dst) {
		return n, io.EOF
	}
	return n, nil
}

// fill writes all that r has, up to limit bytes, and returns how many they are: one more
// than limit if there are more.
func (s *spool) fill(ctx context.Context, r io.Reader, limit int64) (size int64, err error) {
	buf := make([]byte, 1<<20)
	for size <= limit {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := r.Read(buf[:min(int64(len(buf)), limit+1-size)])
		if n > 0 {
			if _, err := s.WriteAt(buf[:n], size); err != nil {
				return size, err
			}
			size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("rs2d: reading the blob at %d: %w", size, err)
		}
	}
	return size, nil
}

// close removes the temporary file, if there is one.
func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
