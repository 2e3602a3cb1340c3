package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/versity/versitygw/backend"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/control/account"
)

// Options are choices for Open. The zero value is good.
type Options struct {
	FS        vfs.FS // where the database lives; default the operating system's
	PieceSize int64  // bytes of an object in one blob; default 16 MiB
	ReadSize  int64  // bytes that are read at once; default 4 MiB
	Writes    int    // bodies that are stored at once, each with a piece in memory; default 4

	// PackBelow has objects that are not longer, in bytes, packed into one blob with others that
	// come within PackWait, default 50 ms: the answers to all of them wait for that. The blobs must
	// be Quilts. 0 packs nothing.
	PackBelow int64
	PackWait  time.Duration

	Logger *slog.Logger // default drops all

	// Epochs tells how time passes, where there is a ledger: objects end with their blobs'
	// epochs, and buckets may say for how long objects live.
	Epochs func(ctx context.Context) (Epochs, error)

	Put daemon.PutOptions // how blobs are stored: for how long, where there is a ledger

	Account *account.Account // that pays for what is stored; nil without a ledger
	// Sealer seals notes of buckets and objects, which are kept in attributes on the ledger:
	// Rebuild makes the database again of them. nil keeps none.
	Sealer *Sealer
}

// fill sets defaults and checks the rest.
func (o *Options) fill() error {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	for _, n := range []struct {
		name  string
		value *int64
		usual int64
	}{{"PieceSize", &o.PieceSize, 16 << 20}, {"ReadSize", &o.ReadSize, 4 << 20}} {
		if *n.value < 0 {
			return fmt.Errorf("s3: Options.%s is %d, want at least 1", n.name, *n.value)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	if o.Writes < 0 {
		return fmt.Errorf("s3: Options.Writes is %d, want at least 1", o.Writes)
	}
	if o.Writes == 0 {
		o.Writes = 4
	}
	if o.PackBelow < 0 || o.PackBelow > maxPackBelow || o.PackWait < 0 {
		return fmt.Errorf("s3: Options.PackBelow is %d and PackWait %v, want up to %d bytes, and no negative time", o.PackBelow, o.PackWait, maxPackBelow)
	}
	if o.PackWait == 0 {
		o.PackWait = 50 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// none is the answer to what is not supported: NotImplemented.
type none struct{ backend.BackendUnsupported }

// above is none, where something else answers the same request.
type above struct{ none }

// Backend is what versitygw's server stands before. Its methods are safe for concurrent use.
type Backend struct {
	above
	buckets
	settings
	unset
	listings
	tagging
	uploads // and objects

	all        objects
	end        context.CancelFunc
	background sync.WaitGroup
}

var _ backend.Backend = (*Backend)(nil)

// Open opens the database in a folder, which it makes if there is none, before blobs. One
// process at a time may have it open.
func Open(dir string, blobs Blobs, o Options) (*Backend, error) {
	if blobs == nil {
		return nil, errors.New("s3: the blobs are nil")
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	if _, ok := blobs.(Quilts); !ok && o.PackBelow > 0 {
		return nil, errors.New("s3: Options.PackBelow is set, and columns of the blobs cannot be read")
	}
	x, err := openIndex(dir, o.FS)
	if err != nil {
		return nil, err
	}
	if err := whole(x, dir); err != nil {
		return nil, errors.Join(err, x.close())
	}
	if o.Put.Epochs == 0 {
		o.Put.Epochs = 1
	}
	life, end := context.WithCancel(context.Background())
	c := &content{
		blobs: blobs, options: o.Put, piece: o.PieceSize, read: o.ReadSize, slots: newSlots(o.Writes), life: life,
		collector: newCollector(x, blobs.Free, o.Logger), epochs: o.Epochs,
	}
	if quilts, ok := blobs.(Quilts); ok && o.PackBelow > 0 {
		c.packer = newPacker(c, quilts, o.PackBelow, o.PackWait)
	}
	if o.Account != nil {
		c.registered = func(ctx context.Context, id commit.BlobID) ([]daemon.ObjectID, error) {
			return registered(ctx, o.Account, id)
		}
	}
	n := &notes{content: c, index: x, most: maxNotesOf}
	if o.Account != nil && o.Sealer != nil {
		n.account, n.seal, c.sweep = o.Account, o.Sealer, n.sweep
	}
	all := objects{x, c, n}
	expirer := &expirer{all: all, epochs: o.Epochs, log: o.Logger, wake: make(chan struct{}, 1)}
	b := &Backend{buckets: buckets{x, n, c.hurry}, settings: settings{x, n, o.Epochs, expirer.hurry}, unset: unset{x}, listings: listings{x}, tagging: tagging{x, n}, uploads: uploads{all}, all: all, end: end}
	b.background.Go(func() { c.run(life) })
	if o.Epochs != nil {
		b.background.Go(func() { expirer.run(life) })
	}
	return b, nil
}

// String names the backend.
func (b *Backend) String() string { return "RedStuff" }

// Shutdown ends what is being read and stored. See Close.
func (b *Backend) Shutdown() { b.end() }

// Close ends what is being read and stored, waits until nothing uses the blobs or the database,
// and closes that. Requests that are under way still fail.
func (b *Backend) Close() error {
	b.end()
	b.background.Wait()
	b.all.content.uses.end()
	return b.all.index.close()
}
