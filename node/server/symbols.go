package server

import (
	"errors"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// expandFrom is how many parity symbols of one sliver make it cheaper to compute all
// of them by transform than each by a sum over the sliver.
const expandFrom = 8

// symbolServer gives out symbols of stored slivers.
type symbolServer struct {
	blobs *blobs
	code  *rs2d.Code
}

// symbolSource gives out symbols of one stored sliver.
type symbolSource struct {
	of   *symbolServer
	id   commit.BlobID
	ref  store.Ref
	k    int // symbols in the sliver
	size int // bytes of a symbol
}

// source returns the source of the symbols that slivers of axis and the pair share.
func (y *symbolServer) source(id commit.BlobID, length uint64, axis rs2d.Axis, pair int) (*symbolSource, error) {
	p := y.blobs.params
	size, err := p.SymbolSize(length)
	if err != nil {
		return nil, err
	}
	s := &symbolSource{of: y, id: id, ref: store.Ref{Axis: axis.Other(), Pair: pair}, k: p.S, size: size}
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
	switch {
	case proofs || s.parity(places) > 0:
		symbols += s.k + s.of.blobs.params.N
	case s.small():
		symbols += s.k
	}
	return int64(symbols) * int64(s.size)
}

// smallSliver is how many bytes of a sliver take no more time to read than one symbol of
// it: the store reads and checks blocks that are larger.
const smallSliver = 32 << 10

// small reports whether all of the sliver is read for any symbol.
func (s *symbolSource) small() bool { return s.k*s.size <= smallSliver }

// each calls f with the symbols at the places, in their order. Their data is valid
// during the call.
//
// Symbols that the sliver holds are read from the disk, no more than that. Others are
// computed from all of the sliver, and so are proofs.
func (s *symbolSource) each(places []uint16, proofs bool, f func(rs2d.Symbol)) error {
	ref := placement.Ref(s.ref).Sliver(s.of.blobs.params.N)
	parity := s.parity(places)
	if !proofs && parity == 0 {
		return s.stored(places, f)
	}
	data, err := s.of.blobs.store.Read(nil, s.id, s.ref, 0, -1)
	if err != nil {
		return err
	}
	sliver := rs2d.Sliver{SliverRef: ref, Data: data}
	switch {
	case proofs:
		prover, err := s.of.code.NewProver(sliver)
		if err != nil {
			return err
		}
		for _, at := range places {
			f(prover.Symbol(int(at)))
		}
	case parity >= expandFrom:
		all, err := s.of.code.Expand(sliver)
		if err != nil {
			return err
		}
		for _, at := range places {
			f(rs2d.Symbol{Data: all[int(at)*s.size:][:s.size]})
		}
	default:
		for _, at := range places {
			symbol, err := s.of.code.Symbol(sliver, int(at))
			if err != nil {
				return err
			}
			f(symbol)
		}
	}
	return nil
}

// stored is each for symbols that the sliver holds. Those of a small sliver are read at
// once, and so are neighbours in a large one, in either order.
func (s *symbolSource) stored(places []uint16, f func(rs2d.Symbol)) error {
	if s.small() {
		return s.run(0, s.k, func(data []byte) {
			for _, at := range places {
				f(rs2d.Symbol{Data: data[int(at)*s.size:][:s.size]})
			}
		})
	}
	for len(places) > 0 {
		first, step, count := int(places[0]), 1, 1
		if len(places) > 1 && places[1] < places[0] {
			step = -1
		}
		for count < len(places) && int(places[count]) == first+step*count {
			count++
		}
		err := s.run(min(first, first+step*(count-1)), count, func(data []byte) {
			for i := range count {
				at := i
				if step < 0 {
					at = count - 1 - i
				}
				f(rs2d.Symbol{Data: data[at*s.size:][:s.size]})
			}
		})
		if err != nil {
			return err
		}
		places = places[count:]
	}
	return nil
}

// run calls f with so many symbols from the one at a place on.
func (s *symbolSource) run(from, count int, f func(data []byte)) error {
	buffer := buffers.Get().(*[]byte)
	defer giveBack(buffer)
	data, err := s.of.blobs.store.Read((*buffer)[:0], s.id, s.ref, int64(from)*int64(s.size), int64(count)*int64(s.size))
	if err != nil {
		return err
	}
	*buffer = data
	f(data)
	return nil
}

// post answers many requests for symbols of many blobs in one stream.
func (y *symbolServer) post(r *request) {
	body, ok := r.ReadBody(api.MaxRequestBody)
	if !ok {
		return
	}
	requests, err := api.ParseRequests(body, y.blobs.params.N)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	if servesNone(y.blobs, r, requests) {
		withheld(r)
		return
	}
	y.blobs.stream(r, func(yield func(api.FrameHeader, frameData) bool) {
		for i := range requests {
			want := &requests[i]
			kept, err := y.blobs.kept(want.Blob)
			if err == nil {
				err = serves(y.blobs, r, want.Blob, symbolsOf(y.blobs, r, want.Blob, want.Axis, want.Targets))
			}
			if y.blobs.has(want.Blob, store.InvalidBlobCertificate) {
				err = store.ErrNotFound // nobody needs symbols of it
			}
			for _, pair := range want.Sources {
				symbols := func(dst []byte) ([]byte, error) {
					if err != nil {
						return nil, err
					}
					return y.appendSymbols(r, dst, want, kept.Length, int(pair))
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
func (y *symbolServer) appendSymbols(r *request, dst []byte, want *api.SymbolRequest, length uint64, pair int) ([]byte, error) {
	source, err := y.source(want.Blob, length, want.Axis, pair)
	if err != nil {
		return nil, err
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return nil, err
	}
	defer done()
	release, err := r.Borrow(source.memory(want.Targets, want.Proofs))
	if err != nil {
		return nil, err
	}
	defer release()
	err = source.each(want.Targets, want.Proofs, func(s rs2d.Symbol) {
		y.blobs.metrics.symbols.Inc()
		dst = api.AppendSymbol(dst, s)
	})
	return dst, err
}

func (y *symbolServer) getProven(r *request) { y.list(r, true) }
func (y *symbolServer) getPlain(r *request)  { y.list(r, false) }

// list answers with the symbols of one sliver that the node can give, from all
// its pairs or from the one that the query names: one after another in BCS, each as
// Walrus's RecoverySymbol.
func (y *symbolServer) list(r *request, proofs bool) {
	q := r.URL.Query()
	shards := y.blobs.params.N
	axis, err := api.ParseAxis(q.Get("axis"))
	var target int
	if err == nil {
		target, err = api.ParseIndex(q.Get("target"), shards)
	}
	pairs := r.view.Mine(r.id)
	if s := q.Get("source"); err == nil && s != "" {
		pairs = make([]int, 1)
		pairs[0], err = api.ParseIndex(s, shards)
	}
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	if !r.owns(pairs[0]) {
		r.misdirected("the pair is another node's")
		return
	}
	kept, err := y.blobs.kept(r.id)
	if err == nil {
		err = serves(y.blobs, r, r.id, symbolsOf(y.blobs, r, r.id, axis, []uint16{uint16(target)}))
	}
	if err != nil {
		y.blobs.fail(r, err)
		return
	}
	var out []byte
	for _, pair := range pairs {
		source, err := y.source(r.id, kept.Length, axis, pair)
		if err != nil {
			y.blobs.fail(r, err)
			return
		}
		out, err = y.appendSymbol(r, out, source, target, proofs)
		if err != nil && (len(pairs) == 1 || !errors.Is(err, store.ErrNotFound)) {
			y.blobs.fail(r, err)
			return
		}
	}
	if len(out) == 0 {
		r.Fail(http.StatusNotFound, "not here")
		return
	}
	r.send(out)
}

func (y *symbolServer) appendSymbol(r *request, out []byte, source *symbolSource, target int, proofs bool) ([]byte, error) {
	done, err := r.Turn(r.Context())
	if err != nil {
		return out, err
	}
	defer done()
	release, err := r.Borrow(source.memory([]uint16{uint16(target)}, proofs))
	if err != nil {
		return out, err
	}
	defer release()
	var failure error
	err = source.each([]uint16{uint16(target)}, proofs, func(s rs2d.Symbol) {
		y.blobs.metrics.symbols.Inc()
		ref := placement.Ref(source.ref).Sliver(y.blobs.params.N)
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
