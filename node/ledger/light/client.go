package light

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Options are choices for [New]. The zero value is good.
type Options struct {
	Store  Store            // of what is trusted; default one that ends with the process
	MaxAge time.Duration    // of the last checkpoint; default any age
	Now    func() time.Time // default time.Now

	// Progress, which may be nil, is told of each epoch whose committee is verified on the
	// way to another one.
	Progress func(epoch, to uint32)
}

// Client verifies facts of one ledger. It is safe for concurrent use; one call asks
// sources at a time.
type Client struct {
	genesis ledger.Genesis
	sources []Source
	options Options

	mu      sync.Mutex
	trusted *Trusted
	known   map[uint32]*committee.Committee // some of them, by their epochs
}

// New returns a client of the ledger that begins so. Sources are asked in their order,
// each when those before have failed or lied. The error wraps ledger.ErrGenesis or
// ErrStore.
func New(g ledger.Genesis, o Options, sources ...Source) (*Client, error) {
	begin, err := ledger.Begin(g)
	if err != nil {
		return nil, err
	}
	return newClient(begin, o, sources)
}

// newClient returns a client of the ledger that begins with the state.
func newClient(begin *ledger.State, o Options, sources []Source) (*Client, error) {
	if o.Store == nil {
		o.Store = new(Memory)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(uint32, uint32) {}
	}
	trusted, err := load(o.Store, begin)
	if err != nil {
		return nil, err
	}
	return &Client{
		genesis: begin.Genesis(), sources: slices.Clone(sources), options: o, trusted: trusted,
		known: make(map[uint32]*committee.Committee),
	}, nil
}

// Trusted returns what has been verified.
func (c *Client) Trusted() Trusted {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := *c.trusted
	t.Digests = slices.Clone(t.Digests)
	return t
}

// Sync follows the ledger to its last checkpoint, and returns it. Every source is asked:
// the newest checkpoint counts, and one source that answers is enough. The error is that
// of all sources, or wraps ErrStale if even the newest is older than it may be, or
// ErrStore.
func (c *Client) Sync(ctx context.Context) (ledger.Checkpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failures []error
	for _, s := range c.sources {
		if err := c.follow(ctx, s); err != nil {
			failures = append(failures, err)
		}
	}
	if err := c.save(); err != nil {
		return ledger.Checkpoint{}, err
	}
	if len(failures) == len(c.sources) {
		return ledger.Checkpoint{}, join(failures)
	}
	return c.trusted.Last, c.checkAge()
}

func join(failures []error) error {
	if len(failures) == 0 {
		return fmt.Errorf("%w: there is none", ErrSource)
	}
	return errors.Join(failures...)
}

func (c *Client) checkAge() error {
	age := c.options.Now().Sub(time.UnixMilli(int64(c.trusted.Last.Time)))
	if c.options.MaxAge > 0 && age > c.options.MaxAge {
		return fmt.Errorf("%w: height %d was the last one %v ago, and it may be %v", ErrStale, c.trusted.Last.Height, age.Round(time.Second), c.options.MaxAge)
	}
	return nil
}

// save stores what is trusted.
func (c *Client) save() error {
	if err := c.options.Store.Save(MarshalTrusted(c.trusted)); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}

// follow takes a source's last checkpoint, and all handovers on the way to it.
func (c *Client) follow(ctx context.Context, s Source) error {
	last, err := s.Last(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	have := &c.trusted.Last
	switch {
	case last == nil:
		return fmt.Errorf("%w: no checkpoint", ErrSource)
	case last.Chain == ledger.ChainID{} && last.Height == 0 && have.Height == 0:
		return nil // nothing is certified yet
	case last.Height < have.Height:
		return fmt.Errorf("%w: height %d, and %d is known", ErrStale, last.Height, have.Height)
	case last.Epoch < have.Epoch:
		return fmt.Errorf("%w: epoch %d, and %d is known", ErrStale, last.Epoch, have.Epoch)
	}
	if err := c.follower(ctx, s).reach(last.Epoch); err != nil {
		return err
	}
	if err := c.verify(ctx, s, last); err != nil {
		return err
	}
	switch {
	case last.Height == have.Height && last.Root != have.Root:
		return fmt.Errorf("%w: height %d with the roots %v and %v", ErrFork, last.Height, have.Root, last.Root)
	case last.Height == have.Height && last.Time <= have.Time:
		return nil
	case last.Time < have.Time:
		return fmt.Errorf("%w: height %d is from before height %d", ErrFork, last.Height, have.Height)
	}
	*have = last.Checkpoint
	return nil
}

// verify checks the certificate of a checkpoint of a known epoch.
func (c *Client) verify(ctx context.Context, s Source, cp *ledger.Certified) error {
	if cp.Chain != c.trusted.Chain {
		return fmt.Errorf("%w: %v, not %v", ErrChain, cp.Chain, c.trusted.Chain)
	}
	of, err := c.committee(ctx, s, cp.Epoch)
	if err != nil {
		return err
	}
	return verify(of, cp)
}

// verify checks that the certificate of a checkpoint is the committee's.
func verify(of *committee.Committee, cp *ledger.Certified) error {
	if most := committee.MaxCertificate(of.Params().N); len(cp.Certificate) > most {
		return fmt.Errorf("%w: a certificate of %d bytes, and one has at most %d", ErrMessage, len(cp.Certificate), most)
	}
	cert, err := committee.ParseCertificate(of, cp.Certificate)
	switch {
	case errors.Is(err, committee.ErrWeight):
		return fmt.Errorf("%w: epoch %d: %w", ErrQuorum, cp.Epoch, err)
	case errors.Is(err, committee.ErrEpoch):
		return fmt.Errorf("%w: %w", ErrEpoch, err)
	case err != nil:
		return fmt.Errorf("%w: epoch %d: %w", ErrSignature, cp.Epoch, err)
	case cert.Attestation != cp.Attestation():
		return fmt.Errorf("%w: that of epoch %d and height %d is of something else", ErrSignature, cp.Epoch, cp.Height)
	}
	return nil
}

// Committee returns the committee of an epoch. It is asked for if it is not among the
// last ones that were used, and follows handovers if the epoch is later than those that
// are known. The error wraps ErrEpoch if there is no such epoch yet.
func (c *Client) Committee(ctx context.Context, epoch uint32) (*committee.Committee, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.known[epoch]; of != nil {
		return of, nil
	}
	if epoch == 0 {
		return nil, fmt.Errorf("%w: the first one is 1", ErrEpoch)
	}
	if epoch == c.trusted.Epoch() {
		return c.committee(ctx, nil, epoch) // it is in the store
	}
	var failures []error
	for _, s := range c.sources {
		before := c.trusted.Epoch()
		err := c.follower(ctx, s).reach(epoch)
		if c.trusted.Epoch() > before {
			if err := c.save(); err != nil {
				return nil, err
			}
		}
		var of *committee.Committee
		if err == nil {
			of, err = c.committee(ctx, s, epoch)
		}
		if err == nil {
			return of, nil
		}
		failures = append(failures, err)
	}
	return nil, join(failures)
}

// VerifyCertificate reads and verifies a certificate of any epoch. The errors are those
// of Committee and of committee.ParseCertificate.
func (c *Client) VerifyCertificate(ctx context.Context, data []byte) (*committee.Certificate, error) {
	return committee.ParseCertificate(lookup{ctx, c}, data)
}

// lookup finds committees by their epochs.
type lookup struct {
	ctx    context.Context
	client *Client
}

// At is committee.Committees's.
func (l lookup) At(epoch uint64) (*committee.Committee, error) {
	if epoch == 0 || epoch > 1<<32-1 {
		return nil, fmt.Errorf("%w: %d", ErrEpoch, epoch)
	}
	return l.client.Committee(l.ctx, uint32(epoch))
}

// Get returns the value that a key had, or that it had none, and the checkpoint at which
// it was so: the last one of Sync. The error wraps ErrProof if a source lied about it,
// and ErrStale if the checkpoint is older than it may be.
func (c *Client) Get(ctx context.Context, key []byte) (value []byte, ok bool, at ledger.Checkpoint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at = c.trusted.Last
	if err := c.checkAge(); err != nil {
		return nil, false, at, err
	}
	var failures []error
	for _, s := range c.sources {
		proof, err := s.Prove(ctx, at.Height, key)
		if err == nil && proof == nil {
			err = errors.New("no proof")
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%w: %w", ErrSource, err))
			continue
		}
		value, ok, err := proof.Verify(at.Root, key)
		if err == nil {
			return value, ok, at, nil
		}
		failures = append(failures, fmt.Errorf("%w: %w", ErrProof, err))
	}
	return nil, false, at, join(failures)
}
