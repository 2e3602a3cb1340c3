package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
)

// Options are choices for [Open]. The zero value is good.
type Options struct {
	FS        vfs.FS       // where the store lives; the default is the operating system's
	InlineMax int          // largest sliver, in bytes, that goes into the database; default 8 KiB, none if negative
	Reserve   uint64       // bytes of the disk to leave free
	CacheSize int64        // bytes of the database's cache; default 32 MiB
	Logger    *slog.Logger // the default drops all
}

const (
	defaultInlineMax = 8 << 10
	defaultCacheSize = 32 << 20
	memTableSize     = 16 << 20

	formatVersion = "redstuff store 1"

	databaseName    = "db"
	newDatabaseName = "db.new"
)

// stripes is the number of locks that blobs share.
const stripes = 256

// Disk is the store on a disk.
type Disk struct {
	dir    string
	fs     vfs.FS
	db     *pebble.DB
	inline int
	spare  uint64
	log    *slog.Logger

	failed atomic.Pointer[error]
	done   chan struct{}       // closed when failed is set
	locks  [stripes]sync.Mutex // held while a blob's places change

	sequence atomic.Uint64 // numbers files; begins at a random value each time
	suspects suspects
	unlock   io.Closer // ends the exclusive use of the directory
}

var _ Store = (*Disk)(nil)

// lockName is the file by which one process keeps others out.
const lockName = "LOCK"

// Open opens the store in a directory, which it makes if there is none. Only one
// process may have it open. The error is ErrLocked, or the disk's.
func Open(dir string, o Options) (_ *Disk, err error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.InlineMax == 0 {
		o.InlineMax = defaultInlineMax
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCacheSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Disk{dir: dir, fs: o.FS, inline: o.InlineMax, spare: o.Reserve, log: o.Logger, done: make(chan struct{})}
	d.sequence.Store(randomNumber())
	d.suspects.now = time.Now
	if err := d.fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	// Nothing else is touched before it is known that nobody else has the store.
	if d.unlock, err = d.fs.Lock(d.fs.PathJoin(dir, lockName)); err != nil {
		return nil, lockError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.unlock.Close())
		}
	}()
	if err := d.makeDirs(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	cache := pebble.NewCache(o.CacheSize)
	defer cache.Unref()
	options := func() *pebble.Options {
		return &pebble.Options{
			FS:                 orderedFS{d.fs},
			Cache:              cache,
			MemTableSize:       memTableSize,
			FormatMajorVersion: pebble.FormatNewest,
			Logger:             pebbleLogger{d},
			// A flush or compaction that fails is tried again without end, and writes wait
			// for it. Better to take none.
			EventListener: &pebble.EventListener{BackgroundError: d.fail},
		}
	}
	if err := d.create(options()); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := d.openPebble(d.fs.PathJoin(dir, databaseName), options())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	d.db = db
	version, err := d.get([]byte{versionKind})
	if err == nil && string(version) != formatVersion {
		err = fmt.Errorf("store: %s is of another version: %q", d.dir, version)
	}
	if err != nil {
		return nil, errors.Join(err, d.guard(db.Close))
	}
	return d, nil
}

// lockError says what it means that the lock cannot be had.
func lockError(err error) error {
	var path *fs.PathError // the file itself cannot be opened
	if errors.As(err, &path) {
		return fmt.Errorf("store: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrLocked, err)
}

// create makes the database if there is none: under another name, because a new
// database that a crash left half made can neither be opened nor told from a damaged
// one.
func (d *Disk) create(o *pebble.Options) error {
	name, temporary := d.fs.PathJoin(d.dir, databaseName), d.fs.PathJoin(d.dir, newDatabaseName)
	names, err := d.fs.List(d.dir)
	if err != nil || slices.Contains(names, databaseName) {
		return err
	}
	if err := d.fs.RemoveAll(temporary); err != nil {
		return err
	}
	db, err := d.openPebble(temporary, o)
	if err != nil {
		return err
	}
	err = d.guard(func() error { return db.Set([]byte{versionKind}, []byte(formatVersion), pebble.Sync) })
	if err := errors.Join(err, d.guard(db.Close)); err != nil {
		return err
	}
	if err := d.syncDir(temporary); err != nil {
		return err
	}
	if err := d.fs.Rename(temporary, name); err != nil {
		return err
	}
	return d.syncDir(d.dir)
}

func (d *Disk) openPebble(dir string, o *pebble.Options) (*pebble.DB, error) {
	var opened atomic.Pointer[pebble.DB]
	err := d.guard(func() error {
		db, err := pebble.Open(dir, o)
		opened.Store(db)
		return err
	})
	return opened.Load(), err
}

// guard calls f, which calls pebble. Where pebble takes a failing disk for the end of
// the process there is ErrFailed instead: it panics, as its markers do, or calls
// Fatalf, which ends the goroutine; if that was one of pebble's own, others wait for
// it for ever.
func (d *Disk) guard(f func() error) error {
	result := make(chan error, 1)
	go func() {
		err := ErrFailed
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("%w: %v", ErrFailed, r)
			}
			result <- err
		}()
		err = f()
	}()
	select {
	case err := <-result:
		return err
	case <-d.done:
		return d.Failed()
	}
}

// Close closes the store.
func (d *Disk) Close() error {
	var err error
	// The log of a database that failed is in a state that closing it could only make
	// worse; what was acknowledged is synced.
	if d.failed.Load() == nil {
		err = d.guard(d.db.Close)
	}
	return errors.Join(err, d.unlock.Close())
}

// Failed returns the error by which the store failed, or nil.
func (d *Disk) Failed() error {
	if err := d.failed.Load(); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, *err)
	}
	return nil
}

// Done is closed when the store has failed.
func (d *Disk) Done() <-chan struct{} { return d.done }

// Free returns the bytes that are free on the disk, or false if it cannot be known.
func (d *Disk) Free() (uint64, bool) {
	usage, err := d.fs.GetDiskUsage(d.dir)
	return usage.AvailBytes, err == nil
}

// fail ends writing.
func (d *Disk) fail(err error) {
	if d.failed.CompareAndSwap(nil, &err) {
		d.log.Error("store failed", "error", err)
		close(d.done)
	}
}

// pebbleLogger takes what pebble logs.
type pebbleLogger struct{ d *Disk }

func (l pebbleLogger) Infof(format string, args ...any) {
	if l.d.log.Enabled(context.Background(), slog.LevelDebug) {
		l.d.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
	}
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.d.log.Error("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf does not return, as pebble expects: it ends the goroutine, which is one of
// guard's or one of pebble's own. The store takes no writes from then on.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.d.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

// commit makes a batch durable. Whatever goes wrong with that is the end of writing.
func (d *Disk) commit(b *pebble.Batch) error {
	if err := d.Failed(); err != nil {
		return err
	}
	if err := d.guard(func() error { return d.db.Apply(b, pebble.Sync) }); err != nil {
		d.fail(err)
		return d.Failed()
	}
	return nil
}

// get returns a copy of a value of the database.
func (d *Disk) get(key []byte) ([]byte, error) {
	value, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// scan calls f for every key from lower on and below upper, until it returns false.
func (d *Disk) scan(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if more, err := f(it.Key(), value); err != nil || !more {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// lock locks the places of a blob.
func (d *Disk) lock(id commit.BlobID) (unlock func()) {
	m := &d.locks[int(id[commit.HashSize-1])%stripes]
	m.Lock()
	return m.Unlock
}
