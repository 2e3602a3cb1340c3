package heal

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ask asks all peers at once for what the crossings lack, and waits. It calls ready
// with each crossing that has all its symbols.
func (p *pass) ask(ctx context.Context, open []*crossing, ready func(*crossing)) {
	standing := make([]peer.Standing, len(p.Peers))
	for i, remote := range p.Peers {
		if remote != nil {
			standing[i] = remote.Standing()
		}
	}
	orders := make([]order, len(p.Peers))
	for _, c := range open {
		c.state = idle
		if len(c.have) >= p.need(c.axis) {
			ready(c)
			continue
		}
		byPeer := make(map[int][]uint16)
		for _, pair := range p.choose(c, standing) {
			member := p.Committee.OwnerOfPair(c.w.id, pair)
			byPeer[member] = append(byPeer[member], uint16(pair))
			c.state = waiting
		}
		targets := make([]uint16, len(c.open))
		for i, t := range c.open {
			targets[i] = uint16(t.ref.Index)
		}
		for member, sources := range byPeer {
			orders[member].add(c, api.SymbolRequest{
				Blob: c.w.id, Axis: c.axis, Proofs: c.proofs, Targets: targets, Sources: sources,
			})
		}
	}

	var group sync.WaitGroup
	for member, o := range orders {
		if len(o.requests) > 0 {
			group.Go(func() { p.deliver(ctx, p.Peers[member], o, ready) })
		}
	}
	group.Wait()
}

// order is what one peer is asked for.
type order struct {
	requests  []api.SymbolRequest
	crossings []*crossing // of each request
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
func (o *order) add(c *crossing, r api.SymbolRequest) {
	for part := range slices.Chunk(r.Sources, max(1, symbolsOfRequest/len(r.Targets))) {
		r.Sources = part
		o.requests, o.crossings = append(o.requests, r), append(o.crossings, c)
	}
}

// next returns how many of the requests go into the next body.
func (o *order) next() (count int) {
	symbols, indices := 0, 0
	for _, r := range o.requests {
		symbols += len(r.Targets) * len(r.Sources)
		indices += len(r.Targets) + len(r.Sources)
		if count > 0 && (symbols > symbolsOfBody || indices > indicesOfBody || count == requestsOfBody) {
			break
		}
		count++
	}
	return count
}

// deliver asks a peer for all of an order. What has not come is to be asked of others.
func (p *pass) deliver(ctx context.Context, remote *peer.Peer, o order, ready func(*crossing)) {
	var err error
	for len(o.requests) > 0 {
		count := o.next()
		requests, crossings := o.requests[:count], o.crossings[:count]
		o.requests, o.crossings = o.requests[count:], o.crossings[count:]
		came := make(map[source]bool)
		if err == nil {
			err = p.request(ctx, remote, requests, crossings, came, ready)
		}
		p.mu.Lock()
		for i, r := range requests {
			for _, pair := range r.Sources {
				if !came[source{i, int(pair)}] {
					crossings[i].bad[int(pair)] = true
				}
			}
		}
		p.mu.Unlock()
	}
	if err == nil {
		return
	}
	p.Logger.Debug("no symbols", "peer", remote.Name(), "error", err)
	if errors.Is(err, peer.ErrLied) {
		remote.Distrust()
		p.count(func(r *Report) { r.Lies++ })
	} else {
		remote.Fail()
	}
}

// source is a pair whose symbols are asked for, in one of many requests.
type source struct{ item, pair int }

// request makes requests in one body, takes what comes, and notes that it came.
func (p *pass) request(
	ctx context.Context, remote *peer.Peer, requests []api.SymbolRequest, crossings []*crossing,
	came map[source]bool, ready func(*crossing),
) error {
	sizes := make([]int, len(requests))
	for i, c := range crossings {
		sizes[i] = c.w.size
	}
	return remote.Symbols(ctx, requests, sizes, func(b peer.SymbolBatch) error {
		came[source{b.Item, b.Pair}] = true
		// As many sources were asked as are needed: with the last one, nobody else adds
		// to the crossing.
		if c := crossings[b.Item]; p.receive(c, b) {
			ready(c)
		}
		return nil
	})
}

// receive takes symbols from a source, and counts their bytes. It reports whether the
// crossing has all now.
func (p *pass) receive(c *crossing, b peer.SymbolBatch) (full bool) {
	proofs := 0
	symbols := make(map[rs2d.SliverRef]rs2d.Symbol, len(b.Symbols))
	for _, s := range b.Symbols {
		proofs += len(s.Proof) * commit.HashSize
		symbols[s.At(c.axis)] = s
	}
	p.count(func(r *Report) {
		r.ProofBytes += int64(proofs)
		r.SymbolBytes += int64(b.Bytes - proofs)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	c.have[b.Pair] = symbols
	return len(c.have) == p.need(c.axis)
}
