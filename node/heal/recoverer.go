package heal

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Signer attests what the node has verified, see committee.Signer.
type Signer interface {
	Attest(c *committee.Committee, a committee.Attestation) committee.Signature
}

// Config is what a recoverer works with. Peers, Signer, Code, Keeper, Fetcher, Store and Replace
// must be set; the rest has defaults.
type Config struct {
	Peers  *peer.Set // whom views are of
	Signer Signer
	Code   *rs2d.Code
	Store  store.Store
	// Keeper keeps metadata in the store, and Fetcher gets what of it the node has not.
	Keeper  *metadata.Keeper
	Fetcher *metadata.Fetcher
	// Replace has a sliver of the node's own recovered that reads well, and is not the blob's.
	Replace func(commit.BlobID, store.Ref)

	// Marked, which may be nil, is told of blobs that are marked as inconsistent.
	Marked func(commit.BlobID)

	BatchBytes int64        // recovered at once; holds about as much in memory; default 64 MiB
	Logger     *slog.Logger // default drops all
}

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (c *Config) fill() error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Peers", c.Peers != nil}, {"Signer", c.Signer != nil}, {"Code", c.Code != nil}, {"Keeper", c.Keeper != nil}, {"Fetcher", c.Fetcher != nil},
		{"Store", c.Store != nil}, {"Replace", c.Replace != nil},
	} {
		if !field.set {
			return fmt.Errorf("heal: Config.%s must be set", field.name)
		}
	}
	if c.BatchBytes == 0 {
		c.BatchBytes = 64 << 20
	}
	if c.Marked == nil {
		c.Marked = func(commit.BlobID) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.BatchBytes < 0 {
		return fmt.Errorf("heal: Config.BatchBytes must be more than zero")
	}
	return nil
}

// Recoverer recovers slivers of one node. Its methods are safe for concurrent use: the
// rounds that are under way take turns from one batch of blobs to the next.
type Recoverer struct {
	config Config
	turn   chan struct{} // held while a batch is recovered
	turns  chan struct{} // one for each sliver that is computed
	space  space

	mu     sync.Mutex
	totals Report

	lacking atomic.Int64 // slivers that rounds were told of, and have not recovered yet
}

// New returns a recoverer. It starts nothing. The error names a field of the
// configuration.
func New(c Config) (*Recoverer, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	return &Recoverer{
		config: c, turn: make(chan struct{}, 1), turns: make(chan struct{}, solvers),
		space: space{store: c.Store, log: c.Logger},
	}, nil
}

// Totals returns the sum of all that was recovered until now, what is under way included,
// but for its time.
func (h *Recoverer) Totals() Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.totals
}

// Lacking returns how many slivers are lacking that the rounds under way were told of.
func (h *Recoverer) Lacking() int64 { return h.lacking.Load() }

// NoteRoom learns from a round over all that is lacking what there is no room for on the
// disk, and says so when it is news.
func (h *Recoverer) NoteRoom(r Report) { h.space.note(r) }

// NoRoom returns how many bytes of slivers had no room in the last such round.
func (h *Recoverer) NoRoom() int64 { return h.space.lacking() }

// RoomIsBack reports whether there is room now for something that had none.
func (h *Recoverer) RoomIsBack() bool { return h.space.back() }
