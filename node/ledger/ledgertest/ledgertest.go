// Package ledgertest makes small ledgers for tests of what stands on one.
package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Start is the time at which the ledgers begin, in milliseconds since 1970.
const Start = 1_000_000

// EpochMillis is how long their epochs last.
const EpochMillis = 1000

// NoCheckpoints is an interval of checkpoints that never passes: there are those alone
// that lead to the next epoch.
const NoCheckpoints = 1 << 50

// Key returns the account key of somebody: always the same one for a name.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Address returns the address of an account key.
func Address(key ed25519.PrivateKey) (a ledger.Address) {
	copy(a[:], key.Public().(ed25519.PublicKey))
	return a
}

// Genesis returns a ledger of one node, in which those who are named have money.
func Genesis(rich ...string) ledger.Genesis {
	owner, tls := Key("owner"), Key("tls")
	secret := committee.DeriveSecretKey([]byte("the seed of the only node that there is"))
	g := ledger.Genesis{
		Name: "test", Shards: 4, Scheme: uint8(commit.BLAKE3), Start: Start, EpochMillis: EpochMillis, MinStake: 10, MaxNodes: 4,
		CheckpointMillis: NoCheckpoints,
		Nodes: []ledger.GenesisNode{{Owner: Address(owner), Stake: 1000, Node: ledger.NodeInfo{
			Name: "node", Address: "127.0.0.1:7100", PublicKey: secret.Public().Bytes(), Possession: secret.Prove(),
			TLSKey: Address(tls), TLSProof: ledger.ProveTLSKey(tls, Address(owner)), Votes: ledger.Votes{Capacity: 1 << 30},
		}}},
	}
	for _, name := range rich {
		g.Balances = append(g.Balances, ledger.Balance{Account: Address(Key(name)), Amount: 1 << 40})
	}
	return g
}
