package light

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Trusted is what a client has verified.
type Trusted struct {
	Chain   ledger.ChainID
	Digests []ledger.CommitteeDigest // of the committees of all epochs, from epoch 1 on
	Members ledger.Committee         // that of the last one
	Last    ledger.Checkpoint        // the last one; at first that of genesis, of epoch 0
}

// Epoch returns the last epoch whose committee is known.
func (t *Trusted) Epoch() uint32 { return uint32(len(t.Digests)) }

// MarshalTrusted writes what a [Store] keeps.
func MarshalTrusted(t *Trusted) []byte { return codec.Marshal(t) }

// Store keeps what a client trusts, in BCS. Whoever can write there can have the client
// trust anything. Its methods are not called at the same time by one client.
type Store interface {
	// Load returns what was saved last, or nil if nothing was.
	Load() ([]byte, error)
	// Save replaces what was saved.
	Save(data []byte) error
}

// Memory is a store that ends with the process. The zero value is empty.
type Memory struct{ data []byte }

// Load is Store's.
func (m *Memory) Load() ([]byte, error) { return m.data, nil }

// Save is Store's.
func (m *Memory) Save(data []byte) error {
	m.data = bytes.Clone(data)
	return nil
}

// File is a store in one file, which is written anew under another name, synced and
// renamed.
type File string

// Load is Store's.
func (f File) Load() ([]byte, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Save is Store's.
func (f File) Save(data []byte) error {
	dir := filepath.Dir(string(f))
	temporary, err := os.CreateTemp(dir, ".trusted-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), string(f))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load returns what was stored, or what genesis says.
func load(store Store, genesis *ledger.State) (*Trusted, error) {
	first := ledger.Get[ledger.Committee](genesis, ledger.CommitteeKey(1))
	system := genesis.System()
	begin := &Trusted{
		Chain: genesis.ChainID(), Digests: []ledger.CommitteeDigest{first.Digest()}, Members: *first,
		Last: ledger.Checkpoint{Chain: genesis.ChainID(), Time: system.Time, Root: genesis.Root()},
	}
	data, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	if data == nil {
		return begin, nil
	}
	t := new(Trusted)
	if err := codec.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	switch {
	case t.Chain != begin.Chain || t.Last.Chain != begin.Chain:
		return nil, fmt.Errorf("%w: it is of ledger %v, not of %v", ErrStore, t.Chain, begin.Chain)
	case len(t.Digests) == 0 || t.Digests[0] != begin.Digests[0]:
		return nil, fmt.Errorf("%w: its first committee is not that of genesis", ErrStore)
	case t.Digests[len(t.Digests)-1] != t.Members.Digest():
		return nil, fmt.Errorf("%w: its members are not the last committee", ErrStore)
	}
	return t, nil
}
