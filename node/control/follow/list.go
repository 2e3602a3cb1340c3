package follow

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// Bounds of a listing.
const (
	pageLength = 1000
	maxListed  = 1 << 24 // blobs
)

// listed is what a listing says of a blob.
type listed struct {
	end       uint32
	permanent uint32 // the end of the permanent registrations
	certified uint32 // epoch; 0 if it is not
}

// listing is how a follower begins that has no place in the ledger yet.
type listing struct{ *applier }

// run has the store know what the ledger knows, without its history. Pages are of later
// and later heights; the events from the first page's height on make up for it:
// the place where these begin is returned.
func (l *listing) run(ctx context.Context) (behind chain.Cursor, err error) {
	status, err := l.ledger.Status(ctx)
	if err != nil {
		return behind, err
	}
	if err := l.views.Refresh(ctx); err != nil {
		return behind, err
	}
	now := l.views.View().Current.Epoch()
	blobs, err := l.blobs(ctx, now)
	if err != nil {
		return behind, err
	}
	marks, w := marks{applier: l.applier, quiet: true}, work{}
	for id, b := range blobs {
		if ctx.Err() != nil {
			break
		}
		l.registry.tell(func(k *knowledge) {
			k.answer(&chain.Blob{ID: id, Height: status.Height, End: b.end, Permanent: b.permanent})
		})
		if b.certified > 0 {
			if err := marks.add(id, b.certified, b.end); err != nil {
				return behind, errors.Join(err, w.wait())
			}
		} else if err := l.lengthen(&w, id, b.end); err != nil {
			return behind, errors.Join(err, w.wait())
		}
	}
	if err := errors.Join(marks.flush(), w.wait()); err != nil {
		return behind, err
	}
	if err := ctx.Err(); err != nil {
		return behind, err
	}
	if err := l.reconcile(ctx, blobs); err != nil {
		return behind, err
	}
	l.applied.Store(uint32(now))
	if l.hooks.Listed != nil {
		l.hooks.Listed()
	}
	l.ended()
	return chain.Cursor{Height: status.Height + 1}, nil
}

// blobs returns the blobs that are registered in an epoch.
func (l *listing) blobs(ctx context.Context, now uint64) (map[commit.BlobID]listed, error) {
	blobs := make(map[commit.BlobID]listed)
	err := chain.ListAll(ctx, l.ledger, ledger.BlobKey(ledger.ObjectID{})[:1], func(p chain.Pair) error {
		var b ledger.Blob
		if err := ledger.Read(p.Value, &b); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		if now >= uint64(b.Storage.End) {
			return nil
		}
		if len(blobs) == maxListed {
			return fmt.Errorf("%w: more than %d blobs", chain.ErrAnswer, maxListed)
		}
		known := blobs[b.ID]
		known.end = max(known.end, b.Storage.End)
		if !b.Deletable {
			known.permanent = max(known.permanent, b.Storage.End)
		}
		if b.Certified != nil {
			known.certified = max(1, *b.Certified)
		}
		blobs[b.ID] = known
		return nil
	})
	if err != nil {
		return nil, err
	}
	prefix := ledger.InvalidKey(commit.BlobID{})[:1]
	err = chain.ListAll(ctx, l.ledger, prefix, func(p chain.Pair) error {
		if len(p.Key) == len(prefix)+commit.HashSize {
			delete(blobs, commit.BlobID(p.Key[len(prefix):]))
		}
		return nil
	})
	return blobs, err
}

// reconcile lets blobs end that the store has and the ledger does not know.
func (l *listing) reconcile(ctx context.Context, blobs map[commit.BlobID]listed) error {
	for _, next := range []func(*commit.BlobID, int) ([]commit.BlobID, error){
		l.store.Blobs,
		func(after *commit.BlobID, limit int) ([]commit.BlobID, error) {
			return l.store.BlobsWith(store.Registered, after, limit)
		},
		func(after *commit.BlobID, limit int) ([]commit.BlobID, error) {
			return l.store.BlobsWith(store.InvalidBlobCertificate, after, limit)
		},
	} {
		var after *commit.BlobID
		for {
			ids, err := next(after, pageLength)
			if err != nil {
				return err
			}
			for _, id := range ids {
				// It may have been registered since it was listed: the ledger knows.
				if _, known := blobs[id]; !known {
					if err := l.settle(ctx, id); err != nil {
						return err
					}
				}
			}
			if len(ids) < pageLength {
				break
			}
			after = &ids[len(ids)-1]
		}
	}
	return nil
}
