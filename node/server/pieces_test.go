package server_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// piecewise returns the frames of a bundle without its end, in which primary slivers come
// in pieces of at most so many bytes, in the order of chance.
func (h *harness) piecewise(e *rs2d.Encoding, most int, pairs ...int) (frames [][]byte) {
	h.t.Helper()
	frame := func(header api.FrameHeader, data []byte) []byte {
		header.Length = uint32(len(data))
		return append(header.Append(nil), data...)
	}
	for _, pair := range pairs {
		primary, secondary := e.Pair(pair)
		frames = append(frames, frame(api.FrameHeader{Kind: api.FrameSliver, Axis: 1, Index: uint16(pair)}, secondary.Data))
		at := 0
		for piece := range slices.Chunk(primary.Data, most) {
			frames = append(frames, frame(api.FrameHeader{Kind: api.FramePiece, Index: uint16(pair), Item: uint32(at)}, piece))
			at += len(piece)
		}
	}
	rand.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	return append([][]byte{frame(api.FrameHeader{Kind: api.FrameMetadata}, h.metadata(e))}, frames...)
}

// TestSliversInPieces stores slivers that come in pieces, of which the server is patient
// to tell that it goes on, and refuses those that do not make the blob's slivers.
func TestSliversInPieces(t *testing.T) {
	h := startOf(t, largeShards, nil)
	e := h.encode(largeBlob)
	id := e.ID()
	end := api.FrameHeader{}.Append(nil)
	piece := func(header api.FrameHeader, data []byte) []byte {
		header.Kind, header.Length = api.FramePiece, uint32(len(data))
		return append(header.Append(nil), data...)
	}
	pair := uint16(h.mine(id)[0])
	size := len(e.Primary(int(pair)).Data)
	isPiece := func(f []byte) bool {
		return f[0] == byte(api.FramePiece) && f[1] == 0 && f[2] == byte(pair) && f[3] == 0
	}
	for name, test := range map[string]struct {
		change func(frames [][]byte) [][]byte
		want   int
	}{
		"one is missing":  {func(f [][]byte) [][]byte { i := slices.IndexFunc(f, isPiece); return slices.Delete(f, i, i+1) }, 400},
		"one comes twice": {func(f [][]byte) [][]byte { return append(f, f[slices.IndexFunc(f, isPiece)]) }, 400},
		"one in another's place": {func(f [][]byte) [][]byte {
			first := func(f []byte) bool { return isPiece(f) && binary.LittleEndian.Uint32(f[4:]) == 0 }
			f[slices.IndexFunc(f, first)][4] ^= 1 // so that it does not end behind the sliver
			return f
		}, 422},
		"a wrong one": {func(f [][]byte) [][]byte { f[slices.IndexFunc(f, isPiece)][api.FrameHeaderSize] ^= 1; return f }, 422},
		"past the end": {func(f [][]byte) [][]byte {
			return append(f, piece(api.FrameHeader{Index: pair, Item: uint32(size)}, []byte{1}))
		}, 400},
		"far away":      {func(f [][]byte) [][]byte { return append(f, piece(api.FrameHeader{Index: pair, Item: 1<<32 - 1}, nil)) }, 400},
		"whole as well": {func(f [][]byte) [][]byte { return append(f, h.firstSliver(e)) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			frames := test.change(h.piecewise(e, 100_000, h.mine(id)...))
			h.expect(test.want, "PUT", api.BlobPath(id, ""), append(bytes.Join(frames, nil), end...))
			h.nothingStaged()
			if info, err := h.store.Info(id); err != nil || len(info.Records)+len(info.Slivers) > 0 {
				t.Errorf("%+v, %v is stored", info, err)
			}
		})
	}
	body := append(bytes.Join(h.piecewise(e, 100_000, h.mine(id)...), nil), end...)
	waits := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		if code == http.StatusProcessing {
			waits++
		}
		return nil
	}})
	req, err := http.NewRequestWithContext(ctx, "PUT", "http://"+h.address+api.BlobPath(id, ""), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	var c api.Confirmation
	if err != nil || resp.StatusCode != 200 || json.Unmarshal(answer, &c) != nil || c.Member != "node-0" {
		t.Fatalf("%s: %s, %v, want a confirmation", resp.Status, answer, err)
	}
	if waits == 0 {
		t.Error("no sign of life while slivers are verified")
	}
	h.serves(id, e)
	h.nothingStaged()
}
