package rs2d

import (
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Option is a choice made when a code is built.
type Option func(*options)

type options struct {
	scheme  commit.Scheme
	backend string
	workers int
}

// WithScheme chooses the hash of the commitments. The default is [commit.BLAKE3].
func WithScheme(s commit.Scheme) Option { return func(o *options) { o.scheme = s } }

// WithBackend chooses the instruction set, one of gf.Backends. The default is the
// one in the environment variable REDSTUFF_CPU, or else the best.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithWorkers sets how many goroutines the calls of a code keep busy at a time: one
// call uses them all, many at once have one each. After a call they look for the next
// one for 200 µs, the first 50 of them without giving way to other goroutines, because
// to wake them may take as long. The default, 0, stands for as many as there are usable
// CPUs.
func WithWorkers(n int) Option { return func(o *options) { o.workers = n } }

// Code is RedStuff for one number of shards and one scheme. It is immutable and
// safe for concurrent use.
type Code struct {
	params  commit.Params
	hasher  *commit.Hasher
	lanes   *lanehash.Hasher // the same, for what commit does not give out
	rows    *rscode.Code     // extends a row from S to n symbols
	columns *rscode.Code     // extends a column from P to n symbols
	crew    *parallel.Crew

	encoders sync.Pool    // of *Encoder, for Commit
	spaces   [2]sync.Pool // of *rscode.Workspace: of the codec along each axis
}

// New returns the code over n shards, [commit.MinShards] to [commit.MaxShards]. For
// another number the error is a *commit.ShardCountError; for a scheme that there is not,
// a *commit.UnknownSchemeError; for another option without meaning, ErrOption; for a
// backend that this CPU has not, one that lists those it has.
func New(shards int, opts ...Option) (*Code, error) {
	var o options
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: option %d is a nil Option", ErrOption, i)
		}
		opt(&o)
	}
	if o.workers < 0 {
		return nil, fmt.Errorf("%w: %d workers; want 0 (all CPUs) or more", ErrOption, o.workers)
	}
	params, err := commit.NewParams(shards)
	if err != nil {
		return nil, err
	}
	c := &Code{params: params, crew: parallel.NewCrew(o.workers)}
	if c.hasher, err = commit.NewHasher(o.scheme, o.backend); err != nil {
		return nil, err
	}
	if c.lanes, err = lanehash.New(lanehash.Scheme(o.scheme), o.backend); err != nil {
		return nil, err
	}
	codec := func(k int) (*rscode.Code, error) {
		return rscode.New(k, shards-k, rscode.Smaller, o.backend)
	}
	if c.rows, err = codec(params.S); err == nil {
		c.columns, err = codec(params.P)
	}
	if err != nil {
		return nil, fmt.Errorf("rs2d: %d shards: %w", shards, err)
	}
	return c, nil
}

// Params returns n, f, P and S.
func (c *Code) Params() commit.Params { return c.params }

// Shards returns n.
func (c *Code) Shards() int { return c.params.N }

// Scheme returns the hash of the commitments.
func (c *Code) Scheme() commit.Scheme { return c.hasher.Scheme() }

// Backend returns the name of the instruction set in use.
func (c *Code) Backend() string { return c.hasher.Backend() }
