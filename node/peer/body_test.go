package peer

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestBody: a body has its frames in their order, as often as it is read, and each read
// fills the buffer.
func TestBody(t *testing.T) {
	slivers := []rs2d.Sliver{{Data: bytes.Repeat([]byte{1}, 100)}, {Data: bytes.Repeat([]byte{2}, 5000)}}
	b := newBody(1) // grows
	b.append([]byte("head"))
	b.blob(10, []byte("meta"), slivers)
	b.add(api.FrameHeader{Kind: api.FrameEnd}, nil)
	frame := func(kind api.FrameKind, index uint16, data []byte) []byte {
		return append(api.FrameHeader{Kind: kind, Index: index, Length: uint32(len(data))}.Append(nil), data...)
	}
	pair := uint16(slivers[0].Pair(10))
	want := slices.Concat([]byte("head"), frame(api.FrameMetadata, 0, []byte("meta")),
		frame(api.FrameSliver, pair, slivers[0].Data), frame(api.FrameSliver, pair, slivers[1].Data), frame(api.FrameEnd, 0, nil))
	if b.length != int64(len(want)) {
		t.Errorf("length %d, want %d", b.length, len(want))
	}
	for range 2 {
		if err := iotest.TestReader(b.reader(), want); err != nil {
			t.Error(err)
		}
	}
	r := b.reader()
	for left := len(want); left > 0; {
		n, err := r.Read(make([]byte, 1000))
		if n != min(1000, left) || err != nil {
			t.Fatalf("%d bytes before the end: %d are read (%v), want all there is room for", left, n, err)
		}
		left -= n
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v, want EOF", n, err)
	}
}
