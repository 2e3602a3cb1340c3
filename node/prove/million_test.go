package prove

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	gometrics "runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// oneForAll is the store of a node all of whose blobs have the same slivers.
type oneForAll struct {
	Store
	encoding *rs2d.Encoding
}

// Read is of Store.
func (s oneForAll) Read(dst []byte, _ commit.BlobID, ref store.Ref, _, _ int64) ([]byte, error) {
	primary, secondary := s.encoding.Pair(ref.Pair)
	if ref.Axis == rs2d.Secondary {
		primary = secondary
	}
	return append(dst, primary.Data...), nil
}

// expanded is all symbols of that encoding, which other members have expanded before.
type expanded struct {
	*round
	symbols [][]byte // of the rows
}

// Symbol is of challenge.Rows and of challenge.Columns.
func (e expanded) Symbol(c challenge.Cell) ([]byte, error) {
	_, row, column := e.cell(c)
	size := e.sizes[c.Blob]
	return e.symbols[row.Index][column.Index*size:][:size], nil
}

// Prove is of challenge.Rows.
func (expanded) Prove(challenge.Cell) ([]byte, commit.Proof, error) { return nil, nil, errVerifier }

// Verify is of challenge.Columns.
func (expanded) Verify(challenge.Cell, []byte, commit.Proof) (bool, error) { return false, nil }

// Exempt is of challenge.Columns.
func (expanded) Exempt(int) bool { return false }

// hall is a committee of ten, of which the first is a node under test, and the others answer from memory.
type hall struct {
	keys      []*identity.Key
	committee *committee.Committee
	handlers  []http.Handler // of the others
	symbols   [][]byte
	prover    *Prover
}

func newHall(b *testing.B, size int) *hall {
	b.Helper()
	const nodes, shards = 10, 100
	code, err := rs2d.New(shards)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	encoding, err := code.Encode(data)
	if err != nil {
		b.Fatal(err)
	}
	h := &hall{handlers: make([]http.Handler, nodes)}
	for i := range shards {
		row, err := code.Expand(encoding.Primary(i))
		if err != nil {
			b.Fatal(err)
		}
		h.symbols = append(h.symbols, row)
	}
	var members []committee.Member
	for i, s := range committee.Spread(shards, nodes) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.handlers[i].ServeHTTP(w, r) }))
		b.Cleanup(server.Close)
		h.keys = append(h.keys, identity.GenerateKey())
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), server.Listener.Addr().(*net.TCPAddr).String(), h.keys[i], s))
	}
	if h.committee, err = committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 2, members); err != nil {
		b.Fatal(err)
	}
	h.prover, err = New(Config{
		Account: new(account.Account), View: func() *peer.View { return nil }, Node: func() committee.NodeID { return committee.NodeID{} },
		Signer: h.keys[0].Signer(nil), Store: notes{oneForAll{encoding: encoding}}, Code: code, Gate: gate.New(ledger.ChainID{}, time.Second),
		Metadata: func(context.Context, commit.BlobID) (*commit.Metadata, error) { return nil, store.ErrNotFound },
	})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// notes has no notes.
type notes struct{ oneForAll }

// Note is of Store.
func (notes) Note(string) ([]byte, error) { return nil, store.ErrNotFound }

// prove has the node show its rows to the others, and the others theirs to it.
func (h *hall) prove(b *testing.B, r *round) {
	b.Helper()
	var others sync.WaitGroup
	for i := 1; i < h.committee.Len(); i++ {
		v := challenge.NewVerifier(r.grid(0, i), expanded{r, h.symbols})
		signature := h.keys[i].Signer(nil).Attest(h.committee, r.Pass(h.committee.Member(0).PublicKey))
		h.handlers[i] = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			data, err := io.ReadAll(request.Body)
			m, parsed := challenge.ParseMessage(data)
			if s, ok := m.(challenge.Symbols); ok && err == nil && parsed == nil {
				err = v.Symbols(s)
			}
			answer := challenge.Message(v.Want())
			if v.Done() {
				answer = challenge.Signed{Signature: signature}
			}
			if err != nil || parsed != nil {
				answer = challenge.Refused{}
			}
			_, _ = w.Write(challenge.MarshalMessage(answer))
		})
		others.Go(func() {
			p := challenge.NewProver(r.grid(i, 0), expanded{r, h.symbols})
			for {
				m, more, err := p.Next()
				if err != nil || !more {
					b.Errorf("node %d has shown all, and has no signature: %v", i, err)
					return
				}
				data, err := r.of.Answer(h.committee.Member(i).ID, r.Height, challenge.MarshalMessage(m))
				if err != nil {
					b.Errorf("node %d: %v", i, err)
					return
				}
				answer, err := challenge.ParseMessage(data)
				if _, signed := answer.(challenge.Signed); signed {
					return
				}
				if want, ok := answer.(challenge.Want); !ok || len(want.Wrong) > 0 {
					b.Errorf("node %d: %+v, %v", i, answer, err)
					return
				}
			}
		})
	}
	set := peer.NewSet(h.keys[0], peer.Options{Plaintext: true})
	defer set.Close()
	if _, err := r.prove(b.Context(), set.Of(h.committee)); err != nil {
		b.Error(err)
	}
	others.Wait()
}

// peakHeap samples what objects on the heap take, those that nobody uses any more included, and
// returns how much more that was at most than at first.
func peakHeap() (peak func() float64) {
	look := func() uint64 {
		s := []gometrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		gometrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	base, most := look(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, look())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-done
		return float64(most-min(base, most)) / 1e6
	}
}

// BenchmarkMillion is a light challenge for one node of ten with a hundred shards, by the number
// of blobs of 1 MiB that the ledger has: it lists them, draws, shows its rows to all others until it has its
// certificate, and verifies all of theirs. Ledger, store and the other nodes are simulated, in the same process.
func BenchmarkMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("takes a minute")
	}
	for _, blobs := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(blobs), func(b *testing.B) {
			const draws = 744 // where a tenth is missing, of a committee of ten
			h := newHall(b, 1<<20)
			var list, prove time.Duration
			peak := 0.0
			for b.Loop() {
				heap := peakHeap()
				began := time.Now()
				all, drawn, round := manyBlobs{blobs: blobs, registrations: 1}.draw(b, draws)
				h.prover.config.Gate.Armed(round.Height)
				if err := h.prover.config.Gate.Silence(b.Context(), round.Height, all.has); err != nil {
					b.Fatal(err)
				}
				list += time.Since(began)
				began = time.Now()
				r, err := newRound(b.Context(), h.prover, round, h.committee, 0, drawn.blobs)
				if err != nil {
					b.Fatal(err)
				}
				h.prover.round.Store(r)
				h.prover.config.Gate.Start(round, drawn.has)
				h.prove(b, r)
				prove += time.Since(began)
				peak = max(peak, heap())
				h.prover.config.Gate.Close(round.Height)
			}
			b.ReportMetric(list.Seconds()/float64(b.N), "list-s/op")
			b.ReportMetric(prove.Seconds()/float64(b.N), "prove-s/op")
			b.ReportMetric(peak, "peak-MB")
		})
	}
}
