package discover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// ErrBlind is returned when so few members listed their blobs that there may be blobs
// nobody named.
var ErrBlind = errors.New("discover: too few peers listed their blobs")

// Config is what a finder works with. All must be set.
type Config struct {
	Store  store.Store
	Logger *slog.Logger
}

// Finder finds out what one node lacks. One round runs at a time; Certify may be called
// meanwhile.
type Finder struct {
	config Config
	cursor *commit.BlobID // where pending blobs are looked at next

	mu    sync.Mutex
	tried *attempts
}

// New returns a finder.
func New(c Config) *Finder { return &Finder{config: c, tried: newAttempts()} }

// Found is a certified blob that the node lacks something of.
type Found struct {
	Blob        commit.BlobID
	Certificate []byte // nil if the node has it
	Lacking     int    // slivers; 0 if only the metadata is lacking
}

// Seen counts what a round came upon.
type Seen struct {
	Lies    int64           // answers that contradict themselves, and wrong signatures
	Failed  int64           // blobs that the store could not tell of
	Invalid []commit.BlobID // blobs that were learnt to be inconsistent
}

// Round looks once for blobs that the member who looks should have, and gives what it finds to emit, which is called by one
// goroutine. How long emit takes does not count as the members' time.
//
// The error is ErrBlind, with what the members said, if those who listed all of their
// blobs, the node itself among them, own fewer than 2f+1 shards; the store's; or the
// context's.
func (f *Finder) Round(ctx context.Context, v *peer.View, emit func([]Found)) (Seen, error) {
	r := &round{Finder: f, view: v, emit: emit, known: make(map[commit.BlobID]bool)}
	err := r.certified(ctx)
	if ctx.Err() == nil {
		r.pending(ctx)
	}
	return r.seen, errors.Join(err, ctx.Err())
}

// Examine returns what the node lacks of those of the blobs that are certified. It asks
// the members to attest such as it has no certificate of, but not very many.
func (f *Finder) Examine(ctx context.Context, v *peer.View, ids []commit.BlobID) ([]Found, Seen) {
	r := &round{Finder: f, view: v, known: make(map[commit.BlobID]bool)}
	var found []Found
	tries := 0
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		b, ok := r.examine(id)
		if !ok {
			continue
		}
		if !f.hasCertificate(id) {
			if tries++; tries > maxAttempts {
				continue
			}
			if b.Certificate = r.attested(ctx, id); b.Certificate == nil {
				continue
			}
		}
		found = append(found, b)
	}
	return found, r.seen
}

// hasCertificate reports whether the node has the blob's certificate.
func (f *Finder) hasCertificate(id commit.BlobID) bool {
	info, err := f.config.Store.Info(id)
	return err == nil && info.Has(store.Certificate)
}

// round is one round.
type round struct {
	*Finder
	view  *peer.View
	emit  func([]Found)
	known map[commit.BlobID]bool // those that nothing more need be done for
	seen  Seen
}

// examine returns what the node lacks of a blob, and false if that is nothing or
// nothing can be said of it.
func (r *round) examine(id commit.BlobID) (Found, bool) {
	c := &r.config
	info, err := c.Store.Info(id)
	if err != nil {
		c.Logger.Error("store", "blob", id, "error", err)
		r.seen.Failed++
		return Found{}, false
	}
	if info.Has(store.Verdict) {
		r.known[id] = true
		return Found{}, false
	}
	missing := placement.Missing(r.view.Committee, r.view.Member, id, info.Slivers, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) })
	if len(missing) == 0 && info.Has(store.Metadata) {
		r.known[id] = true
		return Found{}, false
	}
	return Found{Blob: id, Lacking: len(missing)}, true
}

// mark marks a blob as inconsistent that a list proves to be.
func (r *round) mark(id commit.BlobID, verdict []byte) {
	r.known[id] = true
	if invalid.Marked(r.config.Store, id) {
		return
	}
	if err := invalid.Mark(r.config.Store, id, verdict); err != nil {
		r.config.Logger.Error("store", "blob", id, "error", err)
		r.seen.Failed++
		return
	}
	r.seen.Invalid = append(r.seen.Invalid, id)
}

// wrong notes that a member lied.
func (r *round) wrong(member int, err error) {
	p := r.view.Peers[member]
	p.Distrust()
	r.seen.Lies++
	r.config.Logger.Warn("wrong list of blobs", "peer", p.Name(), "error", err)
}

// memberError says what a member answered.
func (r *round) memberError(member int, err error) error {
	if p := r.view.Peers[member]; p != nil {
		return &peer.Error{Member: p.Name(), Err: err}
	}
	return fmt.Errorf("the node's own store: %w", err)
}
