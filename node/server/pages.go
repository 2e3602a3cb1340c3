package server

import (
	"net/http"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// pager gives out slivers of many blobs, to members that get their shards.
type pager struct {
	blobs     *blobs
	plaintext bool
}

// post answers a page of requests in one stream. Each sliver takes a turn, so that many of
// them leave room for what clients ask.
func (p *pager) post(r *request) {
	if !p.plaintext && !r.gainsShards() {
		r.misdirected("only a member of the current or the next committee gets shards")
		return
	}
	body, ok := r.ReadBody(api.MaxRequestBody)
	if !ok {
		return
	}
	requests, err := api.ParseSliverRequests(body, p.blobs.params.N)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	p.blobs.stream(r, func(yield func(api.FrameHeader, frameData) bool) {
		sent := 0
		for i := range requests {
			want := &requests[i]
			gone := p.blobs.has(want.Blob, store.InvalidBlobCertificate)
			send := func(h api.FrameHeader, read frameData) bool {
				h.Item = uint32(i)
				return yield(h, func(dst []byte) ([]byte, error) {
					if gone {
						return nil, store.ErrNotFound // nobody needs slivers of it
					}
					data, err := read(dst)
					// Without metadata that is wanted, nobody could tell what slivers are.
					gone = err != nil && h.Kind == api.FrameMetadata
					sent += len(data)
					return data, err
				})
			}
			if want.Metadata && !send(api.FrameHeader{Kind: api.FrameMetadata}, func(dst []byte) ([]byte, error) {
				data, err := p.blobs.store.Record(want.Blob, store.Metadata)
				return append(dst, data...), err
			}) {
				return
			}
			for axis, pairs := range [][]uint16{want.Primary, want.Secondary} {
				for _, pair := range pairs {
					ref := store.Ref{Axis: rs2d.Axis(axis), Pair: int(pair)}
					h := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(axis), Index: pair}
					read := func(dst []byte) ([]byte, error) {
						if err := serves(p.blobs, r, want.Blob, sliverOf(ref.Axis)); err != nil {
							return nil, err
						}
						return p.read(r, dst, want, ref)
					}
					if sent >= api.MaxPage || !send(h, read) {
						return
					}
				}
			}
		}
	})
}

// read appends a sliver.
func (p *pager) read(r *request, dst []byte, want *api.SliverRequest, ref store.Ref) ([]byte, error) {
	size, err := p.blobs.store.Size(want.Blob, ref)
	if err != nil {
		return nil, err
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return nil, err
	}
	defer done()
	release, err := r.Borrow(size)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.blobs.store.Read(dst, want.Blob, ref, 0, -1)
}

// gainsShards reports whether who asks is a member of the current committee or the next one.
func (r *request) gainsShards() bool {
	if r.Party.Class != httpd.Member {
		return false
	}
	for _, c := range []*committee.Committee{r.view.Epochs.Current, r.view.Epochs.Next} {
		if c == nil {
			continue
		}
		if _, ok := c.FindID(r.Party.ID); ok {
			return true
		}
	}
	return false
}
