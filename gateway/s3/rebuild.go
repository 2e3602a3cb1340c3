package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/auth"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Rebuilt is what Rebuild has made.
type Rebuilt struct {
	Buckets int   `json:"buckets"`
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`   // of all objects
	Uploads int   `json:"uploads"` // that go on, with those of their parts that were acknowledged

	Unknown int    `json:"unknown"` // registrations of the account that can be ended, of which no note tells
	Older   int    `json:"older"`   // notes of what was overwritten; a gateway that runs removes them
	Foreign int    `json:"foreign"` // attributes named as notes are, which this account's owner has not made
	Lost    []Lost `json:"lost"`    // objects and notes of which blobs are not there any more
}

// Lost is something that is not there any more.
type Lost struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"` // "" if that is not known
	Reason string `json:"reason"`
}

// kindRebuilding is the record of a database that is being made again.
const kindRebuilding = 'w'

// rebuildReads is how many notes that are blobs are read at once.
const rebuildReads = 8

// Rebuild makes the database in a folder, which has none yet, of the notes that a backend of the
// same account has kept on the ledger: Options.Account and Options.Sealer must be set. Buckets
// of which there is no note any more, though there are objects of theirs, are the owner's, who is
// the id of a key. Uploads that go on are there as far as they have parts, and what was removed
// a moment before the database was lost may be there again.
//
// What was being stored when the database was lost has no note. If all is the backend's that the
// account can end, a gateway that runs ends it. Otherwise it stays until its epochs have passed.
//
// If it is cut off, or returns an error, Open refuses the database, and Rebuild begins anew.
func Rebuild(ctx context.Context, dir string, blobs Blobs, o Options, owner string, all bool) (_ *Rebuilt, err error) {
	if blobs == nil || o.Account == nil || o.Sealer == nil {
		return nil, errors.New("s3: the blobs, Options.Account or Options.Sealer are nil: a database is made again of notes on a ledger")
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	x, err := openIndex(dir, o.FS)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	if err := beginRebuild(x, dir); err != nil {
		return nil, err
	}
	r := &rebuild{
		index: x, blobs: blobs, seal: o.Sealer, read: o.ReadSize, there: make(map[commit.BlobID]bool), result: &Rebuilt{Lost: []Lost{}},
	}
	if err := r.scan(ctx, o); err != nil {
		return nil, err
	}
	if err := r.check(ctx, owner); err != nil {
		return nil, err
	}
	if err := r.rest(all); err != nil {
		return nil, err
	}
	return r.result, x.apply(func(c change) error { return c.remove([]byte{kindRebuilding}) })
}

// beginRebuild marks a database as one that is being made, and empties it of what an earlier
// attempt has put there. The error is that it is in use.
func beginRebuild(x *index, dir string) error {
	began, err := get[bool](x, []byte{kindRebuilding})
	if err != nil {
		return err
	}
	form := []byte{kindForm}
	if began == nil {
		if err := x.each(nil, nil, func(key, _ []byte, _ func([]byte)) (bool, error) {
			if string(key) != string(form) {
				return false, fmt.Errorf("s3: %s has a database that is in use: want a folder without one", dir)
			}
			return true, nil
		}); err != nil {
			return err
		}
	}
	return x.apply(func(c change) error {
		if err := c.batch.DeleteRange([]byte{0}, []byte{0xff}, nil); err != nil {
			return err
		}
		return errors.Join(c.put(form, formNow), c.put([]byte{kindRebuilding}, true))
	})
}

// whole returns an error if the database is one that was not made to its end.
func whole(x *index, dir string) error {
	began, err := get[bool](x, []byte{kindRebuilding})
	if err == nil && began != nil {
		err = fmt.Errorf("s3: %s: the database was being made again, and that was cut off: do it once more", dir)
	}
	return err
}

// registration is one of a blob.
type registration struct {
	blob   commit.BlobID
	object daemon.ObjectID
}

// rebuild is a database that is being made.
type rebuild struct {
	index *index
	blobs Blobs
	seal  *Sealer
	read  int64
	there map[commit.BlobID]bool // blobs that are stored
	ends  []registration         // that the account can end

	mu     sync.Mutex // of the rest, and of changes
	result *Rebuilt
	failed error
}

// scan takes all notes of the account that are on the ledger.
func (r *rebuild) scan(ctx context.Context, o Options) error {
	l := o.Account.Ledger()
	now, err := l.Status(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readers sync.WaitGroup
	room := make(chan struct{}, rebuildReads)
	err = chain.ListAll(ctx, l, ledger.BlobKey(ledger.ObjectID{})[:1], func(p chain.Pair) error {
		var b ledger.Blob
		if err := ledger.Read(p.Value, &b); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		var at daemon.ObjectID
		if len(p.Key) != 1+len(at) {
			return fmt.Errorf("%w: a key of %d bytes", chain.ErrAnswer, len(p.Key))
		}
		copy(at[:], p.Key[1:])
		if now.Epoch < b.Storage.Start || now.Epoch >= b.Storage.End {
			return nil
		}
		own := !b.Shared && b.Owner == o.Account.Address()
		if own && b.Deletable {
			r.ends = append(r.ends, registration{b.ID, at})
		}
		if b.Certified != nil {
			r.there[b.ID] = true
		}
		if !own || b.Certified == nil {
			return nil
		}
		for _, a := range b.Attributes {
			if !isNoteName(a.Name) {
				continue
			}
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			readers.Go(func() {
				defer func() { <-room }()
				if err := r.take(ctx, a, at); err != nil {
					r.mu.Lock()
					if r.failed == nil {
						r.failed = err
					}
					r.mu.Unlock()
					cancel()
				}
			})
		}
		return nil
	})
	readers.Wait()
	if r.failed != nil {
		return r.failed
	}
	return err
}

// take takes a note.
func (r *rebuild) take(ctx context.Context, a ledger.Attribute, at daemon.ObjectID) error {
	where := noted{Registration: at}
	n, err := r.seal.read(a.Value, placeOf(a.Name, at))
	var made [][]daemon.ObjectID
	for depth := 0; err == nil && len(n.Parts) > 0; depth++ {
		if depth == maxNoteDepth {
			err = errNote
			break
		}
		where.Parts, made = append(where.Parts, n.Parts...), append(made, n.Made...)
		short := n
		if n, err = r.follow(ctx, n.Parts); errors.Is(err, client.ErrNotFound) || errors.Is(err, errNote) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.result.Lost = append(r.result.Lost, Lost{short.Bucket, string(short.Key), err.Error()})
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, errNote) || err == nil && !n.whole() {
		r.result.Foreign++
		return nil
	}
	if err != nil {
		return err
	}
	return r.index.applyLater(func(c change) error { return r.put(c, a.Name, n, where, made) })
}

// follow reads a note that is in blobs.
func (r *rebuild) follow(ctx context.Context, parts []piece) (*note, error) {
	var sealed []byte
	for _, p := range parts {
		if p.Size < 0 || int64(len(sealed))+p.Size > maxNote {
			return nil, fmt.Errorf("%w: more than %d bytes", errNote, maxNote)
		}
		data, err := r.blobs.ReadRange(ctx, p.Blob, 0, uint64(p.Size))
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, data...)
	}
	data, err := r.seal.open(sealed, inBlobs)
	if err != nil {
		return nil, err
	}
	return unpackNote(data, maxNote)
}

// put puts the record of a note in its place, unless a later one is there.
func (r *rebuild) put(c change, name string, n *note, where noted, made [][]daemon.ObjectID) error {
	where.User = n.user()
	if err := errors.Join(c.put(noteKey(name), where), c.use(noteKey(name), where.Parts), c.own(where.Parts, made)); err != nil {
		return err
	}
	// What all records have that there are notes of.
	type record struct {
		Note            string
		Noted, Modified time.Time
		Pieces          []piece
	}
	before, at := "", time.Time{}
	old, err := get[record](r.index, where.User)
	if err != nil {
		return err
	}
	if old != nil {
		before, at = old.Note, old.Noted
		if n.Part != nil {
			at = old.Modified
		}
		if n.At.After(at) {
			if err := c.unuse(where.User, old.Pieces); err != nil {
				return err
			}
		}
	}
	if before != "" {
		r.result.Older++
	}
	if before != "" && !n.At.After(at) {
		return errors.Join(c.idle(name), c.own(n.pieces(), n.Made), c.doubts(n.pieces()))
	}
	if err := c.idle(before); err != nil {
		return err
	}
	if err := errors.Join(c.use(where.User, n.pieces()), c.own(n.pieces(), n.Made)); err != nil {
		return err
	}
	switch {
	case n.Object != nil:
		n.Object.Note, n.Object.Noted = name, n.At
		return c.put(where.User, n.Object)
	case n.Part != nil:
		n.Part.Note, n.Part.Modified = name, n.At
		return errors.Join(c.put(uploadKey(n.Bucket, string(n.Key), n.ID), n.Upload), c.put(where.User, n.Part))
	}
	n.Record.Note, n.Record.Noted = name, n.At
	return c.put(where.User, n.Record)
}

// check leaves out objects and parts whose blobs are not all there, and uploads that were
// completed, makes buckets that have no notes, and counts.
func (r *rebuild) check(ctx context.Context, owner string) error {
	acl, err := json.Marshal(auth.ACL{Owner: owner})
	if err != nil {
		return err
	}
	x, known := r.index, make(map[string]bool)
	know := func(name string, since time.Time) error {
		if known[name] {
			return ctx.Err()
		}
		known[name] = true
		return x.applyLater(func(c change) error { return c.put(bucketKey(name), bucket{Created: since, ACL: acl}) })
	}
	count := func(key, _ []byte, _ func([]byte)) (bool, error) {
		known[string(key[1:])] = true
		return true, nil
	}
	if err := x.each([]byte{kindBucket}, []byte{kindBucket}, count); err != nil {
		return err
	}
	err = x.each([]byte{kindObject}, []byte{kindObject}, func(key, value []byte, _ func([]byte)) (bool, error) {
		o := new(object)
		if err := json.Unmarshal(value, o); err != nil {
			return false, err
		}
		name, rest, _ := strings.Cut(string(key[1:]), "\x00")
		if gone := r.lacks(o.Pieces); gone != nil {
			r.result.Lost = append(r.result.Lost, Lost{name, rest, fmt.Sprintf("blob %v is not there any more", *gone)})
			return true, x.applyLater(func(c change) error { return errors.Join(c.unuse(key, o.Pieces), c.remove(key)) })
		}
		r.result.Objects, r.result.Bytes = r.result.Objects+1, r.result.Bytes+o.Size
		return true, know(name, o.Modified)
	})
	if err == nil {
		err = x.each([]byte{kindUpload}, []byte{kindUpload}, func(key, value []byte, _ func([]byte)) (bool, error) {
			began := new(upload)
			if err := json.Unmarshal(value, began); err != nil {
				return false, err
			}
			return true, r.checkUpload(key, began, know)
		})
	}
	r.result.Buckets = len(known)
	return err
}

// rest counts the registrations of which no note tells, and takes them for the backend's if all are.
func (r *rebuild) rest(all bool) error {
	for _, one := range r.ends {
		known, err := r.index.registrations(one.blob)
		if err != nil {
			return err
		}
		if slices.Contains(known, one.object) {
			continue
		}
		r.result.Unknown++
		if !all {
			continue
		}
		if err := r.index.applyLater(func(c change) error { return c.made(one.blob, one.object) }); err != nil {
			return err
		}
	}
	return nil
}

// lacks returns a blob that is not there any more, if there is one.
func (r *rebuild) lacks(pieces []piece) *commit.BlobID {
	for _, p := range pieces {
		if !r.there[p.Blob] {
			return &p.Blob
		}
	}
	return nil
}

// checkUpload is check for an upload: one that was completed is left out, and so are parts that
// are not there, of what goes on.
func (r *rebuild) checkUpload(record []byte, began *upload, know func(bucket string, since time.Time) error) error {
	bucket, key, id := uploadOf(record)
	made, err := get[object](r.index, objectKey(bucket, key))
	if err != nil {
		return err
	}
	u := uploads{objects{index: r.index}}
	if made != nil && made.Upload == id {
		return r.index.applyLater(func(c change) error { return u.drop(c, bucket, key, id) })
	}
	left, err := u.prune(bucket, key, id, func(number int32, p *part) bool {
		gone := r.lacks(p.Pieces)
		if gone != nil {
			r.result.Lost = append(r.result.Lost, Lost{bucket, key, fmt.Sprintf("blob %v of part %d of an upload is not there any more", *gone, number)})
		}
		return gone != nil
	})
	if err != nil || left == 0 {
		return err
	}
	r.result.Uploads++
	return know(bucket, began.Started)
}
