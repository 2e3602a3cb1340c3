package scrub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Healer gets what is found damaged.
type Healer interface {
	// Enqueue has a blob looked at, and recovered as far as it is certified.
	Enqueue(commit.BlobID)
	// Corrupt has a sliver recovered that was read as corrupt.
	Corrupt(commit.BlobID, store.Ref)
	// Replace has a sliver recovered that reads well and is not the blob's.
	Replace(commit.BlobID, store.Ref)
}

// Config is what a scrubber works with. View, Code, Store, Metadata and Healer must be set;
// the rest has defaults.
type Config struct {
	View     func() *peer.View // as the node sees it at present; called once for each blob
	Code     *rs2d.Code
	Store    store.Store
	Metadata func(commit.BlobID) (*metadata.Kept, error) // verified against the id
	Healer   Healer
	Rate     int64         // bytes a second; as fast as it goes if 0; no scrubbing but when asked if negative
	Pause    time.Duration // between two passes; default 10 min
	Logger   *slog.Logger  // default drops all
}

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (c *Config) fill() error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"View", c.View != nil}, {"Code", c.Code != nil}, {"Store", c.Store != nil}, {"Metadata", c.Metadata != nil}, {"Healer", c.Healer != nil},
	} {
		if !field.set {
			return fmt.Errorf("scrub: Config.%s must be set", field.name)
		}
	}
	if c.Pause == 0 {
		c.Pause = 10 * time.Minute
	}
	if c.Pause < 0 {
		return errors.New("scrub: Config.Pause must be more than zero")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Report is what a scrubber has read and found.
type Report struct {
	Passes  int64 // complete ones
	Blobs   int64
	Slivers int64
	Bytes   int64
	Corrupt int64 // slivers that could not be read back as they were stored
	Unread  int64 // slivers that could not be read, which says nothing of them
	Orphans int64 // files that nothing referred to, removed
}

// Scrubber reads all of a store again and again, compares every sliver with the
// blob's metadata, and has the healer recover what is damaged or missing.
type Scrubber struct {
	config Config

	mu     sync.Mutex
	totals Report
}

// New returns a scrubber. It starts nothing. The error names a field of the configuration.
func New(c Config) (*Scrubber, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	return &Scrubber{config: c}, nil
}

// Totals returns the sum of all passes.
func (s *Scrubber) Totals() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

func (s *Scrubber) count(f func(*Report)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.totals)
}

// Run scrubs until the context ends.
func (s *Scrubber) Run(ctx context.Context) {
	if s.config.Rate < 0 {
		return
	}
	for {
		if err := s.Pass(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.Error("scrubbing", "error", err)
		}
		if pause.For(ctx, s.config.Pause) != nil {
			return
		}
	}
}

// pageSize is how many blobs are listed at once.
const pageSize = 256

// Pass scrubs everything once, at the configured rate: as fast as it goes if that is
// not positive. The error is the context's or the store's.
func (s *Scrubber) Pass(ctx context.Context) error {
	removed, err := s.config.Store.Sweep(ctx)
	if err != nil {
		return err
	}
	s.count(func(r *Report) { r.Orphans += int64(removed) })
	var after *commit.BlobID
	for {
		ids, err := s.config.Store.Blobs(after, pageSize)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.blob(ctx, id); err != nil {
				return err
			}
		}
		if len(ids) < pageSize {
			s.count(func(r *Report) { r.Passes++ })
			return nil
		}
		after = &ids[len(ids)-1]
	}
}

// blob scrubs one blob.
func (s *Scrubber) blob(ctx context.Context, id commit.BlobID) error {
	info, err := s.config.Store.Info(id)
	if err != nil {
		return err
	}
	s.count(func(r *Report) { r.Blobs++ })
	if info.Has(store.InvalidBlobCertificate) {
		return s.forget(id, append(info.Slivers, info.Quarantined...))
	}
	for _, e := range info.Quarantined {
		if s.config.Store.Check(id, e.Ref) == nil {
			s.config.Logger.Info("sliver can be read again", "blob", id, "sliver", e.Ref)
			info.Slivers = append(info.Slivers, e)
		}
	}
	stored := info.Slivers
	certified := info.Certified()
	kept, err := s.config.Metadata(id)
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt):
		s.config.Healer.Enqueue(id)
		return nil
	case err != nil:
		s.config.Logger.Warn("not scrubbed", "blob", id, "error", err)
		return nil
	}
	meta := kept.Metadata()
	var buffer []byte
	for _, e := range stored {
		started := time.Now()
		data, err := s.config.Store.Read(buffer[:0], id, e.Ref, 0, -1)
		if errors.Is(err, store.ErrNotFound) {
			continue // dropped meanwhile
		}
		wrong := false
		if err == nil {
			buffer = data
			ref := placement.Ref(e.Ref).Sliver(s.config.Code.Params().N)
			wrong = s.config.Code.VerifySliver(meta, rs2d.Sliver{SliverRef: ref, Data: data}) != nil
		}
		corrupt := errors.Is(err, store.ErrCorrupt)
		s.count(func(r *Report) {
			r.Slivers++
			r.Bytes += int64(len(data))
			switch {
			case corrupt || wrong:
				r.Corrupt++
			case err != nil:
				r.Unread++
			}
		})
		switch {
		case wrong:
			s.config.Logger.Warn("sliver is not the blob's", "blob", id, "sliver", e.Ref)
			s.config.Healer.Replace(id, e.Ref)
		case corrupt:
			s.config.Logger.Warn("damaged", "error", err)
			s.config.Healer.Corrupt(id, e.Ref)
		case err != nil:
			s.config.Logger.Warn("not scrubbed", "error", err)
		}
		if s.config.Rate > 0 {
			due := time.Duration(float64(len(data)) / float64(s.config.Rate) * float64(time.Second))
			if pause.For(ctx, due-time.Since(started)) != nil {
				return ctx.Err()
			}
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	view := s.config.View()
	if certified && view.Member >= 0 && len(placement.Missing(view.Committee, view.Member, id, stored, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) })) > 0 {
		s.config.Healer.Enqueue(id)
	}
	return nil
}

// forget drops slivers of an inconsistent blob, which may have been written while it
// was found to be.
func (s *Scrubber) forget(id commit.BlobID, stored []store.Entry) error {
	if len(stored) == 0 {
		return nil
	}
	return s.config.Store.Apply(id, store.Update{DropAll: true})
}
