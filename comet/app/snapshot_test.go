package app

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// donor returns a chain with snapshots, of which the last one is of its last height.
func donor(t *testing.T, all *kv.Databases) (s *script, snapshot *abci.Snapshot) {
	t.Helper()
	dir := t.TempDir()
	s = begin(t, all, "donor", func(o *Options) { o.Snapshots, o.SnapshotEvery = dir, 10 })
	users := world.NewUsers(s.app.State(), 11)
	for range 30 {
		s.time = s.time.Add(time.Second)
		for range 3 {
			s.check(users.Next())
		}
		s.block()
		s.app.snapshots.wait()
	}
	list, err := s.app.ListSnapshots(ctx, nil)
	if err != nil || len(list.Snapshots) != 2 || list.Snapshots[1].Height != 30 {
		t.Fatalf("snapshots %v (%v), want those of heights 20 and 30", list, err)
	}
	return s, list.Snapshots[1]
}

func (s *script) chunk(of *abci.Snapshot, i uint32) []byte {
	s.t.Helper()
	c, err := s.app.LoadSnapshotChunk(ctx, &abci.RequestLoadSnapshotChunk{Height: of.Height, Format: of.Format, Chunk: i})
	if err != nil {
		s.t.Fatal(err)
	}
	return c.Chunk
}

// joiner is an application without state.
func joiner(t *testing.T, all *kv.Databases, name string, from *script) *App {
	t.Helper()
	a, err := Open(Options{Genesis: from.options.Genesis, DB: all.Database(name), Now: func() time.Time { return from.time }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestSnapshot: an application that began from a snapshot goes on as the one that made it,
// also after a crash.
func TestSnapshot(t *testing.T) {
	all := databases(t)
	s, snapshot := donor(t, all)
	a := joiner(t, all, "joiner", s)
	root := s.app.State().Root()
	if err := a.Expect(snapshot.Height, set(s.app.Validators())); err != nil {
		t.Fatal(err)
	}
	if o, err := a.OfferSnapshot(ctx, &abci.RequestOfferSnapshot{Snapshot: snapshot, AppHash: root[:]}); err != nil || o.Result != abci.ResponseOfferSnapshot_ACCEPT {
		t.Fatalf("offer: %v, %v", o, err)
	}
	for i := range snapshot.Chunks {
		if c, err := a.ApplySnapshotChunk(ctx, &abci.RequestApplySnapshotChunk{Index: i, Chunk: s.chunk(snapshot, i)}); err != nil || c.Result != abci.ResponseApplySnapshotChunk_ACCEPT {
			t.Fatalf("chunk %d: %v, %v", i, c, err)
		}
	}
	i, err := a.Info(ctx, nil)
	if err != nil || i.LastBlockHeight != 30 || !bytes.Equal(i.LastBlockAppHash, root[:]) {
		t.Fatalf("after the last chunk: %v, %v", i, err)
	}
	again := &script{t: t, all: all, options: a.options, app: a, height: s.height, time: s.time, hashes: s.hashes}
	again.reopen()
	for nonce := range 5 {
		account := ledger.Get[ledger.Account](s.app.State(), ledger.AccountKey(world.Address(world.Person(1))))
		tx := sign(t, s.app.State(), 1, account.Nonce, 10)
		s.time = s.time.Add(epochMilli / 2 * time.Millisecond)
		s.check(tx)
		txs := s.block()
		again.time = s.time
		again.commit(again.finalize(txs))
		if got, want := again.app.State().Root(), s.app.State().Root(); got != want {
			t.Fatalf("block %d: root %x, want %x", nonce, got, want)
		}
	}
	height := again.app.State().System().Height
	if _, _, err := again.app.Events(canceled(), chain.Cursor{Height: height - 6}, 1); err == nil {
		t.Error("events of before the snapshot are there")
	}
	if _, next, err := again.app.Events(canceled(), chain.Cursor{Height: height - 4}, 1000); err != nil || next.Height < height {
		t.Errorf("events since the snapshot end at %v (%v), want height %d", next, err, height)
	}
}

// TestWrongSnapshots: what is not the snapshot of the root that was verified is not taken,
// whoever says so, and the state stays as it was.
func TestWrongSnapshots(t *testing.T) {
	all := databases(t)
	s, snapshot := donor(t, all)
	root := s.app.State().Root()
	good := s.chunk(snapshot, 0)
	offer := func(a *App, sn *abci.Snapshot, hash []byte) abci.ResponseOfferSnapshot_Result {
		t.Helper()
		o, err := a.OfferSnapshot(ctx, &abci.RequestOfferSnapshot{Snapshot: sn, AppHash: hash})
		if err != nil {
			t.Fatal(err)
		}
		return o.Result
	}
	of := func(chunk []byte) *abci.Snapshot {
		data := codec.Marshal(manifest{Height: 30, Chunks: [][sha256.Size]byte{sha256.Sum256(chunk)}})
		hash := sha256.Sum256(data)
		return &abci.Snapshot{Height: 30, Format: snapshotFormat, Chunks: 1, Hash: hash[:], Metadata: data}
	}
	changed := func(change func(*abci.Snapshot)) *abci.Snapshot {
		c := *snapshot
		change(&c)
		return &c
	}
	a := joiner(t, all, "joiner", s)
	for _, test := range []struct {
		name string
		sn   *abci.Snapshot
		root []byte
		want abci.ResponseOfferSnapshot_Result
	}{
		{"none", nil, root[:], abci.ResponseOfferSnapshot_REJECT},
		{"no root", snapshot, nil, abci.ResponseOfferSnapshot_REJECT},
		{"another format", changed(func(s *abci.Snapshot) { s.Format++ }), root[:], abci.ResponseOfferSnapshot_REJECT_FORMAT},
		{"another height", changed(func(s *abci.Snapshot) { s.Height++ }), root[:], abci.ResponseOfferSnapshot_REJECT_SENDER},
		{"more chunks", changed(func(s *abci.Snapshot) { s.Chunks++ }), root[:], abci.ResponseOfferSnapshot_REJECT_SENDER},
		{"another hash", changed(func(s *abci.Snapshot) { s.Hash = []byte("other") }), root[:], abci.ResponseOfferSnapshot_REJECT_SENDER},
		{"no manifest", changed(func(s *abci.Snapshot) { s.Metadata = []byte("x") }), root[:], abci.ResponseOfferSnapshot_REJECT_SENDER},
	} {
		if got := offer(a, test.sn, test.root); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	first := bytes.Clone(good)
	first[len(first)-1] ^= 1 // in the last value
	chunkOf := func(pairs ...pair) []byte { return codec.Marshal(struct{ Pairs []pair }{pairs}) }
	backwards := chunkOf(pair{[]byte("b"), nil}, pair{[]byte("a"), nil})
	strange := chunkOf(pair{[]byte("no key of a ledger"), nil})
	long := chunkOf(pair{make([]byte, tree.MaxKey+1), nil})
	large := chunkOf(pair{[]byte("a"), make([]byte, maxChunk)})
	before := a.State().Root()
	for _, test := range []struct {
		name   string
		sn     *abci.Snapshot
		chunk  []byte
		index  uint32
		expect uint64
		want   abci.ResponseApplySnapshotChunk_Result
	}{
		{"another chunk", snapshot, first, 0, 30, abci.ResponseApplySnapshotChunk_RETRY},
		{"another state", of(first), first, 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"rubbish", of([]byte("rubbish")), []byte("rubbish"), 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"out of order", of(backwards), backwards, 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"no ledger's", of(strange), strange, 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"a long key", of(long), long, 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"too large", of(large), large, 0, 30, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
		{"another index", snapshot, good, 1, 30, abci.ResponseApplySnapshotChunk_ABORT},
		{"unverified validators", snapshot, good, 0, 29, abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT},
	} {
		if got := offer(a, test.sn, root[:]); got != abci.ResponseOfferSnapshot_ACCEPT {
			t.Fatalf("%s: offer: %v", test.name, got)
		}
		if err := a.Expect(test.expect, set(s.app.Validators())); err != nil {
			t.Fatal(err)
		}
		c, err := a.ApplySnapshotChunk(ctx, &abci.RequestApplySnapshotChunk{Index: test.index, Chunk: test.chunk, Sender: "liar"})
		if err != nil || c.Result != test.want {
			t.Errorf("%s: %v (%v), want %v", test.name, c, err, test.want)
		}
		if a.State().Root() != before || a.Height() != 0 {
			t.Errorf("%s: it changed the state", test.name)
		}
		if test.want == abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT {
			if !slices.Equal(c.RejectSenders, []string{"liar"}) {
				t.Errorf("%s: senders %q are asked no more, want the liar", test.name, c.RejectSenders)
			}
			if err := a.store.each(kindStaged, func(key, _ []byte) bool {
				t.Errorf("%s: the key %q is left", test.name, key)
				return false
			}); err != nil {
				t.Error(err)
			}
		}
	}
	for i, req := range []abci.RequestLoadSnapshotChunk{{Height: 31, Format: snapshotFormat}, {Height: 30, Format: 9}, {Height: 30, Format: snapshotFormat, Chunk: snapshot.Chunks}} {
		if c, err := s.app.LoadSnapshotChunk(ctx, &req); err != nil || c.Chunk != nil {
			t.Errorf("chunk %d that is not there: %d bytes (%v)", i, len(c.Chunk), err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.app.snapshots.dir(30), "0"), []byte("corrupt"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.chunk(snapshot, 0); got != nil {
		t.Errorf("a chunk that is corrupt on the disk: %d bytes are sent", len(got))
	}
}

// TestSnapshotFiles: what is no whole snapshot is dropped at the start.
func TestSnapshotFiles(t *testing.T) {
	all := databases(t)
	s, _ := donor(t, all)
	dir := s.options.Snapshots
	if err := os.Remove(filepath.Join(dir, "20", manifestFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "junk"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	list, err := s.app.ListSnapshots(ctx, nil)
	if err != nil || len(list.Snapshots) != 1 || list.Snapshots[0].Height != 30 {
		t.Errorf("snapshots %v (%v), want that of height 30", list, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v (%v), want one directory", left, err)
	}
}

// FuzzChunk: bytes of strangers are a chunk, or refused.
func FuzzChunk(f *testing.F) {
	f.Add(codec.Marshal(struct{ Pairs []pair }{[]pair{{[]byte("a"), []byte("1")}, {[]byte("b"), nil}}}))
	f.Add([]byte("rubbish"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var pairs []pair
		r := &restoring{manifest: manifest{Chunks: make([][sha256.Size]byte, 2)}, stage: func(p []pair) error {
			pairs = append(pairs, p...)
			return nil
		}}
		if err := r.add(data); err != nil {
			if r.next != 0 || pairs != nil || !errors.Is(err, errMalformed) {
				t.Fatalf("a chunk was refused (%v), and counted or kept", err)
			}
			return
		}
		var whole tree.Tree
		for i, p := range pairs {
			if i > 0 && bytes.Compare(pairs[i-1].Key, p.Key) >= 0 {
				t.Fatalf("key %x before %x", pairs[i-1].Key, p.Key)
			}
			whole = whole.Set(p.Key, p.Value)
		}
		if got := r.stream.Root(); got != whole.Root() {
			t.Fatalf("root %v, want %v", got, whole.Root())
		}
	})
}

// FuzzTick: bytes of strangers are a tick of one form, or none.
func FuzzTick(f *testing.F) {
	f.Add([]byte("redstuff tick 5"))
	f.Add([]byte("redstuff tick 05"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if due, ok := parseTick(data); ok && fmt.Sprint(tickPrefix, due) != string(data) {
			t.Fatalf("%q is the tick of %d", data, due)
		}
	})
}
