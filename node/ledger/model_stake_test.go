package ledger_test

import (
	"fmt"
	"math/big"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// modelNode is a node and its pool. Whatever is to come or go is a flow, and all flows
// are looked through whenever the pool is computed.
type modelNode struct {
	owner             ledger.Address
	info              ledger.NodeInfo
	next              *ledger.NextKey
	balance, shares   *big.Int
	rewards           *big.Int // below 0, what the stakes are short of
	slashed           *big.Int
	failed            int
	last              ledger.LastEpoch
	commission        *big.Int
	blocked           *big.Int
	rates             map[uint32]modelRate
	in, out, early    []*flow // money, shares, and money that goes in the epoch after its activation
	commissionChanges []*flow
}

type modelRate struct{ balance, shares *big.Int }

// flow is an amount that comes or goes at the start of an epoch.
type flow struct {
	epoch  uint32
	amount *big.Int
	done   bool
}

func newModelNode(owner ledger.Address, info ledger.NodeInfo, joined uint32) *modelNode {
	zero := func() *big.Int { return new(big.Int) }
	return &modelNode{
		owner: owner, info: info, balance: zero(), shares: zero(), rewards: zero(), slashed: zero(), commission: zero(), blocked: zero(),
		rates: map[uint32]modelRate{joined: {zero(), zero()}},
	}
}

func (r modelRate) flat() bool {
	return r.balance == nil || r.balance.Sign() == 0 || r.shares.Sign() == 0
}

func (r modelRate) toMoney(shares *big.Int) *big.Int {
	if r.flat() {
		return shares
	}
	return floor(shares, r.balance, r.shares)
}

func (r modelRate) toShares(money *big.Int) *big.Int {
	if r.flat() {
		return money
	}
	return floor(money, r.shares, r.balance)
}

// rate returns the rate at the start of an epoch: the last one that there was.
func (n *modelNode) rate(epoch uint32) modelRate {
	best, found := uint32(0), modelRate{}
	for e, r := range n.rates {
		if e <= epoch && e >= best {
			best, found = e, r
		}
	}
	return found
}

// due returns the sum of flows that have come by an epoch and were not counted yet.
func due(flows []*flow, epoch uint32, count bool) *big.Int {
	sum := new(big.Int)
	for _, f := range flows {
		if f.epoch <= epoch && !f.done {
			sum.Add(sum, f.amount)
			f.done = f.done || count
		}
	}
	return sum
}

// earlyShares returns the shares of what leaves in the epoch after its activation: of
// each epoch together, by the rate of the activation.
func (n *modelNode) earlyShares(epoch uint32, count bool) *big.Int {
	byEpoch := make(map[uint32]*big.Int)
	for _, f := range n.early {
		if f.epoch <= epoch && !f.done {
			if byEpoch[f.epoch] == nil {
				byEpoch[f.epoch] = new(big.Int)
			}
			byEpoch[f.epoch].Add(byEpoch[f.epoch], f.amount)
			f.done = f.done || count
		}
	}
	sum := new(big.Int)
	for e, amount := range byEpoch {
		sum.Add(sum, n.rate(e-1).toShares(amount))
	}
	return sum
}

// advance computes the pool at the start of an epoch.
func (n *modelNode) advance(epoch uint32, reward *big.Int) {
	commission := floor(reward, number(uint64(n.info.Commission)), number(10_000))
	n.commission, n.blocked = plus(n.commission, commission), plus(n.blocked, commission)
	rest := new(big.Int).Sub(reward, commission)
	n.rewards = plus(n.rewards, rest)
	for last := uint32(0); ; {
		var change *flow
		for _, f := range n.commissionChanges {
			if !f.done && f.epoch <= epoch && f.epoch >= last {
				change, last = f, f.epoch
			}
		}
		if change == nil {
			break
		}
		n.info.Commission = uint16(change.amount.Uint64())
		for _, f := range n.commissionChanges {
			f.done = f.done || f.epoch <= epoch
		}
	}
	if n.next != nil {
		n.info.PublicKey, n.info.Possession, n.next = n.next.PublicKey, n.next.Possession, nil
	}
	balance := plus(n.balance, rest)
	rate := modelRate{balance, n.shares}
	n.rates[epoch] = rate
	leaving := plus(n.earlyShares(epoch, true), due(n.out, epoch, true))
	n.balance = minus(plus(balance, due(n.in, epoch, true)), rate.toMoney(leaving))
	n.shares = rate.toShares(n.balance)
}

// leave has all withdrawals take effect of a pool that does not advance.
func (n *modelNode) leave(epoch uint32) {
	rate := modelRate{n.balance, n.shares}
	leaving := plus(n.earlyShares(epoch, true), due(n.out, epoch, true))
	n.balance = minus(n.balance, rate.toMoney(leaving))
	n.shares = rate.toShares(n.balance)
}

// slash takes so much of the stake, but leaves each share a quarter of its first worth, and no
// less money than none. It returns what it took.
func (n *modelNode) slash(amount, staked *big.Int) *big.Int {
	quarter := new(big.Int).Div(plus(n.shares, number(3)), number(4))
	for _, most := range []*big.Int{minus(n.balance, quarter), plus(staked, n.rewards)} {
		if amount.Cmp(most) > 0 {
			amount = most
		}
	}
	n.balance = new(big.Int).Sub(n.balance, amount)
	n.rewards = new(big.Int).Sub(n.rewards, amount)
	n.slashed = plus(n.slashed, amount)
	return amount
}

// compare returns what is different in a node of the ledger.
func (n *modelNode) compare(got *ledger.Node) error {
	var next ledger.NextKey
	if n.next != nil {
		next = *n.next
	}
	var gotNext ledger.NextKey
	if got.Next != nil {
		gotNext = *got.Next
	}
	if g, w := fmt.Sprint(got.Owner, got.Info, gotNext), fmt.Sprint(n.owner, n.info, next); g != w {
		return fmt.Errorf("it is %s, want %s", g, w)
	}
	rewards := new(big.Int).Sub(number(got.Rewards), number(got.Debt))
	if got.Rewards > 0 && got.Debt > 0 {
		return fmt.Errorf("it has %d, and is short of %d", got.Rewards, got.Debt)
	}
	if g, w := fmt.Sprint(got.Slashed, got.Failed, got.Last), fmt.Sprint(n.slashed, n.failed, n.last); g != w {
		return fmt.Errorf("what was slashed, how often it failed and its last epoch are %s, want %s", g, w)
	}
	if g, w := fmt.Sprint(got.Balance, got.Shares, rewards, got.Commission, got.BlockedCommission),
		fmt.Sprint(n.balance, n.shares, n.rewards, n.commission, n.blocked); g != w {
		return fmt.Errorf("balance, shares, rewards, commission and what is blocked of it are %s, want %s", g, w)
	}
	return nil
}

// rank notes a node's stake in the active set, as it will be in the next epoch whose
// committee is open.
func (m *model) rank(id ledger.NodeID) {
	n := m.nodes[id]
	epoch := m.open() + 1
	leaving := plus(due(n.out, epoch, false), n.earlyShares(epoch, false))
	stake := minus(plus(n.balance, due(n.in, epoch, false)), modelRate{n.balance, n.shares}.toMoney(leaving))
	at := -1
	for i, e := range m.active {
		if e.node == id {
			at = i
		}
	}
	last := len(m.active) - 1
	switch {
	case at >= 0 && stake.Sign() == 0:
		m.active[at] = m.active[last]
		m.active = m.active[:last]
	case at >= 0:
		m.active[at].stake = stake
	case stake.Sign() == 0:
	case len(m.active) < int(m.genesis.MaxNodes):
		m.active = append(m.active, modelActive{id, stake})
	default:
		least := 0
		for i, e := range m.active {
			if e.stake.Cmp(m.active[least].stake) < 0 {
				least = i
			}
		}
		if m.active[least].stake.Cmp(stake) < 0 {
			m.active[least] = modelActive{id, stake}
		}
	}
}

// open returns the epoch after which the next committee is not selected yet.
func (m *model) open() uint32 {
	if m.phase == ledger.PhaseSelected {
		return m.epoch + 1
	}
	return m.epoch
}

// standing tells in which committees a node is.
func (m *model) standing(id ledger.NodeID) (current, next bool) {
	return weightIn(m.committees[m.epoch], id) > 0, weightIn(m.committees[m.epoch+1], id) > 0
}

func (m *model) stake(a ledger.StakeWith, sender ledger.Address, id ledger.ObjectID) {
	from := m.account(sender)
	from.balance = new(big.Int).Sub(from.balance, number(a.Amount))
	active := m.open() + 1
	m.nodes[a.Node].in = append(m.nodes[a.Node].in, &flow{epoch: active, amount: number(a.Amount)})
	m.stakes[id] = &ledger.Stake{Owner: sender, Node: a.Node, Principal: a.Amount, Active: active}
	m.rank(a.Node)
}

// atOnce reports whether a stake can be had without a request, and whether it has not
// counted yet then.
func (m *model) atOnce(s *ledger.Stake) (ok, young bool) {
	current, next := m.standing(s.Node)
	if s.Withdraw != nil {
		return false, false
	}
	young = s.Active == m.epoch+2 || s.Active == m.epoch+1 && !next
	return young || !current && !next, young
}

func (m *model) request(s *ledger.Stake) {
	n := m.nodes[s.Node]
	_, next := m.standing(s.Node)
	withdraw := m.epoch + 1
	if next {
		withdraw = m.epoch + 2
	}
	if s.Active == m.epoch+1 {
		withdraw = m.epoch + 2
		n.early = append(n.early, &flow{epoch: withdraw, amount: number(s.Principal)})
	} else {
		n.out = append(n.out, &flow{epoch: withdraw, amount: n.rate(s.Active).toShares(number(s.Principal))})
	}
	s.Withdraw = &withdraw
	m.rank(s.Node)
}

func (m *model) withdraw(id ledger.ObjectID) {
	s := m.stakes[id]
	n := m.nodes[s.Node]
	paid := number(s.Principal)
	valued := func(at uint32) {
		worth := n.rate(at).toMoney(n.rate(s.Active).toShares(number(s.Principal)))
		if n.slashed.Sign() == 0 {
			gain := minus(worth, number(s.Principal))
			if gain.Cmp(n.rewards) > 0 {
				gain = n.rewards
			}
			paid = plus(number(s.Principal), gain)
		} else if paid = worth; paid.Cmp(plus(m.staked(s.Node), n.rewards)) > 0 {
			paid = plus(m.staked(s.Node), n.rewards)
		}
		n.rewards = plus(n.rewards, new(big.Int).Sub(number(s.Principal), paid))
	}
	ok, young := m.atOnce(s)
	switch {
	case ok && young:
		n.in = append(n.in, &flow{epoch: s.Active, amount: new(big.Int).Neg(number(s.Principal))})
	case ok:
		n.out = append(n.out, &flow{epoch: m.epoch, amount: n.rate(s.Active).toShares(number(s.Principal))})
		valued(m.epoch)
	default:
		valued(*s.Withdraw)
	}
	delete(m.stakes, id)
	owner := m.account(s.Owner)
	owner.balance = plus(owner.balance, paid)
	m.rank(s.Node)
}
