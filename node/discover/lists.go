package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

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
	b, _, lacks := r.look(id)
	return b, lacks
}

// look is examine, and returns what the store has of the blob, too.
func (r *round) look(id commit.BlobID) (b Found, info store.Info, lacks bool) {
	c := &r.config
	info, err := c.Store.Info(id)
	if err != nil {
		c.Logger.Error("store", "blob", id, "error", err)
		r.seen.Failed++
		return b, info, false
	}
	if info.Has(store.InvalidBlobCertificate) || !info.Needed(r.view.Epoch()) {
		r.known[id] = true
		return b, info, false
	}
	missing := placement.Missing(r.view.Committee, r.view.Member, id, info.Slivers, func(e store.Entry) placement.Ref { return placement.Ref(e.Ref) })
	if len(missing) == 0 && info.Has(store.Metadata) && info.Certified() {
		r.known[id] = true
		return b, info, false
	}
	return Found{Blob: id, Lacking: len(missing)}, info, true
}

// mark marks a blob as inconsistent that a list proves to be. Where a ledger says until when
// blobs are needed, nothing is kept of those that the node has nothing of.
func (r *round) mark(id commit.BlobID, certificate []byte) {
	r.known[id] = true
	if invalid.Marked(r.config.Store, id) {
		return
	}
	if r.config.Ledger {
		info, err := r.config.Store.Info(id)
		if err == nil && len(info.Records)+len(info.Slivers) == 0 {
			return
		}
	}
	if err := invalid.Mark(r.config.Store, id, certificate); err != nil {
		r.config.Logger.Error("store", "blob", id, "error", err)
		r.seen.Failed++
		return
	}
	r.seen.Invalid = append(r.seen.Invalid, id)
}

// wrong notes that a member lied, if that is how its list ended.
func (r *round) wrong(member int, err error) {
	if errors.Is(err, peer.ErrLied) {
		r.seen.Lies++
		r.config.Logger.Warn("wrong list of blobs", "peer", r.view.Peers[member].Name(), "error", err)
	}
}

// memberError says what a member answered.
func (r *round) memberError(member int, err error) error {
	if p := r.view.Peers[member]; p != nil {
		return &peer.Error{Member: p.Name(), Err: err}
	}
	return fmt.Errorf("the node's own store: %w", err)
}

// page is a part of a member's list, or the end of all that the member was asked for.
type page struct {
	member int
	state  api.ListState
	list   api.BlobList
	ids    *idPage // of certified blobs, before it is known of which certificates are lacking
	end    bool
	err    error       // at the end: why it is none
	stop   func(error) // ends the list
}

// section is what a member is asked to list, one after another.
type section struct {
	state api.ListState
	after *commit.BlobID
	pages int // at most; no bound if it is 0
}

// collect has all members list sections of their blobs, and calls take with each page.
// A list's next page is asked for when the one before has been taken. When take has
// returned true, the members that have not come to their end get some more time, see
// [peer.Fanout.Enough]. The time that take takes is nobody's.
func (r *round) collect(ctx context.Context, sections []section, take func(page) (enough bool)) {
	f := peer.NewFanout(r.view.Set, peer.FanoutOptions{Quorum: true})
	took := func(p page) bool {
		if take(p) {
			f.Enough()
		}
		return false // all members are asked already
	}
	begun := false
	_ = f.Run(ctx, func() bool { // whose error is the caller's context's
		if begun {
			return false
		}
		begun = true
		for member, p := range r.view.Peers {
			f.Start(p, 0, func(ctx context.Context, c *peer.Call) error {
				return r.list(ctx, member, sections, func(p page) error {
					p.stop = c.Stop
					return c.Deliver(func() bool { return took(p) })
				})
			}, func(err error) { took(page{member: member, end: true, err: err}) })
		}
		return false
	})
}

// list gives the pages of one member's lists to deliver.
func (r *round) list(ctx context.Context, member int, sections []section, deliver func(page) error) error {
	ask := r.listOwn
	p := r.view.Peers[member]
	if p != nil {
		ask = p.List
	}
	for _, s := range sections {
		if p != nil && s.state == api.ListCertified {
			if err := listByID(ctx, p, member, deliver); err != nil {
				return err
			}
			continue
		}
		after := s.after
		for count := 1; ; count++ {
			l, err := ask(ctx, s.state, after, api.MaxList)
			if err != nil {
				return err
			}
			if err := deliver(page{member: member, state: s.state, list: l}); err != nil {
				return err
			}
			if !l.More || count == s.pages {
				break
			}
			after = l.Next
		}
	}
	return nil
}

// listOwn lists the blobs of the node's own store, certified ones only: of others it
// knows what it knows.
func (r *round) listOwn(_ context.Context, state api.ListState, after *commit.BlobID, limit int) (l api.BlobList, err error) {
	if state != api.ListCertified {
		return l, nil
	}
	ids, err := r.config.Store.BlobsWith(store.Certificate, after, limit)
	for _, id := range ids {
		l.Blobs = append(l.Blobs, api.BlobEntry{Blob: id})
	}
	if l.More = len(ids) == limit; l.More {
		l.Next = &ids[limit-1]
	}
	return l, err
}

// certified is the first part of a round. The error is ErrBlind.
func (r *round) certified(ctx context.Context) error {
	c := &r.config
	need, weight := 2*r.view.Params().F+1, 0
	var errs []error
	r.collect(ctx, []section{{state: api.ListInvalid}, {state: api.ListCertified}}, func(p page) bool {
		var wrong error
		switch {
		case p.end && p.err == nil:
			weight += r.view.Weight(p.member)
		case p.end:
			r.wrong(p.member, p.err)
			errs = append(errs, r.memberError(p.member, p.err))
		case p.state == api.ListInvalid:
			wrong = r.takeInvalid(p)
		case p.ids != nil:
			p.ids.take(ctx, r)
		default:
			wrong = r.takeCertified(ctx, p)
		}
		if wrong != nil {
			r.wrong(p.member, wrong)
			errs = append(errs, r.memberError(p.member, wrong))
			p.stop(wrong)
		}
		return weight >= need
	})
	for _, err := range errs {
		c.Logger.Debug("no list of blobs", "error", err)
	}
	if weight < need {
		return fmt.Errorf("%w: those that did own %d shards, and %d are needed: %w", ErrBlind, weight, need, errors.Join(errs...))
	}
	return nil
}

// inconsistentTime is how long a round waits for lists of inconsistent blobs, without which
// it has blobs looked for that nobody has.
const inconsistentTime = 10 * time.Second

// inconsistent marks what the members prove to be inconsistent. Who lists nothing now is
// asked again in the next round.
func (r *round) inconsistent(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, inconsistentTime)
	defer cancel()
	need, weight := 2*r.view.Params().F+1, 0
	r.collect(ctx, []section{{state: api.ListInvalid}}, func(p page) bool {
		switch {
		case p.end && p.err == nil:
			weight += r.view.Weight(p.member)
		case p.end:
			r.wrong(p.member, p.err)
			r.config.Logger.Debug("no list of inconsistent blobs", "error", r.memberError(p.member, p.err))
		default:
			if wrong := r.takeInvalid(p); wrong != nil {
				r.wrong(p.member, wrong)
				p.stop(wrong)
			}
		}
		return weight >= need
	})
}

// registered is a round where a ledger has the store know which blobs are certified: it
// looks through the node's own store. The error is the store's.
func (r *round) registered(ctx context.Context) error {
	var after *commit.BlobID
	for ctx.Err() == nil {
		ids, err := r.config.Store.BlobsWith(store.Registered, after, api.MaxList)
		if err != nil {
			return err
		}
		var found []Found
		for _, id := range ids {
			if b, lacks := r.examine(id); lacks {
				found = append(found, b)
			}
		}
		r.found(found)
		if len(ids) < api.MaxList {
			return nil
		}
		after = &ids[len(ids)-1]
	}
	return nil
}

// errWrong is why a list ends that has a wrong certificate in it.
var errWrong = fmt.Errorf("%w: certificate in a list", peer.ErrLied)

// takeInvalid takes a page of inconsistent blobs. The error says that the member lied.
func (r *round) takeInvalid(p page) error {
	for _, e := range p.list.Blobs {
		if r.known[e.Blob] {
			continue
		}
		if invalid.Marked(r.config.Store, e.Blob) {
			r.known[e.Blob] = true
			continue
		}
		switch _, err := invalid.Parse(r.view.Epochs, e.Blob, e.InvalidBlobCertificate); {
		case err == nil:
			r.mark(e.Blob, e.InvalidBlobCertificate)
		case !errors.Is(err, committee.ErrEpoch): // of an epoch that is not known it may be right
			return fmt.Errorf("%w: %w", errWrong, err)
		}
	}
	return nil
}

// verified is how many certificates are verified together, which is faster.
const verified = 64

// takeCertified takes a page of certified blobs. The error says that the member lied.
func (r *round) takeCertified(ctx context.Context, p page) error {
	for part := range slices.Chunk(p.list.Blobs, verified) {
		var found, unverified []Found
		var certificates [][]byte
		for _, e := range part {
			if r.known[e.Blob] || ctx.Err() != nil {
				continue
			}
			b, lacks := r.examine(e.Blob)
			switch {
			case !lacks:
			case r.hasCertificate(e.Blob):
				found = append(found, b)
			case r.view.Peers[p.member] == nil: // the node's own store, which has lost it since
			default:
				b.Certificate = e.Certificate
				unverified, certificates = append(unverified, b), append(certificates, e.Certificate)
			}
		}
		var wrong error
		certs, errs := committee.ParseCertificates(r.view.Epochs, certificates)
		for i, b := range unverified {
			if errors.Is(errs[i], committee.ErrEpoch) {
				continue
			}
			if errs[i] != nil || !certs[i].Stores(b.Blob) {
				wrong = errors.Join(errWrong, errs[i])
				continue
			}
			found = append(found, b)
		}
		r.found(found)
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

// found hands out blobs.
func (r *round) found(found []Found) {
	for _, b := range found {
		r.known[b.Blob] = true
	}
	if len(found) > 0 {
		r.emit(found)
	}
}
