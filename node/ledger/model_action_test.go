package ledger_test

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// certificates are those that a history shows: what they attest, and the epoch whose
// committee signed. The model believes what the history says of them.
type shown struct {
	committee.Attestation
	epoch uint32
	wrong bool // the signers are too few, or did not sign
}

// modelCertify is ledger.CertifyBlob with what its certificate is.
type modelCertify struct {
	ledger.CertifyBlob
	shown
	life int // of the blob, in which members signed
}

// modelInvalidate is ledger.InvalidateBlob with what its certificate is.
type modelInvalidate struct {
	ledger.InvalidateBlob
	shown
}

// modelKey is an action with whether its proofs hold.
type modelKey struct {
	ledger.Action
	proven bool
}

// modelBatch is ledger.Batch with its actions.
type modelBatch struct {
	ledger.Batch
	parts []ledger.Action
}

func (m *model) certificate(broken rules, c shown, want ...committee.Attestation) {
	broken.when(c.epoch != m.epoch, ledger.RuleEpoch)
	broken.when(c.wrong || !slices.Contains(want, c.Attestation), ledger.RuleProof)
}

// words are those that certify a registration: this project's, and Walrus's.
func words(id ledger.ObjectID, b *ledger.Blob) []committee.Attestation {
	if !b.Deletable {
		return []committee.Attestation{{Kind: committee.Stored, Blob: b.ID}, {Kind: committee.WalrusPermanent, Blob: b.ID}}
	}
	named := committee.Attestation{Kind: committee.StoredDeletable, Blob: b.ID, Object: committee.ObjectID(id)}
	walrus := named
	walrus.Kind = committee.WalrusDeletable
	return []committee.Attestation{named, walrus}
}

// price notes whether somebody can pay, and returns what does.
func (m *model) price(broken rules, balance *big.Int, cost *big.Int) {
	broken.when(!fits(cost), ledger.RuleOverflow)
	broken.when(balance.Cmp(cost) < 0, ledger.RuleFunds)
}

// room notes whether there is room for so many bytes, and returns what they cost in each
// epoch.
func (m *model) room(broken rules, size uint64, start, end uint32) (each, all *big.Int) {
	none := end <= start
	broken.when(none || int64(end)-int64(m.epoch) > int64(m.genesis.MaxEpochsAhead), ledger.RuleEpochs)
	if broken[ledger.RuleEpochs] {
		return new(big.Int), new(big.Int)
	}
	for e := start; e < end; e++ {
		used := plus(m.used(e), number(size))
		broken.when(used.Cmp(number(m.capacity)) > 0, ledger.RuleCapacity)
		broken.when(!fits(used), ledger.RuleOverflow)
	}
	each = new(big.Int).Mul(units(size), number(m.storage))
	broken.when(!fits(each), ledger.RuleOverflow)
	return each, new(big.Int).Mul(each, number(uint64(end-start)))
}

func (m *model) payAll(epochs [2]uint32, each *big.Int) {
	for e := epochs[0]; e < epochs[1]; e++ {
		m.pay(e, each)
	}
}

func (m *model) ownStorage(broken rules, id ledger.ObjectID, sender ledger.Address) *ledger.Storage {
	s := m.storages[id]
	broken.when(s == nil, ledger.RuleUnknown)
	broken.when(s != nil && s.Owner != sender, ledger.RuleOwner)
	return s
}

func (m *model) ownBlob(broken rules, id ledger.ObjectID, sender ledger.Address) *ledger.Blob {
	b := m.blobs[id]
	broken.when(b == nil, ledger.RuleUnknown)
	broken.when(b != nil && (b.Shared || b.Owner != sender), ledger.RuleOwner)
	return b
}

func (m *model) ownStake(broken rules, id ledger.ObjectID, sender ledger.Address) *ledger.Stake {
	s := m.stakes[id]
	broken.when(s == nil, ledger.RuleUnknown)
	broken.when(s != nil && s.Owner != sender, ledger.RuleOwner)
	return s
}

func (m *model) ownNode(broken rules, id ledger.NodeID, sender ledger.Address) *modelNode {
	n := m.nodes[id]
	broken.when(n == nil, ledger.RuleUnknown)
	broken.when(n != nil && n.owner != sender, ledger.RuleOwner)
	return n
}

func nothing() {}

// action notes the rules that an action breaks, and returns what it does. What it does
// is called only if it breaks none.
func (m *model) action(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case modelBatch:
		return nothing // each action breaks rules for itself
	case modelKey:
		broken.when(!a.proven, ledger.RuleKey)
		return m.action(sender, a.Action, ids, broken)
	case ledger.Transfer:
		broken.when(a.Amount == 0, ledger.RuleAmount)
		m.price(broken, m.account(sender).balance, number(a.Amount))
		return func() { m.move(sender, a.To, number(a.Amount)) }
	case ledger.AddSubsidy:
		broken.when(a.Epochs == 0 || a.Epochs > m.genesis.MaxEpochsAhead, ledger.RuleEpochs)
		broken.when(a.Amount == 0, ledger.RuleAmount)
		m.price(broken, m.account(sender).balance, number(a.Amount))
		return func() {
			m.spend(sender, number(a.Amount))
			m.payAll([2]uint32{m.epoch, m.epoch + a.Epochs}, number(a.Amount/uint64(a.Epochs)))
			m.pay(m.epoch, number(a.Amount%uint64(a.Epochs)))
		}
	case ledger.ReserveSpace, ledger.SplitByEpoch, ledger.SplitBySize, ledger.Fuse, ledger.TransferStorage:
		return m.storageAction(sender, a, ids, broken)
	case ledger.RegisterBlob, ledger.ReserveAndRegister, modelCertify, modelInvalidate, ledger.ExtendBlob, ledger.ExtendWithStorage:
		return m.blobAction(sender, a, ids, broken)
	case ledger.DeleteBlob, ledger.TransferBlob, ledger.SetAttributes, ledger.BurnBlob, ledger.ShareBlob, ledger.FundBlob:
		return m.ownerAction(sender, a, ids, broken)
	case modelAck, modelPass:
		return m.challengeAction(a, broken)
	case ledger.StakeWith, ledger.SplitStake, ledger.TransferStake, ledger.RequestWithdrawal, ledger.WithdrawStake:
		return m.stakeAction(sender, a, ids, broken)
	}
	return m.nodeAction(sender, a, ids, broken)
}

func (m *model) spend(a ledger.Address, amount *big.Int) {
	m.account(a).balance = new(big.Int).Sub(m.account(a).balance, amount)
}

func (m *model) move(from, to ledger.Address, amount *big.Int) {
	m.spend(from, amount)
	m.account(to).balance = plus(m.account(to).balance, amount)
}

func (m *model) storageAction(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case ledger.ReserveSpace:
		start := max(a.Start, m.epoch)
		broken.when(a.Size == 0, ledger.RuleAmount)
		each, all := m.room(broken, a.Size, start, a.End)
		m.price(broken, m.account(sender).balance, all)
		return func() {
			m.spend(sender, all)
			m.payAll([2]uint32{start, a.End}, each)
			m.storages[ids(0)] = &ledger.Storage{Owner: sender, Start: start, End: a.End, Size: a.Size}
		}
	case ledger.SplitByEpoch:
		s := m.ownStorage(broken, a.Storage, sender)
		broken.when(s != nil && (a.Epoch <= s.Start || a.Epoch >= s.End), ledger.RuleEpochs)
		return func() {
			m.storages[ids(0)] = &ledger.Storage{Owner: sender, Start: a.Epoch, End: s.End, Size: s.Size}
			s.End = a.Epoch
		}
	case ledger.SplitBySize:
		s := m.ownStorage(broken, a.Storage, sender)
		broken.when(s != nil && a.Size > s.Size, ledger.RuleAmount)
		return func() {
			m.storages[ids(0)] = &ledger.Storage{Owner: sender, Start: s.Start, End: s.End, Size: s.Size - a.Size}
			s.Size = a.Size
		}
	case ledger.Fuse:
		x, y := m.ownStorage(broken, a.First, sender), m.ownStorage(broken, a.Second, sender)
		if x == nil || y == nil {
			return nothing
		}
		period, amount := x.Size == y.Size && (x.End == y.Start || y.End == x.Start), x.Start == y.Start && x.End == y.End
		broken.when(a.First == a.Second || x.Start == y.Start && !amount || x.Start != y.Start && !period, ledger.RuleMismatch)
		return func() {
			if amount {
				x.Size += y.Size
			} else {
				x.Start, x.End = min(x.Start, y.Start), max(x.End, y.End)
			}
			delete(m.storages, a.Second)
		}
	case ledger.TransferStorage:
		s := m.ownStorage(broken, a.Storage, sender)
		return func() { s.Owner = a.To }
	}
	panic("no action of storages")
}

// encoded returns the bytes of a blob's slivers and metadata: n·((P+S)·s + 64n + 32).
func (m *model) encoded(length uint64) (uint64, bool) {
	n := uint64(m.genesis.Shards)
	f := (n - 1) / 3
	p, s := n-2*f, n-f
	if length >= 1<<40 {
		return 0, false
	}
	symbol := (max(length, 1) + p*s - 1) / (p * s)
	symbol += symbol % 2
	return n * ((p+s)*symbol + 64*n + 32), symbol < 1<<16
}

// register checks what a blob needs, and returns the price of writing it.
func (m *model) register(broken rules, a ledger.RegisterBlob) *big.Int {
	size, ok := m.encoded(a.Length)
	broken.when(!ok, ledger.RuleSize)
	want, err := commit.NewHasher(commit.Scheme(m.genesis.Scheme), "")
	if err != nil {
		panic(err)
	}
	broken.when(a.Encoding != 1 || a.ID != want.BlobID(int(m.genesis.Shards), a.Length, a.Root), ledger.RuleBlobID)
	broken.when(m.invalid[a.ID], ledger.RuleInvalid)
	return new(big.Int).Mul(units(size), number(m.write))
}

func (m *model) add(sender ledger.Address, a ledger.RegisterBlob, s ledger.Storage, id ledger.ObjectID) {
	m.blobs[id] = &ledger.Blob{
		Owner: sender, ID: a.ID, Length: a.Length, Encoding: a.Encoding, Deletable: a.Deletable, Registered: m.epoch, Storage: s,
	}
}

func (m *model) blobAction(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case ledger.RegisterBlob:
		s := m.ownStorage(broken, a.Storage, sender)
		price := m.register(broken, a)
		m.price(broken, m.account(sender).balance, price)
		if s == nil {
			return nothing
		}
		size, _ := m.encoded(a.Length)
		broken.when(size > s.Size, ledger.RuleSize)
		broken.when(m.epoch < s.Start || m.epoch >= s.End, ledger.RuleExpired)
		return func() {
			m.spend(sender, price)
			m.pay(m.epoch, price)
			delete(m.storages, a.Storage)
			m.add(sender, a, *s, ids(0))
		}
	case ledger.ReserveAndRegister:
		blob := ledger.RegisterBlob{ID: a.ID, Root: a.Root, Length: a.Length, Encoding: a.Encoding, Deletable: a.Deletable}
		size, _ := m.encoded(a.Length)
		broken.when(a.Epochs > m.genesis.MaxEpochsAhead, ledger.RuleEpochs)
		price := m.register(broken, blob)
		end := m.epoch + min(a.Epochs, m.genesis.MaxEpochsAhead)
		each, all := m.room(broken, size, m.epoch, end)
		m.price(broken, m.account(sender).balance, plus(all, price))
		return func() {
			m.spend(sender, plus(all, price))
			m.payAll([2]uint32{m.epoch, end}, each)
			m.pay(m.epoch, price)
			m.add(sender, blob, ledger.Storage{Owner: sender, Start: m.epoch, End: end, Size: size}, ids(0))
		}
	case modelCertify:
		b := m.blobs[a.Blob]
		broken.when(b == nil, ledger.RuleUnknown)
		if b == nil {
			return nothing
		}
		broken.when(b.Certified != nil, ledger.RuleCertified)
		broken.when(m.epoch >= b.Storage.End, ledger.RuleExpired)
		broken.when(m.invalid[b.ID], ledger.RuleInvalid)
		m.certificate(broken, a.shown, words(a.Blob, b)...)
		return func() {
			now := m.epoch
			b.Certified = &now
		}
	case modelInvalidate:
		broken.when(m.invalid[a.ID], ledger.RuleTwice)
		m.certificate(broken, a.shown, committee.Attestation{Kind: committee.Inconsistent, Blob: a.ID})
		return func() { m.invalid[a.ID] = true }
	case ledger.ExtendBlob:
		b := m.blobs[a.Blob]
		broken.when(b == nil, ledger.RuleUnknown)
		if b == nil {
			return nothing
		}
		broken.when(!b.Shared && b.Owner != sender, ledger.RuleOwner)
		m.extensible(broken, b)
		broken.when(a.Epochs == 0 || a.Epochs > m.genesis.MaxEpochsAhead, ledger.RuleEpochs)
		if broken[ledger.RuleEpochs] || broken[ledger.RuleExpired] {
			return nothing
		}
		each, all := m.room(broken, b.Storage.Size, b.Storage.End, b.Storage.End+a.Epochs)
		if b.Shared {
			m.price(broken, number(b.Funds), all)
		} else {
			m.price(broken, m.account(sender).balance, all)
		}
		return func() {
			if b.Shared {
				b.Funds -= all.Uint64()
			} else {
				m.spend(sender, all)
			}
			m.payAll([2]uint32{b.Storage.End, b.Storage.End + a.Epochs}, each)
			b.Storage.End += a.Epochs
		}
	case ledger.ExtendWithStorage:
		b, s := m.ownBlob(broken, a.Blob, sender), m.ownStorage(broken, a.Storage, sender)
		if b != nil {
			m.extensible(broken, b)
		}
		if b == nil || s == nil {
			return nothing
		}
		broken.when(s.Size != b.Storage.Size || s.Start != b.Storage.End, ledger.RuleMismatch)
		return func() {
			b.Storage.End = s.End
			delete(m.storages, a.Storage)
		}
	}
	panic("no action of blobs")
}

func (m *model) extensible(broken rules, b *ledger.Blob) {
	broken.when(b.Certified == nil, ledger.RuleCertified)
	broken.when(m.epoch >= b.Storage.End, ledger.RuleExpired)
}

func (m *model) ownerAction(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case ledger.DeleteBlob:
		b := m.ownBlob(broken, a.Blob, sender)
		if b == nil {
			return nothing
		}
		broken.when(!b.Deletable, ledger.RulePermanent)
		broken.when(m.epoch >= b.Storage.End, ledger.RuleExpired)
		return func() {
			delete(m.blobs, a.Blob)
			b.Storage.Owner = sender
			m.storages[ids(0)] = &b.Storage
		}
	case ledger.TransferBlob:
		b := m.ownBlob(broken, a.Blob, sender)
		return func() { b.Owner, b.Storage.Owner = a.To, a.To }
	case ledger.SetAttributes:
		b := m.ownBlob(broken, a.Blob, sender)
		return func() {
			for _, set := range a.Attributes {
				b.Attributes = slices.DeleteFunc(b.Attributes, func(x ledger.Attribute) bool { return x.Name == set.Name })
				if set.Value != "" {
					b.Attributes = append(b.Attributes, set)
				}
			}
			slices.SortFunc(b.Attributes, func(x, y ledger.Attribute) int { return cmp.Compare(x.Name, y.Name) })
		}
	case ledger.BurnBlob:
		b := m.blobs[a.Blob]
		broken.when(b == nil, ledger.RuleUnknown)
		broken.when(b != nil && m.epoch < b.Storage.End && (b.Shared || b.Owner != sender), ledger.RuleOwner)
		broken.when(b != nil && m.epoch < b.Storage.End && !b.Deletable, ledger.RulePermanent)
		return func() {
			delete(m.blobs, a.Blob)
			m.abandoned = append(m.abandoned, b.Storage)
			m.pay(m.epoch, number(b.Funds))
		}
	case ledger.ShareBlob:
		b := m.ownBlob(broken, a.Blob, sender)
		return func() { b.Shared, b.Owner, b.Storage.Owner = true, ledger.Address{}, ledger.Address{} }
	case ledger.FundBlob:
		b := m.blobs[a.Blob]
		broken.when(b == nil, ledger.RuleUnknown)
		broken.when(b != nil && !b.Shared, ledger.RuleOwner)
		broken.when(a.Amount == 0, ledger.RuleAmount)
		broken.when(b != nil && m.epoch >= b.Storage.End, ledger.RuleExpired)
		m.price(broken, m.account(sender).balance, number(a.Amount))
		return func() {
			m.spend(sender, number(a.Amount))
			b.Funds += a.Amount
		}
	}
	panic("no action of owners")
}

func (m *model) stakeAction(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case ledger.StakeWith:
		broken.when(m.nodes[a.Node] == nil, ledger.RuleUnknown)
		broken.when(a.Amount < m.genesis.MinStake, ledger.RuleAmount)
		m.price(broken, m.account(sender).balance, number(a.Amount))
		return func() { m.stake(a, sender, ids(0)) }
	case ledger.SplitStake:
		s := m.ownStake(broken, a.Stake, sender)
		if s == nil {
			return nothing
		}
		least := m.genesis.MinStake
		broken.when(a.Amount < least || a.Amount > s.Principal || s.Principal-a.Amount < least, ledger.RuleAmount)
		return func() {
			rest := *s
			rest.Principal -= a.Amount
			s.Principal = a.Amount
			m.stakes[ids(0)] = &rest
		}
	case ledger.TransferStake:
		s := m.ownStake(broken, a.Stake, sender)
		return func() { s.Owner = a.To }
	case ledger.RequestWithdrawal:
		s := m.ownStake(broken, a.Stake, sender)
		if s == nil {
			return nothing
		}
		broken.when(s.Withdraw != nil, ledger.RuleTwice)
		ok, _ := m.atOnce(s)
		broken.when(ok, ledger.RuleStake)
		if s.Active <= m.epoch {
			shares := m.nodes[s.Node].rate(s.Active).toShares(number(s.Principal))
			broken.when(shares.Sign() == 0, ledger.RuleStake)
		}
		return func() { m.request(s) }
	case ledger.WithdrawStake:
		s := m.ownStake(broken, a.Stake, sender)
		if s == nil {
			return nothing
		}
		ok, _ := m.atOnce(s)
		broken.when(!ok && s.Withdraw == nil, ledger.RuleStake)
		broken.when(!ok && s.Withdraw != nil && *s.Withdraw > m.epoch, ledger.RuleEarly)
		return func() { m.withdraw(a.Stake) }
	}
	panic("no action of stakes")
}

// free notes what of a node's is another one's.
func (m *model) free(broken rules, id ledger.NodeID, same func(*modelNode) bool) {
	for other, n := range m.nodes {
		broken.when(other != id && same(n), ledger.RuleKey)
	}
}

func (m *model) freeNames(broken rules, id ledger.NodeID, name, address string, tls [32]byte) {
	m.free(broken, id, func(n *modelNode) bool {
		return n.info.Name == name || strings.EqualFold(n.info.Address, address) || n.info.TLSKey == tls
	})
}

func (m *model) freeKey(broken rules, id ledger.NodeID, key [48]byte) {
	m.free(broken, id, func(n *modelNode) bool { return n.info.PublicKey == key || n.next != nil && n.next.PublicKey == key })
}

func (m *model) nodeAction(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID, broken rules) func() {
	switch a := a.(type) {
	case ledger.RegisterNode:
		none := ledger.NodeID{}
		broken.when(a.Node.Commission > 10_000, ledger.RuleRate)
		m.freeNames(broken, none, a.Node.Name, a.Node.Address, a.Node.TLSKey)
		m.freeKey(broken, none, a.Node.PublicKey)
		return func() { m.nodes[ledger.NodeID(ids(0))] = newModelNode(sender, a.Node, m.open()) }
	case ledger.UpdateNode:
		n := m.ownNode(broken, a.Node, sender)
		m.freeNames(broken, a.Node, a.Name, a.Address, a.TLSKey)
		return func() {
			n.info.Name, n.info.Address, n.info.TLSKey, n.info.TLSProof = a.Name, a.Address, a.TLSKey, a.TLSProof
		}
	case ledger.TransferNode:
		n := m.ownNode(broken, a.Node, sender)
		return func() { n.owner = a.To }
	case ledger.SetNextKey:
		n := m.ownNode(broken, a.Node, sender)
		broken.when(m.phase == ledger.PhaseSelected, ledger.RulePhase)
		m.freeKey(broken, a.Node, a.PublicKey)
		return func() { n.next = &ledger.NextKey{PublicKey: a.PublicKey, Possession: a.Possession} }
	case ledger.Vote:
		n := m.ownNode(broken, a.Node, sender)
		return func() { n.info.Votes = a.Votes }
	case ledger.VoteParameters:
		return m.voteParameters(sender, a, broken)
	case ledger.SetCommission:
		n := m.ownNode(broken, a.Node, sender)
		broken.when(a.Rate > 10_000, ledger.RuleRate)
		return func() {
			n.commissionChanges = append(n.commissionChanges, &flow{epoch: m.epoch + 2, amount: number(uint64(a.Rate))})
		}
	case ledger.CollectCommission:
		n := m.ownNode(broken, a.Node, sender)
		if n == nil {
			return nothing
		}
		free := minus(n.commission, n.blocked)
		broken.when(free.Sign() == 0, ledger.RuleAmount)
		return func() {
			n.commission = new(big.Int).Sub(n.commission, free)
			m.account(sender).balance = plus(m.account(sender).balance, free)
		}
	case ledger.JoinActiveSet:
		broken.when(m.nodes[a.Node] == nil, ledger.RuleUnknown)
		return func() { m.rank(a.Node) }
	case ledger.ReportSynced:
		n := m.nodes[a.Node]
		broken.when(n == nil, ledger.RuleUnknown)
		broken.when(n != nil && n.owner != sender && n.info.TLSKey != sender, ledger.RuleOwner)
		broken.when(a.Epoch != m.epoch, ledger.RuleEpoch)
		weight := weightIn(m.committees[m.epoch], a.Node)
		broken.when(weight == 0, ledger.RuleMember)
		broken.when(m.synced[a.Node], ledger.RuleTwice)
		failed := m.recovered(a, broken)
		return func() {
			m.failed = append(m.failed, failed...)
			m.synced[a.Node] = true
			m.weight += weight
			if 3*m.weight >= 2*int(m.genesis.Shards)+1 {
				m.settled = m.epoch
				defer m.arm()
			}
			if m.phase == ledger.PhaseSync && 3*m.weight >= 2*int(m.genesis.Shards)+1 {
				m.phase, m.began = ledger.PhaseDone, m.time
			}
		}
	case ledger.DoubtChallenges:
		n := m.nodes[a.Node]
		broken.when(n == nil, ledger.RuleUnknown)
		broken.when(n != nil && n.owner != sender && n.info.TLSKey != sender, ledger.RuleOwner)
		broken.when(a.Epoch != m.epoch, ledger.RuleEpoch)
		broken.when(weightIn(m.committees[m.epoch], a.Node) == 0, ledger.RuleMember)
		broken.when(m.doubts[a.Node], ledger.RuleTwice)
		c := m.challenge
		broken.when(m.genesis.Challenges.Mode != ledger.ChallengesLight || c == nil || !c.closed || m.weightOfPassed() < m.quorum(), ledger.RulePhase)
		return func() { m.doubts[a.Node] = true }
	case ledger.VoteSlashing:
		m.ownNode(broken, a.Voter, sender)
		broken.when(m.nodes[a.Candidate] == nil, ledger.RuleUnknown)
		broken.when(weightIn(m.committees[m.epoch], a.Voter) == 0, ledger.RuleMember)
		broken.when(m.votes[a.Candidate][a.Voter], ledger.RuleTwice)
		return func() {
			if m.votes[a.Candidate] == nil {
				m.votes[a.Candidate] = make(map[ledger.NodeID]bool)
			}
			m.votes[a.Candidate][a.Voter] = true
		}
	case ledger.Slash:
		n := m.nodes[a.Candidate]
		broken.when(n == nil || len(m.votes[a.Candidate]) == 0, ledger.RuleUnknown)
		weight := 0
		for voter := range m.votes[a.Candidate] {
			weight += weightIn(m.committees[m.epoch], voter)
		}
		broken.when(3*weight < 2*int(m.genesis.Shards)+1, ledger.RuleProof)
		return func() {
			m.burned = plus(m.burned, n.commission)
			n.commission, n.blocked = new(big.Int), new(big.Int)
			delete(m.votes, a.Candidate)
		}
	}
	panic("no action of nodes")
}
