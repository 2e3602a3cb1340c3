package cluster

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestCheater: what a node has thrown away it lists, and cannot read.
func TestCheater(t *testing.T) {
	code, err := rs2d.New(10, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	encoding, err := code.Encode(bytes.Repeat([]byte("cheat"), 1000))
	if err != nil {
		t.Fatal(err)
	}
	id := encoding.ID()
	for how, want := range map[Action]int{"": 20, Evict: 10, Proxy: 20, Lazy: 0} {
		disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		fetched := 0
		c := &cheater{Store: disk, fetch: func(_ context.Context, asked commit.BlobID) (*rs2d.Encoding, error) {
			if fetched++; asked != id {
				return nil, errors.New("another blob")
			}
			return encoding, nil
		}}
		c.cheat(how)
		var slivers []store.Sliver
		for pair := range 10 {
			primary, secondary := encoding.Pair(pair)
			slivers = append(slivers,
				store.Sliver{Ref: store.Ref{Axis: rs2d.Primary, Pair: pair}, Data: primary.Data},
				store.Sliver{Ref: store.Ref{Axis: rs2d.Secondary, Pair: pair}, Data: secondary.Data})
		}
		if err := c.Apply(id, store.Update{Slivers: slivers}); err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, s := range slivers {
			got, err := c.Read([]byte("x"), id, s.Ref, 1, 5)
			switch {
			case err == nil && string(got) != "x"+string(s.Data[1:6]):
				t.Errorf("%q: %v: %q, want %q behind x", how, s.Ref, got, s.Data[1:6])
			case err == nil:
				read++
			case !errors.Is(err, store.ErrNotFound):
				t.Errorf("%q: %v: %v", how, s.Ref, err)
			}
		}
		info, err := c.Info(id)
		if err != nil || len(info.Slivers) != len(slivers) || read != want {
			t.Errorf("%q: %d slivers are read, and %d listed (%v); want %d and %d", how, read, len(info.Slivers), err, want, len(slivers))
		}
		if (fetched > 0) != (how == Proxy) {
			t.Errorf("%q: others were asked %d times", how, fetched)
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}
}
