package discover

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// ErrBlind is returned when so few members listed their blobs that there may be blobs
// nobody named.
var ErrBlind = errors.New("discover: too few peers listed their blobs")

// Config is what a finder works with. Store must be set.
type Config struct {
	Store  store.Store
	Ledger bool         // a ledger has the store know which blobs are certified: members are not asked for these
	Logger *slog.Logger // default drops all

	// WriteTime is how long a write may take: a certificate that alone is lacking of a blob
	// which came since is on its way, and nobody is asked for it.
	WriteTime time.Duration
}

// Finder finds out what one node lacks. One round runs at a time; Certify may be called
// meanwhile.
type Finder struct {
	config Config
	cursor *commit.BlobID // where pending blobs are looked at next

	mu    sync.Mutex
	tried *attempts
}

// New returns a finder. The error names a field of the configuration that must be set.
func New(c Config) (*Finder, error) {
	if c.Store == nil {
		return nil, errors.New("discover: Config.Store must be set")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Finder{config: c, tried: newAttempts()}, nil
}

// Found is a certified blob that the node lacks something of.
type Found struct {
	Blob        commit.BlobID
	Certificate []byte // nil if the node has it
	Lacking     int    // slivers; 0 if only the metadata or the certificate is lacking
}

// Seen counts what a round came upon.
type Seen struct {
	Lies    int64           // answers that contradict themselves, and wrong signatures
	Failed  int64           // blobs that the store could not tell of
	Invalid []commit.BlobID // blobs that were learnt to be inconsistent
}

// Round looks once for blobs that the member who looks should have, and gives what it
// finds to emit, which is called by one goroutine. How long emit takes does not count as the members' time.
//
// The error is ErrBlind, with what the members said, if there is no ledger, and those who
// listed all of their blobs, the node itself among them, own fewer than 2f+1 shards; the
// store's; or the context's.
func (f *Finder) Round(ctx context.Context, v *peer.View, emit func([]Found)) (Seen, error) {
	r := &round{Finder: f, view: v, emit: emit, known: make(map[commit.BlobID]bool)}
	if f.config.Ledger {
		r.inconsistent(ctx)
		err := r.registered(ctx)
		return r.seen, errors.Join(err, ctx.Err())
	}
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
			if f.config.Ledger {
				continue
			}
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
	return err == nil && info.Certified()
}

// due reports whether it is time to have a blob attested.
func (f *Finder) due(id commit.BlobID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tried.due(id, time.Now())
}
