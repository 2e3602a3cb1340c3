package store

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// A device error counts against the one sliver it came from only if it stays for so
// long, is seen so many times, and few other slivers have one. Otherwise the device,
// a cable or a driver is at fault, and the sliver may be whole.
const (
	suspectFor   = 10 * time.Minute
	suspectReads = 3
	maxSuspects  = 16
)

// suspects remembers slivers that could not be read because of a device error.
type suspects struct {
	now func() time.Time

	mu    sync.Mutex
	since map[suspectKey]*suspect
}

type suspectKey struct {
	id  commit.BlobID
	ref Ref
}

type suspect struct {
	first time.Time
	reads int
}

// persists notes an error of reading a sliver, and reports whether it is a device error
// that has come again and again, for long, and for few slivers only.
func (s *suspects) persists(id commit.BlobID, ref Ref, err error) bool {
	if !errors.Is(err, syscall.EIO) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := suspectKey{id, ref}
	now := s.now()
	one := s.since[key]
	if one == nil {
		if len(s.since) > maxSuspects {
			return false // a burst: those beyond the bound need not be told apart
		}
		if s.since == nil {
			s.since = make(map[suspectKey]*suspect)
		}
		one = &suspect{first: now}
		s.since[key] = one
	}
	one.reads++
	return len(s.since) <= maxSuspects && one.reads >= suspectReads && now.Sub(one.first) >= suspectFor
}

// clear forgets a sliver that was read, or that is gone.
func (s *suspects) clear(id commit.BlobID, ref Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.since, suspectKey{id, ref})
}
