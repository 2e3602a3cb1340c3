package ledger

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/redstuff-go/redstuff/node/committee"
)

// RegisterNode makes a [Node], which the sender governs. With enough stake it becomes a
// member of later committees.
type RegisterNode struct {
	Node NodeInfo
}

func (a RegisterNode) apply(d *draft, sender Address) error {
	_, err := registerNode(d, sender, a.Node)
	return err
}

func registerNode(d *draft, owner Address, info NodeInfo) (NodeID, error) {
	if err := info.check(); err != nil {
		return NodeID{}, err
	}
	id := NodeID(d.newID())
	if err := claimPublicKey(d, id, info.PublicKey, info.Possession); err != nil {
		return NodeID{}, err
	}
	if err := claimNames(d, id, owner, &info); err != nil {
		return NodeID{}, err
	}
	n := &Node{Owner: owner, Info: info, Joined: nextOpen(d), Latest: d.system.Epoch}
	d.put(RateKey(id, n.Joined), Rate{})
	d.put(NodeKey(id), n)
	d.emit(NodeRegistered{id, info.Name})
	return id, nil
}

// nextOpen returns the current epoch, or the next one if the next committee is
// selected.
func nextOpen(d *draft) uint32 {
	if Phase(d.system.Phase) == PhaseSelected {
		return d.system.Epoch + 1
	}
	return d.system.Epoch
}

// check returns an error if a node cannot be known so.
func (n *NodeInfo) check() error {
	switch {
	case n.Name == "" || len(n.Name) > maxName || !utf8.ValidString(n.Name):
		return broken(RuleText, "a node's name has 1 to %d bytes of UTF-8", maxName)
	case n.Commission > basisPoints:
		return broken(RuleRate, "%d basis points are more than all", n.Commission)
	}
	return checkAddress(n.Address)
}

// checkAddress returns an error if no committee can have a member at the address. A
// committee refuses more than a form: one such member, and nobody's certificates would
// verify.
func checkAddress(address string) error {
	if len(address) > maxNetworkAddress {
		return broken(RuleText, "an address has at most %d bytes", maxNetworkAddress)
	}
	if err := committee.CheckAddress(address); err != nil {
		return broken(RuleText, "%v", err)
	}
	return nil
}

// claimFor has something belong to the node. The error is of RuleKey if it is another
// node's.
func claimFor(d *draft, id NodeID, what claim, value []byte, name string) error {
	key := claimKey(what, value)
	if owner := get[NodeID](d.tree, key); owner != nil && *owner != id {
		return broken(RuleKey, "the %s is that of node %x", name, *owner)
	}
	d.put(key, id)
	return nil
}

// claimPublicKey has a BLS public key belong to the node, which proves that it has the
// secret.
func claimPublicKey(d *draft, id NodeID, public [48]byte, proof [96]byte) error {
	k, err := committee.ParsePublicKey(public[:])
	if err != nil {
		return broken(RuleKey, "%v", err)
	}
	if err := k.VerifyProof(proof); err != nil {
		return broken(RuleKey, "nothing proves that the node has the secret of its public key")
	}
	return claimFor(d, id, publicKeyClaim, public[:], "public key")
}

// claimNames has name, address and TLS key belong to the node: in a committee, no two
// committeeOfOwners have the same. Without the proof, anybody could take a node's TLS key first.
func claimNames(d *draft, id NodeID, owner Address, info *NodeInfo) error {
	if info.TLSKey == [32]byte{} { // what it signs anybody can sign
		return broken(RuleKey, "the TLS key is none")
	}
	if !ed25519.Verify(info.TLSKey[:], tlsProofMessage(owner), info.TLSProof[:]) {
		return broken(RuleKey, "nothing proves that the node has the secret of its TLS key")
	}
	if err := claimFor(d, id, tlsKeyClaim, info.TLSKey[:], "TLS key"); err != nil {
		return err
	}
	if err := claimFor(d, id, nameClaim, []byte(info.Name), "name"); err != nil {
		return err
	}
	return claimFor(d, id, addressClaim, addressName(info.Address), "address")
}

// addressName returns what two addresses have in common that are the same for a
// committee: names of hosts know no capitals.
func addressName(address string) []byte { return []byte(strings.ToLower(address)) }

// ProveTLSKey returns the proof that whoever governs a node has the secret of its TLS
// key.
func ProveTLSKey(key ed25519.PrivateKey, owner Address) (proof [64]byte) {
	copy(proof[:], ed25519.Sign(key, tlsProofMessage(owner)))
	return proof
}

func tlsProofMessage(owner Address) []byte {
	return append([]byte("redstuff v1 TLS key of a node of "), owner[:]...)
}

// ownNode returns a node that the sender governs.
func ownNode(d *draft, id NodeID, sender Address) (*Node, error) {
	n, err := object[Node](d, NodeKey(id))
	if err != nil {
		return nil, err
	}
	return n, owned(n.Owner, sender)
}

// UpdateNode changes a node's name, address or TLS key. Committees have the new ones
// from the next epoch on; who connects before asks the node's entry.
type UpdateNode struct {
	Node     NodeID
	Name     string
	Address  string
	TLSKey   [32]byte
	TLSProof [64]byte
}

func (a UpdateNode) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	d.remove(claimKey(tlsKeyClaim, n.Info.TLSKey[:]))
	d.remove(claimKey(nameClaim, []byte(n.Info.Name)))
	d.remove(claimKey(addressClaim, addressName(n.Info.Address)))
	n.Info.Name, n.Info.Address, n.Info.TLSKey, n.Info.TLSProof = a.Name, a.Address, a.TLSKey, a.TLSProof
	if err := n.Info.check(); err != nil {
		return err
	}
	if err := claimNames(d, a.Node, sender, &n.Info); err != nil {
		return err
	}
	d.put(NodeKey(a.Node), n)
	d.emit(NodeRegistered{a.Node, a.Name})
	return nil
}

// SetNextKey gives a node another BLS key from the next epoch on in which it is a
// member.
type SetNextKey struct {
	Node       NodeID
	PublicKey  [48]byte
	Possession [96]byte
}

func (a SetNextKey) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	if Phase(d.system.Phase) == PhaseSelected {
		return broken(RulePhase, "the keys of the next epoch are fixed")
	}
	if n.Next != nil && n.Next.PublicKey != n.Info.PublicKey {
		d.remove(claimKey(publicKeyClaim, n.Next.PublicKey[:]))
	}
	if err := claimPublicKey(d, a.Node, a.PublicKey, a.Possession); err != nil {
		return err
	}
	n.Next = &NextKey{a.PublicKey, a.Possession}
	d.put(NodeKey(a.Node), n)
	return nil
}

// TransferNode has a node governed by another account from now on. Stake with it stays with
// those who have it.
type TransferNode struct {
	Node NodeID
	To   Address
}

func (a TransferNode) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	n.Owner = a.To
	d.put(NodeKey(a.Node), n)
	d.emit(NodeRegistered{a.Node, n.Info.Name})
	return nil
}

// Vote sets what a node votes for. The next epoch's prices and capacity are made of the
// votesOf of its committee.
type Vote struct {
	Node  NodeID
	Votes Votes
}

func (a Vote) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	n.Info.Votes = a.Votes
	d.put(NodeKey(a.Node), n)
	return nil
}

// SetCommission sets the operator's share of the rewards from the epoch after the next
// one on: whoever has stake with the node can withdraw before.
type SetCommission struct {
	Node NodeID
	Rate uint16 // basis points
}

func (a SetCommission) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	if a.Rate > basisPoints {
		return broken(RuleRate, "%d basis points are more than all", a.Rate)
	}
	n.PendingCommission.replace(d.system.Epoch+2, uint64(a.Rate))
	d.put(NodeKey(a.Node), n)
	return nil
}

// CollectCommission pays out the node's commission but for what is blocked, that of the
// last epoch: until its voting ends the committee can slash it.
type CollectCommission struct {
	Node NodeID
}

func (a CollectCommission) apply(d *draft, sender Address) error {
	n, err := ownNode(d, a.Node, sender)
	if err != nil {
		return err
	}
	free := saturate(n.Commission, n.BlockedCommission)
	if free == 0 {
		return broken(RuleAmount, "there is nothing to collect, and %d are blocked", n.BlockedCommission)
	}
	n.Commission -= free
	d.put(NodeKey(a.Node), n)
	d.credit(sender, free)
	return nil
}

// JoinActiveSet takes a node into the set of which committees are made again, if it was
// pushed out and has more stake now than another one in it.
type JoinActiveSet struct {
	Node NodeID
}

func (a JoinActiveSet) apply(d *draft, _ Address) error {
	n, err := object[Node](d, NodeKey(a.Node))
	if err != nil {
		return err
	}
	rank(d, a.Node, n)
	return nil
}

// rank notes a node's stake in the set of which the next committee is made. When the
// set is full, a newcomer with more stake takes the place of the first of those who have
// the least.
func rank(d *draft, id NodeID, n *Node) {
	stake := balanceAt(d, id, n, nextOpen(d)+1)
	set := activeSet(d)
	at := slices.IndexFunc(set, func(e ActiveNode) bool { return e.Node == id })
	switch {
	case at >= 0 && stake == 0:
		last := len(set) - 1
		set[at] = set[last]
		set = set[:last]
	case at >= 0:
		set[at].Stake = stake
	case stake == 0:
		return
	case len(set) < int(d.genesis.MaxNodes):
		set = append(set, ActiveNode{id, stake})
	default:
		least := 0
		for i := range set {
			if set[i].Stake < set[least].Stake {
				least = i
			}
		}
		if set[least].Stake >= stake {
			return
		}
		set[least] = ActiveNode{id, stake}
	}
	d.put(activeKey(), set)
}

// activeSet returns the nodes with stake, in the order in which they came.
func activeSet(d *draft) []ActiveNode {
	if set := get[[]ActiveNode](d.tree, activeKey()); set != nil {
		return *set
	}
	return nil
}
