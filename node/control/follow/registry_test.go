package follow

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestLull: events gather while nobody waits for a registration, and no longer.
func TestLull(t *testing.T) {
	const most, early = 50 * time.Millisecond, 5 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(nil, func() uint64 { return 1 }, time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		for _, test := range []struct {
			name   string
			before func()
			after  func() // early
			want   time.Duration
		}{
			{"nobody waits", func() {}, func() {}, most},
			{"somebody comes", func() {}, func() { r.enter() }, early},
			{"somebody waits already", func() {}, func() {}, 0},
			{"two wait, and one goes", func() { r.enter(); r.leave() }, func() {}, 0},
			{"all have gone", func() { r.leave() }, func() {}, most},
			{"somebody comes and goes at once", func() {}, func() { r.enter(); r.leave() }, early},
			{"the end", func() {}, cancel, early},
		} {
			test.before()
			begin := time.Now()
			timer := time.AfterFunc(early, test.after)
			r.lull(ctx, most)
			if took := time.Since(begin); took != test.want {
				t.Errorf("%s: it took %v, want %v", test.name, took, test.want)
			}
			timer.Stop()
		}
	})
}

// stored is what nodes attest of a deletable registration.
func stored(id commit.BlobID, object ledger.ObjectID) committee.Attestation {
	return committee.Attestation{Kind: committee.StoredDeletable, Blob: id, Object: committee.ObjectID(object)}
}

// TestAwaitFor: an attestation may be of a registration of its kind that lives, whether the
// node has heard of it or has to ask.
func TestAwaitFor(t *testing.T) {
	l := begin(t)
	id, object := register(t, l, 0, 5)
	otherID, other := register(t, l, 1, 5)
	onlyID, only := registerAs(t, l, 2, 2, 3, false)
	_, both := registerAs(t, l, 3, 0, 2, false) // of the first blob
	_, gone := registerAs(t, l, 4, 0, 7, true)
	submit(t, l, 5, ledger.DeleteBlob{Blob: gone})
	for way, heard := range map[string]bool{"by events": true, "by asking": false} {
		f, err := follower(t, chain.Local(l), disk(t))
		if err != nil {
			t.Fatal(err)
		}
		f.Registry.grace = 10 * time.Millisecond
		if heard {
			events, _, err := l.Events(t.Context(), chain.Cursor{}, 100)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.apply.all(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		plain := func(id commit.BlobID) committee.Attestation {
			return committee.Attestation{Kind: committee.Stored, Blob: id}
		}
		walrus := stored(id, object)
		walrus.Kind = committee.WalrusDeletable
		for _, c := range []struct {
			name string
			a    committee.Attestation
			end  uint32 // 0 is that there is no such registration
		}{
			{"any of a deletable one", committee.Attestation{Blob: otherID}, 6},
			{"any of both", committee.Attestation{Blob: id}, 6},
			{"deletable", stored(id, object), 6},
			{"deletable in Walrus's words", walrus, 6},
			{"deletable, of another blob", stored(id, other), 0},
			{"deletable, and permanent in truth", stored(id, both), 0},
			{"deletable, and permanent alone", stored(onlyID, only), 0},
			{"deletable, and deleted", stored(id, gone), 0},
			{"deletable, and never there", stored(id, ledger.ObjectID{9}), 0},
			{"permanent", plain(onlyID), 4},
			{"permanent, beside a deletable one", plain(id), 6},
			{"permanent in Walrus's words", committee.Attestation{Kind: committee.WalrusPermanent, Blob: onlyID}, 4},
			{"permanent, of a deletable one", plain(otherID), 0},
			{"permanent, of nothing", plain(commit.BlobID{9}), 0},
		} {
			end, err := f.AwaitFor(t.Context(), c.a)
			if c.end == 0 && !errors.Is(err, control.ErrUnregistered) || c.end > 0 && (err != nil || end != c.end) {
				t.Errorf("%s, %s: end %d, %v; want %d", way, c.name, end, err, c.end)
			}
		}
	}
}

// TestAwaitForMany: a registration is found among so many that the ledger does not spell
// it out.
func TestAwaitForMany(t *testing.T) {
	l := begin(t)
	id, object := registerAs(t, l, 0, 0, 1, true)
	_, _ = registerAs(t, l, 1, 0, 2, false)
	for i := range uint64(chain.MaxRegistrations) {
		registerAs(t, l, 2+i, 0, 5, true)
	}
	f, err := follower(t, chain.Local(l), disk(t))
	if err != nil {
		t.Fatal(err)
	}
	f.Registry.grace = 10 * time.Millisecond
	for name, a := range map[string]committee.Attestation{"deletable": stored(id, object), "permanent": {Kind: committee.Stored, Blob: id}} {
		if end, err := f.AwaitFor(t.Context(), a); err != nil || end != 6 {
			t.Errorf("%s: end %d, %v; want 6", name, end, err)
		}
	}
	if _, err := f.AwaitFor(t.Context(), stored(id, ledger.ObjectID{9})); !errors.Is(err, control.ErrUnregistered) {
		t.Errorf("never there: %v, want ErrUnregistered", err)
	}
}

// late is a ledger whose answers about a blob are on their way while something happens.
type late struct {
	chain.Ledger
	happens func(answer chain.Blob) chain.Blob
}

func (l *late) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	b, err := l.Ledger.Blob(ctx, id)
	if happens := l.happens; happens != nil && err == nil {
		l.happens = nil
		b = happens(b)
	}
	return b, err
}

// kept is a blob that is registered for five epochs, and of which the store of a follower has
// something. The ledger may be late, and something may happen before the store changes.
type kept struct {
	l      *embedded.Ledger
	slow   *late // which the follower asks
	d      *store.Disk
	busy   *meanwhile // which the follower changes
	f      *Follower
	id     commit.BlobID
	object ledger.ObjectID
}

func keep(t *testing.T) *kept {
	t.Helper()
	k := &kept{l: begin(t), d: disk(t)}
	k.id, k.object = register(t, k.l, 0, 5)
	k.slow, k.busy = &late{Ledger: chain.Local(k.l)}, &meanwhile{Store: k.d}
	var err error
	if k.f, err = follower(t, k.slow, k.busy); err != nil {
		t.Fatal(err)
	}
	if err := k.d.Apply(k.id, store.Update{Records: map[store.Record][]byte{store.Metadata: {1}}, AtLeast: 6}); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRegisteredMeanwhile: a blob that is registered again while the ledger's answer that
// nobody needs it is on its way is kept.
func TestRegisteredMeanwhile(t *testing.T) {
	k := keep(t)
	submit(t, k.l, 1, ledger.DeleteBlob{Blob: k.object})
	events, _, err := k.l.Events(t.Context(), chain.Cursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	k.slow.happens = func(answer chain.Blob) chain.Blob {
		_, again := registerAs(t, k.l, 2, 0, 3, true)
		if end, err := k.f.AwaitFor(t.Context(), stored(k.id, again)); err != nil || end != 4 {
			t.Errorf("registered again: end %d, %v; want 4", end, err)
		}
		return answer
	}
	if _, err := k.f.apply.all(t.Context(), events); err == nil {
		t.Error("an answer of before what is known is taken")
	}
	if _, err := k.f.apply.all(t.Context(), events); err != nil { // as the follower does then
		t.Fatal(err)
	}
	if info, err := k.d.Info(k.id); err != nil || info.End != 4 || !k.f.Live(k.id) {
		t.Errorf("end %d, live %v (%v); want 4 and true: the node has attested it", info.End, k.f.Live(k.id), err)
	}
}

// meanwhile is a store before whose next change something happens.
type meanwhile struct {
	Store
	happens func()
}

func (m *meanwhile) Apply(id commit.BlobID, u store.Update) error {
	if happens := m.happens; happens != nil {
		m.happens = nil
		happens()
	}
	return m.Store.Apply(id, u)
}

// TestRegisteredBeforeChange: likewise while the store is about to let it end.
func TestRegisteredBeforeChange(t *testing.T) {
	k := keep(t)
	submit(t, k.l, 1, ledger.DeleteBlob{Blob: k.object})
	events, _, err := k.l.Events(t.Context(), chain.Cursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	k.busy.happens = func() {
		_, again := registerAs(t, k.l, 2, 0, 3, true)
		end, err := k.f.AwaitFor(t.Context(), stored(k.id, again))
		if err == nil {
			err = k.d.Apply(k.id, store.Update{AtLeast: end}) // a writer's
		}
		if err != nil || end != 4 {
			t.Errorf("registered again: end %d, %v; want 4", end, err)
		}
	}
	if _, err := k.f.apply.all(t.Context(), events[1:]); err != nil {
		t.Fatal(err)
	}
	if info, err := k.d.Info(k.id); err != nil || info.End != 4 || !k.f.Live(k.id) || k.busy.happens != nil {
		t.Errorf("end %d, live %v (%v); want 4 and true: the node has attested it", info.End, k.f.Live(k.id), err)
	}
}

// TestLedgerBehind: a server that is behind takes nothing back that another one has told.
func TestLedgerBehind(t *testing.T) {
	l, d := begin(t), disk(t)
	id, object := register(t, l, 0, 5)
	slow := &late{Ledger: chain.Local(l)}
	f, err := follower(t, slow, d)
	if err != nil {
		t.Fatal(err)
	}
	before, err := slow.Blob(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	submit(t, l, 1, ledger.DeleteBlob{Blob: object})
	events, _, err := l.Events(t.Context(), chain.Cursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.apply.all(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	f.Registry.grace = 10 * time.Millisecond
	slow.happens = func(chain.Blob) chain.Blob { return before }
	if end, err := f.Await(t.Context(), id); !errors.Is(err, control.ErrUnknown) || f.Live(id) {
		t.Errorf("what was deleted: end %d, live %v, %v; want ErrUnknown", end, f.Live(id), err)
	}
	if end, err := f.Await(t.Context(), id); !errors.Is(err, control.ErrUnregistered) {
		t.Errorf("asked again: end %d, %v; want ErrUnregistered", end, err)
	}
}

// TestInvalidated: what says that a blob is inconsistent may come before the ledger does, while it is
// asked, or later. It is kept for as long as the blob was paid for.
func TestInvalidated(t *testing.T) {
	for _, when := range []string{"before", "meanwhile", "after"} {
		t.Run(when, func(t *testing.T) {
			k := keep(t)
			mark := func() {
				if err := k.d.Apply(k.id, store.Update{Records: map[store.Record][]byte{store.InvalidBlobCertificate: {1}}, DropAll: true}); err != nil {
					t.Error(err)
				}
			}
			if when == "before" {
				mark()
			}
			k.slow.happens = func(answer chain.Blob) chain.Blob {
				if when == "meanwhile" {
					mark()
				}
				answer.Invalid, answer.End = true, 0
				return answer
			}
			events, _, err := k.l.Events(t.Context(), chain.Cursor{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			invalidated := chain.Event{Cursor: events[len(events)-1].Cursor, Event: ledger.BlobInvalidated{ID: k.id}}
			if _, err := k.f.apply.all(t.Context(), []chain.Event{invalidated}); err != nil {
				t.Fatal(err)
			}
			if when == "after" {
				mark()
			}
			if info, err := k.d.Info(k.id); err != nil || !info.Has(store.InvalidBlobCertificate) || info.End != 6 {
				t.Errorf("%+v (%v), want the certificate until epoch 6", info, err)
			}
		})
	}
}

// asked counts how often a ledger is asked about a blob.
type asked struct {
	chain.Ledger
	times int
}

func (a *asked) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	a.times++
	return a.Ledger.Blob(ctx, id)
}

// TestDeletedBesideLonger: that a registration is deleted beside which one is known that ends later
// changes nothing, and the ledger need not say so; that the longest one is deleted does.
func TestDeletedBesideLonger(t *testing.T) {
	for _, c := range []struct {
		name           string
		deleted, other uint32 // epochs
		end            uint32
		times          int
	}{
		{"a shorter one", 3, 5, 6, 0},
		{"one of two alike", 5, 5, 6, 1},
		{"the longest", 5, 3, 4, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, d := begin(t), disk(t)
			a := &asked{Ledger: chain.Local(l)}
			f, err := follower(t, a, d)
			if err != nil {
				t.Fatal(err)
			}
			f.Registry.grace = 10 * time.Millisecond
			id, object := registerAs(t, l, 0, 0, c.deleted, true)
			_, _ = registerAs(t, l, 1, 0, c.other, true)
			if err := d.Apply(id, store.Update{Records: map[store.Record][]byte{store.Registered: {1, 0, 0, 0}}, AtLeast: 2}); err != nil {
				t.Fatal(err)
			}
			submit(t, l, 2, ledger.DeleteBlob{Blob: object})
			events, _, err := l.Events(t.Context(), chain.Cursor{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.apply.all(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			if info, err := d.Info(id); err != nil || info.End != c.end || a.times != c.times {
				t.Errorf("end %d (%v), and the ledger was asked %d times; want %d and %d", info.End, err, a.times, c.end, c.times)
			}
			if _, err := f.AwaitFor(t.Context(), stored(id, object)); !errors.Is(err, control.ErrUnregistered) {
				t.Errorf("the deleted one: %v, want ErrUnregistered", err)
			}
		})
	}
}
