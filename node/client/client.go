package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/internal/reuse"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Client speaks to the committees of a network. It is safe for concurrent use.
type Client struct {
	control  control.Control
	options  Options
	code     *rs2d.Code
	hasher   *commit.Hasher
	peers    *peer.Set
	memory   *memory
	encoders sync.Pool
	memories reuse.Pools[*rs2d.Encoding]
	log      *slog.Logger
	metadata metadataCache
	batches  *batches
	heralds  *heralds
	fetcher  *metadata.Fetcher

	life       context.Context // until Close
	end        context.CancelFunc
	background tasks          // what is still being sent, and probes
	fetches    sync.WaitGroup // requests of reads
}

// New returns a client. It does not connect. Nodes know it by the key, which may be nil
// where it only reads. The error names a field of the options, or says why there is no
// code for the committee.
func New(control control.Control, key *identity.Key, o Options) (*Client, error) {
	if control == nil {
		return nil, fmt.Errorf("client: New needs a control plane")
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	current := control.View().Current
	code, err := rs2d.New(current.Params().N, rs2d.WithScheme(current.Scheme()), rs2d.WithWorkers(o.Workers))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	hasher, err := commit.NewHasher(current.Scheme(), "")
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	fetcher, err := metadata.NewFetcher(current.System(), hasher)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c := &Client{
		fetcher: fetcher, control: control, options: o, code: code, hasher: hasher, peers: peer.NewSet(key, o.Peer),
		memory: newMemory(o.MaxMemory), log: o.Logger, metadata: newMetadataCache(), batches: new(batches), heralds: new(heralds),
	}
	c.encoders.New = func() any { return code.NewEncoder() }
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Close gives up what is still being sent, waits for it to end, and closes the
// connections. No other call may be under way.
func (c *Client) Close() {
	c.end()
	_ = c.background.wait(context.Background())
	c.fetches.Wait()
	c.peers.Close()
}

// Flush waits until nothing is being sent any more, and no slow node is being tried
// again, which lasts at most the grace period; or until the context ends.
func (c *Client) Flush(ctx context.Context) error { return c.background.wait(ctx) }

// Committee returns the committee that takes new blobs at present.
func (c *Client) Committee() *committee.Committee { return c.view().Committee }

// Code returns the network's code.
func (c *Client) Code() *rs2d.Code { return c.code }

// Peers returns the nodes by their numbers in the committee.
func (c *Client) Peers() []*peer.Peer { return c.view().Peers }

// ByteCounters returns the counts of bytes sent and received.
func (c *Client) ByteCounters() *peer.ByteCounters { return c.peers.ByteCounters() }

// view returns the committee as it is now.
func (c *Client) view() *peer.View { return c.peers.View(c.control.View(), committee.NodeID{}) }

// begin begins an operation: it takes a view for all of it, gives it a deadline, and
// ends it with the client.
func (c *Client) begin(ctx context.Context) (operation, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	done := func() {
		stop()
		cancel()
	}
	o := operation{Client: c, view: c.view()}
	if _, ok := ctx.Deadline(); ok {
		return o, ctx, done
	}
	ctx, late := context.WithTimeout(ctx, c.options.Timeout)
	return o, ctx, func() {
		late()
		done()
	}
}

// Store encodes a blob and sends every node its sliver pairs. It returns when the
// owners of n-f shards have attested that theirs are durable, and goes on sending to
// the others for the grace period, or until others wait for the memory; then all get
// the certificate. The blob is not kept.
//
// The error is a *QuorumError, which says who did not answer if the context ended;
// ErrTooLarge; a *commit.TooLargeError for a blob that the code cannot hold;
// ErrInconsistent if that is what the committee thinks of the id; the context's; or the
// registrar's.
func (c *Client) Store(ctx context.Context, blob []byte) (*Receipt, error) {
	return write(ctx, c, func(ctx context.Context, o writing) (*Receipt, error) { return o.store(ctx, blob) })
}

// StoreFrom is Store for the first size bytes of src, which need not fit into memory. Slivers
// go to the nodes as they are made, no faster than nodes take them. A few nodes that are
// slower than all others are given up when they have held the others up for the grace
// period, and for a quarter of the time that it takes besides. src is read several times,
// must not change, and is not read any more when StoreFrom has returned.
//
// Memory does not grow with the blob, but with its symbols: 24 MiB of slivers on their way,
// 64 MiB of parity columns, or 16 columns, and for each worker a row of the matrix and a
// column of the expanded one: 250 MiB for 4 GiB and 1000 shards on two processors.
//
// The error is one of Store's, that of src, or ErrChanged.
func (c *Client) StoreFrom(ctx context.Context, src io.ReaderAt, size int64, opts ...StreamOption) (*Receipt, error) {
	if src == nil || size < 0 {
		return nil, fmt.Errorf("client: StoreFrom needs an io.ReaderAt and no negative size")
	}
	s := newStreamOptions(opts)
	r, err := write(ctx, c, func(ctx context.Context, o writing) (*Receipt, error) { return o.storeFrom(ctx, src, size, s) })
	if err == nil {
		s.progress.end()
	}
	return r, err
}

// StoreReader is StoreFrom for all that a reader has. It is kept in a temporary file until
// StoreReader returns.
func (c *Client) StoreReader(ctx context.Context, r io.Reader, opts ...StreamOption) (*Receipt, error) {
	f, size, err := spool(ctx, r, newStreamOptions(opts).dir, c.code.Params())
	if err != nil {
		return nil, err
	}
	defer unspool(f)
	return c.StoreFrom(ctx, f, size, opts...)
}

// epochsOfWrite is how many epochs a write may see begin before it is given up.
const epochsOfWrite = 3

// write calls store; again if another committee has taken over meanwhile, which signs
// for itself. Nodes that have their parts already do not get them again.
func write(ctx context.Context, c *Client, store func(context.Context, writing) (*Receipt, error)) (*Receipt, error) {
	registered := newRegistration()
	for attempt := 1; ; attempt++ {
		o, ctx, done := c.begin(ctx)
		r, err := store(ctx, writing{o, registered})
		over := err == nil || ctx.Err() != nil || attempt == epochsOfWrite
		if !over && errors.Is(err, peer.ErrOtherCommittee) {
			if failed := refresh(ctx, c); failed != nil {
				err, over = errors.Join(err, failed), true
			}
		}
		done()
		if over || c.view().Epoch() == o.view.Epoch() {
			return r, err
		}
	}
}

// refresh has the control plane look for another epoch, if it can.
func refresh(ctx context.Context, c *Client) error {
	if r, ok := c.control.(control.Refresher); ok {
		return r.Refresh(ctx)
	}
	return nil
}

// epochsOfRead is how often a read may find that it has asked those who had the blob
// before.
const epochsOfRead = 3

// Pauses of a read whose blob members withhold, before it tries again: each try costs them all a request.
const (
	firstWithheld = 100 * time.Millisecond
	lastWithheld  = time.Second
)

// awaitServed calls a read again until members withhold its blob no longer, or the context ends.
func awaitServed[T any](ctx context.Context, v T, err error, again func() (T, error)) (T, error) {
	began := time.Now()
	for wait := firstWithheld; errors.Is(err, peer.ErrWithheld) && pause.For(ctx, wait) == nil; wait = min(wait*3/2, lastWithheld) {
		now := time.Now()
		if v, err = again(); !errors.Is(err, peer.ErrWithheld) {
			traceFor(ctx, StepWithheld, now.Sub(began))
		}
	}
	return v, err
}

// read calls f with a view of its own; again if it fails, and shards have moved since. What is
// withheld because a challenge is on it waits for.
func read[T any](c *Client, ctx context.Context, f func(context.Context, operation) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		o, own, done := c.begin(ctx)
		v, err := f(own, o)
		if o.view.Epochs.Challenged {
			v, err = awaitServed(own, v, err, func() (T, error) {
				o.view = c.view()
				return f(own, o)
			})
		}
		over := err == nil || own.Err() != nil || attempt == epochsOfRead || errors.Is(err, ErrInconsistent) || errors.Is(err, ErrTooLarge)
		over = over || refresh(own, c) != nil
		done()
		if now := c.control.View(); over || now.Current.Epoch() == o.view.Epoch() && now.State == o.view.Epochs.State {
			return v, err
		}
	}
}

// StoreEncoding is Store for slivers that the caller has made, and answers for: nodes
// store whatever the metadata commits to, even if that is no blob. pair returns the
// slivers of a pair.
func (c *Client) StoreEncoding(ctx context.Context, meta *commit.Metadata, pair func(int) (primary, secondary rs2d.Sliver)) (*Receipt, error) {
	return write(ctx, c, func(ctx context.Context, o writing) (*Receipt, error) { return o.storeEncoding(ctx, meta, pair) })
}

// Read returns the blob. Its bytes are those that have the id, whatever the nodes say.
//
// The error is ErrNotFound, ErrInconsistent, ErrTooLarge, or a *ReadError or
// *QuorumError, which says who did not answer if the context ended; or the context's.
func (c *Client) Read(ctx context.Context, id commit.BlobID) ([]byte, error) {
	return read(c, ctx, func(ctx context.Context, o operation) ([]byte, error) {
		r, err := o.read(ctx, id)
		if err != nil {
			return nil, err
		}
		return r.all(ctx)
	})
}

// ReadTo writes the blob to w, front to back, as Read returns it, in memory that does not
// grow with the blob: 32 MiB of rows, or 64 MiB where rows have to be recovered, and for a
// strict check, which is the default, what StoreFrom encodes it in. With that nothing is
// written before the whole blob is known to be right, and it goes to a temporary file
// until then, see [SpoolIn], unless there is one already, see [ReadBack]; with a
// systematic one, see [WithCheck], each row is written once it is known to be right. For a
// part of the blob see [Section].
//
// The error is one of Read's, that of w, or that of the temporary file.
func (c *Client) ReadTo(ctx context.Context, id commit.BlobID, w io.Writer, opts ...StreamOption) error {
	if w == nil {
		return fmt.Errorf("client: ReadTo needs an io.Writer")
	}
	s, out := newStreamOptions(opts), &output{w: w}
	if s.section != nil {
		out.at = s.section.off
	}
	_, err := read(c, ctx, func(ctx context.Context, o operation) (struct{}, error) {
		r, err := o.read(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, readTo(ctx, r, out, s)
	})
	if err == nil {
		s.progress.end()
	}
	return err
}

// ReadRange returns n bytes of the blob from off on, from the slivers that hold them, or
// from symbols of others where their nodes give none; and else from the whole blob, in memory that does not grow with
// it. It makes sure of as much as a systematic check does. For many ranges of one blob see
// [NewReaderAt].
//
// The error is a *rs2d.RangeError for a range that is not within the blob, or one of
// those of Read.
func (c *Client) ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	return read(c, ctx, func(ctx context.Context, o operation) ([]byte, error) {
		r, err := o.read(ctx, id)
		if err != nil {
			return nil, err
		}
		return r.part(ctx, off, n)
	})
}

// Metadata returns the metadata of a blob, verified against the id. The error is
// ErrNotFound or a *QuorumError.
func (c *Client) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	return read(c, ctx, func(ctx context.Context, o operation) (*commit.Metadata, error) { return o.fetchMetadata(ctx, id) })
}

// List calls f with every blob that any of the nodes knows, in the order of ids, until
// f returns false. The error is a *QuorumError if the owners of fewer than 2f+1 shards
// answer, because there may be certified blobs then that none of them has.
func (c *Client) List(ctx context.Context, f func(Blob) bool) error {
	var after *commit.BlobID
	for {
		page, more, err := nextPage(ctx, c, after)
		if err != nil {
			return err
		}
		for i := range page {
			if !f(page[i]) {
				return nil
			}
			after = &page[i].ID
		}
		if !more {
			return nil
		}
	}
}

// page returns a part of the list. Each part has a deadline of its own, and a view.
func nextPage(ctx context.Context, c *Client, after *commit.BlobID) (page []Blob, more bool, err error) {
	o, ctx, done := c.begin(ctx)
	defer done()
	return listing{o}.page(ctx, after)
}

// Health asks all nodes how they are. When those that own 2f+1 shards have answered, the
// others get as much time again, and a second at least.
func (c *Client) Health(ctx context.Context) []NodeStatus {
	o, ctx, done := c.begin(ctx)
	defer done()
	all := make([]NodeStatus, o.view.Len())
	askAll(ctx, o.view, (*peer.Peer).Health, func(i int, h api.Health, err error) {
		all[i] = NodeStatus{o.view.Peers[i].Name(), h, err}
	})
	return all
}

// Status asks all nodes what they have of a blob, and waits as Health does.
func (c *Client) Status(ctx context.Context, id commit.BlobID) []BlobStatus {
	o, ctx, done := c.begin(ctx)
	defer done()
	all := make([]BlobStatus, o.view.Len())
	askAll(ctx, o.view, func(p *peer.Peer, ctx context.Context) (api.Status, error) { return p.Status(ctx, id) }, func(i int, s api.Status, err error) {
		all[i] = BlobStatus{o.view.Peers[i].Name(), s, err}
	})
	return all
}
