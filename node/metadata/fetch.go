package metadata

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// Fetcher gets metadata from other nodes. It is safe for concurrent use.
type Fetcher struct{ form }

// NewFetcher returns what fetches metadata of blobs of the system. The hasher is of the
// system's scheme. The error says that there is no code for so many shards, or no hasher.
func NewFetcher(system committee.System, h *commit.Hasher) (*Fetcher, error) {
	f, err := newForm(system, h)
	if err != nil {
		return nil, err
	}
	return &Fetcher{f}, nil
}

// Fetch gets all of a blob's metadata from the nodes of a view, and verifies it. It also
// returns how many bytes it took.
//
// failed, which may be nil, is called for a node that does not give what it is asked for,
// and with peer.ErrLied for one that is found to have lied, which is distrusted; what it
// returns, if that is not nil, ends the search. Otherwise the error is a *peer.NoneError.
func (f *Fetcher) Fetch(ctx context.Context, v *peer.View, id commit.BlobID, failed func(*peer.Peer, error) error) (*commit.Metadata, int64, error) {
	if failed == nil {
		failed = func(*peer.Peer, error) error { return nil }
	}
	if f.code != nil {
		return newGathering(f, v, id, failed).run(ctx)
	}
	meta, err := peer.First(ctx, v.Set, v.All, f.Bound(), func(ctx context.Context, p *peer.Peer) (*commit.Metadata, error) {
		return p.Metadata(ctx, id, f.hasher)
	}, failed)
	if err != nil {
		return nil, 0, err
	}
	return meta, int64(commit.HashSize + f.Bound()), nil
}

// answer is what a node answers who is asked for parts.
type answer struct {
	whole *commit.Metadata // or
	parts *coded.Parts     // of pairs that were asked for, verified if they have a proof
	bytes int
}

// ask asks a node for the parts of pairs. The error wraps peer.ErrLied for an answer that is
// wrong whatever the blob's metadata may be.
func (f *Fetcher) ask(ctx context.Context, p *peer.Peer, id commit.BlobID, pairs []int, proven bool) (a answer, err error) {
	data, err := peer.MetadataParts(ctx, p, id, pairs, proven)
	if err != nil {
		return a, err
	}
	lied := func(err error) error { return fmt.Errorf("%s: %w: %w", p.Name(), peer.ErrLied, err) }
	a.bytes = len(data)
	if !coded.IsParts(data) {
		if a.whole, err = f.Parse(id, data); err != nil {
			return answer{}, lied(err)
		}
		return a, nil
	}
	got, err := f.code.ParseParts(data)
	if err != nil {
		return answer{}, lied(err)
	}
	if proven {
		// It may have more than it was asked for; another's pairs are not its own to give.
		if err := f.code.Verify(got); err != nil {
			return answer{}, lied(err)
		}
	}
	asked := make(map[int]bool, len(pairs))
	for _, pair := range pairs {
		asked[pair] = true
	}
	a.parts = &coded.Parts{Root: got.Root}
	for i, pair := range got.Pairs {
		switch {
		case asked[pair]:
			a.parts.Pairs, a.parts.Data = append(a.parts.Pairs, pair), append(a.parts.Data, got.Data[i])
		case !proven:
			return answer{}, lied(errors.New("parts that were not asked for"))
		}
	}
	return a, nil
}
