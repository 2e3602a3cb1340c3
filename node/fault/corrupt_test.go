package fault

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/redstuff-go/redstuff/node/api"
)

// TestCorruptFrames flips a bit of every sliver and every batch of symbols, and nothing else,
// however the frames of an answer are written.
func TestCorruptFrames(t *testing.T) {
	var right, want []byte
	for _, c := range []struct {
		kind  api.FrameKind
		data  string
		wrong string
	}{
		{api.FrameMetadata, "metadata", "metadata"},
		{api.FrameSliver, "abc", "qbc"},
		{api.FrameSliver, "", ""},
		{api.FrameSliver, "a", "q"},
		{api.FrameError, "not here", "not here"},
		{api.FrameSymbols, "symbols", "cymbols"},
		{api.FrameEnd, "", ""},
	} {
		h := api.FrameHeader{Kind: c.kind, Length: uint32(len(c.data))}
		right = append(h.Append(right), c.data...)
		want = append(h.Append(want), c.wrong...)
	}
	for piece := 1; piece <= len(right); piece++ {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", api.TypeFrames)
		c := &corrupter{ResponseWriter: w}
		for at := 0; at < len(right); at += piece {
			part := right[at:min(at+piece, len(right))]
			before := bytes.Clone(part)
			if n, err := c.Write(part); n != len(part) || err != nil {
				t.Fatalf("in pieces of %d: Write gives %d, %v", piece, n, err)
			}
			if !bytes.Equal(part, before) {
				t.Fatalf("in pieces of %d: what the node has was changed", piece)
			}
		}
		if got := w.Body.Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("in pieces of %d: got %q, want %q", piece, got, want)
		}
	}
}
