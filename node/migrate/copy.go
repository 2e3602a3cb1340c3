package migrate

import (
	"context"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

const (
	listed     = 1000 // blobs that are listed at once
	pageLength = 256  // blobs that are copied at once
)

// copier finds out what a node lacks, and copies it.
type copier struct{ *Migrator }

// copyAll copies what the node lacks, from the place on where it was. What nobody gives stays
// lacking.
func (m copier) copyAll(ctx context.Context, epoch uint64) error {
	m.mu.Lock()
	at := m.place
	m.mu.Unlock()
	if at.Copied {
		return nil
	}
	looked, err := m.count(ctx, at.Cursor)
	if err != nil {
		return err
	}
	for after := at.Cursor; ; {
		v := m.config.View()
		if v.Epoch() != epoch {
			return errMoved
		}
		ids, err := m.config.Store.BlobsWith(store.Registered, after, pageLength)
		if err != nil {
			return err
		}
		begun := time.Now()
		copied, err := m.copyPage(ctx, v, ids)
		if err != nil {
			return err
		}
		looked += int64(len(ids))
		m.note(func(p *Progress) { p.looked(looked, p.Total) })
		if len(ids) < pageLength {
			m.note(func(p *Progress) { p.looked(p.Total, p.Total) }) // some have ended meanwhile, perhaps
			return m.keep(func(p *place) { p.Copied, p.Cursor = true, nil })
		}
		after = &ids[len(ids)-1]
		if err := m.keep(func(p *place) { p.Cursor = after }); err != nil {
			return err
		}
		takes := time.Duration(float64(copied) / float64(m.config.Rate) * float64(time.Second))
		if err := pause.For(ctx, takes-time.Since(begun)); err != nil {
			return err
		}
	}
}

// count notes how many blobs there are, and returns how many are behind the cursor.
func (m copier) count(ctx context.Context, cursor *commit.BlobID) (done int64, err error) {
	total := int64(0)
	err = m.each(ctx, func(id commit.BlobID) error {
		if total++; cursor != nil && string(id[:]) <= string(cursor[:]) {
			done++
		}
		return nil
	})
	m.note(func(p *Progress) { p.looked(done, total) })
	return done, err
}

// each calls f with all blobs that are certified.
func (m copier) each(ctx context.Context, f func(commit.BlobID) error) error {
	var after *commit.BlobID
	for ctx.Err() == nil {
		ids, err := m.config.Store.BlobsWith(store.Registered, after, listed)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := f(id); err != nil {
				return err
			}
		}
		if len(ids) < listed {
			return nil
		}
		after = &ids[len(ids)-1]
	}
	return ctx.Err()
}

// lacking counts the slivers and metadata that the node lacks of its shards.
func (m copier) lacking(ctx context.Context, epoch uint64) (count int64, err error) {
	v := m.config.View()
	if v.Epoch() != epoch || v.Member < 0 {
		return 0, errMoved
	}
	err = m.each(ctx, func(id commit.BlobID) error {
		refs, info, err := m.missing(v, id)
		count += int64(len(refs))
		if err == nil && needed(v, &info) && !info.Has(store.Metadata) {
			count++
		}
		return err
	})
	return count, err
}

// missing returns what the node lacks of a blob.
func (m copier) missing(v *peer.View, id commit.BlobID) ([]placement.Ref, store.Info, error) {
	info, err := m.config.Store.Info(id)
	if err != nil || !needed(v, &info) {
		return nil, info, err
	}
	return placement.Missing(v.Committee, v.Member, id, info.Slivers, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) }), info, nil
}

// needed reports whether anybody needs slivers of the blob.
func needed(v *peer.View, info *store.Info) bool {
	return info.Has(store.Registered) && !info.Has(store.InvalidBlobCertificate) && info.Needed(v.Epoch())
}
