package heal

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/store"
)

// space is what the healer knows of the room on its disk. It fetches nothing that it
// could not store.
type space struct {
	store store.Store
	log   *slog.Logger

	mu        sync.Mutex
	postponed int64 // bytes of slivers that the last round had no room for
	least     int64 // bytes that the smallest blob of these takes

	unusable int64 // bytes that seemed to be room, and were not
	until    time.Time
	pause    time.Duration
}

// Pauses before room that was none is tried again.
const (
	firstPause = 30 * time.Second
	lastPause  = time.Hour
)

// left returns how many bytes can be stored.
func (s *space) left() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room()
}

func (s *space) room() int64 {
	room, known := s.store.Room()
	if !known {
		room = math.MaxInt64
	}
	if time.Now().Before(s.until) {
		room = max(0, room-s.unusable)
	}
	return room
}

// refused notes that so many bytes found no room, though there seemed to be some: the
// disk lacks something else, or others were faster.
func (s *space) refused(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !now.Before(s.until) {
		s.unusable = 0
		s.pause = min(max(firstPause, 2*s.pause), lastPause)
		s.until = now.Add(s.pause)
	}
	s.unusable += max(0, s.room()-bytes+1)
}

// lacking returns how many bytes had no room.
func (s *space) lacking() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.postponed
}

// note learns what a round had no room for, and says so when it is news.
func (s *space) note(r Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch before := s.postponed; {
	case before == 0 && r.NoRoom > 0:
		room, _ := s.store.Room()
		s.log.Warn("no room to heal: free some of the disk or make it larger, and healing goes on",
			"slivers", r.Postponed, "bytes", r.NoRoom, "room", room)
	case before > 0 && r.NoRoom == 0:
		s.log.Info("there is room to heal again")
	}
	s.postponed, s.least = r.NoRoom, r.leastNoRoom
}

// back reports whether there is room for something that there was none for.
func (s *space) back() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.postponed > 0 && s.room() >= s.least
}
