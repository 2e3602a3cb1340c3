package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

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
	locks  [stripes]sync.Mutex // held while a blob's places change

	sequence atomic.Uint64 // numbers files; begins at a random value each time
}

var _ Store = (*Disk)(nil)

// Open opens the store in a directory, which it makes if there is none. Only one
// process may have it open. The error is the disk's.
func Open(dir string, o Options) (*Disk, error) {
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
	d := &Disk{dir: dir, fs: o.FS, inline: o.InlineMax, spare: o.Reserve, log: o.Logger}
	d.sequence.Store(randomNumber())
	if err := d.makeDirs(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	cache := pebble.NewCache(o.CacheSize)
	defer cache.Unref()
	db, err := openPebble(d.fs.PathJoin(dir, "db"), &pebble.Options{
		FS:                 d.fs,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             pebbleLogger{d},
		LoggerAndTracer:    nil,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	d.db = db
	if err := d.checkVersion(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

// openPebble opens the database; a failure that pebble takes for the end of the
// process is an error here.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer recoverFatal(&err)
	return pebble.Open(dir, o)
}

func (d *Disk) checkVersion() error {
	version, err := d.get([]byte{versionKind})
	if errors.Is(err, ErrNotFound) {
		b := d.db.NewBatch()
		defer b.Close()
		if err := b.Set([]byte{versionKind}, []byte(formatVersion), nil); err != nil {
			return err
		}
		return d.commit(b)
	}
	if err == nil && string(version) != formatVersion {
		err = fmt.Errorf("store: %s is of another version: %q", d.dir, version)
	}
	return err
}

// Close closes the store.
func (d *Disk) Close() (err error) {
	if d.failed.Load() != nil {
		// The database's log is in a state that closing it could only make worse; what
		// was acknowledged is synced.
		return nil
	}
	defer recoverFatal(&err)
	return d.db.Close()
}

// Failed returns the error by which the store failed, or nil.
func (d *Disk) Failed() error {
	if err := d.failed.Load(); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, *err)
	}
	return nil
}

// Free returns the bytes that are free on the disk, or false if it cannot be known.
func (d *Disk) Free() (uint64, bool) {
	usage, err := d.fs.GetDiskUsage(d.dir)
	return usage.AvailBytes, err == nil
}

// fatal is what pebble calls the end of the process.
type fatal struct{ err error }

// recoverFatal turns a panic of pebbleLogger into an error.
func recoverFatal(err *error) {
	switch r := recover().(type) {
	case nil:
	case fatal:
		*err = fmt.Errorf("%w: %w", ErrFailed, r.err)
	default:
		panic(r)
	}
}

// pebbleLogger takes what pebble logs. Pebble expects Fatalf not to return. Where
// the store called, it gets an error; on a goroutine of pebble's own nobody catches
// the panic, and the process ends, as it must.
type pebbleLogger struct{ d *Disk }

func (l pebbleLogger) Infof(format string, args ...any) {
	if l.d.log.Enabled(context.Background(), slog.LevelDebug) {
		l.d.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
	}
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.d.log.Error("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.d.failed.CompareAndSwap(nil, &err)
	panic(fatal{err})
}

// commit makes a batch durable. Whatever goes wrong with that is the end of writing.
func (d *Disk) commit(b *pebble.Batch) (err error) {
	if err := d.Failed(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.failed.CompareAndSwap(nil, &err)
		}
	}()
	defer recoverFatal(&err)
	return d.db.Apply(b, pebble.Sync)
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
