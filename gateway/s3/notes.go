package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// notes keeps notes of what is in the database on the ledger: each is an attribute of a registration,
// of the object's first blob if it fits, and else of a blob that has the note.
//
// A note is written before the record of what it is of, and removed after that is gone. The
// index knows each, and which of them may be of no use: those of requests that failed, or were
// cut off by a crash, too.
type notes struct {
	account *account.Account // nil if no notes are kept
	seal    *Sealer
	content *content
	index   *index
	most    int             // notes on a registration
	turns   [256]sync.Mutex // of things whose records are changed
}

// Records of notes: one for each that may be on the ledger, and one for each of those that may
// be of no use.
const (
	kindNote = 'n'
	kindIdle = 'x'
)

// noted is where a note is.
type noted struct {
	User         []byte          `json:"user"` // key of the record that it is of
	Registration daemon.ObjectID `json:"registration"`
	Parts        []piece         `json:"parts,omitempty"` // if it is in blobs
}

func noteKey(name string) []byte { return named(kindNote, name) }
func idleKey(name string) []byte { return named(kindIdle, name) }

// turn waits until nobody else changes the record of a thing and its note.
func (n *notes) turn(key []byte) (done func()) {
	mu := &n.turns[maphash.Bytes(n.index.seed, key)%uint64(len(n.turns))]
	mu.Lock()
	return mu.Unlock
}

// later returns the time of a change of something that was changed before: the order of changes is
// that of their times whatever the clock says.
func later(before time.Time) time.Time {
	now := time.Now().UTC()
	if !now.After(before) {
		now = before.Add(time.Microsecond)
	}
	return now
}

// written is a note that was written. Until it is released, nobody removes it.
type written struct {
	*held
	name string
	end  uint32 // the first epoch in which it is not there any more; 0 if that is not known
}

func (w *written) release() {
	w.collector.forget(string(idleKey(w.name)))
	w.held.release()
}

// ofObject writes a note of an object that is to be in its place. Its blobs are held.
func (n *notes) ofObject(bucket, key string, next *object) (*written, error) {
	made, err := n.made(next.Pieces)
	if err != nil {
		return nil, err
	}
	next.Note = ""
	w, err := n.write(&note{At: next.Noted, Bucket: bucket, Key: []byte(key), Object: next, Made: made}, next.End)
	if err == nil {
		next.Note = w.name
	}
	return w, err
}

// ofPart writes a note of a part of an upload, and of what is known of the upload. An upload
// without parts has no note: nothing was stored for it.
func (n *notes) ofPart(what note) (*written, error) {
	next := what.Part
	var err error
	if what.Made, err = n.made(next.Pieces); err != nil {
		return nil, err
	}
	what.At, next.Note = next.Modified, ""
	w, err := n.write(&what, next.End)
	if err == nil {
		next.Note = w.name
	}
	return w, err
}

// ofBucket writes a note of a bucket.
func (n *notes) ofBucket(name string, next *bucket) (*written, error) {
	next.Note, next.NoteEnd = "", 0
	w, err := n.write(&note{At: next.Noted, Bucket: name, Record: next}, 0)
	if err == nil {
		next.Note, next.NoteEnd = w.name, w.end
	}
	return w, err
}

// change changes what is kept of a bucket.
func (n *notes) change(name string, f func(*bucket)) error {
	defer n.turn(bucketKey(name))()
	next, err := n.index.bucket(name)
	if err != nil {
		return err
	}
	old := next.Note
	next.Noted = later(next.Noted)
	f(next)
	w, err := n.ofBucket(name, next)
	if err != nil {
		return err
	}
	defer w.release()
	n.index.buckets.Lock()
	defer n.index.buckets.Unlock()
	defer n.content.hurry()
	return n.index.apply(func(c change) error {
		if err := errors.Join(c.idle(old), c.adopt(next.Note)); err != nil {
			return err
		}
		return c.put(bucketKey(name), next)
	})
}

// fades reports whether a bucket's note is to be written again, because it ends sooner than the
// bucket: in the last epoch of those for which it was written, or when they are over.
func (n *notes) fades(b *bucket, now Epochs) bool {
	left := min(2, n.content.options.Epochs)
	return b.Note == "" || b.NoteEnd != 0 && now.Current+left > b.NoteEnd
}

// touch writes a bucket's note again.
func (n *notes) touch(name string) error { return n.change(name, func(*bucket) {}) }

// again writes the note of an object that has none.
func (n *notes) again(bucket, key string) error {
	return n.rewrite(bucket, key, func(o *object) bool { return o.Note == "" })
}

// rewrite changes what is kept of an object, but for its bytes, unless f returns that it does not.
func (n *notes) rewrite(bucket, key string, f func(*object) bool) error {
	user := objectKey(bucket, key)
	defer n.turn(user)()
	next, err := n.index.object(bucket, key)
	if err != nil {
		return err
	}
	old, pieces := next.Note, next.Pieces
	if !f(next) {
		return nil
	}
	next.Noted = later(next.lastNoted())
	w, err := n.ofObject(bucket, key, next)
	if err != nil {
		return err
	}
	defer w.release()
	unlock, err := n.index.lock(bucket, key)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := n.index.object(bucket, key)
	if err != nil {
		return err
	}
	if now.Note != old || !slices.Equal(now.Pieces, pieces) { // it was removed, and is another one's now
		return noKey()
	}
	defer n.content.hurry()
	return n.index.apply(func(c change) error {
		if err := errors.Join(c.idle(old), c.adopt(next.Note)); err != nil {
			return err
		}
		return c.put(user, next)
	})
}

// made returns the registrations of blobs that are the gateway's.
func (n *notes) made(pieces []piece) ([][]daemon.ObjectID, error) {
	if n.account == nil {
		return nil, nil
	}
	all, seen := make([][]daemon.ObjectID, len(pieces)), make(map[commit.BlobID]bool, len(pieces))
	for i, p := range pieces {
		if seen[p.Blob] {
			continue
		}
		seen[p.Blob] = true
		var err error
		if all[i], err = n.index.registrations(p.Blob); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// write writes a note of what is there until an epoch; 0 is for the usual time.
func (n *notes) write(what *note, end uint32) (w *written, err error) {
	w = &written{held: &held{collector: n.content.collector}}
	if n.account == nil {
		return w, nil
	}
	done, err := n.content.uses.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	w.name = newNoteName()
	n.content.occupy(string(idleKey(w.name)))
	defer func() {
		if err != nil {
			w.release()
			n.content.hurry()
		}
	}()
	ctx := n.account.InSession(n.content.life)
	data, err := what.pack()
	if err != nil {
		return nil, err
	}
	place := noted{User: what.user()}
	if pieces := what.pieces(); len(pieces) > 0 {
		done, err := n.attach(ctx, w, place, data, pieces[0], end)
		if done || err != nil {
			return w, err
		}
	}
	how, err := n.how(ctx, end)
	if err != nil {
		return nil, err
	}
	for range maxNoteDepth {
		got, err := n.content.store(bytes.NewReader(n.seal.seal(data, inBlobs)), sums{}, how)
		if err != nil {
			return nil, err
		}
		w.blobs = append(w.blobs, got.blobs...)
		place.Parts = append(place.Parts, got.pieces...)
		short := &note{At: what.At, Bucket: what.Bucket, Parts: got.pieces}
		if short.Made, err = n.made(got.pieces); err != nil {
			return nil, err
		}
		if data, err = short.pack(); err != nil {
			return nil, err
		}
		if done, err := n.attach(ctx, w, place, data, got.pieces[0], 0); done || err != nil {
			return w, err
		}
	}
	return nil, fmt.Errorf("s3: a note of %s does not fit on the ledger", what.Bucket)
}

// how returns how a note's own blobs are stored.
func (n *notes) how(ctx context.Context, end uint32) (daemon.PutOptions, error) {
	o := n.content.options
	if end == 0 || n.content.epochs == nil {
		return o, nil
	}
	now, err := n.content.epochs(ctx)
	if err != nil {
		return o, explain(err)
	}
	o.Epochs = max(1, end-min(end, now.Current))
	return o, nil
}

// attach makes a note an attribute of the account's registration of a blob, which lasts until an
// epoch at least. It reports whether there was room.
func (n *notes) attach(ctx context.Context, w *written, where noted, data []byte, blob piece, end uint32) (bool, error) {
	if _, ok := n.seal.value(data, placeOf(w.name, where.Registration)); !ok {
		return false, nil
	}
	own, err := n.account.Registrations(ctx, blob.Blob)
	if err != nil {
		return false, explain(err)
	}
	var one *chain.Registration
	for i, r := range own {
		if r.Certified != nil && !r.Shared && r.Storage.End >= end && len(r.Attributes) < n.most {
			one = &own[i]
			break
		}
	}
	if one == nil {
		return false, nil
	}
	where.Registration, w.end = daemon.ObjectID(one.Object), one.Storage.End
	if err := n.index.apply(func(c change) error {
		if err := c.use(noteKey(w.name), where.Parts); err != nil {
			return err
		}
		if err := c.put(noteKey(w.name), where); err != nil {
			return err
		}
		return c.idle(w.name)
	}); err != nil {
		return false, err
	}
	value, _ := n.seal.value(data, placeOf(w.name, where.Registration))
	set := ledger.SetAttributes{Blob: one.Object, Attributes: []ledger.Attribute{{Name: w.name, Value: value}}}
	// Twice is as once: it goes together with what else waits.
	_, err = n.account.Once(ctx, func(context.Context) (ledger.Action, error) { return set, nil })
	switch ledger.RuleOf(err) {
	case ledger.RuleText, ledger.RuleUnknown, ledger.RuleOwner: // there is no room, or it was ended by somebody else
		return false, nil
	}
	return err == nil, explain(err)
}

// drop removes a note that is of no use, if it is there.
func (n *notes) drop(ctx context.Context, name string) error {
	where, err := get[noted](n.index, noteKey(name))
	if err != nil {
		return err
	}
	if where != nil {
		ends, err := n.endsWith(where)
		if err == nil && !ends {
			err = n.take(ctx, name, ledger.ObjectID(where.Registration))
		}
		if err != nil {
			return err
		}
		defer n.content.hurry()
	}
	return n.index.apply(func(c change) error {
		if where != nil {
			if err := c.unuse(noteKey(name), where.Parts); err != nil {
				return err
			}
		}
		if err := c.remove(noteKey(name)); err != nil {
			return err
		}
		return c.remove(idleKey(name))
	})
}

// endsWith reports whether a note ends with the registration that it is on, because that was made
// for it.
func (n *notes) endsWith(where *noted) (bool, error) {
	if len(where.Parts) == 0 {
		return false, nil
	}
	made, err := n.made(where.Parts)
	return slices.ContainsFunc(made, func(all []daemon.ObjectID) bool { return slices.Contains(all, where.Registration) }), err
}

// take takes a note off the ledger, if it is there.
func (n *notes) take(ctx context.Context, name string, registration ledger.ObjectID) error {
	_, err := n.account.Once(n.account.InSession(ctx), func(ctx context.Context) (ledger.Action, error) {
		var b ledger.Blob
		_, ok, err := chain.Value(ctx, n.account.Ledger(), ledger.BlobKey(registration), &b)
		if err != nil || !ok || b.Owner != n.account.Address() {
			return nil, err
		}
		for _, a := range b.Attributes {
			if a.Name == name {
				return ledger.SetAttributes{Blob: registration, Attributes: []ledger.Attribute{{Name: name}}}, nil
			}
		}
		return nil, nil
	})
	switch ledger.RuleOf(err) {
	case ledger.RuleUnknown, ledger.RuleOwner: // it has ended meanwhile
		return nil
	}
	return err
}

// sweep removes notes that are of no use.
func (n *notes) sweep(ctx context.Context) error {
	if n.account == nil {
		return nil
	}
	var names []string
	if err := n.index.each([]byte{kindIdle}, []byte{kindIdle}, func(key, _ []byte, _ func([]byte)) (bool, error) {
		names = append(names, string(key[1:]))
		return true, ctx.Err()
	}); err != nil {
		return err
	}
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	group.SetLimit(ledger.MaxBatch) // as many as go into a transaction are removed at once
	for _, name := range names {
		if failed.Err() != nil {
			break
		}
		group.Go(func() error { return n.dropIdle(ctx, name) }) // which goes on if another one fails
	}
	return group.Wait()
}

// dropIdle removes a note, unless it is of use, or may become so.
func (n *notes) dropIdle(ctx context.Context, name string) error {
	if n.content.isBusy(string(idleKey(name))) {
		return nil
	}
	// It was not released before it was adopted: look again.
	idle := false
	if err := n.index.each(idleKey(name), idleKey(name), func(key, _ []byte, _ func([]byte)) (bool, error) {
		idle = string(key) == string(idleKey(name))
		return false, nil
	}); err != nil || !idle {
		return err
	}
	return n.drop(ctx, name)
}
