package client

import (
	"container/list"
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// memory bounds the bytes in flight. What lingers, because nobody waits for it any
// more, is made to end as soon as its memory is needed, the oldest first.
type memory struct {
	limit int64
	free  *semaphore.Weighted

	mu        sync.Mutex
	wanted    int64     // bytes that are waited for
	ending    int64     // bytes of what was made to end, and has not given them back yet
	lingering list.List // of *reservation
}

func newMemory(limit int64) *memory {
	return &memory{limit: limit, free: semaphore.NewWeighted(limit)}
}

// reservation is memory that somebody has. A nil one is none.
type reservation struct {
	m      *memory
	bytes  int64
	stop   func()
	place  *list.Element // among those that linger
	ending bool
	after  func() // is called when it is released, or nil
}

// reserve takes memory, and waits for it if others have it.
func (m *memory) reserve(ctx context.Context, bytes int64) (*reservation, error) {
	if bytes > m.limit {
		return nil, ErrTooLarge
	}
	if !m.free.TryAcquire(bytes) {
		m.want(bytes)
		err := m.free.Acquire(ctx, bytes)
		m.want(-bytes)
		if err != nil {
			return nil, err
		}
	}
	return &reservation{m: m, bytes: bytes}, nil
}

func (m *memory) want(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted += bytes
	m.reclaim()
}

// reclaim makes as much end as is wanted.
func (m *memory) reclaim() {
	for m.ending < m.wanted && m.lingering.Len() > 0 {
		r := m.lingering.Remove(m.lingering.Front()).(*reservation)
		r.place, r.ending = nil, true
		m.ending += r.bytes
		r.stop()
	}
}

// linger says that from now on stop may be called, to have the memory given back.
func (r *reservation) linger(stop func()) {
	if r == nil {
		return
	}
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.stop = stop
	r.place = r.m.lingering.PushBack(r)
	r.m.reclaim()
}

// release gives the memory back.
func (r *reservation) release() {
	if r == nil {
		return
	}
	r.m.mu.Lock()
	if r.place != nil {
		r.m.lingering.Remove(r.place)
	}
	if r.ending {
		r.m.ending -= r.bytes
	}
	r.m.mu.Unlock()
	if r.after != nil {
		r.after()
	}
	r.m.free.Release(r.bytes)
}
