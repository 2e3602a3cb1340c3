package scrub

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// shelf is a store of one blob, in memory.
type shelf struct {
	store.Store
	e *rs2d.Encoding
}

func (s *shelf) Blobs(*commit.BlobID, int) ([]commit.BlobID, error) {
	return []commit.BlobID{s.e.ID()}, nil
}

func (s *shelf) Sweep(context.Context) (int, error) { return 0, nil }

func (s *shelf) Info(commit.BlobID) (info store.Info, err error) {
	for axis := range 2 {
		for pair := range s.e.Metadata().Shards() {
			info.Slivers = append(info.Slivers, store.Entry{Ref: store.Ref{Axis: rs2d.Axis(axis), Pair: pair}})
		}
	}
	return info, nil
}

func (s *shelf) Read(dst []byte, _ commit.BlobID, ref store.Ref, _, _ int64) ([]byte, error) {
	primary, secondary := s.e.Pair(ref.Pair)
	if ref.Axis == rs2d.Primary {
		return append(dst, primary.Data...), nil
	}
	return append(dst, secondary.Data...), nil
}

// TestScrubRate has a scrubber read as many bytes a second as it may.
func TestScrubRate(t *testing.T) {
	const shards, rate = 4, 10_000
	member := identity.NewMember("a", "a:1", identity.GenerateKey(), committee.Spread(shards, 1)[0])
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, []committee.Member{member})
	if err != nil {
		t.Fatal(err)
	}
	code, err := rs2d.New(shards, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	e, err := code.Encode(make([]byte, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{
			Healer: nobody{}, Code: code, Store: &shelf{e: e}, Rate: rate, Logger: slog.New(slog.DiscardHandler),
			Metadata: func(commit.BlobID) (*metadata.Kept, error) { return &metadata.Kept{Whole: e.Metadata()}, nil },
			View:     func() *peer.View { return &peer.View{Committee: c} },
		})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		if err := s.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, took := s.Totals(), time.Since(started)
		if got.Slivers != 2*shards || got.Corrupt != 0 || got.Passes != 1 {
			t.Fatalf("%+v", got)
		}
		due := time.Duration(got.Bytes) * time.Second / rate
		if took < due-time.Millisecond || took > due+time.Millisecond {
			t.Fatal(fmt.Sprint(got.Bytes, " bytes in ", took, " instead of ", due))
		}
	})
}

// nobody is a healer that must not be called.
type nobody struct{ Healer }

// TestConfigIsChecked leaves out what must be set, and sets what cannot be.
func TestConfigIsChecked(t *testing.T) {
	full := Config{
		View: func() *peer.View { return nil }, Code: new(rs2d.Code), Store: new(shelf), Healer: nobody{},
		Metadata: func(commit.BlobID) (*metadata.Kept, error) { return nil, nil },
	}
	if s, err := New(full); err != nil || s.config.Pause != 10*time.Minute || s.config.Logger == nil {
		t.Errorf("defaults: %v", err)
	}
	for _, name := range []string{"View", "Code", "Store", "Metadata", "Healer"} {
		c := full
		reflect.ValueOf(&c).Elem().FieldByName(name).SetZero()
		if _, err := New(c); err == nil || err.Error() != "scrub: Config."+name+" must be set" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	full.Pause = -1
	if _, err := New(full); err == nil || err.Error() != "scrub: Config.Pause must be more than zero" {
		t.Errorf("pause below zero: %v", err)
	}
}
