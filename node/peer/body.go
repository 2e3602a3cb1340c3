package peer

import (
	"io"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// body is frames that are sent. What they hold stays where it is.
type body struct {
	heads  []byte // of frames, one after another
	pieces [][]byte
	length int64 // bytes of all pieces
}

// newBody returns a body with room for so many frames.
func newBody(frames int) *body {
	return &body{heads: make([]byte, 0, frames*api.FrameHeaderSize), pieces: make([][]byte, 0, 2*frames)}
}

// add appends a frame.
func (b *body) add(h api.FrameHeader, data []byte) {
	h.Length = uint32(len(data))
	start := len(b.heads)
	b.heads = h.Append(b.heads)
	b.append(b.heads[start:])
	b.append(data)
}

func (b *body) append(piece []byte) {
	b.pieces = append(b.pieces, piece)
	b.length += int64(len(piece))
}

// blob appends metadata and slivers, in a code of n shards.
func (b *body) blob(n int, meta []byte, slivers []rs2d.Sliver) {
	b.add(api.FrameHeader{Kind: api.FrameMetadata}, meta)
	for _, s := range slivers {
		b.add(api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(s.Axis), Index: uint16(s.Pair(n))}, s.Data)
	}
}

// reader reads the body from its start. It is a func of a request: each attempt has its own.
func (b *body) reader() io.Reader { return &piecesReader{pieces: b.pieces} }

// piecesReader reads slices one after another, as many at once as there is room for: each
// Read becomes a record of its own on the wire. It does not change the list, which serves
// further attempts.
type piecesReader struct {
	pieces [][]byte
	off    int // within the first
}

func (r *piecesReader) Read(b []byte) (n int, err error) {
	for len(r.pieces) > 0 && n < len(b) {
		copied := copy(b[n:], r.pieces[0][r.off:])
		n += copied
		if r.off += copied; r.off == len(r.pieces[0]) {
			r.pieces, r.off = r.pieces[1:], 0
		}
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
