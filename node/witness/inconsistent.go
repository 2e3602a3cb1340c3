package witness

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// Bounds of what a teller has to tell.
const (
	maxQueue = 1 << 14 // blobs; those beyond it are found in the store when it is empty
	maxTries = 20      // of one blob, until the store is looked through again
	page     = 256     // blobs of the store that are listed at once
)

// teller tells the ledger of inconsistent blobs.
type teller struct {
	*Config
	failed *failures

	mu    sync.Mutex
	blobs map[commit.BlobID]*telling
	more  bool // the store has such as are not among these
	wake  chan struct{}

	after *commit.BlobID // up to which the store is looked through; of run alone
}

// telling is how far it has come with one blob.
type telling struct {
	due   time.Time
	tries int
}

// add adds a blob, if it is not there.
func (t *teller) add(id commit.BlobID) {
	due := time.Now().Add(t.turn(id))
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.blobs[id] != nil:
		return
	case len(t.blobs) >= maxQueue:
		t.more = true
		return
	case t.blobs == nil:
		t.blobs = make(map[commit.BlobID]*telling)
	}
	t.blobs[id] = &telling{due: due}
	signal(t.wake)
}

// next returns the blob that is due first, and false if there is none.
func (t *teller) next() (id commit.BlobID, due time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, one := range t.blobs {
		if !ok || one.due.Before(due) {
			id, due, ok = other, one.due, true
		}
	}
	return id, due, ok
}

// done takes a blob out, or has it tried again later after a failure, but not for ever.
func (t *teller) done(id commit.BlobID, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.blobs[id]
	if one.tries++; err == nil || one.tries == maxTries {
		delete(t.blobs, id)
		return
	}
	one.due = time.Now().Add(pauseAfter(one.tries))
}

// rest reports whether the store is to be looked through for more.
func (t *teller) rest() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if more := t.more && len(t.blobs) == 0; more {
		t.more = false
		return true
	}
	return false
}

// turn returns how long the node waits for others to tell of a blob. The members take
// turns, in an order that each blob shifts.
func (t *teller) turn(id commit.BlobID) time.Duration {
	current := t.View().Current
	members := current.Len()
	member, ok := current.FindID(t.Node())
	if !ok {
		return time.Duration(members) * t.Turn
	}
	first := int(binary.BigEndian.Uint32(id[:]) % uint32(members))
	return time.Duration((member-first+members)%members) * t.Turn
}

// run tells of inconsistent blobs until the context ends.
func (t *teller) run(ctx context.Context) {
	for failures := 0; ; {
		if t.rest() {
			if err := t.find(ctx); err != nil {
				t.Logger.Error("store", "error", err)
			}
		}
		id, due, ok := t.next()
		pause := time.Hour
		if ok {
			pause = time.Until(due)
		}
		if pause > 0 {
			if !wait(ctx, t.wake, pause) {
				return
			}
			continue
		}
		err := t.invalidate(ctx, id)
		if ctx.Err() != nil {
			return
		}
		t.failed.note(ofBlobs, err)
		t.done(id, err)
		if failures++; err == nil {
			failures = 0
			continue
		}
		t.Logger.Warn("the ledger is not told that a blob is inconsistent", "blob", id, "error", err)
		// What keeps one from being told may keep all.
		if !wait(ctx, nil, pauseAfter(failures-1)) {
			return
		}
	}
}

// find has the ledger told of what the store knows to be inconsistent, as much of it as the
// teller takes at once.
func (t *teller) find(ctx context.Context) error {
	for ctx.Err() == nil {
		ids, err := t.Store.BlobsWith(store.InvalidBlobCertificate, t.after, page)
		if err != nil {
			return err
		}
		for _, id := range ids {
			t.add(id)
		}
		if len(ids) < page {
			t.after = nil
			return nil
		}
		t.after = &ids[len(ids)-1]
		if t.full() {
			return nil
		}
	}
	return nil
}

// full reports whether there is no room for another page of blobs. Then what the store has
// is looked through on when all of these are told.
func (t *teller) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := len(t.blobs)+page > maxQueue
	t.more = t.more || full
	return full
}

// invalidate tells the ledger of one blob, unless it knows or nobody has registered it.
func (t *teller) invalidate(ctx context.Context, id commit.BlobID) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	b, err := t.Account.Ledger().Blob(ctx, id)
	if err != nil {
		return err
	}
	if b.Invalid || len(b.Registrations) == 0 {
		return t.Settle(ctx, id)
	}
	cert, err := t.Store.Record(id, store.InvalidBlobCertificate)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// The ledger takes certificates of the current epoch.
	now := t.View().Current
	if _, err := committee.ParseCertificate(now, cert); err != nil {
		if cert, err = t.Certify(ctx, id); err != nil {
			return err
		}
	}
	_, err = t.Account.Do(ctx, ledger.InvalidateBlob{ID: id, Certificate: cert})
	if ledger.RuleOf(err) == ledger.RuleTwice {
		return nil // it was another one's turn, too
	}
	if err == nil {
		t.Logger.Info("told the ledger that a blob is inconsistent", "blob", id)
	}
	return err
}
