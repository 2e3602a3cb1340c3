package ledger_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// A model is a second ledger, written to be seen through: it has maps and big integers,
// sums up anew whatever it is asked for, and shares no code with the first one. Instead
// of the rule that a transaction breaks, it says which ones it breaks, of which the
// ledger may name any.
type model struct {
	genesis  ledger.Genesis
	epoch    uint32
	phase    ledger.Phase
	began    uint64 // of the phase, as ledger.System has it
	time     uint64
	synced   map[ledger.NodeID]bool
	weight   int
	settled  uint32
	storage  uint64 // price
	write    uint64 // price
	capacity uint64
	next     uint64 // capacity of the next epoch
	fee      uint64
	burned   *big.Int

	accounts   map[ledger.Address]*modelAccount
	storages   map[ledger.ObjectID]*ledger.Storage
	blobs      map[ledger.ObjectID]*ledger.Blob
	abandoned  []ledger.Storage // of blobs that were burned
	paid       map[uint32]*big.Int
	invalid    map[commit.BlobID]bool
	nodes      map[ledger.NodeID]*modelNode
	stakes     map[ledger.ObjectID]*ledger.Stake
	active     []modelActive
	committees map[uint32][]modelOwner
	votes      map[ledger.NodeID]map[ledger.NodeID]bool // of this epoch, by who may be slashed
	height     uint64
	challenge  *modelChallenge
	from       uint32                 // the epoch whose committee hands shards over to that of this one
	failed     []modelTransfer        // of this epoch
	doubts     map[ledger.NodeID]bool // members who doubt challenges, in this epoch
	doublings  uint
	did        map[string]int
	parameters []*modelParameter
}

type modelAccount struct {
	nonce   uint64
	balance *big.Int
}

// modelActive is an entry of the active set.
type modelActive struct {
	node  ledger.NodeID
	stake *big.Int
}

type modelOwner struct {
	node   ledger.NodeID
	shards []int
}

// rules are those that a transaction breaks.
type rules map[ledger.Rule]bool

func (r rules) when(broken bool, rule ledger.Rule) {
	if broken {
		r[rule] = true
	}
}

func number(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

// floor returns a·b/c, rounded down.
func floor(a, b, c *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Div(product, c)
}

func plus(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }

// minus returns a-b, and 0 if that is less.
func minus(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return new(big.Int)
	}
	return new(big.Int).Sub(a, b)
}

func fits(v *big.Int) bool { return v.IsUint64() }

func units(size uint64) *big.Int {
	up := plus(number(size), number(1<<20-1))
	return up.Div(up, number(1<<20))
}

// newModel returns the model of a ledger that begins so, with the ids that its nodes and
// stakes got.
func newModel(g ledger.Genesis, nodes map[string]ledger.NodeID, stakes map[ledger.NodeID]ledger.ObjectID) *model {
	m := &model{
		genesis: g, epoch: 1, settled: 1, phase: ledger.PhaseDone, began: g.Start, time: g.Start, fee: g.FeePerByte, burned: new(big.Int),
		accounts: make(map[ledger.Address]*modelAccount), storages: make(map[ledger.ObjectID]*ledger.Storage),
		blobs: make(map[ledger.ObjectID]*ledger.Blob), paid: make(map[uint32]*big.Int), invalid: make(map[commit.BlobID]bool),
		nodes: make(map[ledger.NodeID]*modelNode), stakes: make(map[ledger.ObjectID]*ledger.Stake),
		committees: make(map[uint32][]modelOwner), synced: make(map[ledger.NodeID]bool), votes: make(map[ledger.NodeID]map[ledger.NodeID]bool),
		from: 1, doubts: make(map[ledger.NodeID]bool), did: make(map[string]int), parameters: newModelParameters(g),
	}
	for _, b := range g.Balances {
		m.account(b.Account).balance = number(b.Amount)
	}
	for _, n := range g.Nodes {
		id := nodes[n.Node.Name]
		m.nodes[id] = newModelNode(n.Owner, n.Node, 1)
		m.nodes[id].balance, m.nodes[id].shares = number(n.Stake), number(n.Stake)
		m.stakes[stakes[id]] = &ledger.Stake{Owner: n.Owner, Node: id, Principal: n.Stake, Active: 1}
		m.rank(id)
	}
	m.committees[1] = m.elect(nil)
	m.capacity = m.votedCapacity(m.committees[1])
	m.storage, m.write = m.votedPrices(m.committees[1])
	return m
}

func (m *model) account(a ledger.Address) *modelAccount {
	if m.accounts[a] == nil {
		m.accounts[a] = &modelAccount{balance: new(big.Int)}
	}
	return m.accounts[a]
}

// used returns the bytes that are reserved in an epoch: those of all live reservations.
func (m *model) used(epoch uint32) *big.Int {
	sum := new(big.Int)
	count := func(s *ledger.Storage) {
		if s.Start <= epoch && epoch < s.End {
			sum.Add(sum, number(s.Size))
		}
	}
	for _, s := range m.storages {
		count(s)
	}
	for _, b := range m.blobs {
		count(&b.Storage)
	}
	for i := range m.abandoned {
		count(&m.abandoned[i])
	}
	return sum
}

// fund returns what was paid for an epoch.
func (m *model) fund(epoch uint32) *big.Int {
	if m.paid[epoch] == nil {
		return new(big.Int)
	}
	return m.paid[epoch]
}

func (m *model) pay(epoch uint32, amount *big.Int) { m.paid[epoch] = plus(m.fund(epoch), amount) }

// charge has the sender pay for a transaction of so many bytes that is in order.
func (m *model) charge(sender ledger.Address, size int) {
	from := m.account(sender)
	fee := new(big.Int).Mul(number(m.fee), number(uint64(size)))
	from.balance = new(big.Int).Sub(from.balance, fee)
	from.nonce++
	m.burned = plus(m.burned, fee)
}

// do does an action, and returns the rules that it breaks: then it does nothing.
func (m *model) do(sender ledger.Address, a ledger.Action, ids func(int) ledger.ObjectID) rules {
	broken := make(rules)
	if do := m.action(sender, a, ids, broken); len(broken) == 0 {
		do()
	}
	return broken
}

// admit returns the rules because of which a transaction is none, if any.
func (m *model) admit(sender ledger.Address, nonce, feePerByte uint64, size int) rules {
	broken := make(rules)
	from := m.account(sender)
	broken.when(nonce != from.nonce, ledger.RuleNonce)
	broken.when(feePerByte < m.fee, ledger.RuleFee)
	broken.when(from.balance.Cmp(new(big.Int).Mul(number(m.fee), number(uint64(size)))) < 0, ledger.RuleFunds)
	return broken
}

// endBlock sets the fee of the next block after one of so many bytes.
func (m *model) endBlock(bytes int) {
	target := int(m.genesis.BlockTarget)
	switch {
	case bytes > target:
		m.fee += max(1, m.fee/8)
	case bytes < target/2:
		m.fee = max(m.genesis.FeePerByte, m.fee-m.fee/8)
	}
}

// tick lets time pass.
func (m *model) tick(now uint64) {
	m.time = now
	m.height++
	if c := m.challenge; c != nil && now >= c.deadline {
		c.closed = true
	}
	if m.phase == ledger.PhaseSync && now >= m.began+m.genesis.SyncMillis {
		m.phase, m.began = ledger.PhaseDone, now
	}
	if m.phase == ledger.PhaseDone && now >= m.began+m.genesis.EpochMillis/2 {
		for _, o := range m.committees[m.epoch] {
			m.nodes[o.node].blocked = new(big.Int)
		}
		m.committees[m.epoch+1] = m.elect(m.committees[m.epoch])
		m.next = m.votedCapacity(m.committees[m.epoch+1])
		m.selectParameters(m.committees[m.epoch+1])
		m.phase = ledger.PhaseSelected
		m.arm()
	}
	if m.phase == ledger.PhaseSelected && now >= m.began+m.genesis.EpochMillis && (m.challenge == nil || m.challenge.closed) {
		m.startEpoch()
		m.phase, m.began = ledger.PhaseSync, now
	}
}

// startEpoch pays out what the epoch earned, and begins the next one.
func (m *model) startEpoch() {
	old := m.epoch
	burned := floor(m.fund(old), number(uint64(m.genesis.BurnRate)), number(10_000))
	m.burned = plus(m.burned, burned)
	pot := new(big.Int).Sub(m.fund(old), burned)
	used := m.used(old)
	all := new(big.Int).Mul(used, number(uint64(m.genesis.Shards)))
	if all.Sign() == 0 {
		all = number(1)
	}
	delete(m.paid, old)
	m.epoch++
	m.capacity, m.next = m.next, 0
	if reserved := m.used(m.epoch); reserved.Cmp(number(m.capacity)) > 0 {
		m.capacity = reserved.Uint64()
	}
	m.judgeDoubts(old)
	helped := m.fineTransfers(old)
	m.from, m.failed = m.settled, nil
	left := new(big.Int).Set(pot)
	for _, o := range m.committees[old] {
		stored := new(big.Int).Mul(used, number(uint64(len(o.shards))))
		reward := floor(stored, pot, all)
		if !m.judge(old, o.node) {
			reward = new(big.Int)
		}
		m.nodes[o.node].last.Epoch, m.nodes[o.node].last.Reward = old, reward.Uint64()
		left.Sub(left, reward)
		if help := helped[o.node]; help != nil && help.Sign() > 0 {
			m.did[helping]++
			reward = plus(reward, help)
		}
		m.nodes[o.node].advance(m.epoch, reward)
	}
	m.pay(m.epoch, left)
	for _, o := range m.committees[m.epoch] {
		if weightIn(m.committees[old], o.node) == 0 {
			m.nodes[o.node].advance(m.epoch, new(big.Int))
		}
	}
	for _, c := range [][]modelOwner{m.committees[old], m.committees[m.epoch]} {
		for _, o := range c {
			m.rank(o.node)
		}
	}
	m.storage, m.write = m.votedPrices(m.committees[m.epoch])
	for _, p := range m.parameters {
		p.now = p.next
	}
	m.synced, m.weight = make(map[ledger.NodeID]bool), 0
	m.votes = make(map[ledger.NodeID]map[ledger.NodeID]bool)
}

func weightIn(c []modelOwner, id ledger.NodeID) int {
	for _, o := range c {
		if o.node == id {
			return len(o.shards)
		}
	}
	return 0
}

// vote is a value with the shards of who wants it.
type vote struct {
	value  uint64
	weight int
}

// votedPrices takes the largest votes away until the rest has no quorum: the last one
// taken is the price.
func (m *model) votedPrices(c []modelOwner) (storage, write uint64) {
	price := func(of func(ledger.Votes) uint64) uint64 {
		var votes []vote
		for _, o := range c {
			votes = append(votes, vote{of(m.nodes[o.node].info.Votes), len(o.shards)})
		}
		slices.SortFunc(votes, func(a, b vote) int { return cmp.Compare(b.value, a.value) })
		left := int(m.genesis.Shards)
		for _, v := range votes {
			if left -= v.weight; 3*left < 2*int(m.genesis.Shards)+1 {
				return v.value
			}
		}
		panic("a committee without a quorum")
	}
	return price(func(v ledger.Votes) uint64 { return v.StoragePrice }), price(func(v ledger.Votes) uint64 { return v.WritePrice })
}

// votedCapacity returns what a quorum of shards says it can store, each node's vote
// scaled to all shards.
func (m *model) votedCapacity(c []modelOwner) uint64 {
	var votes []vote
	n := int(m.genesis.Shards)
	for _, o := range c {
		all := floor(number(m.nodes[o.node].info.Votes.Capacity), number(uint64(n)), number(uint64(len(o.shards))))
		if !fits(all) {
			all = number(1<<64 - 1)
		}
		votes = append(votes, vote{all.Uint64(), len(o.shards)})
	}
	slices.SortFunc(votes, func(a, b vote) int { return cmp.Compare(b.value, a.value) })
	weight := 0
	for _, v := range votes {
		if weight += v.weight; 3*weight >= 2*n+1 {
			return v.value
		}
	}
	panic("a committee without a quorum")
}

// elect hands out shards one by one to the largest stake for each shard, and has as few
// of them as possible change their owners.
func (m *model) elect(old []modelOwner) []modelOwner {
	n, count := int(m.genesis.Shards), len(m.active)
	total := new(big.Int)
	for _, e := range m.active {
		total.Add(total, e.stake)
	}
	if total.Sign() == 0 {
		return old
	}
	most := (20*n + 10*count - 1) / (10 * count)
	if count >= 20 {
		most = n / 10
	}
	want := make([]int, count)
	free := n
	tolerant := m.genesis.StakeTolerance > 0 && old != nil
	if tolerant {
		for i, e := range m.active {
			want[i] = min(most, weightIn(old, e.node))
			free -= want[i]
		}
	}
	for range free {
		best := -1
		for i, e := range m.active {
			if want[i] == most {
				continue
			}
			// e.stake/(want[i]+1) > best's, multiplied out
			if best < 0 || new(big.Int).Mul(e.stake, number(uint64(want[best]+1))).Cmp(new(big.Int).Mul(m.active[best].stake, number(uint64(want[i]+1)))) > 0 {
				best = i
			}
		}
		want[best]++
	}
	for tolerant && m.shift(want, most) {
	}
	if old == nil {
		return m.first(want)
	}
	var pending, done []modelOwner // pending: in the order of the active set
	left := make(map[ledger.NodeID]int)
	for i, e := range m.active {
		left[e.node] = want[i]
		if want[i] > 0 {
			pending = append(pending, modelOwner{node: e.node})
		}
	}
	var moving []int
	for _, o := range old {
		pending = slices.DeleteFunc(pending, func(p modelOwner) bool { return p.node == o.node })
		switch k := left[o.node]; {
		case k == 0:
			moving = append(moving, o.shards...)
		case k > len(o.shards):
			pending = append(pending, modelOwner{o.node, slices.Clone(o.shards)})
		default:
			for i := len(o.shards) - 1; i >= k; i-- {
				moving = append(moving, o.shards[i])
			}
			done = append(done, modelOwner{o.node, slices.Clone(o.shards[:k])})
		}
	}
	for _, p := range pending {
		for len(p.shards) < left[p.node] {
			p.shards = append(p.shards, moving[len(moving)-1])
			moving = moving[:len(moving)-1]
		}
		done = append(done, p)
	}
	slices.SortFunc(done, func(a, b modelOwner) int { return bytes.Compare(a.node[:], b.node[:]) })
	return done
}

// shift moves one shard from one node to another if stake for each shard differs by more than
// the tolerance, and reports whether it did.
func (m *model) shift(want []int, most int) bool {
	perShard := func(i, shards int) *big.Rat {
		return new(big.Rat).SetFrac(m.active[i].stake, number(uint64(shards)))
	}
	to, from := -1, -1
	for i := range m.active {
		if want[i] < most && (to < 0 || perShard(i, want[i]+1).Cmp(perShard(to, want[to]+1)) > 0) {
			to = i
		}
		if want[i] > 0 && (from < 0 || perShard(i, want[i]).Cmp(perShard(from, want[from])) <= 0) {
			from = i
		}
	}
	if to < 0 {
		return false
	}
	least := new(big.Rat).Mul(perShard(from, want[from]), big.NewRat(10_000+int64(m.genesis.StakeTolerance), 10_000))
	if perShard(to, want[to]+1).Cmp(least) <= 0 {
		return false
	}
	want[to]++
	want[from]--
	return true
}

// first hands out consecutive shards in the order of node ids.
func (m *model) first(want []int) (owners []modelOwner) {
	for i, e := range m.active {
		if want[i] > 0 {
			owners = append(owners, modelOwner{e.node, make([]int, want[i])})
		}
	}
	slices.SortFunc(owners, func(a, b modelOwner) int { return bytes.Compare(a.node[:], b.node[:]) })
	shard := 0
	for _, o := range owners {
		for i := range o.shards {
			o.shards[i] = shard
			shard++
		}
	}
	return owners
}

// compare returns what is different in a state.
func (m *model) compare(s *ledger.State) error {
	system := s.System()
	if got, want := fmt.Sprint(system.Epoch, ledger.Phase(system.Phase), system.PhaseStart, system.SyncWeight, system.Settled, system.StoragePrice, system.WritePrice,
		system.Capacity, system.NextCapacity, system.FeePerByte, system.Burned), fmt.Sprint(m.epoch, m.phase, m.began, m.weight, m.settled,
		m.storage, m.write, m.capacity, m.next, m.fee, m.burned); got != want {
		return fmt.Errorf("the system is %s, want %s", got, want)
	}
	for e := m.epoch; e < m.epoch+m.genesis.MaxEpochsAhead+2; e++ {
		slot := ledger.Get[ledger.Slot](s, ledger.SlotKey(e))
		if slot == nil {
			slot = new(ledger.Slot)
		}
		if got, want := fmt.Sprint(*slot), fmt.Sprintf("{%v %v}", m.used(e), m.fund(e)); got != want {
			return fmt.Errorf("epoch %d: bytes and money %s, want %s", e, got, want)
		}
	}
	for _, e := range []uint32{m.epoch, m.epoch + 1} {
		var got []modelOwner
		if c := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(e)); c != nil {
			for _, member := range c.Members {
				o := modelOwner{node: member.Node}
				for _, shard := range member.Shards {
					o.shards = append(o.shards, int(shard))
				}
				got = append(got, o)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(m.committees[e]) {
			return fmt.Errorf("epoch %d: committee %v, want %v", e, got, m.committees[e])
		}
	}
	count := 0
	for a, want := range m.accounts {
		got := ledger.Get[ledger.Account](s, ledger.AccountKey(a))
		if got == nil {
			got = new(ledger.Account)
		}
		if got.Nonce != want.nonce || number(got.Balance).Cmp(want.balance) != 0 {
			return fmt.Errorf("account %v is %+v, want %d, %v", a, *got, want.nonce, want.balance)
		}
	}
	for id, want := range m.storages {
		if err := same(ledger.Get[ledger.Storage](s, ledger.StorageKey(id)), want, id); err != nil {
			return err
		}
		count++
	}
	for id, want := range m.blobs {
		if err := same(ledger.Get[ledger.Blob](s, ledger.BlobKey(id)), want, id); err != nil {
			return err
		}
		count++
	}
	for id, want := range m.stakes {
		if err := same(ledger.Get[ledger.Stake](s, ledger.StakeKey(id)), want, id); err != nil {
			return err
		}
		count++
	}
	for id, want := range m.nodes {
		got := ledger.Get[ledger.Node](s, ledger.NodeKey(id))
		if got == nil {
			return fmt.Errorf("there is no node %x", id)
		}
		err := want.compare(got)
		if g, w := number(got.Staked), m.staked(id); err == nil && g.Cmp(w) != 0 {
			err = fmt.Errorf("%v is staked, want %v", g, w)
		}
		if err != nil {
			return fmt.Errorf("node %s: %w", want.info.Name, err)
		}
		count++
	}
	if err := m.compareChallenge(s); err != nil {
		return err
	}
	if err := m.compareParameters(s); err != nil {
		return err
	}
	return m.counted(s, count)
}

// counted checks that a state has so many storages, blobs, stakes and nodes, the same
// active set, and that no money was made or lost.
func (m *model) counted(s *ledger.State, count int) error {
	none := ledger.ObjectID{}
	kinds := []byte{ledger.StorageKey(none)[0], ledger.BlobKey(none)[0], ledger.StakeKey(none)[0], ledger.NodeKey(ledger.NodeID{})[0]}
	got := 0
	for key, value := range s.Snapshot() {
		if slices.Contains(kinds, key[0]) {
			got++
		}
		if string(key) == "v" { // the active set, in its order
			var set []ledger.ActiveNode
			if err := ledger.Read(value, &set); err != nil {
				return err
			}
			var want []ledger.ActiveNode
			for _, e := range m.active {
				want = append(want, ledger.ActiveNode{Node: e.node, Stake: e.stake.Uint64()})
			}
			if g, w := fmt.Sprint(set), fmt.Sprint(want); g != w {
				return fmt.Errorf("the active set is %s, want %s", g, w)
			}
		}
	}
	if got != count {
		return fmt.Errorf("%d objects, want %d", got, count)
	}
	if money := s.Money(); money.Sum() != money.Minted {
		return fmt.Errorf("there is %d of money, and %d was minted: %+v", money.Sum(), money.Minted, money)
	}
	return nil
}

func same[T any](got, want *T, id ledger.ObjectID) error {
	if got == nil {
		return fmt.Errorf("there is no %T %v", want, id)
	}
	if g, w := spell(*got), spell(*want); g != w {
		return fmt.Errorf("%T %v is %s, want %s", want, id, g, w)
	}
	return nil
}

// spell writes a value with what its pointers point to.
func spell(v any) string {
	switch v := v.(type) {
	case ledger.Blob:
		certified := uint32(0)
		if v.Certified != nil {
			certified, v.Certified = *v.Certified, nil
		}
		return fmt.Sprint(v, certified)
	case ledger.Stake:
		withdraw := uint32(0)
		if v.Withdraw != nil {
			withdraw, v.Withdraw = *v.Withdraw, nil
		}
		return fmt.Sprint(v, withdraw)
	}
	return fmt.Sprint(v)
}
