package server_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/rs2d"
)

// large is a blob of which the node's part is several times what a server may have in
// memory of it.
const (
	largeBlob   = 20 << 20
	largeShards = 100
	largeShare  = 22 << 20 // bytes at least of the node's part
	largeBatch  = 8 << 20  // bytes that are in memory before they are stored, but for one sliver
)

// TestLargeBodyInPieces stores a blob of which little may be in memory at any time:
// neither what the server counts, nor what is live on its heap.
func TestLargeBodyInPieces(t *testing.T) {
	h := startOf(t, largeShards, func(c *server.Config) { c.HTTP.MaxBytes = 12 << 20 })
	e := h.encode(largeBlob)
	id := e.ID()
	body := h.bundle(e, h.mine(id)...)
	if len(body) < largeShare {
		t.Fatalf("body has %d bytes, want %d", len(body), largeShare)
	}
	sizes, err := placement.SizesOf(h.committee.Params(), largeBlob)
	if err != nil {
		t.Fatal(err)
	}
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools held goes with the second
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	pieces := 0
	h.store.staged = func() {
		pieces++
		if got, most := h.gauge("redstuff_body_bytes"), float64(largeBatch+sizes[rs2d.Primary]+1<<19); got > most {
			t.Errorf("%.0f bytes are held for bodies, want at most %.0f", got, most)
		}
		// Buffers have some room more than what is in them. The fake store keeps copies.
		if got, most := int64(live()-before-h.store.copied), int64(largeBatch+largeBatch/4+1<<20); got > most {
			t.Errorf("%d bytes are live for one body, want at most %d", got, most)
		}
		if info, err := h.store.Info(id); err != nil || len(info.Records)+len(info.Slivers) > 0 {
			t.Errorf("%+v, %v is visible of a blob that is being stored", info, err)
		}
	}
	h.expect(200, "PUT", api.BlobPath(id, ""), body)
	if pieces < 2 {
		t.Errorf("%d pieces were staged of a body of %d bytes, want some", pieces, len(body))
	}
	h.serves(id, e)
	h.nothingStaged()
}

// serves expects that the node gives all that it is to have of a blob.
func (h *harness) serves(id commit.BlobID, e *rs2d.Encoding) {
	h.t.Helper()
	for _, pair := range h.mine(id) {
		primary, secondary := e.Pair(pair)
		for _, s := range []rs2d.Sliver{primary, secondary} {
			if got := h.expect(200, "GET", api.SliverPath(id, pair, s.Axis), nil); !bytes.Equal(got, s.Data) {
				h.t.Errorf("%v of pair %d differs", s.Axis, pair)
			}
		}
	}
}

// nothingStaged fails the test if something is staged that nobody will apply.
func (h *harness) nothingStaged() {
	h.t.Helper()
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	if h.store.stages != 0 {
		h.t.Errorf("%d stages are neither applied nor discarded", h.store.stages)
	}
}

// TestLargeBodyThatFails leaves nothing of bodies that end badly after pieces of them
// were staged.
func TestLargeBodyThatFails(t *testing.T) {
	h := startOf(t, largeShards, nil)
	e := h.encode(largeBlob)
	id := e.ID()
	body := h.bundle(e, h.mine(id)...)
	nothing := func(t *testing.T) {
		t.Helper()
		h.nothingStaged()
		if info, err := h.store.Info(id); err != nil || len(info.Records)+len(info.Slivers) > 0 {
			t.Errorf("%+v, %v is stored", info, err)
		}
	}
	changed := func(at int) []byte {
		b := bytes.Clone(body)
		b[at] ^= 1
		return b
	}
	last := len(body) - 2*api.FrameHeaderSize
	for _, test := range []struct {
		name string
		body []byte
		want int
	}{
		{"wrong at the end", changed(last), 422},
		{"wrong in the middle", changed(len(body) / 2), 422},
		{"twice", append(body[:len(body)-api.FrameHeaderSize:len(body)-api.FrameHeaderSize], h.firstSliver(e)...), 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			h.expect(test.want, "PUT", api.BlobPath(id, ""), test.body)
			nothing(t)
		})
	}
	t.Run("cut off", func(t *testing.T) {
		conn, err := net.Dial("tcp", h.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, far("PUT", api.BlobPath(id, ""), "30000000")); err != nil {
			t.Fatal(err)
		}
		staged, ended := make(chan struct{}, len(body)/largeBatch+1), make(chan struct{})
		h.store.staged = func() { staged <- struct{}{} }
		h.store.ended = func() { close(ended) }
		if _, err := conn.Write(body[:len(body)*3/4]); err != nil {
			t.Fatal(err)
		}
		<-staged
		conn.Close()
		<-ended
		nothing(t)
	})
}

// firstSliver returns the frame of the first sliver of a bundle.
func (h *harness) firstSliver(e *rs2d.Encoding) []byte {
	pair := h.mine(e.ID())[0]
	primary, _ := e.Pair(pair)
	header := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(rs2d.Primary), Index: uint16(pair), Length: uint32(len(primary.Data))}
	return append(header.Append(nil), primary.Data...)
}

// TestLargeBodiesSideBySide has one client store a blob while it stores another one: both
// are longer than what it may have in memory, and of neither is that much there.
func TestLargeBodiesSideBySide(t *testing.T) {
	h := startOf(t, largeShards, func(c *server.Config) { c.HTTP.MaxBytes, c.HTTP.StallTimeout = 40<<20, time.Minute })
	first, second := h.encode(largeBlob), h.encode(largeBlob+1)
	body := h.bundle(first, h.mine(first.ID())...)
	r, w := io.Pipe()
	answered := make(chan error, 1)
	go func() {
		req, err := http.NewRequest("PUT", "http://"+h.address+api.BlobPath(first.ID(), ""), r)
		if err != nil {
			answered <- err
			return
		}
		req.ContentLength = int64(len(body))
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				err = errors.New(resp.Status)
			}
		}
		answered <- err
	}()
	if _, err := w.Write(body[:len(body)/2]); err != nil {
		t.Fatal(err)
	}
	h.expect(200, "PUT", api.BlobPath(second.ID(), ""), h.bundle(second, h.mine(second.ID())...))
	if _, err := w.Write(body[len(body)/2:]); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	h.serves(first.ID(), first)
	h.serves(second.ID(), second)
}
