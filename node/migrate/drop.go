package migrate

import (
	"context"
	"errors"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// errKept is returned while lost shards are kept for their new owners.
var errKept = errors.New("migrate: shards that moved are kept until their new owners have them")

// settled is since when the node has known that an epoch is settled, and who has its shards.
type settled struct {
	epoch    uint64
	since    time.Time
	reported map[committee.NodeID]bool
}

// dropper drops what a node has lost.
type dropper struct{ *Migrator }

// drop drops the shards that the node has lost, once the epoch is settled: each when its new
// owner has it, too, or has had time enough. Those that the node gets again in the next epoch
// it keeps.
func (m dropper) drop(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.mu.Lock()
	m.stopDrop = cancel
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.stopDrop = nil
	}()
	kept := false
	begun := m.config.View()
	for shard := range m.config.View().Params().N {
		v := m.config.View()
		if !lost(v, shard) {
			continue
		}
		held, err := m.config.Store.Shard(shard, nil, 1)
		if errors.Is(err, store.ErrNotFound) {
			return nil // a store that does not know shards
		}
		if err != nil {
			return err
		}
		if len(held) == 0 {
			continue
		}
		if m.waitedFor(ctx, v, shard) {
			kept = true
			continue
		}
		if err := m.config.Store.DropShard(ctx, shard); err != nil {
			if ctx.Err() != nil {
				return errMoved
			}
			return err
		}
		m.note(func(p *Progress) { p.Dropped++ })
		m.config.Logger.Info("dropped a shard that moved", "shard", shard)
	}
	if kept {
		return errKept
	}
	if len(begun.Epochs.Holders()) == 1 {
		m.note(func(p *Progress) { p.Cleared = begun.Epoch() })
	}
	return nil
}

// lost reports whether the node has a shard for nobody but its new owner.
func lost(v *peer.View, shard int) bool {
	return len(v.Epochs.Holders()) == 1 && !v.Keeps(v.Epochs.Current, shard) && (v.Epochs.Next == nil || !v.Keeps(v.Epochs.Next, shard))
}

// waitedFor reports whether the new owner of a shard may still copy it.
func (m dropper) waitedFor(ctx context.Context, v *peer.View, shard int) bool {
	s := &m.settled
	if s.epoch != v.Epoch() {
		*s = settled{v.Epoch(), time.Now(), make(map[committee.NodeID]bool)}
	}
	if time.Since(s.since) >= m.config.KeepLost {
		return false
	}
	owner := v.Committee.Member(v.Owner(shard)).ID
	if s.reported[owner] {
		return false
	}
	has, err := m.config.Reported(ctx, v.Epoch(), owner)
	if err != nil {
		m.config.Logger.Debug("who has reported cannot be known at present", "error", err)
		return true
	}
	s.reported[owner] = has
	return !has
}
