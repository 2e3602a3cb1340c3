package heal

import (
	"context"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/peer"
)

// symbolRequests are what one peer is asked for at once.
type symbolRequests struct {
	place      int // of the peer in the view
	requests   []api.SymbolRequest
	recoveries []*recovery // of each request
	bytes      int         // of the answers

	call *peer.Call
}

// Bounds of what is asked for at once, well below those of package api: of one request
// and of all requests in one body.
const (
	symbolsOfRequest = api.MaxSymbols / 4
	symbolsOfBody    = api.MaxSymbols / 2
	indicesOfBody    = api.MaxRequestBody / 8
	requestsOfBody   = api.MaxItems / 4
)

// add adds a request, in parts if it asks for very much.
func (o *symbolRequests) add(v *recovery, r api.SymbolRequest) {
	for part := range slices.Chunk(r.Sources, max(1, symbolsOfRequest/len(r.Targets))) {
		r.Sources = part
		o.requests, o.recoveries = append(o.requests, r), append(o.recoveries, v)
	}
}

// next takes the requests that go into the next body.
func (o *symbolRequests) next() (requests []api.SymbolRequest, recoveries []*recovery) {
	symbols, indices, count := 0, 0, 0
	for _, r := range o.requests {
		symbols += len(r.Targets) * len(r.Sources)
		indices += len(r.Targets) + len(r.Sources)
		if count > 0 && (symbols > symbolsOfBody || indices > indicesOfBody || count == requestsOfBody) {
			break
		}
		count++
	}
	requests, recoveries = o.requests[:count], o.recoveries[:count]
	o.requests, o.recoveries = o.requests[count:], o.recoveries[count:]
	return requests, recoveries
}

// requestOf asks for the symbols where the recovery's targets cross the sources.
func requestOf(v *recovery, sources []uint16) api.SymbolRequest {
	targets := make([]uint16, len(v.open))
	for i, t := range v.open {
		targets[i] = uint16(t.ref.Index)
	}
	return api.SymbolRequest{Blob: v.blob.id, Axis: v.axis, Proofs: v.proofs, Targets: targets, Sources: sources}
}

// answerBytes returns the length of the answer to a request.
func answerBytes(v *recovery, request api.SymbolRequest) int {
	n := v.view.Params().N
	return len(request.Sources) * (api.FrameHeaderSize + api.SymbolsLength(len(request.Targets), v.blob.size, n, request.Proofs))
}

// deliver asks for all of the requests, and hands out what comes.
func deliver(ctx context.Context, r *Round, o *symbolRequests, take func(*recovery, peer.SymbolBatch) error) error {
	rest := symbolRequests{requests: o.requests, recoveries: o.recoveries}
	for len(rest.requests) > 0 {
		requests, recoveries := rest.next()
		sizes := make([]int, len(requests))
		for i, v := range recoveries {
			sizes[i] = v.blob.size
		}
		err := r.view.All[o.place].Symbols(ctx, requests, sizes, func(b peer.SymbolBatch) error {
			proofs := 0
			for _, s := range b.Symbols {
				proofs += len(s.Proof) * commit.HashSize
			}
			r.Count(func(report *Report) {
				report.ProofBytes += int64(proofs)
				report.SymbolBytes += int64(b.Bytes - proofs)
			})
			return take(recoveries[b.Item], b)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
