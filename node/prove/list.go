package prove

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// maxListed is how many blobs a list may have.
const maxListed = 1 << 24

var (
	// errList is returned when the list of a round cannot be made of what the ledger says.
	errList = errors.New("prove: the blobs of the challenge are not those of the ledger")
	// errTooMany is returned when there are more blobs than a list may have.
	errTooMany = fmt.Errorf("%w: more than %d blobs", chain.ErrAnswer, maxListed)
)

// blob is a blob of a list.
type blob struct {
	id     commit.BlobID
	length uint64 // bytes
}

// blobList is the blobs of a challenge, by their ids.
type blobList struct {
	blobs []blob
	name  challenge.List
}

func ids(blobs []blob) iter.Seq[commit.BlobID] {
	return func(yield func(commit.BlobID) bool) {
		for i := range blobs {
			if !yield(blobs[i].id) {
				return
			}
		}
	}
}

// sorted returns the blobs by their ids, each once.
func sorted(blobs []blob) []blob {
	slices.SortFunc(blobs, func(a, b blob) int { return bytes.Compare(a.id[:], b.id[:]) })
	return slices.CompactFunc(blobs, func(a, b blob) bool { return a.id == b.id })
}

// find reports whether a blob is among those, which are sorted.
func find(blobs []blob, id commit.BlobID) bool {
	_, ok := slices.BinarySearchFunc(blobs, id, func(b blob, id commit.BlobID) int { return bytes.Compare(b.id[:], id[:]) })
	return ok
}

// gathering is blobs as they come, some of them often: a blob may have many registrations.
type gathering struct {
	blobs []blob
	limit int // at which those are dropped that are there already
}

func (g *gathering) add(b blob) {
	if g.limit = max(g.limit, 1<<10); len(g.blobs) == g.limit {
		g.blobs = sorted(g.blobs)
		g.limit = max(g.limit, 2*len(g.blobs))
	}
	g.blobs = append(g.blobs, b)
}

// newBlobList names blobs that are sorted.
func newBlobList(blobs []blob) (*blobList, error) {
	name, err := challenge.ListOf(ids(blobs))
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return &blobList{blobs, name}, nil
}

// has reports whether the blob is of the list.
func (l *blobList) has(id commit.BlobID) bool { return find(l.blobs, id) }

// draw returns the blobs of a round.
func (l *blobList) draw(r challenge.Round) *blobList {
	places := r.Drawn()
	drawn := make([]blob, len(places))
	for i, at := range places {
		drawn[i] = l.blobs[at]
	}
	return &blobList{blobs: drawn}
}

// eventTime is for how long a ledger is asked for events.
const eventTime = time.Second

// listing asks the ledger for the blobs of a challenge. They are held in 40 bytes each.
func listing(ctx context.Context, l chain.Ledger, c *ledger.Challenge) (*blobList, error) {
	ctx = new(chain.Session).Context(ctx) // events are asked for of who has what was listed
	var listed gathering
	add := func(id commit.BlobID, length uint64, certified *uint32, end uint32) error {
		if certified == nil || *certified >= c.Epoch || end <= c.Epoch {
			return nil
		}
		if listed.add(blob{id, length}); len(listed.blobs) > 2*maxListed {
			return errTooMany
		}
		return nil
	}
	last, err := eachPage(ctx, l, ledger.BlobKey(ledger.ObjectID{})[:1], func(p chain.Pair) error {
		var b ledger.Blob
		if err := ledger.Read(p.Value, &b); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		return add(b.ID, b.Length, b.Certified, b.Storage.End)
	})
	if err != nil {
		return nil, err
	}
	invalid := make(map[commit.BlobID]bool)
	prefix := ledger.InvalidKey(commit.BlobID{})[:1]
	later, err := eachPage(ctx, l, prefix, func(p chain.Pair) error {
		if len(p.Key) == len(prefix)+commit.HashSize {
			invalid[commit.BlobID(p.Key[len(prefix):])] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = since(ctx, l, c.Height, max(last, later), func(e ledger.Event) error {
		switch e := e.(type) {
		case ledger.BlobInvalidated:
			delete(invalid, e.ID)
		case ledger.BlobDeleted:
			return add(e.ID, e.Length, e.Certified, e.End)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	blobs := sorted(listed.blobs)
	if len(blobs) > maxListed {
		return nil, errTooMany
	}
	return newBlobList(slices.DeleteFunc(blobs, func(b blob) bool { return invalid[b.id] }))
}

// eachPage calls take with all keys that have the prefix. It returns the greatest height of
// which an answer was.
func eachPage(ctx context.Context, l chain.Ledger, prefix []byte, take func(chain.Pair) error) (last uint64, err error) {
	var after []byte
	for {
		page, err := l.List(ctx, prefix, after, pageLength)
		if err != nil {
			return last, err
		}
		last = max(last, page.Height)
		for _, p := range page.Pairs {
			if err := take(p); err != nil {
				return last, err
			}
			after = p.Key
		}
		if !page.More || len(page.Pairs) == 0 {
			return last, nil
		}
	}
}

// pageLength is how many keys or events are asked for at once.
const pageLength = 500

// since calls take with the events that come after the challenge of a height was armed, up to
// those of another height.
func since(ctx context.Context, l chain.Ledger, armed, last uint64, take func(ledger.Event) error) error {
	found := false
	for at := (chain.Cursor{Height: armed}); at.Height <= last; {
		limited, cancel := context.WithTimeout(ctx, eventTime)
		events, next, err := l.Events(limited, at, pageLength)
		cancel()
		if err != nil {
			return err
		}
		if len(events) == 0 && next == at {
			break // there are none yet
		}
		at = next
		for _, e := range events {
			if found && e.Height <= last {
				if err := take(e.Event); err != nil {
					return err
				}
			}
			if a, ok := e.Event.(ledger.ChallengeArmed); ok && a.Height == armed {
				found = true
			}
		}
	}
	if !found {
		return fmt.Errorf("%w: no challenge was armed at height %d", chain.ErrAnswer, armed)
	}
	return nil
}
