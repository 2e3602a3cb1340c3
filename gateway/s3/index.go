package s3

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// index keeps the records. Its methods are safe for concurrent use: those that a request calls
// after close fail.
type index struct {
	db   *pebble.DB // which panics when it is used after it was closed
	uses uses       // of the database
	seed maphash.Seed
	run  [8]byte // random

	count atomic.Uint64 // of what unique has returned

	buckets sync.RWMutex    // held for writing while a bucket comes or goes
	keys    [256]sync.Mutex // of objects that are being changed
}

// openIndex opens the database in a folder.
func openIndex(dir string, fs vfs.FS) (*index, error) {
	db, err := pebble.Open(dir, &pebble.Options{FS: fs, Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("s3: %s: %w", dir, err)
	}
	x := &index{db: db, seed: maphash.MakeSeed()}
	rand.Read(x.run[:])
	if err := x.upgrade(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return x, nil
}

// noSync is how what is not to be durable yet is written.
var noSync = pebble.NoSync

// unique returns bytes that it has never returned.
func (x *index) unique() []byte { return binary.BigEndian.AppendUint64(x.run[:8:8], x.count.Add(1)) }

// quiet drops what the database has to say of its work. What fails, it returns.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf("s3: "+format, args...)) }

// close ends new uses of the database, waits for those that have begun, and closes it.
func (x *index) close() error {
	if !x.uses.end() {
		return errClosed
	}
	return x.db.Close()
}

// get reads a record; it is nil if there is none.
func get[T any](x *index, key []byte) (*T, error) {
	done, err := x.uses.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	data, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("s3: record %q: %w", key, err)
	}
	return v, nil
}

// change is some records that are written together.
type change struct {
	batch *pebble.Batch
	index *index
}

func (c change) put(key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.batch.Set(key, data, nil)
}

func (c change) remove(key []byte) error { return c.batch.Delete(key, nil) }

// apply makes a change durable.
func (x *index) apply(f func(change) error) error { return x.commit(f, pebble.Sync) }

// applyLater is apply for a change that is durable with the next one that apply makes.
func (x *index) applyLater(f func(change) error) error { return x.commit(f, noSync) }

func (x *index) commit(f func(change) error, how *pebble.WriteOptions) error {
	done, err := x.uses.begin()
	if err != nil {
		return err
	}
	defer done()
	batch := x.db.NewBatch()
	defer batch.Close()
	if err := f(change{batch, x}); err != nil {
		return err
	}
	return batch.Commit(how)
}

// lock holds an object's key, and the bucket in its place, until unlock is called. The error
// is that there is no such bucket.
func (x *index) lock(bucket, key string) (unlock func(), err error) {
	x.buckets.RLock()
	if _, err := x.bucket(bucket); err != nil {
		x.buckets.RUnlock()
		return nil, err
	}
	mu := &x.keys[maphash.String(x.seed, bucket+"\x00"+key)%uint64(len(x.keys))]
	mu.Lock()
	return func() {
		mu.Unlock()
		x.buckets.RUnlock()
	}, nil
}

// bucket returns a bucket. The error is ErrNoSuchBucket of S3.
func (x *index) bucket(name string) (*bucket, error) {
	b, err := get[bucket](x, bucketKey(name))
	if err == nil && b == nil {
		err = noBucket(name)
	}
	return b, err
}

// object returns an object. The error is ErrNoSuchKey of S3, or that there is no bucket.
func (x *index) object(bucket, key string) (*object, error) {
	o, err := get[object](x, objectKey(bucket, key))
	if err != nil || o != nil {
		return o, err
	}
	if _, err := x.bucket(bucket); err != nil {
		return nil, err
	}
	return nil, noKey()
}

// each calls f with the records whose keys begin with the prefix, from a key on, until it
// returns false; seek, which may be called within, goes on at another key.
func (x *index) each(prefix, from []byte, f func(key, value []byte, seek func([]byte)) (bool, error)) error {
	done, err := x.uses.begin()
	if err != nil {
		return err
	}
	defer done()
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.SeekGE(from); ok; {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		var next []byte
		more, err := f(it.Key(), value, func(key []byte) { next = key })
		if err != nil || !more {
			return err
		}
		if next != nil {
			ok = it.SeekGE(next)
		} else {
			ok = it.Next()
		}
	}
	return it.Error()
}

// after returns the first key after all that begin with the prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
