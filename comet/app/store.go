package app

import (
	"encoding/binary"
	"errors"
	"fmt"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Keys of what is kept: a letter for the kind of thing.
const (
	kindChain    = 'c' // the ledger's id
	kindEvents   = 'e' // then a height of the ledger, in big-endian order: a record
	kindOffences = 'o' // the last ones
	kindPosition = 'p'
	kindState    = 's' // then a key of the state
	kindUndo     = 'u' // then a height of the ledger: what its block replaced
	kindStaged   = 't' // then a key of a state of which nobody knows yet whether it is the ledger's
)

// position is where the application stands in CometBFT's chain.
type position struct {
	Height     uint64 // CometBFT's
	Root       [tree.HashSize]byte
	Validators []Validator // from the block after the next one on
	Events     uint64      // the first height of the ledger whose record is kept
}

// store keeps the state on the disk.
type store struct{ db *kv.DB }

// load returns where the application ended, or the beginning.
func (s store) load(g ledger.Genesis, begin *ledger.State) (*moment, error) {
	chain := begin.ChainID()
	known, err := s.db.Get([]byte{kindChain})
	if err != nil {
		return nil, err
	}
	if known != nil && string(known) != string(chain[:]) {
		return nil, fmt.Errorf("%w: it is that of the ledger %x, not of %x", ErrState, known, chain)
	}
	data, err := s.db.Get([]byte{kindPosition})
	if err != nil {
		return nil, err
	}
	if data == nil {
		return &moment{position{Root: begin.Root(), Validators: validatorsOf(begin), Events: 1}, begin}, nil
	}
	m := new(moment)
	if err := codec.Unmarshal(data, &m.position); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if m.state, err = s.restore(g, kindState); err != nil {
		return nil, err
	}
	if root := m.state.Root(); root != m.Root {
		return nil, fmt.Errorf("%w: height %d has the root %x, and %x was written", ErrState, m.Height, root, m.Root)
	}
	return m, nil
}

// restore reads the state of which the keys are of a kind.
func (s store) restore(g ledger.Genesis, kind byte) (*ledger.State, error) {
	var failure error
	state, err := ledger.Restore(g, func(yield func(key, value []byte) bool) {
		failure = s.each(kind, func(key, value []byte) bool { return yield(key[1:], value) })
	})
	return state, errors.Join(err, failure)
}

// stage keeps some more of a state that may be the ledger's.
func (s store) stage(pairs []pair) (err error) {
	b := s.db.NewBatch()
	for _, p := range pairs {
		err = errors.Join(err, b.Set(append([]byte{kindStaged}, p.Key...), append([]byte{}, p.Value...))) // nil is no value
	}
	if err == nil {
		err = b.Write()
	}
	return errors.Join(err, b.Close())
}

// unstage drops what was staged.
func (s store) unstage() error {
	b := s.db.NewBatch().(setter)
	err := b.DeleteRange([]byte{kindStaged}, []byte{kindStaged + 1})
	if err == nil {
		err = b.Write()
	}
	return errors.Join(err, b.Close())
}

// each calls f with the keys of a kind and their values, until it returns false.
func (s store) each(kind byte, f func(key, value []byte) bool) (err error) {
	it, err := s.db.Iterator([]byte{kind}, []byte{kind + 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ; it.Valid() && f(it.Key(), it.Value()); it.Next() {
	}
	return it.Error()
}

// setter is what batches have to write with.
type setter interface {
	dbm.Batch
	DeleteRange(start, end []byte) error
}

// commit makes a block durable: what it changed, what became of its transactions, the
// offences that are known if there are more of them, and where the application stands now.
// All of it is there after a crash, or nothing.
func (s store) commit(before, m *moment, r *chain.Record, offences []Offence) error {
	b := s.db.NewBatch().(setter)
	err := s.fill(b, before, m, r)
	if err == nil && offences != nil {
		err = b.Set([]byte{kindOffences}, codec.Marshal(offenceList{offences}))
	}
	if err == nil {
		err = b.WriteSync()
	}
	return errors.Join(err, b.Close())
}

func (s store) fill(b setter, before, m *moment, r *chain.Record) error {
	for key, value := range m.state.Diff(before.state) {
		key = append([]byte{kindState}, key...)
		var err error
		if value == nil {
			err = b.Delete(key)
		} else {
			err = b.Set(key, value)
		}
		if err != nil {
			return err
		}
	}
	if before.Height == 0 {
		// What genesis made is in no difference.
		for key, value := range m.state.Snapshot() {
			if err := b.Set(append([]byte{kindState}, key...), value); err != nil {
				return err
			}
		}
	}
	if r != nil {
		if err := b.Set(recordKey(m.state.System().Height), codec.Marshal(r)); err != nil {
			return err
		}
		if err := fillUndo(b, before.state, m.state); err != nil {
			return err
		}
	}
	if m.Events > before.Events {
		if err := b.DeleteRange(recordKey(0), recordKey(m.Events)); err != nil {
			return err
		}
	}
	chain := m.state.ChainID()
	return errors.Join(b.Set([]byte{kindChain}, chain[:]), b.Set([]byte{kindPosition}, codec.Marshal(m.position)))
}

// replace keeps another state than what is there. A process that ends amid it begins
// from nothing.
func (s store) replace(m *moment) error {
	const piece = 4 << 20
	var b setter
	size := 0
	open := func() { b, size = s.db.NewBatch().(setter), 0 }
	flush := func(sync bool) error {
		if sync {
			return errors.Join(b.WriteSync(), b.Close())
		}
		return errors.Join(b.Write(), b.Close())
	}
	open()
	if err := errors.Join(b.Delete([]byte{kindPosition}), flush(true)); err != nil {
		return err
	}
	open()
	for _, kind := range []byte{kindState, kindStaged, kindEvents, kindUndo} {
		if err := b.DeleteRange([]byte{kind}, []byte{kind + 1}); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	for key, value := range m.state.Snapshot() {
		if err := b.Set(append([]byte{kindState}, key...), value); err != nil {
			return errors.Join(err, b.Close())
		}
		if size += len(key) + len(value); size > piece {
			if err := flush(false); err != nil {
				return err
			}
			open()
		}
	}
	chain := m.state.ChainID()
	err := errors.Join(b.Set([]byte{kindChain}, chain[:]), b.Set([]byte{kindPosition}, codec.Marshal(m.position)))
	return errors.Join(err, flush(true))
}

func recordKey(height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindEvents}, height)
}

// loadOffences reads the offences that are kept.
func (s store) loadOffences() (all []Offence, err error) {
	data, err := s.db.Get([]byte{kindOffences})
	if err != nil || data == nil {
		return nil, err
	}
	var kept offenceList
	if err := codec.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("%w: offences: %w", ErrState, err)
	}
	return kept.All, nil
}
