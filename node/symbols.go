package node

import (
	"errors"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// expandFrom is how many parity symbols of one sliver make it cheaper to compute all
// of them by transform than each by a sum over the sliver.
const expandFrom = 8

// symbolSource gives out symbols of one stored sliver.
type symbolSource struct {
	n    *Node
	id   commit.BlobID
	ref  store.Ref
	k    int // symbols in the sliver
	size int // bytes of a symbol
}

// source returns the source of the symbols that slivers of axis and the pair share.
func (n *Node) source(id commit.BlobID, meta *commit.Metadata, axis rs2d.Axis, pair int) (*symbolSource, error) {
	p := n.committee.Params()
	size, err := p.SymbolSize(meta.Length)
	if err != nil {
		return nil, err
	}
	s := &symbolSource{n: n, id: id, ref: store.Ref{Axis: axis.Other(), Pair: pair}, k: p.S, size: size}
	if s.ref.Axis == rs2d.Secondary {
		s.k = p.P
	}
	return s, nil
}

// parity returns how many of the places the sliver does not hold the symbols of.
func (s *symbolSource) parity(places []uint16) (count int) {
	for _, at := range places {
		if int(at) >= s.k {
			count++
		}
	}
	return count
}

// memory returns how many bytes each takes for its symbols, and what it makes them of.
func (s *symbolSource) memory(places []uint16, proofs bool) int64 {
	symbols := len(places)
	if proofs || s.parity(places) > 0 {
		symbols += s.k + s.n.committee.Params().N
	}
	return int64(symbols) * int64(s.size)
}

// each calls f with the symbols at the places, in their order. Their data is valid
// during the call.
//
// Symbols that the sliver holds are read from the disk, no more than that. Others are
// computed from all of the sliver, and so are proofs.
func (s *symbolSource) each(places []uint16, proofs bool, f func(rs2d.Symbol)) error {
	ref := placement.Ref(s.ref).Sliver(s.n.committee.Params().N)
	parity := s.parity(places)
	if !proofs && parity == 0 {
		return s.stored(places, f)
	}
	data, err := s.n.store.Read(nil, s.id, s.ref, 0, -1)
	if err != nil {
		return err
	}
	sliver := rs2d.Sliver{SliverRef: ref, Data: data}
	switch {
	case proofs:
		prover, err := s.n.code.NewProver(sliver)
		if err != nil {
			return err
		}
		for _, at := range places {
			f(prover.Symbol(int(at)))
		}
	case parity >= expandFrom:
		all, err := s.n.code.Expand(sliver)
		if err != nil {
			return err
		}
		for _, at := range places {
			f(rs2d.Symbol{Data: all[int(at)*s.size:][:s.size]})
		}
	default:
		for _, at := range places {
			symbol, err := s.n.code.Symbol(sliver, int(at))
			if err != nil {
				return err
			}
			f(symbol)
		}
	}
	return nil
}

// stored is each for symbols that the sliver holds. Neighbours are read at once.
func (s *symbolSource) stored(places []uint16, f func(rs2d.Symbol)) error {
	size := int64(s.size)
	for len(places) > 0 {
		run := 1
		for run < len(places) && places[run] == places[run-1]+1 {
			run++
		}
		data, err := s.n.store.Read(nil, s.id, s.ref, int64(places[0])*size, int64(run)*size)
		if err != nil {
			return err
		}
		for symbol := range slices.Chunk(data, s.size) {
			f(rs2d.Symbol{Data: symbol})
		}
		places = places[run:]
	}
	return nil
}

// postSymbols answers many requests for symbols of many blobs in one stream.
func (n *Node) postSymbols(c *call) {
	body, ok := c.ReadBody(api.MaxRequestBody)
	if !ok {
		return
	}
	requests, err := api.ParseRequests(body, n.committee.Params().N)
	if err != nil {
		c.Fail(http.StatusBadRequest, err.Error())
		return
	}
	c.stream(func(yield func(api.FrameHeader, frameData) bool) {
		for i := range requests {
			r := &requests[i]
			meta, err := n.metadataOf(r.Blob)
			if n.has(r.Blob, store.Verdict) {
				err = store.ErrNotFound // nobody needs symbols of it
			}
			for _, pair := range r.Sources {
				symbols := func(dst []byte) ([]byte, error) {
					if err != nil {
						return nil, err
					}
					return c.appendSymbols(dst, r, meta, int(pair))
				}
				if !yield(api.FrameHeader{Kind: api.FrameSymbols, Index: pair, Item: uint32(i)}, symbols) {
					return
				}
			}
		}
	})
}

// appendSymbols appends the symbols of one source. The error is that of the store,
// httpd.ErrBusy, or the context's.
func (c *call) appendSymbols(dst []byte, r *api.SymbolRequest, meta *commit.Metadata, pair int) ([]byte, error) {
	n := c.n
	source, err := n.source(r.Blob, meta, r.Axis, pair)
	if err != nil {
		return nil, err
	}
	done, ok := c.compute()
	if !ok {
		return nil, c.Context().Err()
	}
	defer done()
	release, err := c.Borrow(source.memory(r.Targets, r.Proofs))
	if err != nil {
		return nil, err
	}
	defer release()
	err = source.each(r.Targets, r.Proofs, func(s rs2d.Symbol) {
		n.metrics.symbols.Inc()
		dst = api.AppendSymbol(dst, s)
	})
	return dst, err
}

func (n *Node) getRecoverySymbols(c *call) { n.listSymbols(c, true) }
func (n *Node) getDecodingSymbols(c *call) { n.listSymbols(c, false) }

// listSymbols answers with the symbols of one sliver that the node can give, from all
// its pairs or from the one that the query names: one after another in BCS, each as
// Walrus's RecoverySymbol.
func (n *Node) listSymbols(c *call, proofs bool) {
	q := c.URL.Query()
	shards := n.committee.Params().N
	axis, err := api.ParseAxis(q.Get("axis"))
	var target int
	if err == nil {
		target, err = api.ParseIndex(q.Get("target"), shards)
	}
	pairs := n.committee.Pairs(c.id, n.member)
	if s := q.Get("source"); err == nil && s != "" {
		pairs = make([]int, 1)
		pairs[0], err = api.ParseIndex(s, shards)
	}
	if err != nil {
		c.Fail(http.StatusBadRequest, err.Error())
		return
	}
	if !n.owns(c.id, pairs[0]) {
		c.Fail(http.StatusMisdirectedRequest, "the pair is another node's")
		return
	}
	meta, err := n.metadataOf(c.id)
	if err != nil {
		c.storeError(err)
		return
	}
	var out []byte
	for _, pair := range pairs {
		source, err := n.source(c.id, meta, axis, pair)
		if err != nil {
			c.storeError(err)
			return
		}
		out, err = c.appendSymbol(out, source, target, proofs)
		if err != nil && (len(pairs) == 1 || !errors.Is(err, store.ErrNotFound)) {
			c.storeError(err)
			return
		}
	}
	if len(out) == 0 {
		c.Fail(http.StatusNotFound, "not here")
		return
	}
	c.send(out)
}

func (c *call) appendSymbol(out []byte, source *symbolSource, target int, proofs bool) ([]byte, error) {
	done, ok := c.compute()
	if !ok {
		return out, c.Context().Err()
	}
	defer done()
	var failure error
	err := source.each([]uint16{uint16(target)}, proofs, func(s rs2d.Symbol) {
		c.n.metrics.symbols.Inc()
		ref := placement.Ref(source.ref).Sliver(c.n.committee.Params().N)
		s.ProofAxis = ref.Axis
		if ref.Axis == rs2d.Primary {
			s.Row, s.Col = ref.Index, target
		} else {
			s.Row, s.Col = target, ref.Index
		}
		out, failure = s.AppendBCS(out)
	})
	return out, errors.Join(err, failure)
}
