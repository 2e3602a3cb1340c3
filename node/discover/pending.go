package discover

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// Bounds of what a round spends on pending blobs.
const (
	pendingPages = 16  // of a member's list
	maxAttempts  = 256 // blobs that the members are asked to attest
	attemptsAt   = 8   // of these at once
	attemptTime  = 10 * time.Second
)

// pending is the second and third part of a round.
func (r *round) pending(ctx context.Context) {
	lists := make([]pendingList, len(r.view.Peers))
	need, weight := 2*r.view.Params().F+1, 0
	r.collect(ctx, []section{{api.ListPending, r.cursor, pendingPages}}, func(p page) bool {
		l := &lists[p.member]
		switch {
		case !p.end:
			l.entries, l.next = append(l.entries, p.list.Blobs...), p.list.Next
		case p.err != nil: // a list that was broken off says nothing of what comes after it
			r.wrong(p.member, p.err)
		default:
			l.done = true
			weight += r.view.Weight(p.member)
		}
		return weight >= need
	})
	if weight < need {
		return // the next round begins at the same place
	}
	end := r.listedUpTo(lists, need)
	candidates := r.candidates(lists, end)
	next := end
	if len(candidates) > maxAttempts {
		candidates = candidates[:maxAttempts]
		next = &candidates[maxAttempts-1]
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, attemptsAt)
	var found []Found
	for _, id := range candidates {
		b, lacks := r.examine(id)
		if !lacks {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			cert, lies := r.attest(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if r.seen.Lies += lies; cert != nil {
				b.Certificate = cert
				found = append(found, b)
			}
		})
	}
	group.Wait()
	r.found(found)
	if ctx.Err() == nil {
		r.cursor = next
	}
}

// pendingList is a part of what a member lists as pending.
type pendingList struct {
	entries []api.BlobEntry
	next    *commit.BlobID // how far it goes; nil if it goes to the end
	done    bool
}

// listedUpTo returns the blob up to which the owners of so many shards have listed
// theirs, or nil if that is the end.
func (r *round) listedUpTo(lists []pendingList, need int) *commit.BlobID {
	var ends []*commit.BlobID
	var weights []int
	for member, l := range lists {
		if l.done {
			ends, weights = append(ends, l.next), append(weights, r.view.Weight(member))
		}
	}
	return peer.Reach(ends, weights, need)
}

// candidates returns, in their order, the blobs up to the end that the owners of more
// than f shards list, so that an honest one does, and that it is time to try.
func (r *round) candidates(lists []pendingList, end *commit.BlobID) (ids []commit.BlobID) {
	type vote struct {
		blob   commit.BlobID
		weight int
	}
	var votes []vote
	for member, l := range lists {
		for _, e := range l.entries {
			if peer.CompareEnds(&e.Blob, end) <= 0 && !r.known[e.Blob] {
				votes = append(votes, vote{e.Blob, r.view.Weight(member)})
			}
		}
	}
	slices.SortFunc(votes, func(a, b vote) int { return bytes.Compare(a.blob[:], b.blob[:]) })
	for len(votes) > 0 {
		id, weight := votes[0].blob, 0
		for len(votes) > 0 && votes[0].blob == id {
			weight, votes = weight+votes[0].weight, votes[1:]
		}
		if weight > r.view.Params().F && r.due(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// attested returns a certificate made of what the members attest, or nil.
func (r *round) attested(ctx context.Context, id commit.BlobID) []byte {
	if !r.due(id) {
		return nil
	}
	cert, lies := r.attest(ctx, id)
	r.seen.Lies += lies
	return cert
}

// attest asks the members to attest a blob, and makes a certificate of it if enough do.
func (r *round) attest(ctx context.Context, id commit.BlobID) (raw []byte, lies int64) {
	a := committee.Attestation{Kind: committee.Stored, Blob: id}
	signatures := make(map[int]committee.Signature)
	weight, refused := 0, 0
	var cert *committee.Certificate
	limited, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	peer.Each(limited, r.view.Peers, func(ctx context.Context, p *peer.Peer) (committee.Signature, error) {
		return p.Confirmation(ctx, id)
	}, func(member int, s committee.Signature, err error) bool {
		if errors.Is(err, peer.ErrNotFound) {
			refused += r.view.Weight(member)
		}
		if err == nil && cert == nil {
			signatures[member] = s
			if weight += r.view.Weight(member); weight >= r.view.Quorum(committee.Stored) {
				sent := len(signatures)
				cert, _ = peer.CertifyMost(r.view, a, signatures)
				lies += int64(sent - len(signatures))
			}
		}
		// Those that have it not can be too many.
		return cert != nil || refused > r.view.Params().F
	})
	if cert != nil {
		raw, _ = cert.MarshalBinary()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if raw == nil && ctx.Err() == nil {
		r.tried.fail(id, time.Now())
	} else {
		r.tried.forget(id)
	}
	return raw, lies
}
