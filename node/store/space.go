package store

import (
	"errors"
	"math"
	"sync"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ballastName is a file that holds room for the database to be opened, and to note what
// is deleted, on a disk that is otherwise full. It is given up when there is no other
// room, and made again when there is.
const ballastName = "ballast"

// space knows how full the disk is.
type space struct {
	fs      vfs.FS
	dir     string
	reserve uint64 // bytes to leave free
	ballast int64  // bytes of the ballast

	mu  sync.Mutex
	has bool // the ballast is there
}

// Free returns the bytes that are free on the disk, or false if it cannot be known.
func (s *space) Free() (uint64, bool) {
	usage, err := s.fs.GetDiskUsage(s.dir)
	return usage.AvailBytes, err == nil
}

// left returns the bytes that can be stored, or false if it cannot be known.
func (s *space) left() (int64, bool) {
	free, known := s.Free()
	if !known {
		return 0, false
	}
	if free <= s.reserve || !s.hold() {
		return 0, true
	}
	return int64(min(free-s.reserve, math.MaxInt64)), true
}

func (s *space) name() string { return s.fs.PathJoin(s.dir, ballastName) }

// hold makes the ballast if it is not there and the disk has room for it beside the
// reserve, and reports whether it is there.
func (s *space) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has || s.ballast <= 0 {
		return true
	}
	if _, err := s.fs.Stat(s.name()); err == nil {
		s.has = true
		return true
	}
	if free, known := s.Free(); known && free < s.reserve+uint64(s.ballast) {
		return false
	}
	f, err := s.fs.Create(s.name(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return false
	}
	err = errors.Join(f.Preallocate(0, s.ballast), f.Sync(), f.Close())
	if s.has = err == nil; !s.has {
		_ = s.fs.Remove(s.name()) // it holds nothing
	}
	return s.has
}

// release gives the ballast up.
func (s *space) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fs.Remove(s.name()); err == nil || oserror.IsNotExist(err) {
		s.has = false
	}
}

// openingRoom is how many bytes a database takes to be opened for writing, and to go on
// for a while.
const openingRoom = 1 << 20

// tight gives the ballast up if there is no room to open the database for writing, and
// reports whether there is none even so.
func (s *space) tight() bool {
	short := func() bool {
		free, known := s.Free()
		return known && free < openingRoom
	}
	if short() {
		s.release()
	}
	return short()
}

// room returns ErrFull if the disk has not so many bytes beside the reserve.
func (s *space) room(need uint64) error {
	if !s.hold() {
		return ErrFull
	}
	if s.reserve == 0 {
		return nil
	}
	if free, known := s.Free(); known && free < s.reserve+need {
		return ErrFull
	}
	return nil
}
