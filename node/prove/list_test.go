package prove

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// history is a ledger with some blobs, and what has happened since a challenge was armed.
type history struct {
	chain.Ledger
	blobs   []ledger.Blob
	invalid []commit.BlobID
	events  []ledger.Event // of block 7; the challenge was armed in block 6
}

// List is of chain.Ledger.
func (h history) List(_ context.Context, prefix, _ []byte, _ int) (chain.Page, error) {
	page := chain.Page{Height: 7}
	if prefix[0] == ledger.BlobKey(ledger.ObjectID{})[0] {
		for i, b := range h.blobs {
			page.Pairs = append(page.Pairs, chain.Pair{Key: ledger.BlobKey(ledger.ObjectID{byte(i)}), Value: codec.Marshal(b)})
		}
	} else {
		for _, id := range h.invalid {
			page.Pairs = append(page.Pairs, chain.Pair{Key: ledger.InvalidKey(id), Value: codec.Marshal(ledger.Invalid{})})
		}
	}
	return page, nil
}

// Events is of chain.Ledger.
func (h history) Events(_ context.Context, from chain.Cursor, _ int) (events []chain.Event, next chain.Cursor, err error) {
	if from.Height <= 6 {
		gone := ledger.BlobDeleted{Epoch: 5, ID: commit.BlobID{99}, Length: 1, End: 9, Certified: new(uint32)} // before it was armed
		for i, e := range []ledger.Event{gone, ledger.ChallengeArmed{Epoch: 5, Height: 6}} {
			events = append(events, chain.Event{Cursor: chain.Cursor{Height: 6, Index: uint32(i)}, Event: e})
		}
	}
	if from.Height <= 7 {
		for i, e := range h.events {
			events = append(events, chain.Event{Cursor: chain.Cursor{Height: 7, Index: uint32(i)}, Event: e})
		}
	}
	return events, chain.Cursor{Height: 8}, nil
}

// TestListing: the list has what there was when the challenge was armed, whatever has happened since.
func TestListing(t *testing.T) {
	epoch := func(e uint32) *uint32 { return &e }
	live := func(id byte, certified *uint32, end uint32) ledger.Blob {
		return ledger.Blob{ID: commit.BlobID{id}, Length: uint64(id), Certified: certified, Storage: ledger.Storage{Start: 1, End: end}}
	}
	gone := func(id byte, certified *uint32, end uint32) ledger.BlobDeleted {
		return ledger.BlobDeleted{Epoch: 5, ID: commit.BlobID{id}, Length: uint64(id), Certified: certified, End: end}
	}
	h := history{
		blobs: []ledger.Blob{
			live(9, epoch(4), 6), live(1, epoch(4), 6), live(1, epoch(2), 9), // twice
			live(2, epoch(5), 9), live(3, nil, 9), live(4, epoch(4), 5), // none of them
			live(11, epoch(3), 9), live(12, epoch(3), 9),
		},
		invalid: []commit.BlobID{{11}, {12}, {13}},
		events: []ledger.Event{
			gone(5, epoch(4), 6), gone(1, epoch(1), 8), gone(6, epoch(5), 6), gone(7, nil, 6), gone(13, epoch(4), 6),
			ledger.BlobInvalidated{Epoch: 5, ID: commit.BlobID{12}},
		},
	}
	c := &ledger.Challenge{Challenge: *challenge.Arm([32]byte{}, 5, 6)}
	got, err := listing(t.Context(), h, c)
	if err != nil {
		t.Fatal(err)
	}
	want := []blob{{commit.BlobID{1}, 1}, {commit.BlobID{5}, 5}, {commit.BlobID{9}, 9}, {commit.BlobID{12}, 12}}
	if !slices.Equal(got.blobs, want) || got.name.Blobs != 4 || !got.has(commit.BlobID{5}) || got.has(commit.BlobID{6}) {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// openDisk opens a store in memory.
func openDisk(t *testing.T) *store.Disk {
	t.Helper()
	disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestExpander: what is remembered is bounded, and what could not be read is read again.
func TestExpander(t *testing.T) {
	code, err := rs2d.New(10, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	encoding, err := code.Encode(make([]byte, 5000))
	if err != nil {
		t.Fatal(err)
	}
	disk := openDisk(t)
	size, id := encoding.SymbolSize(), encoding.ID()
	row := int64(10 * size)
	x := newExpander(disk, code, 3*row, 2)
	at := func(pair int) place { return place{id, store.Ref{Axis: rs2d.Primary, Pair: pair}} }
	if _, err := x.symbol(at(0), 0, size); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing is stored: %v, want %v", err, store.ErrNotFound)
	}
	var slivers []store.Sliver
	for pair := range 10 {
		slivers = append(slivers, store.Sliver{Ref: at(pair).ref, Data: encoding.Primary(pair).Data})
	}
	if err := disk.Apply(id, store.Update{Slivers: slivers}); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for pair := range 10 {
			want, err := code.Expand(encoding.Primary(pair))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				got, err := x.symbol(at(pair), i, size)
				if err != nil || string(got) != string(want[i*size:][:size]) {
					t.Fatalf("round %d, pair %d, symbol %d: %x, %v", round, pair, i, got, err)
				}
			}
			if x.bytes > x.most || x.order.Len() != len(x.byRef) {
				t.Fatalf("%d bytes of %d, %d slivers in a list of %d", x.bytes, x.most, len(x.byRef), x.order.Len())
			}
		}
	}
	if _, err := x.symbol(at(0), 10, size); err == nil {
		t.Error("a symbol behind the last one is there")
	}
}

// FuzzAnswer: whatever a member sends, it is answered, and nothing breaks.
func FuzzAnswer(f *testing.F) {
	for _, m := range []challenge.Message{
		challenge.Open{}, challenge.Symbols{At: 1, Data: []byte{1}}, challenge.Proof{At: 1}, challenge.Want{}, challenge.Signed{}, challenge.Refused{},
	} {
		f.Add(challenge.MarshalMessage(m))
	}
	p := &Prover{config: Config{Gate: gate.New([32]byte{}, time.Second)}, metrics: newMetrics(prometheus.NewRegistry())}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := p.Answer(committee.NodeID{1}, 1, data)
		if err != nil {
			t.Fatal(err)
		}
		m, err := challenge.ParseMessage(answer)
		if _, refused := m.(challenge.Refused); err != nil || !refused {
			t.Fatalf("%+v, %v; want a refusal: no round runs", m, err)
		}
	})
}

// TestRestore: a node that has acked is silent before it serves anything again.
func TestRestore(t *testing.T) {
	code, err := rs2d.New(10, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	disk := openDisk(t)
	chain, id := ledger.ChainID{1}, commit.BlobID{7}
	for _, c := range []struct {
		name   string
		note   []byte
		silent bool
		broken bool
	}{
		{"nothing was acked", nil, false, false},
		{"a challenge was acked", codec.Marshal(challenge.Terms{Chain: chain, Height: 9}), true, false},
		{"one of another ledger", codec.Marshal(challenge.Terms{Height: 9}), false, false},
		{"nobody knows what", []byte{1, 2, 3}, false, true},
	} {
		if err := disk.KeepNote(noteName, c.note); err != nil {
			t.Fatal(err)
		}
		g := gate.New(chain, time.Second)
		_, err := New(Config{
			Account: new(account.Account), Chain: chain, View: func() *peer.View { return nil }, Node: func() committee.NodeID { return committee.NodeID{} },
			Signer: new(committee.Signer), Store: disk, Code: code, Gate: g,
			Metadata: func(context.Context, commit.BlobID) (*commit.Metadata, error) { return nil, store.ErrNotFound },
		})
		if (err != nil) != c.broken || g.Silent(id) != c.silent {
			t.Errorf("%s: silent %v, %v; want %v, an error: %v", c.name, g.Silent(id), err, c.silent, c.broken)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration is taken")
	}
}
