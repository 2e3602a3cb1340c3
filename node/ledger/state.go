package ledger

import (
	"fmt"
	"iter"
	"math"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// State is all that a ledger knows after a block. It is immutable and safe for
// concurrent use.
type State struct {
	tree       tree.Tree
	genesis    *Genesis
	chain      ChainID
	hasher     *commit.Hasher
	committees *committees
}

// Begin returns the state of a ledger before its first block: at height 0, in epoch 1,
// with the committee that the stake of genesis elects. Zeros of the genesis are replaced
// by the defaults. The error wraps ErrGenesis.
func Begin(g Genesis) (*State, error) {
	g.fill()
	if err := g.validate(); err != nil {
		return nil, err
	}
	s, err := newState(g)
	if err != nil {
		return nil, err
	}
	d := s.draft()
	d.tx = TxDigest(s.chain)
	d.system = System{Time: g.Start, Epoch: 1, Phase: uint8(PhaseDone), PhaseStart: g.Start, Settled: 1, FeePerByte: g.FeePerByte, CheckpointTime: g.Start}
	for _, b := range g.Balances {
		d.credit(b.Account, b.Amount)
		d.system.Minted += b.Amount
	}
	for i, n := range g.Nodes {
		if err := found(d, n); err != nil {
			return nil, fmt.Errorf("%w: node %d, %q: %w", ErrGenesis, i, n.Node.Name, err)
		}
	}
	first := elect(d, new(Committee))
	d.put(CommitteeKey(1), first)
	d.system.Capacity = votedCapacity(d, first)
	setPrices(d, first)
	return d.state(s), nil
}

// found registers a node of genesis, whose stake counts from the first epoch on.
func found(d *draft, g GenesisNode) error {
	id, err := registerNode(d, g.Owner, g.Node)
	if err != nil {
		return err
	}
	n := get[Node](d.tree, NodeKey(id))
	n.Balance, n.Shares, n.Staked = g.Stake, g.Stake, g.Stake
	d.put(NodeKey(id), n)
	d.put(StakeKey(d.newID()), Stake{Owner: g.Owner, Node: id, Principal: g.Stake, Active: 1})
	d.system.Minted += g.Stake
	rank(d, id, n)
	return nil
}

func newState(g Genesis) (*State, error) {
	hasher, err := commit.NewHasher(commit.Scheme(g.Scheme), "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	return &State{genesis: &g, chain: g.ChainID(), hasher: hasher, committees: new(committees)}, nil
}

// draft returns a draft that begins as the state.
func (s *State) draft() *draft {
	d := &draft{tree: s.tree, genesis: s.genesis, hasher: s.hasher, committees: s.committees}
	if system := get[System](s.tree, SystemKey()); system != nil {
		d.system = *system
	}
	return d
}

// state returns the state that a draft has become, which follows on s.
func (d *draft) state(s *State) *State {
	d.put(SystemKey(), d.system)
	next := *s
	next.tree = d.tree
	return &next
}

// Genesis returns how the ledger began.
func (s *State) Genesis() Genesis { return *s.genesis }

// ChainID returns the ledger's id.
func (s *State) ChainID() ChainID { return s.chain }

// System returns what there is one of: epoch, prices, capacity, height.
func (s *State) System() System { return *get[System](s.tree, SystemKey()) }

// Parameters returns what members have voted for: the parameters of the current epoch, and those of
// the next one, or nil before its committee is selected.
func (s *State) Parameters() (now Parameters, next *Parameters) {
	d := s.draft()
	g := governance(d)
	if Phase(d.system.Phase) == PhaseSelected {
		next = &g.Next
	}
	return g.Now, next
}

// Root returns the hash that stands for the whole state.
func (s *State) Root() tree.Hash { return s.tree.Root() }

// Prove returns the proof of the value of a key, or of its absence. What it proves is
// read by [Read].
func (s *State) Prove(key []byte) *tree.Proof { return s.tree.Prove(key) }

// Read reads the value of a key, as a proof gives it, into the thing that v points to.
// The error wraps codec.ErrMalformed.
func Read(value []byte, v any) error { return codec.Unmarshal(value, v) }

// Get returns the thing that a key names, such as a [Blob] of a [BlobKey], or nil if
// there is none. The type must be that of the key.
func Get[T any](s *State, key []byte) *T { return get[T](s.tree, key) }

// Blobs returns the registrations of a blob id.
func (s *State) Blobs(id commit.BlobID) iter.Seq2[ObjectID, *Blob] {
	return func(yield func(ObjectID, *Blob) bool) {
		prefix := key(kindByBlobID, id[:])
		for k := range s.tree.From(prefix) {
			if len(k) != len(prefix)+len(ObjectID{}) || string(k[:len(prefix)]) != string(prefix) {
				return
			}
			object := ObjectID(k[len(prefix):])
			if !yield(object, get[Blob](s.tree, BlobKey(object))) {
				return
			}
		}
	}
}

// all returns the things of a kind with their names.
func all[T any](t tree.Tree, kind byte) iter.Seq2[[]byte, *T] {
	return func(yield func([]byte, *T) bool) {
		for k := range t.From([]byte{kind}) {
			if k[0] != kind || !yield(k[1:], get[T](t, k)) {
				return
			}
		}
	}
}

// Nodes returns all nodes by their ids.
func (s *State) Nodes() iter.Seq2[NodeID, *Node] {
	return func(yield func(NodeID, *Node) bool) {
		for name, n := range all[Node](s.tree, kindNode) {
			if !yield(NodeID(name), n) {
				return
			}
		}
	}
}

// At returns the committee of an epoch: of any epoch from the first to the current one,
// and of the next one when it is selected. No committee is ever forgotten, as there is
// no time after which nobody shows a certificate of it: a blob can be extended without
// end, and who knows genesis alone is led past all committees. The error is a
// *committee.EpochError.
//
// Up to 64 committees are remembered, as making one verifies the proofs of all its
// members: about a millisecond for each.
func (s *State) At(epoch uint64) (*committee.Committee, error) {
	if epoch > math.MaxUint32 {
		return nil, &committee.EpochError{Epoch: epoch, First: 1, Last: uint64(s.System().Epoch)}
	}
	return s.committees.get(s.genesis, s.tree, uint32(epoch))
}

// Snapshot returns all keys and values in their order, for [Restore].
func (s *State) Snapshot() iter.Seq2[[]byte, []byte] { return s.From(nil) }

// From returns the keys and values from a key on, in their order. Nobody changes them.
func (s *State) From(key []byte) iter.Seq2[[]byte, []byte] { return s.tree.From(key) }

// Diff returns what makes this state of an older one: keys with the values that they
// have now, or with nil if they are gone. Its time is that of what changed if this state
// follows on the older one. Whoever keeps the pairs of [State.Snapshot] on a disk, and
// applies the differences to them, can [Restore] each state. The caller must not change
// what it gets.
func (s *State) Diff(old *State) iter.Seq2[[]byte, []byte] { return s.tree.Diff(old.tree) }

// Patch returns the state that a difference makes of this one, as [State.Diff] returns it:
// keys with their values, or with nil if they are gone. Both share all else. The error
// wraps ErrSnapshot if no ledger has these keys and values.
func (s *State) Patch(diff iter.Seq2[[]byte, []byte]) (*State, error) {
	next := *s
	for k, v := range diff {
		if v == nil {
			next.tree = next.tree.Delete(k)
			continue
		}
		if err := checkPair(k, v); err != nil {
			return nil, fmt.Errorf("%w: key %q: %w", ErrSnapshot, k, err)
		}
		next.tree = next.tree.Set(append([]byte(nil), k...), append([]byte(nil), v...))
	}
	if get[System](next.tree, SystemKey()) == nil {
		return nil, fmt.Errorf("%w: it has no system", ErrSnapshot)
	}
	return &next, nil
}

// Money is where all money is. Stakes are their principals without what was slashed of them.
type Money struct {
	Accounts, Stakes, Rewards, Commissions, Fund, Blobs, Burned, Minted uint64
}

// Sum returns all there is, which is what was minted.
func (m Money) Sum() uint64 {
	return m.Accounts + m.Stakes + m.Rewards + m.Commissions + m.Fund + m.Blobs + m.Burned
}

// Money adds up all money. It reads the whole state.
func (s *State) Money() (m Money) {
	for _, a := range all[Account](s.tree, kindAccount) {
		m.Accounts += a.Balance
	}
	for _, x := range all[Stake](s.tree, kindStake) {
		m.Stakes += x.Principal
	}
	for _, n := range all[Node](s.tree, kindNode) {
		m.Rewards += n.Rewards
		m.Stakes -= n.Debt
		m.Commissions += n.Commission
	}
	for _, b := range all[Blob](s.tree, kindBlob) {
		m.Blobs += b.Funds
	}
	for _, slot := range all[Slot](s.tree, kindSlot) {
		m.Fund += slot.Rewards
	}
	system := s.System()
	m.Burned, m.Minted = system.Burned, system.Minted
	return m
}
