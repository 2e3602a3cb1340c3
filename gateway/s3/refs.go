package s3

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// Blobs are used by objects and by parts of uploads, and the same blob by several. Records
// say so, and are written together with those of their users:
//
//   - a reference, for each blob and each user of it;
//   - a registration, which the gateway has made for a blob, and which it may end;
//   - a doubt, of a blob that may have lost its last user. It is written with what raises it,
//     and removed when it has been looked into, see collector. No two doubts have the same key,
//     so that one that is raised meanwhile stays;
//   - an intent, to register a blob, which is written before the registration is made and
//     removed when that is known: those that are there after a crash say what to look for.
const (
	kindReference    = 'r'
	kindRegistration = 'm'
	kindDoubt        = 'g'
	kindIntent       = 'i'
	kindForm         = 'v' // of the database
)

// formNow is the form of databases with references.
const formNow = 1

func blobKey(kind byte, id commit.BlobID, rest ...byte) []byte {
	return append(append([]byte{kind}, id[:]...), rest...)
}

// use notes that the user whose record has the key uses the blobs.
func (c change) use(user []byte, pieces []piece) error {
	for _, p := range pieces {
		if err := c.batch.Set(blobKey(kindReference, p.Blob, user...), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// unuse notes that the user does not use the blobs any more.
func (c change) unuse(user []byte, pieces []piece) error {
	for _, p := range pieces {
		if err := c.batch.Delete(blobKey(kindReference, p.Blob, user...), nil); err != nil {
			return err
		}
		if err := c.doubt(p.Blob); err != nil {
			return err
		}
	}
	return nil
}

// doubt has somebody look whether a blob is of use.
func (c change) doubt(id commit.BlobID) error {
	return c.batch.Set(blobKey(kindDoubt, id, c.index.unique()...), nil, nil)
}

// made notes that a registration of a blob is the gateway's, before anything uses it.
func (c change) made(id commit.BlobID, object daemon.ObjectID) error {
	if err := c.batch.Set(blobKey(kindRegistration, id, object[:]...), nil, nil); err != nil {
		return err
	}
	return c.doubt(id)
}

// own notes which registrations of blobs are the gateway's.
func (c change) own(pieces []piece, made [][]daemon.ObjectID) error {
	for i, p := range pieces[:min(len(pieces), len(made))] {
		for _, object := range made[i] {
			if err := c.batch.Set(blobKey(kindRegistration, p.Blob, object[:]...), nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// doubts has somebody look whether blobs are of use.
func (c change) doubts(pieces []piece) error {
	for _, p := range pieces {
		if err := c.doubt(p.Blob); err != nil {
			return err
		}
	}
	return nil
}

// idle notes that a note may be of no use.
func (c change) idle(name string) error {
	if name == "" {
		return nil
	}
	return c.batch.Set(idleKey(name), nil, nil)
}

// adopt notes that a note is of use.
func (c change) adopt(name string) error {
	if name == "" {
		return nil
	}
	return c.batch.Delete(idleKey(name), nil)
}

// dropParts removes the parts whose keys begin with the prefix.
func (x *index) dropParts(c change, prefix []byte) error {
	return x.each(prefix, prefix, func(key, value []byte, _ func([]byte)) (bool, error) {
		p := new(part)
		if err := json.Unmarshal(value, p); err != nil {
			return false, err
		}
		return true, c.dropPart(key, p)
	})
}

// dropPart removes a part of an upload.
func (c change) dropPart(key []byte, p *part) error {
	return errors.Join(c.unuse(key, p.Pieces), c.idle(p.Note), c.remove(key))
}

// used reports whether a blob has a user.
func (x *index) used(id commit.BlobID) (found bool, err error) {
	prefix := blobKey(kindReference, id)
	err = x.each(prefix, prefix, func([]byte, []byte, func([]byte)) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// registrations returns the registrations of a blob that are the gateway's.
func (x *index) registrations(id commit.BlobID) (all []daemon.ObjectID, err error) {
	prefix := blobKey(kindRegistration, id)
	err = x.each(prefix, prefix, func(key, _ []byte, _ func([]byte)) (bool, error) {
		rest := key[len(prefix):]
		if len(rest) != len(daemon.ObjectID{}) {
			return false, fmt.Errorf("s3: record %x of a registration", key)
		}
		all = append(all, daemon.ObjectID(rest))
		return true, nil
	})
	return all, err
}

// doubts calls f with each blob that there are doubts of, and their keys.
func (x *index) doubts(f func(id commit.BlobID, keys [][]byte) error) error {
	next := []byte{kindDoubt}
	for next != nil {
		var id commit.BlobID
		var keys [][]byte
		err := x.each([]byte{kindDoubt}, next, func(key, _ []byte, _ func([]byte)) (bool, error) {
			if len(key) < 1+len(id) {
				return false, fmt.Errorf("s3: record %x of a doubt", key)
			}
			if of := commit.BlobID(key[1:][:len(id)]); len(keys) == 0 {
				id = of
			} else if of != id {
				return false, nil
			}
			keys = append(keys, append([]byte(nil), key...))
			return true, nil
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := f(id, keys); err != nil {
			return err
		}
		next = after(blobKey(kindDoubt, id))
	}
	return nil
}

// upgrade writes the references of a database that is of before there were any.
func (x *index) upgrade() error {
	form, err := get[int](x, []byte{kindForm})
	switch {
	case err != nil:
		return err
	case form != nil && *form > formNow:
		return fmt.Errorf("s3: the database is of form %d, and this program knows forms up to %d", *form, formNow)
	case form != nil:
		return nil
	}
	for _, kind := range []byte{kindObject, kindPart} {
		err := x.each([]byte{kind}, []byte{kind}, func(key, value []byte, _ func([]byte)) (bool, error) {
			var user struct{ Pieces []piece }
			if err := json.Unmarshal(value, &user); err != nil {
				return false, fmt.Errorf("s3: record %q: %w", key, err)
			}
			batch := x.db.NewBatch()
			defer batch.Close()
			if err := (change{batch, x}).use(key, user.Pieces); err != nil {
				return false, err
			}
			return true, batch.Commit(noSync) // the form is written after them
		})
		if err != nil {
			return err
		}
	}
	return x.apply(func(c change) error { return c.put([]byte{kindForm}, formNow) })
}
