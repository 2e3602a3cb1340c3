package prove

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrBusy is returned for a message that is to be sent again a little later.
var ErrBusy = errors.New("prove: cannot be looked at now")

// Store is what a prover needs of a store, see store.Store.
type Store interface {
	Read(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error)
	Info(id commit.BlobID) (store.Info, error)
	Note(name string) ([]byte, error)
	KeepNote(name string, value []byte) error
}

// Signer attests, see committee.Signer.
type Signer interface {
	Attest(c *committee.Committee, a committee.Attestation) committee.Signature
}

// Config is what a prover works with. Inconsistent, Closed, Memory, Workers, Metrics and Logger have
// defaults, for which the zero value stands; all else must be set.
type Config struct {
	Account *account.Account // of the node
	Chain   ledger.ChainID
	View    func() *peer.View
	Node    func() committee.NodeID // the zero id until the node is of a committee
	Signer  Signer
	Store   Store
	Code    *rs2d.Code
	Gate    *gate.Gate
	// Metadata returns all of a blob's metadata, verified.
	Metadata func(context.Context, commit.BlobID) (*commit.Metadata, error)
	// Inconsistent is told of a blob of which a symbol is not that of the node's own column, though
	// its proof says that it is the one of its row. It returns at once.
	Inconsistent func(commit.BlobID, rs2d.Symbol)
	// Closed is told when a challenge is over: what was withheld may be asked for again. It
	// returns at once.
	Closed func()

	Memory  int64                 // bytes of expanded slivers that are remembered; default 128 MiB
	Workers int                   // slivers that are expanded at once; default all CPUs
	Metrics prometheus.Registerer // default a new registry
	Logger  *slog.Logger          // default drops all
}

// Prover has one node take part in challenges. Its methods are safe for concurrent use; Run
// runs once.
type Prover struct {
	config  Config
	streams chan struct{} // of messages that are on their way
	wake    chan struct{}
	metrics *metrics
	round   atomic.Pointer[round] // nil unless one runs
	task    *task                 // of Run
}

// maxStreams is how many messages are on their way at once.
const maxStreams = 64

// New returns a prover. It starts nothing, but the gate is silent about everything from now on
// if the node has acked a challenge of which it does not know that it is over. The error names
// a field that must be set, or is the store's.
func New(c Config) (*Prover, error) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Account", c.Account != nil}, {"View", c.View != nil}, {"Node", c.Node != nil}, {"Signer", c.Signer != nil},
		{"Store", c.Store != nil}, {"Code", c.Code != nil}, {"Gate", c.Gate != nil}, {"Metadata", c.Metadata != nil},
	} {
		if !field.set {
			return nil, fmt.Errorf("prove: Config.%s must be set", field.name)
		}
	}
	if c.Memory < 0 || c.Workers < 0 {
		return nil, errors.New("prove: Config.Memory and Config.Workers must not be negative")
	}
	if c.Memory == 0 {
		c.Memory = 128 << 20
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Inconsistent == nil {
		c.Inconsistent = func(commit.BlobID, rs2d.Symbol) {}
	}
	if c.Closed == nil {
		c.Closed = func() {}
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Prover{
		config: c, streams: make(chan struct{}, maxStreams), wake: make(chan struct{}, 1), metrics: newMetrics(c.Metrics),
	}
	p.task = &task{Prover: p}
	return p, p.task.restore()
}

// Wake has the prover look at the ledger. It returns at once.
func (p *Prover) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Answer takes a message of a member, known by its id, in the challenge that was armed at a
// height, and returns the answer. Whatever is wrong with it is answered by its reason. The
// error is ErrBusy.
func (p *Prover) Answer(member committee.NodeID, height uint64, data []byte) ([]byte, error) {
	m, err := challenge.ParseMessage(data)
	if err == nil {
		p.metrics.received.Add(float64(len(data)))
		m, err = p.answer(member, height, m)
	}
	switch {
	case errors.Is(err, ErrBusy):
		return nil, err
	case err != nil:
		reason := challenge.ReasonOf(err)
		p.metrics.refused(reason)
		m = challenge.Refused{Reason: reason}
	}
	return challenge.MarshalMessage(m), nil
}

func (p *Prover) answer(member committee.NodeID, height uint64, m challenge.Message) (challenge.Message, error) {
	r := p.round.Load()
	which := challenge.Round{Terms: challenge.Terms{Chain: p.config.Chain, Height: height}}
	if open, ok := m.(challenge.Open); ok {
		if which = open.Round; which.Height != height {
			return nil, challenge.ErrMessage
		}
	} else if r != nil && r.Height == height {
		which = r.Round
	}
	if err := p.config.Gate.Check(which); err != nil {
		return nil, err
	}
	if r == nil || r.Round != which { // it has just begun or ended
		return nil, challenge.ErrPremature
	}
	i, ok := r.committee.FindID(member)
	if !ok || i == r.self {
		return nil, challenge.ErrStranger
	}
	return r.answer(i, m)
}
