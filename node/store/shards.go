package store

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// shards lists and drops what is stored shard by shard.
type shards struct{ *core }

// droppedAtOnce is how many blobs of a shard are dropped in one commit.
const droppedAtOnce = 256

func (s shards) check(shard int) error {
	if s.n == 0 {
		return fmt.Errorf("%w: shard %d: the store was opened without a number of shards", ErrNotFound, shard)
	}
	if shard < 0 || shard >= s.n {
		return fmt.Errorf("%w: shard %d of %d", ErrNotFound, shard, s.n)
	}
	return nil
}

// pairOf returns the pair of a blob that the shard stores.
func (s shards) pairOf(id commit.BlobID, shard int) int {
	return ((shard-id.Rotation(s.n))%s.n + s.n) % s.n
}

// members lists blobs of which the shard has something, quarantined or not.
func (s shards) members(shard int, from *commit.BlobID, limit int) (ids []commit.BlobID, err error) {
	prefix := shardPrefix(shard)
	lower := prefix
	if from != nil {
		lower = after(append(shardPrefix(shard), from[:]...))
	}
	if limit <= 0 {
		return nil, nil
	}
	err = s.db.scan(lower, after(prefix), func(key []byte, _ func() ([]byte, error)) (bool, error) {
		if len(key) != sliverKeySize {
			return true, nil
		}
		if id := blobOfSliverKey(key); len(ids) == 0 || ids[len(ids)-1] != id {
			if len(ids) == limit {
				return false, nil
			}
			ids = append(ids, id)
		}
		return true, nil
	})
	return ids, err
}

// Shard lists what a shard has, see [Store].
func (s shards) Shard(shard int, after *commit.BlobID, limit int) ([]ShardEntry, error) {
	if err := s.check(shard); err != nil {
		return nil, err
	}
	ids, err := s.members(shard, after, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]ShardEntry, 0, len(ids))
	for _, id := range ids {
		x, err := s.index(id)
		if err != nil {
			return nil, err
		}
		e := ShardEntry{Blob: id}
		pair := s.pairOf(id, shard)
		for _, stored := range x.slivers {
			if stored.Pair == pair && stored.mark == 0 {
				e.Slivers = append(e.Slivers, stored.Entry)
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// DropShard removes all slivers of a shard, see [Store].
func (s shards) DropShard(ctx context.Context, shard int) error {
	if err := s.check(shard); err != nil {
		return err
	}
	if err := s.room(Update{Drop: make([]Ref, 1)}); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ids, err := s.members(shard, nil, droppedAtOnce)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		if err := s.drop(shard, ids); err != nil {
			return err
		}
	}
	// What was in the database itself comes back when its tables are written anew.
	prefix := shardPrefix(shard)
	return s.db.compact(ctx, prefix, after(prefix))
}

// drop removes the shard's slivers of some blobs in one commit.
func (s shards) drop(shard int, ids []commit.BlobID) error {
	defer s.lock(ids...)()
	c := s.newChange()
	defer c.Close()
	for _, id := range ids {
		old, err := s.index(id)
		if err != nil {
			return err
		}
		next := old.clone()
		c.begin(id, &old, &next)
		pair := s.pairOf(id, shard)
		for axis := range 2 {
			// The key goes whatever the index says, so that a drop always gets on.
			ref := Ref{Axis: rs2d.Axis(axis), Pair: pair}
			next.remove(ref)
			c.delete(sliverKey(shard, id, ref.Axis))
		}
	}
	return c.commit()
}
