package app

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// Of the last blocks the store keeps what they replaced, so that a process which begins
// again has the states that light clients need proofs of.

// maxUndo bounds the blocks of which it is kept, where nobody certifies checkpoints.
const maxUndo = 100_000

// undo is what a block replaced.
type undo struct{ Changes []change }

// change is a key of the state, and what it was before.
type change struct {
	Key, Value []byte
	Gone       bool // it was not there
}

func undoKey(height uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindUndo}, height) }

// fillUndo writes what a block replaced, and drops that of blocks which nobody needs. The
// states before genesis's first block are genesis's.
func fillUndo(b setter, before, now *ledger.State) error {
	var u undo
	for key, value := range before.Diff(now) {
		u.Changes = append(u.Changes, change{key, value, value == nil})
	}
	height := now.System().Height
	if err := b.Set(undoKey(height), codec.Marshal(u)); err != nil {
		return err
	}
	first := uint64(0)
	was, is := light.Needed(before), light.Needed(now)
	if !slices.Equal(was, is) && len(is) > 0 {
		first = is[0]
	}
	if height > maxUndo && height%1000 == 0 {
		first = max(first, height-maxUndo)
	}
	if first == 0 {
		return nil
	}
	return b.DeleteRange(undoKey(0), undoKey(first+1))
}

// loadEarlier returns the states that light clients need proofs of, the oldest first, as far as
// there is what blocks since have replaced. The error wraps ErrState if it is damaged, or is
// the disk's.
func loadEarlier(s store, now *ledger.State) (all []*ledger.State, err error) {
	needed := light.Needed(now)
	for state := now; len(needed) > 0; {
		height := state.System().Height
		if needed[len(needed)-1] >= height {
			if needed[len(needed)-1] == height && state != now {
				all = append(all, state)
			}
			needed = needed[:len(needed)-1]
			continue
		}
		data, err := s.db.Get(undoKey(height))
		if err != nil {
			return nil, err
		}
		if data == nil {
			break
		}
		var u undo
		err = codec.Unmarshal(data, &u)
		if err == nil {
			state, err = state.Patch(u.changes)
		}
		if err == nil && state.System().Height+1 != height {
			err = fmt.Errorf("it leads to height %d", state.System().Height)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: what the block of height %d replaced: %w", ErrState, height, err)
		}
	}
	slices.Reverse(all)
	return all, nil
}

// changes yields keys with what they were.
func (u *undo) changes(yield func(key, value []byte) bool) {
	for _, c := range u.Changes {
		value := append([]byte{}, c.Value...)
		if c.Gone {
			value = nil
		}
		if !yield(c.Key, value) {
			return
		}
	}
}
