package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/store"
)

// ErrOtherState is returned for a checkpoint that contradicts one which the node has
// signed.
var ErrOtherState = errors.New("witness: the node has signed another state of the ledger")

// notary signs checkpoints.
type notary struct {
	*Config
	failed *failures

	mu    sync.Mutex
	since map[place]time.Time // since when a checkpoint is known that others are to sign first
	wake  chan struct{}
}

// place names a checkpoint of a ledger.
type place struct {
	Epoch  uint32
	Height uint64
}

// signed is the last checkpoint of an epoch that the node has signed.
type signed struct {
	Epoch  uint32
	Height uint64
	Hash   commit.BlobID // of the checkpoint
}

// noteName is the name under which what was signed is kept in the store.
const noteName = "checkpoints"

// Bounds of checkpoints.
const (
	maxOpen   = 1 << 10 // that the ledger may have open
	maxSigned = 1 << 10 // epochs of which it is remembered what was signed
)

// Times of signing.
const (
	lookEvery = 5 * time.Minute // also when nobody says that a checkpoint is open
	spares    = 5               // turns that a member waits whose signature is not needed at first
)

// run signs checkpoints until the context ends.
func (n *notary) run(ctx context.Context) {
	for failures := 0; ; {
		later, err := n.signOpen(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := lookEvery
		if later {
			pause = n.Turn
		}
		n.failed.note(ofCheckpoints, err)
		if failures++; err == nil {
			failures = 0
		} else {
			n.Logger.Warn("checkpoints of the ledger are not signed", "error", err)
			pause = pauseAfter(failures - 1)
		}
		if !wait(ctx, n.wake, pause) {
			return
		}
	}
}

// signOpen signs the checkpoints that wait for it. It reports whether there are such as
// others are to sign first.
func (n *notary) signOpen(ctx context.Context) (later bool, err error) {
	limited, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var open []ledger.OpenCheckpoint
	err = chain.ListAll(limited, n.Account.Ledger(), ledger.OpenCheckpointKey(0)[:1], func(p chain.Pair) error {
		var o ledger.OpenCheckpoint
		if err := ledger.Read(p.Value, &o); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		if open = append(open, o); len(open) > maxOpen {
			return fmt.Errorf("%w: more than %d open checkpoints", chain.ErrAnswer, maxOpen)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	n.forget(open)
	var failures []error
	for i := range open {
		wait, err := n.signOne(limited, &open[i])
		later = later || wait
		if err != nil {
			failures = append(failures, fmt.Errorf("epoch %d, height %d: %w", open[i].Epoch, open[i].Height, err))
		}
	}
	return later, errors.Join(failures...)
}

// forget forgets since when checkpoints are known that are open no more.
func (n *notary) forget(open []ledger.OpenCheckpoint) {
	n.mu.Lock()
	defer n.mu.Unlock()
	since := make(map[place]time.Time)
	for i := range open {
		at := place{open[i].Epoch, open[i].Height}
		if known, ok := n.since[at]; ok {
			since[at] = known
		}
	}
	n.since = since
}

// signOne signs a checkpoint if the node is of its committee and has not signed it.
func (n *notary) signOne(ctx context.Context, open *ledger.OpenCheckpoint) (later bool, err error) {
	l := n.Account.Ledger()
	var entry ledger.Committee
	if _, ok, err := chain.Value(ctx, l, ledger.CommitteeKey(open.Epoch), &entry); err != nil || !ok {
		return false, err
	}
	id := ledger.NodeID(n.Node())
	self := slices.IndexFunc(entry.Members, func(m ledger.Member) bool { return m.Node == id })
	if self < 0 || slices.ContainsFunc(open.Signatures, func(s ledger.MemberSignature) bool { return int(s.Member) == self }) {
		return false, nil
	}
	if open.Chain != n.Genesis.ChainID() {
		return false, fmt.Errorf("%w: a checkpoint of the ledger %v", chain.ErrAnswer, open.Chain)
	}
	if !n.first(open, &entry, self) {
		return true, nil
	}
	of, err := n.committee(&entry, open.Epoch)
	if err != nil {
		return false, err
	}
	if err := n.remember(open.Checkpoint); err != nil {
		return false, err
	}
	action := ledger.SignCheckpoint{
		Node: entry.Members[self].Node, Epoch: open.Epoch, Height: open.Height, Signature: n.Signer.Attest(of, open.Attestation()),
	}
	_, err = n.Account.Do(ctx, action)
	switch ledger.RuleOf(err) {
	case ledger.RuleTwice, ledger.RuleUnknown: // it came, or a quorum has signed meanwhile
		return false, nil
	}
	return false, err
}

// first reports whether the member is one of those who sign at once. They are a quorum, and
// others with each checkpoint; the rest wait whether they are needed.
func (n *notary) first(open *ledger.OpenCheckpoint, entry *ledger.Committee, self int) bool {
	members := len(entry.Members)
	weight, start := 0, int(open.Height%uint64(members))
	for i := start; i%members != self; i++ {
		weight += len(entry.Members[i%members].Shards)
	}
	if shards := int(n.Genesis.Shards); 3*weight < 2*shards+1 {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, now := place{open.Epoch, open.Height}, time.Now()
	since, known := n.since[at]
	if !known {
		since = now
		n.since[at] = now
	}
	return now.Sub(since) >= spares*n.Turn
}

// committee returns the committee of an epoch.
func (n *notary) committee(entry *ledger.Committee, epoch uint32) (*committee.Committee, error) {
	if c, err := n.View().At(uint64(epoch)); err == nil {
		return c, nil
	}
	return entry.Committee(&n.Genesis, epoch)
}

// remember notes that the node signs a checkpoint. The error is ErrOtherState if it has
// signed another one in its place, or a later one of the same epoch; or the store's. The
// note is not synced: it is to catch a ledger that was replaced, not one that lies just
// when the power fails.
func (n *notary) remember(c ledger.Checkpoint) error {
	all, err := n.remembered()
	if err != nil {
		return err
	}
	now := signed{c.Epoch, c.Height, c.Attestation().Blob}
	i, found := slices.BinarySearchFunc(all, now, func(a, b signed) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	switch {
	case found && all[i] == now:
		return nil
	case found && all[i].Height >= now.Height:
		return fmt.Errorf("%w: of epoch %d at height %d, and this one is of height %d", ErrOtherState, c.Epoch, all[i].Height, c.Height)
	case !found && i == 0 && len(all) == maxSigned:
		return fmt.Errorf("%w: of epochs from %d on, and this one is of epoch %d", ErrOtherState, all[0].Epoch, c.Epoch)
	case found:
		all[i] = now
	default:
		all = slices.Insert(all, i, now)
		all = all[max(0, len(all)-maxSigned):]
	}
	return n.Store.SetNote(noteName, codec.Marshal(all))
}

// remembered returns what was signed, in the order of epochs.
func (n *notary) remembered() (all []signed, err error) {
	data, err := n.Store.Note(noteName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = codec.Unmarshal(data, &all)
	}
	return all, err
}
