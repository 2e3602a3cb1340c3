// Package genesis is the file in which a ledger's beginning is written: what never
// changes in it, the first nodes, and who has money at first. All nodes have the same
// one; it holds no secret.
package genesis

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// file is the file in TOML. Amounts of money are in the smallest unit.
type file struct {
	Network        string         `toml:"network"`
	Shards         uint16         `toml:"shards"`
	Scheme         commit.Scheme  `toml:"scheme"`
	Start          time.Time      `toml:"start"`
	Epoch          duration       `toml:"epoch"`
	Sync           duration       `toml:"sync"`
	MaxEpochsAhead uint32         `toml:"max_epochs_ahead"`
	MaxNodes       uint16         `toml:"max_nodes"`
	MinStake       Amount         `toml:"min_stake"`
	BurnRate       uint16         `toml:"burn_rate"`
	StakeTolerance uint16         `toml:"stake_tolerance,omitempty"` // basis points
	FeePerByte     Amount         `toml:"fee_per_byte"`
	BlockTarget    uint32         `toml:"block_target"`
	Challenges     *challenges    `toml:"challenges,omitempty"`
	Migration      *migration     `toml:"migration,omitempty"`
	Metadata       committee.Form `toml:"metadata,omitzero"` // full if it is not there
	Accounts       []Account      `toml:"account"`
	Nodes          []Node         `toml:"node"`
}

// Account is money that somebody has at first.
type Account struct {
	Address ledger.Address `toml:"address"`
	Balance Amount         `toml:"balance"`
}

// Node is the registration of a node.
type Node struct {
	Name         string              `toml:"name" json:"name"`
	Address      string              `toml:"address" json:"address"`
	PublicKey    committee.PublicKey `toml:"public_key" json:"public_key"`
	Proof        committee.Signature `toml:"proof" json:"proof"`
	TLSKey       committee.TLSKey    `toml:"tls_key" json:"tls_key"`
	TLSProof     signature           `toml:"tls_proof" json:"tls_proof"`
	Owner        ledger.Address      `toml:"owner" json:"owner"` // who governs it
	Stake        Amount              `toml:"stake" json:"stake"`
	StoragePrice Amount              `toml:"storage_price" json:"storage_price"` // it votes for; of a MiB for an epoch
	WritePrice   Amount              `toml:"write_price" json:"write_price"`     // of a MiB
	Capacity     Amount              `toml:"capacity" json:"capacity"`           // bytes that it can store
	Commission   uint16              `toml:"commission" json:"commission"`       // basis points
}

// NewNode returns the registration of the node that has the key, which its own account
// governs.
func NewNode(name, address string, key *identity.Key) Node {
	owner := AddressOf(key)
	return Node{
		Name: name, Address: address, PublicKey: key.Public(), Proof: key.Prove(), TLSKey: key.TLSPublic(),
		TLSProof: ledger.ProveTLSKey(key.Account(), owner), Owner: owner,
	}
}

// AddressOf returns the address of a key's account.
func AddressOf(key *identity.Key) ledger.Address { return ledger.Address(key.TLSPublic()) }

// Genesis returns the node as a genesis has it.
func (n *Node) genesis() ledger.GenesisNode {
	return ledger.GenesisNode{Owner: n.Owner, Stake: uint64(n.Stake), Node: n.Info()}
}

// Info returns what a ledger is to know of the node.
func (n *Node) Info() ledger.NodeInfo {
	return ledger.NodeInfo{
		Name: n.Name, Address: n.Address, PublicKey: n.PublicKey.Bytes(), Possession: n.Proof, TLSKey: n.TLSKey, TLSProof: n.TLSProof,
		Votes: ledger.Votes{StoragePrice: uint64(n.StoragePrice), WritePrice: uint64(n.WritePrice), Capacity: uint64(n.Capacity)}, Commission: n.Commission,
	}
}

// Set gives a genesis its nodes and accounts.
func Set(g *ledger.Genesis, nodes []Node, accounts []Account) {
	for i := range nodes {
		g.Nodes = append(g.Nodes, nodes[i].genesis())
	}
	for _, a := range accounts {
		g.Balances = append(g.Balances, ledger.Balance{Account: a.Address, Amount: uint64(a.Balance)})
	}
}

// Parse reads what Marshal writes, and refuses keys it does not know. The error wraps
// ledger.ErrGenesis.
func Parse(text []byte) (g ledger.Genesis, err error) {
	var f file
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&f)
	if err != nil {
		return g, fmt.Errorf("%w: %w", ledger.ErrGenesis, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return g, fmt.Errorf("%w: unknown key %s", ledger.ErrGenesis, unknown[0])
	}
	for _, key := range []string{"network", "shards", "scheme", "start"} {
		if !meta.IsDefined(key) {
			return g, fmt.Errorf("%w: %s is missing", ledger.ErrGenesis, key)
		}
	}
	if f.Start.UnixMilli() < 0 {
		return g, fmt.Errorf("%w: start is before 1970", ledger.ErrGenesis)
	}
	g = ledger.Genesis{
		Name: f.Network, Shards: f.Shards, Scheme: uint8(f.Scheme), Metadata: uint8(f.Metadata), Start: uint64(f.Start.UnixMilli()), EpochMillis: uint64(f.Epoch),
		SyncMillis: uint64(f.Sync), MaxEpochsAhead: f.MaxEpochsAhead, MaxNodes: f.MaxNodes, MinStake: uint64(f.MinStake), BurnRate: f.BurnRate,
		FeePerByte: uint64(f.FeePerByte), BlockTarget: f.BlockTarget, StakeTolerance: f.StakeTolerance, Challenges: f.Challenges.rules(),
		Migration: f.Migration.rules(),
	}
	Set(&g, f.Nodes, f.Accounts)
	begin, err := ledger.Begin(g)
	if err != nil {
		return g, err
	}
	return begin.Genesis(), nil
}

// Load reads the file. The error wraps ledger.ErrGenesis, or is that of reading it.
func Load(path string) (g ledger.Genesis, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return g, err
	}
	if g, err = Parse(text); err != nil {
		return g, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// Marshal writes a genesis in TOML. The error wraps ledger.ErrGenesis if no ledger can
// begin so, or if TOML has no number that is so large.
func Marshal(g ledger.Genesis) ([]byte, error) {
	begin, err := ledger.Begin(g)
	if err != nil {
		return nil, err
	}
	g = begin.Genesis()
	f := file{
		Network: g.Name, Shards: g.Shards, Scheme: commit.Scheme(g.Scheme), Metadata: committee.Form(g.Metadata), Start: time.UnixMilli(int64(g.Start)).UTC(), Epoch: duration(g.EpochMillis),
		Sync: duration(g.SyncMillis), MaxEpochsAhead: g.MaxEpochsAhead, MaxNodes: g.MaxNodes, MinStake: Amount(g.MinStake), BurnRate: g.BurnRate,
		FeePerByte: Amount(g.FeePerByte), BlockTarget: g.BlockTarget, StakeTolerance: g.StakeTolerance, Challenges: tableOf(g.Challenges),
		Migration: migrationOf(g.Migration),
	}
	for _, b := range g.Balances {
		f.Accounts = append(f.Accounts, Account{b.Account, Amount(b.Amount)})
	}
	for _, n := range g.Nodes {
		public, err := committee.ParsePublicKey(n.Node.PublicKey[:])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrGenesis, err)
		}
		f.Nodes = append(f.Nodes, Node{
			Name: n.Node.Name, Address: n.Node.Address, PublicKey: public, Proof: n.Node.Possession, TLSKey: n.Node.TLSKey, TLSProof: n.Node.TLSProof,
			Owner: n.Owner, Stake: Amount(n.Stake), StoragePrice: Amount(n.Node.Votes.StoragePrice), WritePrice: Amount(n.Node.Votes.WritePrice),
			Capacity: Amount(n.Node.Votes.Capacity), Commission: n.Node.Commission,
		})
	}
	var b bytes.Buffer
	b.WriteString("# How a RedStuff ledger begins. All nodes have the same file; it holds no secret.\n")
	if err := toml.NewEncoder(&b).Encode(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrGenesis, err)
	}
	return b.Bytes(), nil
}

// Amount is a number of coins or bytes. TOML has none above 2^63-1.
type Amount uint64

// UnmarshalTOML reads a number that is not negative.
func (a *Amount) UnmarshalTOML(v any) error {
	n, ok := v.(int64)
	if !ok || n < 0 {
		return fmt.Errorf("%v is no amount: a number that is not negative", v)
	}
	*a = Amount(n)
	return nil
}

// MarshalTOML writes a number.
func (a Amount) MarshalTOML() ([]byte, error) {
	if a > math.MaxInt64 {
		return nil, fmt.Errorf("TOML has no number as large as %d", uint64(a))
	}
	return strconv.AppendUint(nil, uint64(a), 10), nil
}

// duration is milliseconds, written as Go writes durations.
type duration uint64

// MarshalText writes a duration such as 1h30m.
func (d duration) MarshalText() ([]byte, error) {
	if d > math.MaxInt64/duration(time.Millisecond) {
		return nil, fmt.Errorf("%d ms is too long", uint64(d))
	}
	return []byte((time.Duration(d) * time.Millisecond).String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (d *duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil || t < 0 || t%time.Millisecond != 0 {
		return fmt.Errorf("%q is no duration in whole milliseconds, such as 1h30m", text)
	}
	*d = duration(t / time.Millisecond)
	return nil
}

// signature is a signature of ed25519 in base64 for URLs.
type signature [ed25519.SignatureSize]byte

// MarshalText writes base64 without padding.
func (s signature) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(s[:])), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *signature) UnmarshalText(text []byte) error {
	data, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(data) != len(s) {
		return errors.New("a signature of ed25519 is 86 characters of base64 for URLs")
	}
	copy(s[:], data)
	return nil
}
