package node

import (
	"context"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
)

// gatherers is how many blobs' metadata is gathered at once for those who ask for all of it.
const gatherers = 16

// whole has all of the metadata of blobs of which the node keeps a part.
type whole struct {
	server  *server.Server
	fetcher *metadata.Fetcher
	view    func() *peer.View
	turns   chan struct{}
}

func newWhole(s *server.Server, f *metadata.Fetcher, view func() *peer.View) *whole {
	return &whole{s, f, view, make(chan struct{}, gatherers)}
}

// metadata is [Node.Metadata].
func (w *whole) metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	kept, err := w.server.Metadata(id)
	if err != nil || kept.Whole != nil {
		return kept.Whole, err
	}
	select {
	case w.turns <- struct{}{}:
		defer func() { <-w.turns }()
	default:
		return nil, httpd.ErrBusy
	}
	meta, _, err := w.fetcher.Fetch(ctx, w.view(), id, nil)
	if err == nil {
		w.server.Remember(id, meta)
	}
	return meta, err
}
