package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/store"
)

// begin starts a ledger in memory whose clock stands still.
func begin(t *testing.T) *embedded.Ledger {
	t.Helper()
	l, err := embedded.Open("ledger", ledgertest.Genesis("alice"), embedded.Options{
		FS: vfs.NewMem(), Now: func() time.Time { return time.UnixMilli(ledgertest.Start) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func disk(t *testing.T) *store.Disk {
	t.Helper()
	d, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// register registers a blob on the ledger, another one for each nonce.
func register(t *testing.T, l *embedded.Ledger, nonce uint64, epochs uint32) (id commit.BlobID, object ledger.ObjectID) {
	t.Helper()
	return registerAs(t, l, nonce, byte(nonce), epochs, true)
}

// registerAs registers a blob of a name.
func registerAs(t *testing.T, l *embedded.Ledger, nonce uint64, name byte, epochs uint32, deletable bool) (id commit.BlobID, object ledger.ObjectID) {
	t.Helper()
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	root := commit.Hash{name, 1}
	id = hasher.BlobID(4, 1000, root)
	got := submit(t, l, nonce, ledger.ReserveAndRegister{Epochs: epochs, ID: id, Root: root, Length: 1000, Encoding: ledger.EncodingRS2, Deletable: deletable})
	return id, got.Events[0].(ledger.BlobRegistered).Object
}

func submit(t *testing.T, l *embedded.Ledger, nonce uint64, a ledger.Action) chain.Receipt {
	t.Helper()
	tx, err := ledger.Tx{Chain: l.State().ChainID(), Nonce: nonce, FeePerByte: 100, Action: a}.Sign(ledgertest.Key("alice"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Submit(t.Context(), tx)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func follower(t *testing.T, l chain.Ledger, d Store) (*Follower, error) {
	t.Helper()
	return Open(t.Context(), Config{
		Ledger: l, Genesis: ledgertest.Genesis("alice"), Store: d, Grace: 300 * time.Millisecond, Start: 200 * time.Millisecond, Poll: 200 * time.Millisecond,
	})
}

// TestAwait: who asks about a registration that is on its way hears of it; what nobody
// registers is refused after the grace; what was deleted is not live any more.
func TestAwait(t *testing.T) {
	l, d := begin(t), disk(t)
	f, err := follower(t, chain.Local(l), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { f.Run(ctx, Hooks{}) })
	defer group.Wait()
	defer cancel()
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	coming := hasher.BlobID(4, 1000, commit.Hash{0, 1})
	asked.Go(func() {
		if end, err := f.Await(ctx, coming); err != nil || end != 6 {
			t.Errorf("a registration on its way: end %d, %v; want 6", end, err)
		}
	})
	id, object := register(t, l, 0, 5)
	asked.Wait()
	if id != coming || !f.Live(id) {
		t.Errorf("blob %v, live %v; want %v, live", id, f.Live(id), coming)
	}
	if _, err := f.Await(ctx, commit.BlobID{9}); !errors.Is(err, control.ErrUnregistered) {
		t.Errorf("what nobody registers: %v, want ErrUnregistered", err)
	}
	submit(t, l, 1, ledger.DeleteBlob{Blob: object})
	for f.Live(id) {
		time.Sleep(time.Millisecond)
	}
	if _, err := f.Await(ctx, id); !errors.Is(err, control.ErrUnregistered) {
		t.Errorf("what was deleted: %v, want ErrUnregistered", err)
	}
	if !f.Account(committee.TLSKey(ledgertest.Address(ledgertest.Key("alice")))) || f.Account(committee.TLSKey{7}) || f.Account(committee.TLSKey{}) {
		t.Error("alice has an account, and nobody else has one")
	}
}

// TestAwaitBounds: however many ask, few ask the ledger, and none waits for long.
func TestAwaitBounds(t *testing.T) {
	r := newRegistry(silent{}, func() uint64 { return 1 }, 50*time.Millisecond)
	var group sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for i := range 2 * maxWaiting {
		group.Go(func() {
			_, err := r.Await(ctx, commit.BlobID{byte(i), byte(i >> 8), 1})
			mu.Lock()
			defer mu.Unlock()
			if refused++; !errors.Is(err, control.ErrUnknown) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a ledger that does not answer: %v, want ErrUnknown", err)
			}
		})
	}
	group.Wait()
	for i := range 2 * maxRegistered {
		id := [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}
		r.tell(func(k *knowledge) { k.registered(chain.Cursor{Height: 1}, id, id, 9, true) })
	}
	if blobs, objects := len(r.known.blobs.byKey), len(r.known.objects.byKey); blobs != maxRegistered || objects != maxRegistered {
		t.Errorf("%d blobs and %d registrations are remembered, want %d", blobs, objects, maxRegistered)
	}
}

// silent is a ledger that never answers.
type silent struct{ chain.Ledger }

func (silent) Blob(ctx context.Context, _ commit.BlobID) (chain.Blob, error) {
	<-ctx.Done()
	return chain.Blob{}, ctx.Err()
}

// TestOtherLedger: nobody follows another ledger than the one whose genesis is known, nor
// with the store of another one.
func TestOtherLedger(t *testing.T) {
	l, d := begin(t), disk(t)
	other := ledgertest.Genesis("bob")
	if _, err := Open(t.Context(), Config{Ledger: chain.Local(l), Genesis: other, Store: d}); !errors.Is(err, ErrOtherLedger) {
		t.Errorf("another ledger: %v, want ErrOtherLedger", err)
	}
	f, err := follower(t, chain.Local(l), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Ledger: chain.Local(l), Genesis: other, Store: d}); !errors.Is(err, ErrOtherLedger) {
		t.Errorf("the store of another ledger: %v, want ErrOtherLedger", err)
	}
}

// TestHostileLedger: whatever a server answers, a follower goes on with the view it has,
// says what is wrong, and changes nothing in its store.
func TestHostileLedger(t *testing.T) {
	l := begin(t)
	honest := rpc.Handler(chain.Local(l))
	event := func(height int) string { return fmt.Sprintf(`{"height":%d,"index":0,"bcs":"ff"}`, height) }
	for _, test := range []struct {
		name, path string
		answer     func(http.ResponseWriter)
	}{
		{"events without a form", rpc.EventsPath, text(`{"events":[` + event(5) + `],"next":{"height":6}}`)},
		{"no JSON", rpc.EventsPath, text("hello")},
		{"events that do not follow", rpc.EventsPath, text(`{"events":[],"next":{"height":0}}`)},
		{"endless events", rpc.EventsPath, endless},
		{"endless state", rpc.StatePath, endless},
		{"keys that were not asked for", rpc.StatePath, text(`{"height":1,"pairs":[{"key":"00","value":"00"}],"more":true}`)},
		{"no keys, and more of them", rpc.StatePath, text(`{"height":1,"pairs":[],"more":true}`)},
		{"another chain", rpc.StatusPath, text(`{"chain":"00","height":1}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == test.path {
					test.answer(w)
					return
				}
				honest.ServeHTTP(w, r)
			}))
			defer server.Close()
			d := disk(t)
			f, err := follower(t, chain.Local(l), d)
			if err != nil {
				t.Fatal(err)
			}
			wrong := rpc.NewClient(server.URL)
			f.config.Ledger, f.apply.ledger, f.Views.ledger, f.Views.known = wrong, wrong, wrong, false
			before := f.View()
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			group.Go(func() { f.Run(ctx, Hooks{}) })
			for len(f.Problems()) == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
			group.Wait()
			if got := f.View(); got.Current != before.Current {
				t.Error("it shows another view")
			}
			if p := f.Problems()[0]; p.Name != "ledger" || !strings.Contains(p.Message, "epoch 1") {
				t.Errorf("it says %+v", p)
			}
			if ids, err := d.BlobsWith(store.Registered, nil, 10); err != nil || len(ids) > 0 {
				t.Errorf("the store has %v (%v), want nothing", ids, err)
			}
		})
	}
}

func text(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
}

func endless(w http.ResponseWriter) {
	for {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return
		}
	}
}

// TestRepeatedEvents: events that are applied twice, as after a crash, change nothing more.
func TestRepeatedEvents(t *testing.T) {
	l, d := begin(t), disk(t)
	f, err := follower(t, chain.Local(l), d)
	if err != nil {
		t.Fatal(err)
	}
	id, object := register(t, l, 0, 5)
	other, _ := register(t, l, 1, 3)
	mark := map[store.Record][]byte{store.Registered: {1, 0, 0, 0}}
	for _, blob := range []commit.BlobID{id, other} {
		if err := d.Apply(blob, store.Update{Records: mark, AtLeast: 2}); err != nil {
			t.Fatal(err)
		}
	}
	submit(t, l, 2, ledger.DeleteBlob{Blob: object})
	events, _, err := l.Events(t.Context(), chain.Cursor{}, 10)
	if err != nil || len(events) != 3 {
		t.Fatalf("events %v (%v), want 3", events, err)
	}
	for range 3 {
		if done, err := f.apply.all(t.Context(), events); err != nil || done != len(events) {
			t.Fatalf("%d applied (%v), want %d", done, err, len(events))
		}
		for blob, want := range map[commit.BlobID]uint32{id: 1, other: 4} {
			if info, err := d.Info(blob); err != nil || info.End != want {
				t.Errorf("end %d (%v), want %d", info.End, err, want)
			}
		}
		if f.Live(id) || !f.Live(other) {
			t.Errorf("the deleted blob is live: %v, the other one: %v", f.Live(id), f.Live(other))
		}
	}
}

// counting counts the changes of a store.
type counting struct {
	*store.Disk
	mu       sync.Mutex
	alone    int // blobs
	together [][]store.BlobUpdate
}

func (c *counting) Apply(id commit.BlobID, u store.Update) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alone++
	return c.Disk.Apply(id, u)
}

func (c *counting) ApplyAll(updates []store.BlobUpdate) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.together = append(c.together, updates)
	return c.Disk.ApplyAll(updates)
}

// TestCertifiedTogether: blobs that are certified in one block change the store at once,
// with the longest of their ends, and hooks are told of each when that is done.
func TestCertifiedTogether(t *testing.T) {
	l := begin(t)
	c := &counting{Disk: disk(t)}
	f, err := Open(t.Context(), Config{Ledger: chain.Local(l), Genesis: ledgertest.Genesis("alice"), Store: c})
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[commit.BlobID]int)
	f.apply.hooks.Certified = func(ids []commit.BlobID) {
		for _, id := range ids {
			if info, err := c.Info(id); err != nil || !info.Has(store.Registered) {
				t.Errorf("a hook is told of %v before the store knows it: %+v (%v)", id, info, err)
			}
			told[id]++
		}
	}
	const blobs = marksAtOnce + 44
	var events []chain.Event
	ends := make(map[commit.BlobID]uint32)
	certify := func(i int, end uint32) {
		id := commit.BlobID{byte(i), byte(i >> 8), 1}
		events = append(events, chain.Event{
			Cursor: chain.Cursor{Height: 7, Index: uint32(len(events))},
			Event:  ledger.BlobCertified{Epoch: 1, ID: id, Object: ledger.ObjectID{byte(i), byte(i >> 8)}, End: end},
		})
		ends[id] = max(end, ends[id])
	}
	for i := range blobs {
		certify(i, uint32(3+i%5))
	}
	certify(blobs-1, 9) // twice, and longer
	certify(blobs-2, 2) // twice, and shorter
	for range 2 {
		if done, err := f.apply.all(t.Context(), events); err != nil || done != len(events) {
			t.Fatalf("%d applied (%v), want %d", done, err, len(events))
		}
		if c.alone != 0 || len(c.together) != 2 || len(c.together[0]) != marksAtOnce || len(c.together[1]) != blobs-marksAtOnce {
			t.Fatalf("the store was changed %d times for one blob, and %d times for many, want never and 2 times", c.alone, len(c.together))
		}
	}
	for id, end := range ends {
		info, err := c.Info(id)
		if err != nil || info.End != end || told[id] != 2 {
			t.Errorf("end %d (%v), and %d times told, want %d and 2", info.End, err, told[id], end)
		}
	}
}
