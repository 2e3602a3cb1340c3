package heal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ScrubConfig is what a scrubber works with. All must be set.
type ScrubConfig struct {
	Code     *rs2d.Code
	Store    store.Store
	Metadata func(commit.BlobID) (*commit.Metadata, error) // verified against the id
	Healer   *Healer                                       // gets what is damaged
	Rate     int64                                         // bytes a second; no scrubbing if negative
	Pause    time.Duration                                 // between two passes
	Logger   *slog.Logger
}

// ScrubReport is what a scrubber has read and found.
type ScrubReport struct {
	Passes  int64 // complete ones
	Blobs   int64
	Slivers int64
	Bytes   int64
	Rot     int64 // slivers that could not be read back as they were stored
	Orphans int64 // files that nothing referred to, removed
}

// Scrubber reads all of a store again and again, compares every sliver with the
// blob's metadata, and has the healer recover what is damaged or missing.
type Scrubber struct {
	ScrubConfig
	mu     sync.Mutex
	totals ScrubReport
}

// NewScrubber returns a scrubber. It starts nothing.
func NewScrubber(c ScrubConfig) *Scrubber { return &Scrubber{ScrubConfig: c} }

// Totals returns the sum of all passes.
func (s *Scrubber) Totals() ScrubReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

func (s *Scrubber) count(f func(*ScrubReport)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.totals)
}

// Run scrubs until the context ends.
func (s *Scrubber) Run(ctx context.Context) {
	if s.Rate < 0 {
		return
	}
	for {
		if err := s.Pass(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error("scrubbing", "error", err)
		}
		if !sleep(ctx, s.Pause) {
			return
		}
	}
}

// sleep waits, and reports whether the context let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pageSize is how many blobs are listed at once.
const pageSize = 256

// Pass scrubs everything once, at the configured rate: as fast as it goes if that is
// not positive. The error is the context's or the store's.
func (s *Scrubber) Pass(ctx context.Context) error {
	if sweeper, ok := s.Store.(interface {
		Sweep(context.Context) (int, error)
	}); ok {
		removed, err := sweeper.Sweep(ctx)
		if err != nil {
			return err
		}
		s.count(func(r *ScrubReport) { r.Orphans += int64(removed) })
	}
	var after *commit.BlobID
	for {
		ids, err := s.Store.Blobs(after, pageSize)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.blob(ctx, id); err != nil {
				return err
			}
		}
		if len(ids) < pageSize {
			s.count(func(r *ScrubReport) { r.Passes++ })
			return nil
		}
		after = &ids[len(ids)-1]
	}
}

// blob scrubs one blob.
func (s *Scrubber) blob(ctx context.Context, id commit.BlobID) error {
	stored, err := s.Store.Slivers(id)
	if err != nil {
		return err
	}
	s.count(func(r *ScrubReport) { r.Blobs++ })
	if _, err := s.Store.Record(id, store.Verdict); err == nil {
		return s.forget(id, stored)
	}
	meta, err := s.Metadata(id)
	if err != nil {
		s.Healer.enqueue(id)
		return nil
	}
	var buffer []byte
	for _, e := range stored {
		started := time.Now()
		data, err := s.Store.Read(buffer[:0], id, e.Ref, 0, -1)
		if errors.Is(err, store.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err == nil {
			buffer = data
			ref := place(e).Sliver(s.Code.Shards())
			if s.Code.VerifySliver(meta, rs2d.Sliver{SliverRef: ref, Data: data}) != nil {
				err = &store.CorruptError{Blob: id, Ref: e.Ref}
			}
		}
		s.count(func(r *ScrubReport) {
			r.Slivers++
			r.Bytes += int64(len(data))
			if err != nil {
				r.Rot++
			}
		})
		if err != nil {
			s.Logger.Warn("damaged", "error", err)
			s.Healer.drop(id, e.Ref)
		}
		if s.Rate > 0 {
			due := time.Duration(float64(len(data)) / float64(s.Rate) * float64(time.Second))
			if !sleep(ctx, due-time.Since(started)) {
				return ctx.Err()
			}
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(placement.Missing(s.Healer.Committee, s.Healer.Member, id, stored, place)) > 0 {
		s.Healer.enqueue(id)
	}
	return nil
}

// forget drops slivers of an inconsistent blob, which may have been written while it
// was found to be.
func (s *Scrubber) forget(id commit.BlobID, stored []store.Entry) error {
	if len(stored) == 0 {
		return nil
	}
	var u store.Update
	for _, e := range stored {
		u.Drop = append(u.Drop, e.Ref)
	}
	return s.Store.Apply(id, u)
}
