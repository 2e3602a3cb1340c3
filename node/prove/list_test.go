package prove

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestMatch: whichever of the doubtful blobs a round has, its list is found.
func TestMatch(t *testing.T) {
	s := &snapshot{
		certain:  []blob{{commit.BlobID{1}, 10}, {commit.BlobID{3}, 30}},
		doubtful: []blob{{commit.BlobID{2}, 20}, {commit.BlobID{0}, 5}},
	}
	most, err := s.guess()
	if err != nil || most.name.Blobs != 4 {
		t.Fatalf("%+v, %v; want all four", most, err)
	}
	for bits := range uint64(4) {
		want, err := s.with(bits)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.match(want.name)
		if err != nil || got.name != want.name || !got.has(commit.BlobID{1}) || got.has(commit.BlobID{2}) != (bits&1 != 0) || got.has(commit.BlobID{9}) {
			t.Errorf("with %b: %+v, %v; want %+v", bits, got, err, want)
		}
	}
	if _, err := s.match(challenge.List{Blobs: 3}); !errors.Is(err, errList) {
		t.Errorf("another list: %v, want %v", err, errList)
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
		answer, err := p.Answer("node", 1, data)
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
