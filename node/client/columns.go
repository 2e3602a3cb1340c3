package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ReadColumns returns columns [from, to) of the blob's message matrix, one after another:
// secondary slivers that are not parity, P symbols each. They come from the nodes that
// hold them, if these answer in time; and else from the whole blob. It makes sure of as
// much as a systematic check does.
//
// The error says that there are no such columns, or is one of those of Read.
func (c *Client) ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error) {
	if s := c.code.Params().S; from < 0 || to > s || from > to {
		return nil, fmt.Errorf("client: columns [%d, %d), want some of the %d that are not parity", from, to, s)
	}
	return read(c, ctx, func(ctx context.Context, o operation) ([]byte, error) { return columns(ctx, o, id, from, to) })
}

// columns reads columns by one view, see [Client.ReadColumns].
func columns(ctx context.Context, o operation, id commit.BlobID, from, to int) ([]byte, error) {
	r, err := o.read(ctx, id)
	if err != nil {
		return nil, err
	}
	memory, err := r.memory.reserve(ctx, int64(to-from)*int64(r.view.Params().P*r.size))
	if err != nil {
		return nil, err
	}
	columns, err := r.columns(ctx, from, to)
	memory.release()
	if err == nil || ctx.Err() != nil {
		return columns, err
	}
	blob, err := r.all(ctx)
	if err != nil {
		return nil, err
	}
	return cutColumns(r.view.Params(), r.size, blob, from, to), nil
}

// columns fetches columns from their owners. It gives up rather than to wait for one that
// is late.
func (r *reading) columns(ctx context.Context, from, to int) ([]byte, error) {
	params := r.view.Params()
	sliver := params.P * r.size
	data := make([]byte, (to-from)*sliver)
	pairs := make(map[int][]int) // by owner
	for column := from; column < to; column++ {
		pair := rs2d.SliverRef{Axis: rs2d.Secondary, Index: column}.Pair(params.N)
		owner := r.view.Holder(r.id, pair, 0)
		pairs[owner] = append(pairs[owner], pair)
	}
	f := peer.NewFanout(r.peers, peer.FanoutOptions{Transfers: true, NoHedge: true})
	var failure error
	fetch := func(p *peer.Peer, wanted []int) {
		var got []rs2d.Sliver
		f.Start(p, len(wanted)*sliver, func(ctx context.Context, c *peer.Call) error {
			return p.Slivers(ctx, r.id, nil, wanted, [2]int{params.S * r.size, sliver},
				func(ref rs2d.SliverRef) []byte { return data[(ref.Index-from)*sliver:][:sliver:sliver] },
				func(s rs2d.Sliver) error { got = append(got, s); return nil })
		}, func(err error) {
			if err == nil && len(got) < len(wanted) {
				err = errors.New("columns are missing")
			}
			if wrong := errors.Join(r.code.VerifySlivers(r.meta, got)...); wrong != nil {
				p.Distrust()
				r.log.Warn("wrong sliver", "node", p.Name(), "blob", r.id, "error", wrong)
				err = wrong
			}
			if err != nil {
				failure = &MemberError{Member: p.Name(), Err: err}
			}
		})
	}
	err := f.Run(ctx, func() (done bool) {
		for owner, wanted := range pairs {
			fetch(r.view.All[owner], wanted)
		}
		clear(pairs)
		if slices.ContainsFunc(f.Open(), (*peer.Call).Late) {
			failure = errLate
		}
		return failure != nil
	})
	return data, cmp.Or(failure, err)
}

// errLate is returned when a node has not sent its columns in time.
var errLate = errors.New("client: a node is late")

// cutColumns returns columns [from, to) of a blob's matrix, whose rows are the blob.
func cutColumns(params commit.Params, size int, blob []byte, from, to int) []byte {
	data := make([]byte, (to-from)*params.P*size)
	for i := range to - from {
		for row := range params.P {
			if at := (row*params.S + from + i) * size; at < len(blob) {
				copy(data[(i*params.P+row)*size:][:size], blob[at:])
			}
		}
	}
	return data
}
