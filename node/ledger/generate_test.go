package ledger_test

import (
	"fmt"
	"reflect"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// action returns a random action of the sender's. Most break no rule.
func (h *history) action(sender ledger.Address) ledger.Action {
	m := h.model
	to := ledgertest.Address(pick(h, h.people))
	live := func(b *ledger.Blob) bool { return b.Owner == sender && m.epoch < b.Storage.End }
	any := func(*ledger.Storage) bool { return true }
	kind := pick(h, kindsOfActions)
	if c := m.challenge; c != nil && !c.closed && h.random.IntN(2) == 0 {
		kind = map[bool]string{false: "AckChallenge", true: "PassChallenge"}[c.started]
	}
	if m.genesis.Challenges.Mode != ledger.ChallengesOff && m.settled < m.epoch && h.random.IntN(2) == 0 {
		return h.report(sender, m.epoch) // no challenge is armed before a quorum has
	}
	switch kind {
	case "Batch":
		b := modelBatch{parts: make([]ledger.Action, 0, 4)}
		bares := make([]ledger.Action, 0, 4)
		for range 1 + h.random.IntN(4) {
			a := h.action(sender)
			for reflect.TypeOf(a) == reflect.TypeOf(b) {
				a = h.action(sender)
			}
			b.parts, bares = append(b.parts, a), append(bares, bare(a))
		}
		b.Batch = ledger.BatchOf(bares...)
		return b
	case "AckChallenge", "PassChallenge":
		return h.challengeAction(kind)
	case "VoteParameters":
		return ledger.VoteParameters{Node: h.node(sender), Votes: h.ballot()}
	case "DoubtChallenges":
		return ledger.DoubtChallenges{Node: h.node(sender), Epoch: m.epoch - uint32(h.random.IntN(20)/19)}
	case "Transfer":
		return ledger.Transfer{To: to, Amount: h.amount(1_000_000)}
	case "AddSubsidy":
		return ledger.AddSubsidy{Amount: h.amount(3_000_000), Epochs: uint32(h.random.IntN(int(m.genesis.MaxEpochsAhead) + 2))}
	case "ReserveSpace":
		start := m.epoch + uint32(h.random.IntN(3))
		return ledger.ReserveSpace{Size: h.size(), Start: start, End: start + uint32(h.random.IntN(int(m.genesis.MaxEpochsAhead)))}
	case "SplitByEpoch":
		id := h.storage(sender, func(s *ledger.Storage) bool { return s.End-s.Start > 1 })
		if s := m.storages[id]; s != nil {
			return ledger.SplitByEpoch{Storage: id, Epoch: s.Start + uint32(h.random.IntN(int(s.End-s.Start+1)))}
		}
		return ledger.SplitByEpoch{Storage: id, Epoch: m.epoch}
	case "SplitBySize":
		id := h.storage(sender, any)
		if s := m.storages[id]; s != nil {
			return ledger.SplitBySize{Storage: id, Size: h.number(int(min(s.Size, 1<<40)) + 2)}
		}
		return ledger.SplitBySize{Storage: id, Size: h.size()}
	case "Fuse":
		first := h.storage(sender, any)
		x := m.storages[first]
		return ledger.Fuse{First: first, Second: h.storage(sender, func(s *ledger.Storage) bool {
			return x != nil && s != x && (s.Start == x.Start && s.End == x.End || s.Size == x.Size && (s.Start == x.End || s.End == x.Start))
		})}
	case "TransferStorage":
		return ledger.TransferStorage{Storage: h.storage(sender, any), To: to}
	case "RegisterBlob":
		b := h.toRegister()
		size, _ := m.encoded(b.Length)
		b.Storage = h.storage(sender, func(s *ledger.Storage) bool { return s.Start <= m.epoch && m.epoch < s.End && s.Size >= size })
		return b
	case "ReserveAndRegister":
		b := h.toRegister()
		return ledger.ReserveAndRegister{
			Epochs: uint32(h.random.IntN(int(m.genesis.MaxEpochsAhead) + 2)), ID: b.ID, Root: b.Root, Length: b.Length, Encoding: b.Encoding, Deletable: b.Deletable,
		}
	case "CertifyBlob":
		id := h.blob(func(b *ledger.Blob) bool { return b.Certified == nil && m.epoch < b.Storage.End && !m.invalid[b.ID] })
		return h.certify(id)
	case "InvalidateBlob":
		id := pick(h, h.blobs[6:]).ID // the others stay good
		data, c, _ := h.certificate(committee.Attestation{Kind: committee.Inconsistent, Blob: id})
		return modelInvalidate{ledger.InvalidateBlob{ID: id, Certificate: data}, c}
	case "ExtendBlob":
		id := h.blob(func(b *ledger.Blob) bool {
			return b.Certified != nil && (b.Owner == sender || b.Shared && b.Funds > 0) && m.epoch < b.Storage.End
		})
		return ledger.ExtendBlob{Blob: id, Epochs: uint32(h.random.IntN(int(m.genesis.MaxEpochsAhead)/2 + 1))}
	case "ExtendWithStorage":
		id := h.blob(func(b *ledger.Blob) bool { return live(b) && b.Certified != nil })
		b := m.blobs[id]
		storage := h.storage(sender, func(s *ledger.Storage) bool { return b != nil && s.Size == b.Storage.Size && s.Start == b.Storage.End })
		if b != nil && m.storages[storage] == nil {
			return ledger.ReserveSpace{Size: b.Storage.Size, Start: b.Storage.End, End: b.Storage.End + 1} // for next time
		}
		return ledger.ExtendWithStorage{Blob: id, Storage: storage}
	case "DeleteBlob":
		return ledger.DeleteBlob{Blob: h.blob(func(b *ledger.Blob) bool { return live(b) && (b.Deletable || h.applied%4 == 0) })}
	case "TransferBlob":
		return ledger.TransferBlob{Blob: h.blob(live), To: to}
	case "SetAttributes":
		a := ledger.SetAttributes{Blob: h.blob(live)}
		for range h.random.IntN(4) {
			a.Attributes = append(a.Attributes, ledger.Attribute{Name: fmt.Sprint("a", h.random.IntN(5)), Value: "x"[:h.random.IntN(2)]})
		}
		return a
	case "BurnBlob":
		if h.random.IntN(3) > 0 {
			return ledger.BurnBlob{Blob: h.blob(func(b *ledger.Blob) bool { return m.epoch >= b.Storage.End })}
		}
		return ledger.BurnBlob{Blob: h.blob(live)}
	case "ShareBlob":
		return ledger.ShareBlob{Blob: h.blob(live)}
	case "FundBlob":
		return ledger.FundBlob{Blob: h.blob(func(b *ledger.Blob) bool { return b.Shared && m.epoch < b.Storage.End }), Amount: h.amount(100_000)}
	}
	return h.nodeAction(sender, to)
}

// size returns bytes of storage.
func (h *history) size() uint64 {
	if h.random.IntN(3) == 0 {
		size, _ := h.model.encoded(pick(h, h.blobs).Length)
		return size
	}
	if h.random.IntN(4) == 0 {
		return h.number(20) << 20 // whole units
	}
	return h.amount(20 << 20)
}

// toRegister returns a blob, whose id may be wrong.
func (h *history) toRegister() ledger.RegisterBlob {
	b := pick(h, h.blobs)
	b.Deletable = h.random.IntN(2) == 0
	switch h.random.IntN(30) {
	case 0:
		b.ID[3] ^= 1
	case 1:
		b.Length++
	case 2:
		b.Encoding++
	case 3:
		b.Length = h.amount(1)
	}
	return b
}

func (h *history) nodeAction(sender, to ledger.Address) ledger.Action {
	m := h.model
	any := func(*ledger.Stake) bool { return true }
	switch kind := pick(h, kindsOfActions[16:32]); kind {
	case "RegisterNode":
		a := ledger.RegisterNode{Node: h.info(h.random.IntN(9), h.random.IntN(len(blsKeys())), sender)}
		a.Node.Commission += uint16(h.random.IntN(2000))
		proven := h.random.IntN(10) > 0
		if !proven {
			a.Node.Possession = blsKeys()[(h.random.IntN(15)+1)%16].proof
			for _, k := range blsKeys() {
				proven = proven || k.public == a.Node.PublicKey && k.proof == a.Node.Possession
			}
		}
		return modelKey{a, proven}
	case "TransferNode":
		return ledger.TransferNode{Node: h.node(sender), To: to}
	case "UpdateNode":
		n := h.info(h.random.IntN(12), 0, sender)
		return ledger.UpdateNode{Node: h.node(sender), Name: n.Name, Address: n.Address, TLSKey: n.TLSKey, TLSProof: n.TLSProof}
	case "SetNextKey":
		k := pick(h, blsKeys())
		return ledger.SetNextKey{Node: h.node(sender), PublicKey: k.public, Possession: k.proof}
	case "Vote":
		return ledger.Vote{Node: h.node(sender), Votes: h.votes()}
	case "SetCommission":
		return ledger.SetCommission{Node: h.node(sender), Rate: uint16(h.random.IntN(11_000))}
	case "CollectCommission":
		return ledger.CollectCommission{Node: h.node(sender)}
	case "JoinActiveSet":
		return ledger.JoinActiveSet{Node: pick(h, h.nodes)}
	case "StakeWith":
		if h.random.IntN(3) == 0 {
			return ledger.StakeWith{Node: pick(h, h.nodes), Amount: 1_000_000} // so that there are ties
		}
		return ledger.StakeWith{Node: pick(h, h.nodes), Amount: h.amount(3_000_000)}
	case "SplitStake":
		id := h.stake(sender, any)
		if s := m.stakes[id]; s != nil {
			return ledger.SplitStake{Stake: id, Amount: h.number(int(min(s.Principal+1000, 1<<60)))}
		}
		return ledger.SplitStake{Stake: id, Amount: 5000}
	case "TransferStake":
		return ledger.TransferStake{Stake: h.stake(sender, any), To: to}
	case "RequestWithdrawal":
		return ledger.RequestWithdrawal{Stake: h.stake(sender, func(s *ledger.Stake) bool { return s.Withdraw == nil })}
	case "WithdrawStake":
		return ledger.WithdrawStake{Stake: h.stake(sender, func(s *ledger.Stake) bool {
			ok, _ := m.atOnce(s)
			return ok || s.Withdraw != nil && (*s.Withdraw <= m.epoch || h.applied%4 == 0)
		})}
	case "ReportSynced":
		return h.report(sender, m.epoch+uint32(h.random.IntN(20)/19))
	case "VoteSlashing":
		return ledger.VoteSlashing{Voter: h.node(sender), Candidate: h.nodes[0]}
	}
	return ledger.Slash{Candidate: h.nodes[h.random.IntN(2)]}
}
