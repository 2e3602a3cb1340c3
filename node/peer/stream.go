package peer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// streamBuffer is how much of a stream is read at least. The connection below has its
// buffer, too: this one is for headers.
const streamBuffer = 4 << 10

// maxMessage bounds the text of a FrameError.
const maxMessage = 1 << 10

// Slivers asks for slivers of one blob by their pairs, and calls f with each that
// comes, in the order in which they come; missing ones are left out. sizes are the
// lengths of the blob's primary and secondary slivers. buffer returns memory for a
// sliver, of its length, or nil to have some allocated; buffer may be nil. The slivers
// are not verified; their data belongs to f. An error of f ends the call and is
// returned.
func (p *Peer) Slivers(ctx context.Context, id commit.BlobID, primary, secondary []int, sizes [2]int, buffer func(rs2d.SliverRef) []byte, f func(rs2d.Sliver) error) error {
	path := api.BlobPath(id, api.SliversPath) + "?" + api.SliversQuery(primary, secondary)
	body, _, err := p.do(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	defer body.Close()
	n := p.committee.Params().N
	wanted := [2][]int{slices.Clone(primary), slices.Clone(secondary)}
	return p.frames(body, api.FrameSliver, len(primary)+len(secondary), func(h api.FrameHeader, frames *api.FrameReader) error {
		at := slices.Index(wanted[h.Axis], int(h.Index))
		if at < 0 || int(h.Length) != sizes[h.Axis] {
			return p.lie("a sliver that was not asked for")
		}
		wanted[h.Axis] = slices.Delete(wanted[h.Axis], at, at+1)
		first, second := rs2d.PairSlivers(int(h.Index), n)
		ref := first
		if rs2d.Axis(h.Axis) == rs2d.Secondary {
			ref = second
		}
		var data []byte
		if buffer != nil {
			data = buffer(ref)
		}
		if data == nil {
			data = make([]byte, h.Length)
		}
		data, err := frames.Body(data, int(h.Length))
		if err != nil {
			return p.streamError(err)
		}
		return f(rs2d.Sliver{SliverRef: ref, Data: data})
	})
}

// SliverRange fills dst with the bytes of a sliver from off on. They are not verified.
func (p *Peer) SliverRange(ctx context.Context, id commit.BlobID, pair int, axis rs2d.Axis, off int64, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	body, resp, err := p.do(ctx, request{
		method: http.MethodGet, path: api.SliverPath(id, pair, axis), bytes: fmt.Sprintf("bytes=%d-%d", off, off+int64(len(dst))-1),
	})
	if err != nil {
		return err
	}
	defer body.Close()
	if resp.StatusCode != http.StatusPartialContent || resp.ContentLength != int64(len(dst)) {
		return p.lie("%d bytes with status %d instead of a range of %d", resp.ContentLength, resp.StatusCode, len(dst))
	}
	if _, err := io.ReadFull(body, dst); err != nil {
		return p.streamError(err)
	}
	// The connection serves again once the end was seen.
	toEnd(body)
	return nil
}

// toEnd takes note of the end of an answer of which all is there: its connection serves again then.
func toEnd(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 1) }

// frames reads an answer to its end, and calls f with the header of every frame of the
// kind that is expected; f reads the rest of it, and takes as many as were asked for.
// Messages that something is not coming are passed over: there is one at most for each
// of the most things that were asked for. An error of f ends the call and is returned.
func (p *link) frames(body io.Reader, kind api.FrameKind, most int, f func(api.FrameHeader, *api.FrameReader) error) error {
	frames := api.NewFrameReader(bufio.NewReaderSize(body, streamBuffer))
	for excuses := 0; ; {
		h, err := frames.Next()
		switch {
		case err != nil:
			return p.streamError(err)
		case h.Kind == api.FrameEnd:
			toEnd(body)
			return nil
		case h.Kind == kind:
			if err := f(h, frames); err != nil {
				return err
			}
		case h.Kind != api.FrameError || h.Length > maxMessage:
			return p.lie("%d bytes in a frame of kind %d among such of kind %d", h.Length, h.Kind, kind)
		case excuses == most:
			return p.lie("more messages than was asked for")
		default:
			excuses++
		}
	}
}

// streamError tells lies about the form of a stream from broken connections.
func (p *link) streamError(err error) error {
	if errors.Is(err, api.ErrMalformed) || errors.Is(err, api.ErrTooLong) {
		return fmt.Errorf("%s: %w: %w", p.name, ErrLied, err)
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// SymbolBatch is what a node sends for one source sliver of one request.
type SymbolBatch struct {
	Item    int // of the requests
	Pair    int // the source
	Symbols []rs2d.Symbol
	Bytes   int // of the frame, its header included
}

// Symbols makes many requests in one, and calls f with what comes, in any order;
// missing sources are left out. sizes are the lengths of a symbol of each request's
// blob. The symbols are not verified; their data belongs to f. An error of f ends the
// call and is returned.
func (p *Peer) Symbols(ctx context.Context, requests []api.SymbolRequest, sizes []int, f func(SymbolBatch) error) error {
	data := api.AppendRequests(nil, requests)
	body, _, err := p.do(ctx, request{
		method: http.MethodPost, path: api.SymbolsPath, contentType: api.TypeBytes, length: int64(len(data)),
		body: func() io.Reader { return bytes.NewReader(data) },
	})
	if err != nil {
		return err
	}
	defer body.Close()
	n := p.committee.Params().N
	type source struct{ item, pair int }
	open := make(map[source]bool)
	for i, r := range requests {
		for _, pair := range r.Sources {
			open[source{i, int(pair)}] = true
		}
	}
	return p.frames(body, api.FrameSymbols, len(open), func(h api.FrameHeader, frames *api.FrameReader) error {
		from := source{int(h.Item), int(h.Index)}
		if !open[from] {
			return p.lie("symbols that were not asked for")
		}
		delete(open, from)
		r := &requests[from.item]
		want := api.SymbolsLength(len(r.Targets), sizes[from.item], n, r.Proofs)
		if int(h.Length) != want {
			return p.lie("%d bytes of symbols instead of %d", h.Length, want)
		}
		b, err := frames.Body(make([]byte, 0, want), want)
		if err != nil {
			return p.streamError(err)
		}
		symbols, err := api.ParseSymbols(b, r, from.pair, sizes[from.item], n)
		if err != nil {
			return p.streamError(err)
		}
		return f(SymbolBatch{from.item, from.pair, symbols, api.FrameHeaderSize + want})
	})
}
