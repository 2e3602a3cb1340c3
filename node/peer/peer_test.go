package peer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// hostile returns a peer whose answers the handler makes.
func hostile(t *testing.T, h http.HandlerFunc) *peer.Peer {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	m := identity.NewMember("hostile", strings.TrimPrefix(server.URL, "http://"), identity.GenerateKey(), committee.Spread(7, 1)[0])
	c, err := committee.New(committee.System{Network: "test", Shards: 7, Scheme: commit.BLAKE3}, 1, []committee.Member{m})
	if err != nil {
		t.Fatal(err)
	}
	p := peer.New(c, 0, nil, peer.Options{Plaintext: true, Idle: 300 * time.Millisecond, Attempts: 3, Backoff: time.Millisecond})
	t.Cleanup(p.Close)
	return p
}

func write(data ...[]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, d := range data {
			_, _ = w.Write(d)
		}
	}
}

// endlessly sends the same until nobody listens.
func endlessly(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b := bytes.Repeat(data, 1<<12)
		for {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
}

// endless sends the same digit until nobody listens.
var endless = endlessly([]byte("1111111111111111"))

func TestLiesAreNamed(t *testing.T) {
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	code, err := rs2d.New(7)
	if err != nil {
		t.Fatal(err)
	}
	e, err := code.Encode([]byte("a blob"))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := e.Metadata().AppendWithID(nil, hasher)
	if err != nil {
		t.Fatal(err)
	}
	id := e.ID()
	sizes := [2]int{len(e.Primary(0).Data), len(e.Secondary(0).Data)}
	frame := func(h api.FrameHeader, n int) []byte {
		h.Length = uint32(n)
		return append(h.Append(nil), make([]byte, n)...)
	}
	sliver := frame(api.FrameHeader{Kind: api.FrameSliver, Index: 2}, sizes[0])
	slivers := func(p *peer.Peer) error {
		return p.Slivers(t.Context(), id, []int{2}, nil, sizes, nil, func(rs2d.Sliver) error { return nil })
	}
	request := []api.SymbolRequest{{Blob: id, Axis: rs2d.Secondary, Targets: []uint16{1}, Sources: []uint16{2}}}
	symbols := func(p *peer.Peer) error {
		return p.Symbols(t.Context(), request, []int{e.SymbolSize()}, func(peer.SymbolBatch) error { return nil })
	}
	metadata := func(of commit.BlobID) func(*peer.Peer) error {
		return func(p *peer.Peer) error {
			_, err := p.Metadata(t.Context(), of, hasher)
			return err
		}
	}
	list := func(p *peer.Peer) error {
		_, err := p.List(t.Context(), api.ListAll, &id, 10)
		return err
	}
	listOf := func(state api.ListState, limit int) func(*peer.Peer) error {
		return func(p *peer.Peer) error {
			_, err := p.List(t.Context(), state, &id, limit)
			return err
		}
	}
	ids := func(p *peer.Peer) error {
		_, err := p.ListIDs(t.Context(), api.ListCertified, &id, 2)
		return err
	}
	later, latest := commit.BlobID(bytes.Repeat([]byte{0xfe}, 32)), commit.BlobID(bytes.Repeat([]byte{0xff}, 32))
	excuse := frame(api.FrameHeader{Kind: api.FrameError}, 0)
	entries := func(l api.BlobList) []byte {
		data, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		call  func(*peer.Peer) error
	}{
		"metadata without end":       {endless, metadata(id)},
		"metadata of another blob":   {write(meta), metadata(commit.BlobID{1})},
		"metadata changed":           {write(meta[:len(meta)-1], []byte{9}), metadata(id)},
		"no metadata":                {write([]byte("hello")), metadata(id)},
		"JSON without end":           {endless, func(p *peer.Peer) error { _, err := p.Status(t.Context(), id); return err }},
		"no JSON":                    {write([]byte("<html>")), func(p *peer.Peer) error { _, err := p.Health(t.Context()); return err }},
		"list out of order":          {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: id}}})), list},
		"list that promises more":    {write(entries(api.BlobList{More: true})), list},
		"list longer than asked":     {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: later}, {Blob: latest}}})), listOf(api.ListAll, 1)},
		"short page of many":         {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: later}}, More: true})), list},
		"certified without proof":    {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: later}}})), listOf(api.ListCertified, 10)},
		"invalid without proof":      {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: later}}})), listOf(api.ListInvalid, 10)},
		"pending from here to here":  {write(entries(api.BlobList{More: true, Next: &id})), listOf(api.ListPending, 10)},
		"pending from later to here": {write(entries(api.BlobList{Blobs: []api.BlobEntry{{Blob: latest}}, More: true, Next: &later})), listOf(api.ListPending, 10)},
		"pending from nowhere":       {write(entries(api.BlobList{More: true})), listOf(api.ListPending, 10)},
		"ids out of order":           {write(latest[:], later[:]), ids},
		"ids from here":              {write(id[:]), ids},
		"ids cut off":                {write(later[:], latest[:31]), ids},
		"more ids than asked":        {write(later[:], latest[:], latest[:]), ids},
		"excuses without end":        {endlessly(excuse), slivers},
		"more excuses than symbols":  {write(excuse, excuse), symbols},
		"certificate of nobody":      {write(make([]byte, 132)), func(p *peer.Peer) error { _, err := p.Certificate(t.Context(), id); return err }},
		"sliver not asked for":       {write(frame(api.FrameHeader{Kind: api.FrameSliver, Index: 3}, sizes[0])), slivers},
		"sliver twice":               {write(sliver, sliver), slivers},
		"sliver too long":            {write(frame(api.FrameHeader{Kind: api.FrameSliver, Index: 2}, sizes[0]+1)), slivers},
		"sliver of the other axis":   {write(frame(api.FrameHeader{Kind: api.FrameSliver, Axis: 1, Index: 2}, sizes[1])), slivers},
		"frames of no kind":          {endless, slivers},
		"symbols among slivers":      {write(frame(api.FrameHeader{Kind: api.FrameSymbols, Index: 2}, 2)), slivers},
		"symbols of another item":    {write(frame(api.FrameHeader{Kind: api.FrameSymbols, Index: 2, Item: 1}, 2)), symbols},
		"symbols of another source":  {write(frame(api.FrameHeader{Kind: api.FrameSymbols, Index: 1}, 2)), symbols},
		"symbols too long":           {write(frame(api.FrameHeader{Kind: api.FrameSymbols, Index: 2}, 4)), symbols},
		"symbols with a long excuse": {write(frame(api.FrameHeader{Kind: api.FrameError, Index: 2}, 1<<20)), symbols},
		"slivers among symbols":      {write(sliver), symbols},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.call(hostile(t, test.serve)); !errors.Is(err, peer.ErrLied) {
				t.Fatal(err)
			}
		})
	}
	t.Run("stream cut off", func(t *testing.T) {
		if err := slivers(hostile(t, write(sliver))); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, peer.ErrLied) {
			t.Fatal(err)
		}
	})
}

func TestStallsEnd(t *testing.T) {
	stall := func(after ...[]byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for _, d := range after {
				_, _ = w.Write(d)
			}
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
	for name, h := range map[string]http.HandlerFunc{"before the answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "within the answer": stall([]byte("{"))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := hostile(t, h).Health(t.Context()); !errors.Is(err, peer.ErrStalled) {
				t.Fatal(err)
			}
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		t.Parallel()
		drip := func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-r.Context().Done():
					return
				case <-tick.C:
					_, _ = w.Write([]byte{'1'})
					_ = http.NewResponseController(w).Flush()
				}
			}
		}
		if _, err := hostile(t, drip).Health(t.Context()); !errors.Is(err, peer.ErrStalled) {
			t.Fatal(err)
		}
	})
	t.Run("the caller's deadline counts", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := hostile(t, stall()).Health(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

func TestRetries(t *testing.T) {
	var count atomic.Int64
	p := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if count.Add(1) < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if string(body) != "the proof" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, `{"member":"hostile"}`)
	})
	if _, err := p.PutProof(t.Context(), commit.BlobID{}, []byte("the proof")); err != nil || count.Load() != 3 {
		t.Fatal(err, count.Load())
	}
	count.Store(-100)
	var status *peer.StatusError
	if _, err := p.PutProof(t.Context(), commit.BlobID{}, nil); !errors.As(err, &status) || status.Code != 503 {
		t.Fatal(err)
	}
	if p.ObservedHealth() != peer.Good {
		t.Fatal("an overloaded node is called failing")
	}
	p.Distrust()
	if p.ObservedHealth() != peer.Distrusted || p.Lies() != 1 {
		t.Fatal(p.ObservedHealth())
	}
}

func TestFirst(t *testing.T) {
	slow := hostile(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	wrong := hostile(t, write([]byte("nonsense")))
	right := hostile(t, write([]byte(`{"name":"right"}`)))
	ask := func(ctx context.Context, p *peer.Peer) (api.Health, error) { return p.Health(ctx) }
	set := peer.NewSet(nil, peer.Options{HedgeAfter: time.Second})
	right.MarkLate(time.Now()) // so that it is asked last
	h, err := peer.First(t.Context(), set, []*peer.Peer{slow, nil, wrong, right}, 0, ask, nil)
	if err != nil || h.Name != "right" || wrong.ObservedHealth() != peer.Distrusted {
		t.Fatal(h, err)
	}
	if _, err := peer.First(t.Context(), set, []*peer.Peer{wrong}, 0, ask, nil); !errors.Is(err, peer.ErrLied) {
		t.Fatal(err)
	}
	if _, err := peer.First(t.Context(), set, nil, 0, ask, nil); err == nil {
		t.Fatal("nobody has answered")
	}
}
