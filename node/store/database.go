package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	databaseName    = "db"
	newDatabaseName = "db.new"
	memTableSize    = 16 << 20
)

// database is the key-value database of a store, and knows whether it has failed. A
// database that failed takes no writes.
type database struct {
	dir    string // that it is in
	fs     vfs.FS
	own    databaseFS // fs, for what is open
	cache  int64
	tables int         // descriptors for its tables
	tight  func() bool // whether the disk has no room to open it for writing
	log    *slog.Logger

	lock     io.Closer    // on the database's directory
	mu       sync.RWMutex // held for reading while db is used
	db       *pebble.DB
	readOnly bool // because there was no room to open it otherwise

	*failure
}

func (d *database) options(cache *pebble.Cache) *pebble.Options {
	return &pebble.Options{
		FS:                 d.own,
		Cache:              cache,
		MaxOpenFiles:       d.tables,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Merger:             counterMerger,
		Logger:             pebbleLogger{d},
		EventListener: &pebble.EventListener{
			BackgroundError: d.background,
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				d.fail(fmt.Errorf("%w: %s: %w", ErrDamaged, info.Path, oneLine{info.Details}))
			},
		},
	}
}

// background takes an error of a flush or compaction. For want of descriptors or memory
// it is tried again; any other is the end of writing.
func (d *database) background(err error) {
	if noDescriptors(err) || errors.Is(err, syscall.ENOMEM) {
		d.log.Warn("the database waits for descriptors or memory", "error", err)
		return
	}
	d.fail(err)
	// The database would try again without end.
	runtime.Goexit()
}

// open opens the database, or makes it if there is none. If there is no room for that it
// is opened for reading only.
func (d *database) open() error {
	cache := pebble.NewCache(d.cache)
	defer cache.Unref()
	if err := d.create(cache); err != nil {
		return err
	}
	if d.lock == nil {
		lock, err := d.fs.Lock(d.fs.PathJoin(d.dir, databaseName, lockName))
		if err != nil {
			return lockError(err)
		}
		d.lock = lock
	}
	readOnly := d.tight()
	db, err := d.attempt(cache, readOnly)
	if noRoom(err) && !readOnly {
		readOnly = true
		db, err = d.attempt(cache, true)
	}
	if err != nil {
		return d.damaged(err)
	}
	d.db, d.readOnly = db, readOnly
	return nil
}

// attempt opens the database. If that fails, it fails for itself: d may try again.
func (d *database) attempt(cache *pebble.Cache, readOnly bool) (*pebble.DB, error) {
	probe := &database{own: newDatabaseFS(d.fs), log: d.log, tables: d.tables, failure: newFailure(d.gone, nil)}
	o := probe.options(cache)
	o.ReadOnly = readOnly
	db, err := probe.openPebble(d.fs.PathJoin(d.dir, databaseName), o)
	if err != nil {
		probe.own.fence()
		return nil, err
	}
	d.own = probe.own
	probe.inherit(d.failure)
	return db, nil
}

// create makes the database if there is none: under another name, because a new
// database that a crash left half made can neither be opened nor told from a damaged
// one.
func (d *database) create(cache *pebble.Cache) error {
	name, temporary := d.fs.PathJoin(d.dir, databaseName), d.fs.PathJoin(d.dir, newDatabaseName)
	names, err := d.fs.List(d.dir)
	if err != nil || slices.Contains(names, databaseName) {
		return err
	}
	if err := d.fs.RemoveAll(temporary); err != nil {
		return err
	}
	d.own = newDatabaseFS(d.fs)
	db, err := d.openPebble(temporary, d.options(cache))
	if err != nil {
		return err
	}
	if err := d.guard(db.Close); err != nil {
		return err
	}
	if err := syncDir(d.fs, temporary); err != nil {
		return err
	}
	if err := d.fs.Rename(temporary, name); err != nil {
		return err
	}
	return syncDir(d.fs, d.dir)
}

func (d *database) openPebble(dir string, o *pebble.Options) (*pebble.DB, error) {
	var opened atomic.Pointer[pebble.DB]
	err := d.guard(func() error {
		db, err := pebble.Open(dir, o)
		opened.Store(db)
		return err
	})
	return opened.Load(), err
}

// damaged says of an error of opening an existing database that the database is damaged,
// unless the reason is one of the process or the machine.
func (d *database) damaged(err error) error {
	if isEnvironment(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, oneLine{err})
}

// reopen ends reading only, if there is room to. No read may be under way in the calling
// goroutine.
func (d *database) reopen() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.readOnly {
		return nil
	}
	if err := d.guard(d.db.Close); err != nil {
		d.fail(err)
		return d.Failed()
	}
	if err := d.open(); err != nil {
		d.fail(err)
		return d.Failed()
	}
	if d.readOnly {
		return ErrFull
	}
	return nil
}

// writable reports whether the database is open for writing.
func (d *database) writable() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return !d.readOnly
}

// guard calls f, which calls pebble. Where pebble takes a failing disk for the end of
// the process there is ErrFailed instead: it panics, as its markers do, or calls
// Fatalf, which ends the goroutine; if that was one of pebble's own, others wait for
// it for ever.
func (d *database) guard(f func() error) error {
	result := make(chan error, 1)
	go func() {
		err, returned := ErrFailed, false
		defer func() {
			if r := recover(); r != nil {
				err = panicError(r)
			}
			if !returned {
				d.fail(err) // pebble was left in the middle of something
			}
			result <- err
		}()
		err = f()
		returned = true
	}()
	select {
	case err := <-result:
		return err
	case <-d.done:
		return d.Failed()
	}
}

// panicError wraps ErrFailed and what pebble panicked with.
func panicError(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return fmt.Errorf("%w: %v", ErrFailed, r)
}

// close closes the database. The log of one that failed is in a state that closing it
// could only make worse; what was acknowledged is synced.
func (d *database) close() error {
	var err error
	if d.Failed() == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		err = d.guard(d.db.Close)
	}
	d.own.fence()
	return errors.Join(err, d.lock.Close())
}

// pebbleLogger takes what pebble logs.
type pebbleLogger struct{ d *database }

func (l pebbleLogger) Infof(format string, args ...any) {
	if l.d.log.Enabled(context.Background(), slog.LevelDebug) {
		l.d.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
	}
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.d.log.Error("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf does not return, as pebble expects. The store takes no writes from then on. A
// caller that reads gets an error by a panic; else the goroutine ends, which is one of
// guard's or one of pebble's own.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			err = cause
		}
	}
	l.d.fail(err)
	stack := make([]byte, 64<<10)
	if strings.Contains(string(stack[:runtime.Stack(stack, false)]), "store.(*database).reading(") {
		panic(err)
	}
	runtime.Goexit()
}

// commit makes a batch durable. Whatever goes wrong with that is the end of writing.
func (d *database) commit(b *pebble.Batch) error {
	if err := d.Failed(); err != nil {
		return err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.readOnly {
		return ErrFull
	}
	if err := d.guard(func() error { return d.db.Apply(b, pebble.Sync) }); err != nil {
		d.fail(err)
		return d.Failed()
	}
	// What was written into files that are removed is nowhere.
	if err := d.gone(); err != nil {
		d.fail(err)
		return d.Failed()
	}
	return nil
}

func (d *database) batch() *pebble.Batch {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.db.NewBatch()
}

// reading calls f, which reads from pebble.
func (d *database) reading(f func(db *pebble.DB) error) (err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
			d.fail(err)
		}
	}()
	err = f(d.db)
	if isDamage(err) {
		d.fail(err)
	}
	return err
}

// readError says of an error of reading the database whether it is one of the process or
// the machine.
func readError(err error) error {
	if isEnvironment(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("store: %w", err)
}

// view calls f with a value, which is valid during the call. The error is ErrNotFound,
// f's, or the disk's.
func (d *database) view(key []byte, f func(value []byte) error) error {
	return d.reading(func(db *pebble.DB) error {
		value, closer, err := db.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return ErrNotFound
		}
		if err != nil {
			return readError(err)
		}
		defer closer.Close()
		return f(value)
	})
}

// compact writes the tables of a range of keys anew, so that the bytes of what was
// deleted in it come back.
func (d *database) compact(ctx context.Context, lower, upper []byte) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.guard(func() error { return d.db.Compact(ctx, lower, upper, false) })
}

// get returns a copy of a value.
func (d *database) get(key []byte) (value []byte, err error) {
	err = d.view(key, func(v []byte) error {
		value = append([]byte(nil), v...)
		return nil
	})
	return value, err
}

// scan calls f for every key from lower on and below upper, until it returns false.
func (d *database) scan(lower, upper []byte, f func(key []byte, value func() ([]byte, error)) (more bool, err error)) error {
	return d.reading(func(db *pebble.DB) error {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return readError(err)
		}
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			if more, err := f(it.Key(), it.ValueAndErr); err != nil || !more {
				return err
			}
		}
		if err := it.Error(); err != nil {
			return readError(err)
		}
		return nil
	})
}
