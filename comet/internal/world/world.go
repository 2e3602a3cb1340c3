// Package world makes ledgers of several members for tests, and random transactions of
// those who use them.
package world

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Shards is n of the ledgers.
const Shards = 10

// Stake is what each member of the first committee has.
const Stake = 1_000_000

// Key returns the key of somebody: always the same one for a name.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Address returns the address of a key.
func Address(key ed25519.PrivateKey) (a ledger.Address) {
	copy(a[:], key.Public().(ed25519.PublicKey))
	return a
}

// Owner returns the key of who governs a member.
func Owner(i int) ed25519.PrivateKey { return Key(fmt.Sprint("owner ", i)) }

// TLS returns the TLS key of a member, with which it votes.
func TLS(i int) ed25519.PrivateKey { return Key(fmt.Sprint("tls ", i)) }

// Info returns what the ledger knows of a member.
func Info(i int) ledger.NodeInfo {
	secret := committee.DeriveSecretKey(fmt.Appendf(nil, "the seed of the member number %6d", i))
	return ledger.NodeInfo{
		Name: fmt.Sprint("node-", i), Address: fmt.Sprintf("127.0.0.1:%d", 7100+i), PublicKey: secret.Public().Bytes(),
		Possession: secret.Prove(), TLSKey: Address(TLS(i)), TLSProof: ledger.ProveTLSKey(TLS(i), Address(Owner(i))),
		Votes: ledger.Votes{StoragePrice: 10, WritePrice: 2, Capacity: 1 << 40}, Commission: 1000,
	}
}

// People are those who have money, besides the owners.
const People = 4

// Person returns the key of one of them.
func Person(i int) ed25519.PrivateKey { return Key(fmt.Sprint("person ", i)) }

// Genesis returns a ledger of some members, which begins at a time in milliseconds.
func Genesis(members int, start, epochMillis uint64) ledger.Genesis {
	g := ledger.Genesis{
		Name: "test", Shards: Shards, Scheme: uint8(commit.BLAKE3), Start: start, EpochMillis: epochMillis,
		MaxEpochsAhead: 8, MinStake: 1000, MaxNodes: 8,
	}
	for i := range People {
		g.Balances = append(g.Balances, ledger.Balance{Account: Address(Person(i)), Amount: 1 << 40})
	}
	for i := range members {
		g.Nodes = append(g.Nodes, ledger.GenesisNode{Owner: Address(Owner(i)), Node: Info(i), Stake: Stake})
		g.Balances = append(g.Balances, ledger.Balance{Account: Address(Owner(i)), Amount: 1 << 40})
	}
	return g
}

// Users make random transactions, each of them in the order of its nonces.
type Users struct {
	random  *rand.Rand
	chain   ledger.ChainID
	nonces  map[int]uint64
	objects []ledger.ObjectID
	nodes   []ledger.NodeID
	hasher  *commit.Hasher
}

// NewUsers returns the users of a ledger that has just begun.
func NewUsers(begin *ledger.State, seed uint64) *Users {
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		panic(err)
	}
	u := &Users{hasher: hasher, random: rand.New(rand.NewPCG(seed, 1)), chain: begin.ChainID(), nonces: make(map[int]uint64)}
	for id := range begin.Nodes() {
		u.nodes = append(u.nodes, id)
	}
	return u
}

// Next returns a transaction of a random person. It may break a rule, for which its
// sender pays.
func (u *Users) Next() []byte {
	i := u.random.IntN(People)
	data, err := ledger.Tx{Chain: u.chain, Nonce: u.nonces[i], FeePerByte: 1 << 10, Action: u.action()}.Sign(Person(i))
	if err != nil {
		panic(err)
	}
	u.nonces[i]++
	// The id of the first object that the transaction makes.
	id := sha256.Sum256(append(append([]byte("redstuff v1 object"), digest(data)...), make([]byte, 8)...))
	u.objects = append(u.objects, id)
	return data
}

func digest(data []byte) []byte { d := ledger.Digest(data); return d[:] }

func (u *Users) action() ledger.Action {
	object := func() ledger.ObjectID {
		if len(u.objects) == 0 {
			return ledger.ObjectID{}
		}
		return u.objects[u.random.IntN(len(u.objects))]
	}
	amount := u.random.Uint64N(1 << 30)
	to := Address(Person(u.random.IntN(People)))
	epochs := uint32(u.random.IntN(9))
	switch u.random.IntN(14) {
	case 0:
		return ledger.ReserveSpace{Size: amount, Start: 1, End: 1 + epochs}
	case 1:
		return ledger.SplitBySize{Storage: object(), Size: amount / 2}
	case 2:
		return ledger.TransferStorage{Storage: object(), To: to}
	case 3:
		return ledger.AddSubsidy{Amount: amount, Epochs: epochs}
	case 4:
		return ledger.StakeWith{Node: u.nodes[u.random.IntN(len(u.nodes))], Amount: amount / 1000}
	case 5:
		return ledger.RequestWithdrawal{Stake: object()}
	case 6:
		return ledger.WithdrawStake{Stake: object()}
	}
	switch u.random.IntN(5) {
	case 0:
		return ledger.ExtendBlob{Blob: object(), Epochs: epochs}
	case 1:
		return ledger.DeleteBlob{Blob: object()}
	case 2:
		return ledger.SetAttributes{Blob: object(), Attributes: []ledger.Attribute{{Name: "name", Value: fmt.Sprint(amount)}}}
	case 3:
		return u.register(1+epochs, amount>>10)
	}
	return ledger.Transfer{To: to, Amount: amount}
}

// register registers a blob of a length.
func (u *Users) register(epochs uint32, length uint64) ledger.Action {
	root := commit.Hash{byte(u.random.Uint32())} // some blobs are registered again
	return ledger.ReserveAndRegister{
		Epochs: epochs, ID: u.hasher.BlobID(Shards, length, root), Root: root, Length: length, Encoding: ledger.EncodingRS2, Deletable: u.random.IntN(4) > 0,
	}
}
