package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Member is a node with all its keys.
type Member struct {
	ID     ledger.NodeID
	Signer *committee.Signer
	Info   ledger.NodeInfo

	owner, tls ed25519.PrivateKey
}

// Owner returns the account key of who governs the node.
func (m *Member) Owner() ed25519.PrivateKey { return m.owner }

// TLS returns the node's TLS key, which is that of an account, too.
func (m *Member) TLS() ed25519.PrivateKey { return m.tls }

// NewMember returns the member number i of a network: always the same one.
func NewMember(i int) *Member {
	seed := sha256.Sum256(fmt.Appendf(nil, "member %d", i))
	secret := committee.DeriveSecretKey(seed[:])
	m := &Member{owner: Key(fmt.Sprint("owner ", i)), tls: Key(fmt.Sprint("tls ", i)), Signer: committee.NewSigner(secret, nil)}
	m.Info = ledger.NodeInfo{
		Name: fmt.Sprint("node-", i), Address: fmt.Sprint("127.0.0.1:", 7100+i), PublicKey: secret.Public().Bytes(),
		Possession: secret.Prove(), TLSKey: Address(m.tls), TLSProof: ledger.ProveTLSKey(m.tls, Address(m.owner)),
		Votes: ledger.Votes{StoragePrice: 100, WritePrice: 20, Capacity: 1 << 40}, Commission: 1000,
	}
	return m
}

// Stake is what each member of a network has staked, and a thousand times of it is what
// its owner has left.
const Stake = 1_000_000

// Network is a ledger whose members sign checkpoints as they should.
type Network struct {
	State   *ledger.State
	Members []*Member
	Now     uint64
	Follow  func(*ledger.State) // if it is not nil: called with each state
}

// NewNetwork returns a ledger of some members with equal stake, and of people who are
// rich.
func NewNetwork(members, shards int, rich ...string) (*Network, error) {
	n := &Network{Now: Start}
	g := ledger.Genesis{
		Name: "test", Shards: uint16(shards), Scheme: uint8(commit.BLAKE3), Start: Start, EpochMillis: EpochMillis, SyncMillis: EpochMillis / 4,
		MinStake: 1000, MaxNodes: uint16(shards), CheckpointMillis: NoCheckpoints,
	}
	for _, name := range rich {
		g.Balances = append(g.Balances, ledger.Balance{Account: Address(Key(name)), Amount: 1 << 50})
	}
	for i := range members {
		m := NewMember(i)
		n.Members = append(n.Members, m)
		g.Nodes = append(g.Nodes, ledger.GenesisNode{Owner: Address(m.owner), Node: m.Info, Stake: Stake})
		g.Balances = append(g.Balances, ledger.Balance{Account: Address(m.owner), Amount: 1000 * Stake})
	}
	var err error
	if n.State, err = ledger.Begin(g); err != nil {
		return nil, err
	}
	for id, node := range n.State.Nodes() {
		for _, m := range n.Members {
			if m.Info.Name == node.Info.Name {
				m.ID = id
			}
		}
	}
	return n, nil
}

// Apply applies a block of transactions.
func (n *Network) Apply(txs ...[]byte) (ledger.Outcome, error) {
	next, out, err := n.State.Apply(ledger.Block{Height: n.State.System().Height + 1, Time: n.Now, Txs: txs})
	if err != nil {
		return out, err
	}
	n.State = next
	if n.Follow != nil {
		n.Follow(next)
	}
	return out, nil
}

// Sign makes a transaction of the sender's next nonce, counted from ahead.
func (n *Network) Sign(key ed25519.PrivateKey, ahead uint64, a ledger.Action) ([]byte, error) {
	nonce := ahead
	if account := ledger.Get[ledger.Account](n.State, ledger.AccountKey(Address(key))); account != nil {
		nonce += account.Nonce
	}
	return ledger.Tx{Chain: n.State.ChainID(), Nonce: nonce, FeePerByte: 1 << 20, Action: a}.Sign(key)
}

// Do applies one action in a block of its own, and returns the id of the first object
// that it made. A broken rule is an error.
func (n *Network) Do(key ed25519.PrivateKey, a ledger.Action) (ledger.ObjectID, error) {
	tx, err := n.Sign(key, 0, a)
	if err != nil {
		return ledger.ObjectID{}, err
	}
	out, err := n.Apply(tx)
	if err != nil {
		return ledger.ObjectID{}, err
	}
	return ledger.ObjectIDOf(out.Results[0].Digest, 0), out.Results[0].Err
}

// NextEpoch lets time pass until the next epoch has started and is done. The members
// sign the handover to it.
func (n *Network) NextEpoch() error {
	n.Now += EpochMillis / 2
	if _, err := n.Apply(); err != nil { // selects
		return err
	}
	if err := n.Checkpoint(); err != nil {
		return err
	}
	n.Now += EpochMillis / 2
	if _, err := n.Apply(); err != nil { // starts
		return err
	}
	n.Now += EpochMillis / 4
	_, err := n.Apply() // is done
	return err
}

// Checkpoint applies an empty block, in which the ledger opens the checkpoint that is
// due, and has the members sign what is open for this epoch.
func (n *Network) Checkpoint() error {
	if _, err := n.Apply(); err != nil {
		return err
	}
	epoch := n.State.System().Epoch
	open := ledger.Get[ledger.OpenCheckpoint](n.State, ledger.OpenCheckpointKey(epoch))
	if open == nil {
		return nil
	}
	of, err := n.State.At(uint64(epoch))
	if err != nil {
		return err
	}
	for _, m := range n.Members {
		if _, ok := of.Find(m.Signer.Public()); !ok {
			continue
		}
		_, err := n.Do(m.owner, ledger.SignCheckpoint{
			Node: m.ID, Epoch: epoch, Height: open.Height, Signature: m.Signer.Attest(of, open.Attestation()),
		})
		if ledger.RuleOf(err) == ledger.RuleUnknown {
			return nil // a quorum has signed before
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Certificate returns the certificate of some members of the current committee.
func (n *Network) Certificate(a committee.Attestation, members ...int) ([]byte, error) {
	of, err := n.State.At(uint64(n.State.System().Epoch))
	if err != nil {
		return nil, err
	}
	signatures := make(map[int]committee.Signature)
	for _, i := range members {
		if at, ok := of.Find(n.Members[i].Signer.Public()); ok {
			signatures[at] = n.Members[i].Signer.Attest(of, a)
		}
	}
	cert, err := of.Certify(a, signatures)
	if err != nil {
		return nil, err
	}
	return cert.MarshalBinary()
}
