package light

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// ErrUnknown is returned when an [Archive] does not have what it is asked for.
var ErrUnknown = errors.New("light: not in the archive")

// Archive is a [Source] for others, from the states of a ledger. It keeps the states of
// a few checkpoints, which share all but their differences. It is safe for concurrent
// use.
type Archive struct {
	mu    sync.RWMutex
	last  *ledger.State
	kept  map[uint64]*ledger.State // by height: of checkpoints that are open or the last ones
	order []uint64                 // heights that are kept, the oldest first
}

// maxKept bounds the states of checkpoints that are kept: that of the last one which is
// certified, and those of the ones after it which are not yet.
const maxKept = 8

// NewArchive returns an archive that begins with a state, and with earlier ones that it
// keeps, such as those of [Archive.Kept], the oldest first.
func NewArchive(s *ledger.State, earlier ...*ledger.State) *Archive {
	a := &Archive{last: s, kept: make(map[uint64]*ledger.State)}
	for _, e := range earlier {
		a.keep(e)
	}
	a.keep(s) // so that at height 0 there is something to prove against
	return a
}

// Add takes in the state after the next block.
func (a *Archive) Add(s *ledger.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	system, before := s.System(), a.last.System()
	if system.CheckpointTime != before.CheckpointTime || system.Handover != before.Handover {
		a.keep(a.last)
	}
	a.last = s
	if len(a.order) <= maxKept {
		return
	}
	drop := 0
	if c := ledger.Get[ledger.Certified](s, ledger.LastCheckpointKey()); c != nil && c.Height == a.order[0] {
		drop = 1
	}
	delete(a.kept, a.order[drop])
	a.order = append(a.order[:drop], a.order[drop+1:]...)
}

func (a *Archive) keep(s *ledger.State) {
	height := s.System().Height
	if a.kept[height] == nil {
		a.order = append(a.order, height)
	}
	a.kept[height] = s
}

// Kept returns the states that are kept for proofs, the oldest first.
func (a *Archive) Kept() (all []*ledger.State) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, height := range a.order {
		all = append(all, a.kept[height])
	}
	return all
}

// Needed returns the heights whose states prove what the checkpoints of a state stand for,
// in their order: of the last one that is certified, and of those that may be.
func Needed(s *ledger.State) (heights []uint64) {
	if c := ledger.Get[ledger.Certified](s, ledger.LastCheckpointKey()); c != nil {
		heights = append(heights, c.Height)
	}
	epoch := s.System().Epoch
	for e := max(epoch, maxKept) - maxKept; e <= epoch; e++ {
		if o := ledger.Get[ledger.OpenCheckpoint](s, ledger.OpenCheckpointKey(e)); o != nil {
			heights = append(heights, o.Height)
		}
	}
	slices.Sort(heights)
	return slices.Compact(heights)
}

// State returns the state after the last block.
func (a *Archive) State() *ledger.State {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.last
}

// Last returns the last checkpoint that is certified. An archive that began after the
// checkpoint, without its state, has no proofs for it until the next one is.
func (a *Archive) Last(context.Context) (*ledger.Certified, error) {
	if c := ledger.Get[ledger.Certified](a.State(), ledger.LastCheckpointKey()); c != nil {
		return c, nil
	}
	return new(ledger.Certified), nil
}

// Handovers returns up to MaxHandovers handovers from an epoch on, and none if there are
// none. They fit into one message.
func (a *Archive) Handovers(_ context.Context, from uint32) (all []Handover, err error) {
	s := a.State()
	last := s.System().Epoch
	for size := 0; from >= 1 && from <= last && len(all) < MaxHandovers && size < MaxMessage/2; from++ {
		c := ledger.Get[ledger.Certified](s, ledger.HandoverKey(from))
		next := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(from+1))
		if c == nil || next == nil {
			break
		}
		h := Handover{Certified: *c}
		if now := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(from)); now == nil || now.Digest() != c.Next {
			h.Committee = next
			size += len(MarshalCommittee(next))
		}
		all = append(all, h)
	}
	return all, nil
}

// Committee returns the committee of an epoch. The error wraps ErrUnknown.
func (a *Archive) Committee(_ context.Context, epoch uint32) (*ledger.Committee, error) {
	if c := ledger.Get[ledger.Committee](a.State(), ledger.CommitteeKey(epoch)); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%w: the committee of epoch %d", ErrUnknown, epoch)
}

// Prove returns a proof in the state of a checkpoint's height. The error wraps
// ErrUnknown.
func (a *Archive) Prove(_ context.Context, height uint64, key []byte) (*tree.Proof, error) {
	a.mu.RLock()
	s := a.kept[height]
	a.mu.RUnlock()
	if s == nil {
		return nil, fmt.Errorf("%w: the state of height %d", ErrUnknown, height)
	}
	return s.Prove(key), nil
}
