package light

import (
	"context"
	"errors"
	"fmt"
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

// NewArchive returns an archive that begins with a state.
func NewArchive(s *ledger.State) *Archive {
	a := &Archive{last: s, kept: make(map[uint64]*ledger.State)}
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

// State returns the state after the last block.
func (a *Archive) State() *ledger.State {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.last
}

// Last returns the last checkpoint that is certified. An archive that began after the
// checkpoint has no proofs for it until the next one is.
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
