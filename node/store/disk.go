package store

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are choices for [Open]. The zero value is good.
type Options struct {
	FS           vfs.FS           // where the store lives; the default is the operating system's
	Owner        Owner            // whose the store is; the default is nobody's
	InlineMax    int              // largest sliver, in bytes, that goes into the database; default 8 KiB, none if negative
	Reserve      uint64           // bytes of the disk to leave free
	Ballast      int64            // bytes of a file that is given up when the disk is full; default 32 MiB, none if negative
	CacheSize    int64            // bytes of the database's cache; default 32 MiB
	MaxOpenFiles int              // file descriptors to use; default 512, at least MinOpenFiles
	Now          func() time.Time // default time.Now
	Logger       *slog.Logger     // the default drops all
}

// MinOpenFiles is the least number of file descriptors that a store works with.
const MinOpenFiles = 128

const (
	defaultInlineMax    = 8 << 10
	defaultCacheSize    = 32 << 20
	defaultBallast      = 32 << 20
	defaultMaxOpenFiles = 512
)

// tableDescriptors is how many of a number of descriptors the database gets for its
// tables. It needs a few more for its logs, which come with the rest.
func tableDescriptors(all int) int { return all * 5 / 8 }

func (o *Options) fill() error {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.InlineMax == 0 {
		o.InlineMax = defaultInlineMax
	}
	if o.Ballast == 0 {
		o.Ballast = defaultBallast
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCacheSize
	}
	if o.MaxOpenFiles == 0 {
		o.MaxOpenFiles = defaultMaxOpenFiles
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.CacheSize < 0:
		return fmt.Errorf("store: Options.CacheSize is %d, not positive", o.CacheSize)
	case o.MaxOpenFiles < MinOpenFiles:
		return fmt.Errorf("store: Options.MaxOpenFiles is %d, less than %d", o.MaxOpenFiles, MinOpenFiles)
	}
	return o.Owner.validate()
}

// Disk is the store on a disk.
type Disk struct {
	reader
	writer
	shards
	collector
	notes

	db      *database
	standby *standbyFS
	unlock  io.Closer     // ends the exclusive use of the directory
	closed  chan struct{} // ends the watch
	watch   sync.WaitGroup
}

var _ Store = (*Disk)(nil)

// lockName is the file by which one process keeps others out.
const lockName = "LOCK"

// Open opens the store in a directory, which it makes if there is none. Only one
// process may have it open. The error says which option is out of range, or wraps
// ErrLocked, ErrFormat, ErrOwner, ErrDamaged, ErrFull if there is no room to make it, or
// what the disk said.
//
// On a disk that is wholly full, a store is opened all the same: what it has can be read,
// and writes get ErrFull until there is room.
func Open(dir string, o Options) (*Disk, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	d, err := open(dir, o)
	if noRoom(err) && !errors.Is(err, ErrFull) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	for _, said := range []error{ErrFull, ErrLocked, ErrFormat, ErrOwner, ErrDamaged} {
		if errors.Is(err, said) {
			return nil, err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return d, nil
}

func open(dir string, o Options) (_ *Disk, err error) {
	fs := o.FS
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Nothing else is touched before it is known that nobody else has the store.
	unlock, err := fs.Lock(fs.PathJoin(dir, lockName))
	if err != nil {
		return nil, lockError(err)
	}
	d := &Disk{unlock: unlock, closed: make(chan struct{}), standby: &standbyFS{FS: fs, dir: dir}}
	defer func() {
		if err != nil {
			d.standby.close()
			err = errors.Join(err, unlock.Close())
		}
	}()
	if err := bind(fs, dir, o.Owner); err != nil {
		return nil, err
	}
	tables := tableDescriptors(o.MaxOpenFiles)
	c := &core{
		files:   newSliverFiles(fs, dir, (o.MaxOpenFiles-tables)/2),
		space:   &space{fs: fs, dir: dir, reserve: o.Reserve, ballast: o.Ballast},
		anchors: &anchors{fs: fs}, starved: d.standby.starved,
		inline: o.InlineMax, n: o.Owner.Shards, now: o.Now,
	}
	c.suspects.now = o.Now
	if err := c.files.makeDirs(); err != nil {
		return nil, err
	}
	c.space.hold()
	d.standby.refill()
	d.db = &database{
		dir: dir, fs: vfs.OnDiskFull(d.standby, c.space.release), cache: o.CacheSize, tables: tables,
		tight: c.space.tight, log: o.Logger, failure: newFailure(c.anchors.gone, o.Logger),
	}
	c.db = d.db
	if err := d.db.open(); err != nil {
		return nil, err
	}
	var hold []string
	for _, name := range []string{lockName, ownerName, temporaryDir, sliversName, databaseName + "/" + lockName} {
		hold = append(hold, fs.PathJoin(dir, name))
	}
	if err := c.anchors.hold(hold...); err != nil {
		return nil, errors.Join(err, d.db.close())
	}
	if !d.db.writable() {
		o.Logger.Warn("disk is full: the store takes no writes until there is room", "store", dir)
	}
	d.reader, d.writer, d.shards, d.collector = reader{c}, writer{c}, shards{c}, collector{c}
	d.notes = notes{c}
	d.watch.Go(d.look)
	return d, nil
}

// lockError says what it means that the lock cannot be had.
func lockError(err error) error {
	var path *iofs.PathError // the file itself cannot be opened
	if errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrLocked, err)
}

// look looks now and then after what a store needs of its surroundings.
func (d *Disk) look() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.closed:
			return
		case <-d.db.Done():
			return
		case <-tick.C:
			if err := d.reader.anchors.gone(); err != nil {
				d.db.fail(err)
			}
			d.standby.refill()
		}
	}
}

// Close closes the store.
func (d *Disk) Close() error {
	close(d.closed)
	d.watch.Wait()
	err := d.db.close()
	d.standby.close()
	return errors.Join(err, d.unlock.Close())
}

// Failed returns the error by which the store failed, or nil.
func (d *Disk) Failed() error { return d.db.Failed() }

// Done is closed when the store has failed.
func (d *Disk) Done() <-chan struct{} { return d.db.Done() }

// Free returns the bytes that are free on the disk, or false if it cannot be known.
func (d *Disk) Free() (uint64, bool) { return d.reader.space.Free() }

// Room returns the bytes that can be stored, see [Store].
func (d *Disk) Room() (int64, bool) { return d.reader.space.left() }
