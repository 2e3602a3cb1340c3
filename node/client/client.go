package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	// ErrNotFound: the owners of n-f shards do not know the blob, so no certificate of
	// it exists.
	ErrNotFound = errors.New("client: blob not found")
	// ErrInconsistent: whoever encoded the blob broke the rules; nobody can read it.
	ErrInconsistent = errors.New("client: blob is inconsistent")
	// ErrUnavailable: too few nodes answer. A *QuorumError or *ReadError wraps it.
	ErrUnavailable = errors.New("client: too few nodes answer")
	// ErrTooLarge: the blob takes more memory than the client may use.
	ErrTooLarge = errors.New("client: blob takes more than the memory limit")
)

// Options are choices for [New]. The zero value is good for reading; Key is needed to
// write.
//
// HedgeAfter is how long a read waits for a small sliver without any progress before it
// asks others as well; for each MiB of a longer one, as much again. It holds until the
// client knows how fast nodes answer, and bounds what follows from that: between a
// quarter of it and eight times as long.
type Options struct {
	Peer       peer.Options  // how to speak to nodes: the key, TLS or not, timeouts
	Check      rs2d.Check    // of blobs that are read; the default is strict
	Timeout    time.Duration // for a call without a deadline of its own; default 1 min
	Grace      time.Duration // to go on sending to slow nodes after Store has returned; default 10 s
	HedgeAfter time.Duration // patience with nodes, at first; default 200 ms
	MaxMemory  int64         // bytes of blobs and slivers in flight; default 2 GiB
	Workers    int           // goroutines that code and hash for one blob; default all CPUs
	Logger     *slog.Logger  // default drops all
}

func (o *Options) fill() {
	for _, d := range []struct {
		to *time.Duration
		is time.Duration
	}{{&o.Timeout, time.Minute}, {&o.Grace, 10 * time.Second}, {&o.HedgeAfter, 200 * time.Millisecond}} {
		if *d.to == 0 {
			*d.to = d.is
		}
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = 2 << 30
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Peer.HedgeAfter, o.Peer.Logger = o.HedgeAfter, o.Logger
}

// Client speaks to a committee. It is safe for concurrent use.
type Client struct {
	committee *committee.Committee
	options   Options
	code      *rs2d.Code
	hasher    *commit.Hasher
	set       *peer.Set
	peers     []*peer.Peer // of the set, by member
	memory    *memory
	encoders  sync.Pool
	log       *slog.Logger

	metadata sync.Map // commit.BlobID to *commit.Metadata, a few
	cached   chan commit.BlobID

	life       context.Context // until Close
	end        context.CancelFunc
	background tasks          // what is still being sent, and probes
	fetches    sync.WaitGroup // requests of reads
}

// New returns a client. It does not connect.
func New(control control.Control, o Options) (*Client, error) {
	o.fill()
	c := control.View().Current
	code, err := rs2d.New(c.Params().N, rs2d.WithScheme(c.Scheme()), rs2d.WithWorkers(o.Workers))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	hasher, err := commit.NewHasher(c.Scheme(), "")
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cl := &Client{
		committee: c, options: o, code: code, hasher: hasher, set: peer.NewSet(o.Peer),
		memory: newMemory(o.MaxMemory), log: o.Logger,
		cached: make(chan commit.BlobID, cachedMetadata),
	}
	cl.peers = cl.set.Of(c)
	cl.encoders.New = func() any { return code.NewEncoder() }
	cl.life, cl.end = context.WithCancel(context.Background())
	return cl, nil
}

// Close gives up what is still being sent, waits for it to end, and closes the
// connections. No other call may be under way.
func (c *Client) Close() {
	c.end()
	_ = c.background.wait(context.Background())
	c.fetches.Wait()
	c.set.Close()
}

// Flush waits until nothing is being sent any more, and no slow node is being tried
// again, which lasts at most the grace period; or until the context ends.
func (c *Client) Flush(ctx context.Context) error { return c.background.wait(ctx) }

// Committee returns the committee.
func (c *Client) Committee() *committee.Committee { return c.committee }

// Code returns the committee's code.
func (c *Client) Code() *rs2d.Code { return c.code }

// Peers returns the nodes by their numbers in the committee.
func (c *Client) Peers() []*peer.Peer { return c.peers }

// Wire returns the count of bytes sent and received.
func (c *Client) Wire() *peer.Wire { return c.set.Wire() }

// within gives a call a deadline, and ends it with the client.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	done := func() {
		stop()
		cancel()
	}
	if _, ok := ctx.Deadline(); ok {
		return ctx, done
	}
	ctx, late := context.WithTimeout(ctx, c.options.Timeout)
	return ctx, func() {
		late()
		done()
	}
}

// MemberError is what one node answered.
type MemberError = peer.Error

// NodeStatus is what one node says of itself, or why it does not.
type NodeStatus struct {
	Name   string
	Health api.Health
	Err    error
}

// Health asks all nodes how they are. When those that own 2f+1 shards have answered, the
// others get as much time again, and a second at least.
func (c *Client) Health(ctx context.Context) []NodeStatus {
	all := make([]NodeStatus, len(c.peers))
	ask(ctx, c, (*peer.Peer).Health, func(i int, h api.Health, err error) {
		all[i] = NodeStatus{c.peers[i].Name(), h, err}
	})
	return all
}

// BlobStatus is what one node has of a blob, or why it does not say.
type BlobStatus struct {
	Name   string
	Status api.Status
	Err    error
}

// Status asks all nodes what they have of a blob, and waits as Health does.
func (c *Client) Status(ctx context.Context, id commit.BlobID) []BlobStatus {
	all := make([]BlobStatus, len(c.peers))
	ask(ctx, c, func(p *peer.Peer, ctx context.Context) (api.Status, error) { return p.Status(ctx, id) }, func(i int, s api.Status, err error) {
		all[i] = BlobStatus{c.peers[i].Name(), s, err}
	})
	return all
}

// ask asks all nodes something, and waits for no node that is slower than others.
func ask[T any](ctx context.Context, c *Client, what func(*peer.Peer, context.Context) (T, error), take func(i int, answer T, err error)) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	weight := 0
	peer.Each(ctx, c.peers, func(ctx context.Context, p *peer.Peer) (T, error) { return what(p, ctx) }, func(i int, answer T, err error) bool {
		take(i, answer, err)
		if err == nil {
			weight += c.committee.Weight(i)
		}
		return weight >= c.anyHonest()
	})
}

// anyHonest returns so many shards that among the owners of any so many there is an
// honest one of every n-f.
func (c *Client) anyHonest() int { return 2*c.committee.Params().F + 1 }
