package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/errors/oserror"

	"github.com/redstuff-go/redstuff/commit"
)

// collector finds what may be removed, and who takes how much.
type collector struct{ *core }

// Pending lists blobs that nobody vouches for, see [Store].
func (c collector) Pending(before time.Time, limit int) ([]commit.BlobID, error) {
	return c.list([]byte{pendingKind}, pendingKey(max(0, before.Unix()), commit.BlobID{}), pendingKeySize, limit)
}

// Expired lists blobs that an epoch does not need, see [Store].
func (c collector) Expired(epoch uint32, limit int) ([]commit.BlobID, error) {
	return c.list([]byte{endKind}, after(endKey(epoch, commit.BlobID{})[:5]), endKeySize, limit)
}

// Usage returns what a writer takes, see [Store].
func (c collector) Usage(writer string) (u Usage, err error) {
	for pending, to := range map[bool]*int64{false: &u.Certified, true: &u.Pending} {
		key := usageKey(pending, writer)
		if *to, err = c.counters.get(string(key), func() (int64, error) { return c.counter(key) }); err != nil {
			return u, err
		}
	}
	return u, nil
}

// counter returns what the database has of a counter.
func (c collector) counter(key []byte) (n int64, err error) {
	err = c.db.view(key, func(value []byte) (err error) {
		n, err = parseCounter(value)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// Compact gives back bytes of the database, see [Store].
func (c collector) Compact(ctx context.Context) error {
	return c.db.compact(ctx, []byte{0}, []byte{0xff})
}

// Sweep removes files that nothing refers to, see [Store].
func (c collector) Sweep(ctx context.Context) (removed int, err error) {
	for i := range 1 << directoryBits {
		names, err := c.files.fs.List(c.files.subdir(byte(i)))
		if oserror.IsNotExist(err) {
			continue
		}
		if err != nil {
			return removed, fmt.Errorf("store: %w", err)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			id, number, ok := parseFileName(name)
			if !ok || id[0] != byte(i) {
				continue // not ours
			}
			gone, err := c.sweep(id, number)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
	return removed, nil
}

// sweep removes a file if nothing is live in it, and else gives back what a crash kept
// from being given back.
func (c collector) sweep(id commit.BlobID, number uint64) (gone bool, err error) {
	defer c.lock(id)()
	x, err := c.index(id)
	if err != nil {
		return false, err
	}
	if !slices.Contains(x.files(), number) {
		_, err := c.files.fs.Stat(c.files.name(id, number))
		if oserror.IsNotExist(err) {
			return false, nil // it went while the directory was listed
		}
		if err := c.files.remove(id, number); err != nil {
			return false, fmt.Errorf("store: %w", err)
		}
		return true, nil
	}
	return false, c.trimExcess(id, &x, number)
}

// trimExcess gives back bytes of a file if it has clearly more than its live ranges need.
func (c collector) trimExcess(id commit.BlobID, x *blobIndex, number uint64) error {
	info, err := c.files.fs.Stat(c.files.name(id, number))
	if err != nil {
		return nil // a reader will find out
	}
	live := x.live(number)
	need := int64(0)
	for _, s := range live {
		need += (s.end-s.off+2*diskBlock-1)/diskBlock*diskBlock + diskBlock
	}
	if diskBytes(info) <= need {
		return nil
	}
	err = c.files.trim(id, number, live)
	if errors.Is(err, errNoHoles) {
		if err = c.rewrite(id, x, number); noRoom(err) {
			return nil
		}
	}
	if err != nil && !isEnvironment(err) && !saysCorrupt(err) {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// diskBlock is the unit in which disks give out their bytes.
const diskBlock = 4 << 10
