package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Genesis is how a ledger begins, and what never changes in it.
type Genesis struct {
	Name   string // of the network, as a committee.System has it
	Shards uint16 // n
	Scheme uint8  // a commit.Scheme
	Start  uint64 // time of the first epoch, in milliseconds since 1970

	EpochMillis    uint64 // duration of an epoch
	SyncMillis     uint64 // after which an epoch change ends, however few members are done
	MaxEpochsAhead uint32 // for which storage can be reserved
	MaxNodes       uint16 // with stake, of which a committee is made
	MinStake       uint64 // of one stake
	BurnRate       uint16 // of what storage earned, in basis points
	// StakeTolerance is by how much stake may get out of proportion to shards before one
	// moves, in basis points: see apportion.Tolerant. 0 is not at all.
	StakeTolerance uint16

	Challenges ChallengeRules
	Migration  MigrationRules

	CheckpointMillis uint64 // between two checkpoints that the committee signs, at most

	FeePerByte  uint64 // of a transaction, at least; it is burned
	BlockTarget uint32 // bytes of transactions in a block; above, fees rise

	Balances []Balance
	Nodes    []GenesisNode

	Metadata uint8 // a committee.Form: what nodes keep of a blob's metadata
}

// Balance is what an account has at the start.
type Balance struct {
	Account Address
	Amount  uint64
}

// GenesisNode is a node of the first committee, with stake that it has from the start.
type GenesisNode struct {
	Owner Address // whose the stake is, and who governs the node
	Node  NodeInfo
	Stake uint64
}

// Defaults of a genesis: those of Walrus's main network, where it has such.
const (
	DefaultEpochMillis      = 14 * 24 * 3600 * 1000
	DefaultSyncMillis       = DefaultEpochMillis / 4
	DefaultMaxEpochsAhead   = 53
	DefaultMaxNodes         = 150
	DefaultMinStake         = 1_000_000_000
	DefaultBurnRate         = 300
	DefaultFeePerByte       = 1
	DefaultBlockTarget      = 1 << 20
	DefaultCheckpointMillis = 3600 * 1000 // or a quarter of an epoch, if that is less
)

// MaxStakeTolerance bounds Genesis.StakeTolerance: with it, stake may be out of proportion
// to shards by a factor of two.
const MaxStakeTolerance = apportion.MaxTolerance

// fill replaces zeros by the defaults.
func (g *Genesis) fill() {
	def(&g.EpochMillis, DefaultEpochMillis)
	def(&g.SyncMillis, max(1, g.EpochMillis/4))
	def(&g.MaxEpochsAhead, DefaultMaxEpochsAhead)
	def(&g.MaxNodes, DefaultMaxNodes)
	def(&g.MinStake, DefaultMinStake)
	def(&g.BurnRate, DefaultBurnRate)
	def(&g.FeePerByte, DefaultFeePerByte)
	def(&g.BlockTarget, DefaultBlockTarget)
	g.Challenges.fill(g.EpochMillis)
	def(&g.CheckpointMillis, max(1, min(DefaultCheckpointMillis, g.EpochMillis/4)))
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// validate returns an error that wraps ErrGenesis.
func (g *Genesis) validate() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrGenesis}, args...)...)
	}
	if err := g.System().Validate(); err != nil {
		return invalid("%w", err)
	}
	switch {
	case g.MaxEpochsAhead > 1000:
		return invalid("MaxEpochsAhead: %d is more than 1000", g.MaxEpochsAhead)
	case g.BurnRate > basisPoints:
		return invalid("BurnRate: %d basis points are more than all", g.BurnRate)
	case g.StakeTolerance > MaxStakeTolerance:
		return invalid("StakeTolerance: %d basis points are more than %d", g.StakeTolerance, MaxStakeTolerance)
	case g.MaxNodes > g.Shards:
		return invalid("MaxNodes: %d nodes cannot own %d shards", g.MaxNodes, g.Shards)
	case len(g.Nodes) == 0:
		return invalid("Nodes: there are none")
	case len(g.Nodes) > int(g.MaxNodes):
		return invalid("Nodes: %d are more than MaxNodes, %d", len(g.Nodes), g.MaxNodes)
	}
	total := uint64(0)
	sum := func(amount uint64, of string) (err error) {
		if total, err = add(total, amount); err != nil {
			return invalid("%s: all money together does not fit into 64 bits", of)
		}
		return nil
	}
	seen := make(map[Address]bool)
	for _, b := range g.Balances {
		if seen[b.Account] {
			return invalid("Balances: %v is there twice", b.Account)
		}
		seen[b.Account] = true
		if err := sum(b.Amount, "Balances"); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		if n.Stake < g.MinStake {
			return invalid("Nodes: %s has a stake of %d, and MinStake is %d", n.Node.Name, n.Stake, g.MinStake)
		}
		if err := sum(n.Stake, "Nodes"); err != nil {
			return err
		}
	}
	if err := g.Challenges.validate(g.EpochMillis); err != nil {
		return invalid("Challenges: %w", err)
	}
	if err := g.validateParameters(total); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// System returns what nodes and clients need to know of the system.
func (g Genesis) System() committee.System {
	return committee.System{Network: g.Name, Shards: int(g.Shards), Scheme: commit.Scheme(g.Scheme), Metadata: committee.Form(g.Metadata)}
}

// params returns the code's parameters.
func (g Genesis) params() commit.Params {
	p, err := commit.NewParams(int(g.Shards))
	if err != nil {
		panic("ledger: " + err.Error()) // validate has seen to it
	}
	return p
}

// ChainID names a ledger: the hash of its genesis.
type ChainID [sha256.Size]byte

// String returns the id in hexadecimal.
func (c ChainID) String() string { return hex.EncodeToString(c[:]) }

// MarshalText is String.
func (c ChainID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ChainID returns the id of the ledger that begins so. Defaults stand in it as what
// they are, so that a later change of a default changes no ledger.
func (g Genesis) ChainID() ChainID {
	g.fill()
	return sha256.Sum256(append([]byte("redstuff v1 genesis"), codec.Marshal(g)...))
}
