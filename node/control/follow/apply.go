package follow

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// applier does what events say.
type applier struct {
	ledger   chain.Ledger
	store    Store
	views    *Views
	registry *Registry
	hooks    Hooks
	applied  atomic.Uint32 // the epoch whose beginning is applied
}

// appliers is how many changes of the store are under way at once.
const appliers = 16

// all applies events, each of which may have been applied before. It returns how many
// were, the first ones; all of them unless there is an error.
func (a *applier) all(ctx context.Context, events []chain.Event) (done int, err error) {
	for done < len(events) {
		n, err := a.certified(events[done:])
		if err != nil {
			return done, err
		}
		if done += n; n > 0 {
			continue
		}
		if err := a.one(ctx, events[done]); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// certified applies those of the events that come before another one than that blobs are
// registered or certified, and returns how many these are. They do not depend on each
// other, so that their changes of the store need not wait for each other.
func (a *applier) certified(events []chain.Event) (n int, err error) {
	marks, w := marks{applier: a}, work{}
	a.registry.tell(func(k *knowledge) {
		for ; n < len(events); n++ {
			at := events[n].Cursor
			switch e := events[n].Event.(type) {
			case ledger.BlobRegistered:
				k.registered(at, e.ID, e.Object, e.End, e.Deletable)
			case ledger.BlobCertified:
				k.registered(at, e.ID, e.Object, e.End, e.Deletable)
			default:
				return
			}
		}
	})
	for _, event := range events[:n] {
		switch e := event.Event.(type) {
		case ledger.BlobRegistered:
			err = errors.Join(err, a.lengthen(&w, e.ID, e.End))
		case ledger.BlobCertified:
			err = errors.Join(err, marks.add(e.ID, e.Epoch, e.End))
		}
	}
	return n, errors.Join(err, marks.flush(), w.wait())
}

// work is some changes at once.
type work struct {
	group sync.WaitGroup
	turns chan struct{}
	mu    sync.Mutex
	err   error
}

func (w *work) add(f func() error) {
	if w.turns == nil {
		w.turns = make(chan struct{}, appliers)
	}
	w.turns <- struct{}{}
	w.group.Go(func() {
		defer func() { <-w.turns }()
		if err := f(); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.err = errors.Join(w.err, err)
		}
	})
}

func (w *work) wait() error {
	w.group.Wait()
	return w.err
}

// lengthen has the store keep a blob of which it has something: that is added to the work.
func (a *applier) lengthen(w *work, id commit.BlobID, end uint32) error {
	info, err := a.store.Info(id)
	if err == nil && held(info) && info.End < end {
		w.add(func() error { return ignoreRefused(a.store.Apply(id, store.Update{AtLeast: end, If: held})) })
	}
	return err
}

// held reports whether the store has something of a blob.
func held(i store.Info) bool { return len(i.Records)+len(i.Slivers)+len(i.Quarantined) > 0 }

func ignoreRefused(err error) error {
	if errors.Is(err, store.ErrRefused) {
		return nil
	}
	return err
}

// marks has the store know that blobs are certified, many of them at once: what the disk
// is waited for is the same for all.
type marks struct {
	*applier
	quiet   bool // no hook is told
	waiting map[commit.BlobID]certification
}

// certification is what an event says of a blob that is certified.
type certification struct{ epoch, end uint32 }

// marksAtOnce is how many blobs are marked by one change of the store.
const marksAtOnce = 256

// add enters one more blob.
func (m *marks) add(id commit.BlobID, epoch, end uint32) error {
	if m.waiting == nil {
		m.waiting = make(map[commit.BlobID]certification)
	}
	if was, twice := m.waiting[id]; !twice || was.end < end {
		m.waiting[id] = certification{epoch, end}
	}
	if len(m.waiting) < marksAtOnce {
		return nil
	}
	return m.flush()
}

// flush marks the blobs that were entered.
func (m *marks) flush() error {
	var updates []store.BlobUpdate
	for id, c := range m.waiting {
		info, err := m.store.Info(id)
		if err != nil {
			return err
		}
		if info.Has(store.InvalidBlobCertificate) || info.Has(store.Registered) && info.End >= c.end {
			continue
		}
		value := binary.LittleEndian.AppendUint32(nil, c.epoch)
		u := store.Update{Records: map[store.Record][]byte{store.Registered: value}, AtLeast: c.end}
		updates = append(updates, store.BlobUpdate{Blob: id, Update: u})
	}
	if len(updates) > 0 {
		if err := m.store.ApplyAll(updates); err != nil {
			return err
		}
	}
	if m.hooks.Certified != nil && !m.quiet && len(m.waiting) > 0 {
		m.hooks.Certified(slices.Collect(maps.Keys(m.waiting)))
	}
	clear(m.waiting)
	return nil
}

// one applies any other event.
func (a *applier) one(ctx context.Context, event chain.Event) error {
	switch e := event.Event.(type) {
	case ledger.BlobDeleted:
		outlived := false
		a.registry.tell(func(k *knowledge) { outlived = k.deleted(event.Cursor, e) })
		if outlived {
			return nil
		}
		return a.settle(ctx, e.ID)
	case ledger.BlobInvalidated:
		a.registry.tell(func(k *knowledge) { k.settled(event.Cursor, e.ID) })
		return a.settle(ctx, e.ID)
	case ledger.EpochSelected, ledger.EpochSettled:
		return a.refresh(ctx)
	case ledger.NodeRegistered: // or changed
		if a.hooks.Changed != nil {
			a.hooks.Changed()
		}
	case ledger.ChallengeArmed, ledger.ChallengeStarted, ledger.ChallengeClosed:
		if armed, ok := e.(ledger.ChallengeArmed); ok && a.hooks.Armed != nil {
			a.hooks.Armed(armed.Height)
		}
		if a.hooks.Challenge != nil {
			a.hooks.Challenge()
		}
	case ledger.CheckpointOpened:
		if a.hooks.Opened != nil {
			a.hooks.Opened()
		}
	case ledger.EpochStarted:
		if err := a.refresh(ctx); err != nil {
			return err
		}
		a.applied.Store(max(e.Epoch, a.applied.Load()))
		a.ended()
		if a.hooks.Challenge != nil { // that of the last epoch has its outcome
			a.hooks.Challenge()
		}
	}
	return nil
}

// refresh looks at the epochs again.
func (a *applier) refresh(ctx context.Context) error {
	err := a.views.Refresh(ctx)
	if err == nil && a.hooks.Changed != nil {
		a.hooks.Changed()
	}
	return err
}

func (a *applier) ended() {
	if a.hooks.Ended != nil {
		a.hooks.Ended()
	}
}

// settle has the store keep a blob as long as the ledger says that somebody needs it:
// others may have registered it, too. Of one that is inconsistent what says so, which may come
// before the event or after it and has the slivers dropped, is kept as long as somebody may ask
// for it.
func (a *applier) settle(ctx context.Context, id commit.BlobID) error {
	info, err := a.store.Info(id)
	if err != nil || !held(info) {
		return err
	}
	for {
		b, err := a.ledger.Blob(ctx, id)
		if err != nil {
			return err
		}
		fresh := false
		a.registry.tell(func(k *knowledge) { fresh = k.answer(&b) })
		if !fresh {
			return fmt.Errorf("the ledger was asked about block %d, and has told of later ones", b.Height)
		}
		end := b.End
		if b.Invalid && len(b.Registrations) > 0 {
			end = b.Registrations[0].Storage.End // the last one
		}
		end = max(1, end) // 0 would be for ever; in epoch 1, nobody needs what ends before it
		// It may have been registered again meanwhile, and a writer have been told so.
		again := func() bool { return a.registry.standing(id).end > b.End }
		err = a.store.Apply(id, store.Update{End: &end, If: func(i store.Info) bool { return held(i) && !again() }})
		switch {
		case errors.Is(err, store.ErrRefused) && again() && ctx.Err() == nil:
			continue
		case err == nil && uint64(end) <= a.views.View().Current.Epoch():
			a.ended()
		}
		return ignoreRefused(err)
	}
}
