package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// mempool says which transactions may wait for a block: those that somebody pays for,
// in order, and of each sender so many. CometBFT bounds all of them together.
type mempool struct {
	*core
	mu      sync.Mutex
	waiting map[ledger.Address]*queue
	places  map[ledger.TxDigest]place
}

// queue is what waits of one sender.
type queue struct {
	txs  map[uint64]ledger.TxDigest // by nonces
	cost uint64                     // their fees
}

// place is that of a transaction among those of its sender.
type place struct {
	sender ledger.Address
	nonce  uint64
}

func newMempool(c *core) *mempool {
	return &mempool{core: c, waiting: make(map[ledger.Address]*queue), places: make(map[ledger.TxDigest]place)}
}

// reset forgets what waits. After a block, CometBFT asks again for each.
func (m *mempool) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.waiting)
	clear(m.places)
}

// CheckTx is asked before a transaction waits for a block, and again after each block.
// What is wrong with it is in the answer: the rule in Codespace, the rest in Log.
func (m *mempool) CheckTx(_ context.Context, req *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	again := req.Type == abci.CheckTxType_Recheck
	if due, ok := parseTick(req.Tx); ok {
		if m.needsTick(due, again) {
			return &abci.ResponseCheckTx{}, nil
		}
		return refuse(codeRefused, &ledger.RuleError{Rule: ledger.RuleEarly, Detail: "time has nothing to do"}), nil
	}
	if code, err := m.admit(req.Tx); err != nil {
		if again {
			m.answer(ledger.Digest(req.Tx), chain.Receipt{}, err)
		}
		return refuse(code, err), nil
	}
	return &abci.ResponseCheckTx{GasWanted: weight(req.Tx)}, nil
}

// Codes of transactions that may not wait.
const (
	codeRefused = 1 // it breaks a rule
	CodeTaken   = 2 // another one has its nonce, and waits: what becomes of that one tells
)

func refuse(code uint32, err *ledger.RuleError) *abci.ResponseCheckTx {
	return &abci.ResponseCheckTx{Code: code, Codespace: string(err.Rule), Log: err.Detail}
}

// payable reads a transaction, and tells why nobody would pay for it, without a look at
// its signature: to verify that takes longer than all else. Nonces may come in any order,
// because peers do not tell each other of transactions in one.
func (m *mempool) payable(state *ledger.State, data []byte) (tx *ledger.Tx, account *ledger.Account, err error) {
	if tx, err = ledger.ReadTx(data); err != nil {
		return nil, nil, err
	}
	if account = ledger.Get[ledger.Account](state, ledger.AccountKey(tx.Sender)); account == nil {
		account = new(ledger.Account)
	}
	ahead := tx.Nonce - account.Nonce
	if tx.Nonce < account.Nonce || ahead >= uint64(m.options.MaxWaiting) {
		return tx, account, &ledger.RuleError{Rule: ledger.RuleNonce, Detail: fmt.Sprintf("%d, and the sender's next one is %d; the %d after it may wait, too",
			tx.Nonce, account.Nonce, m.options.MaxWaiting-1)}
	}
	return tx, account, state.CheckParsed(tx, len(data), ahead)
}

// Forged returns why no honest node has passed a transaction on: it is none, or somebody
// else's. Of what nobody would pay for it tells nothing.
func (m *mempool) Forged(data []byte) error {
	if _, tick := parseTick(data); tick {
		return nil
	}
	tx, _, err := m.payable(m.State(), data)
	if tx == nil {
		return err
	}
	if err == nil {
		_, err = m.Parse(data)
		return err
	}
	return nil
}

// admit has a transaction wait, or tells why it may not.
func (m *mempool) admit(data []byte) (code uint32, broken *ledger.RuleError) {
	state := m.State()
	tx, account, err := m.payable(state, data)
	if err == nil {
		_, err = m.Parse(data)
	}
	if err != nil {
		return codeRefused, ruleError(err)
	}
	digest := ledger.Digest(data)
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.waiting[tx.Sender]
	if q == nil {
		q = &queue{txs: make(map[uint64]ledger.TxDigest)}
		m.waiting[tx.Sender] = q
	}
	if other, taken := q.txs[tx.Nonce]; taken {
		if other == digest {
			return 0, nil
		}
		return CodeTaken, &ledger.RuleError{Rule: ledger.RuleNonce, Detail: fmt.Sprintf("another transaction with the nonce %d waits", tx.Nonce)}
	}
	fee := state.System().FeePerByte * uint64(len(data)) // Check has multiplied it
	if account.Balance-q.cost < fee {
		return codeRefused, &ledger.RuleError{Rule: ledger.RuleFunds, Detail: fmt.Sprintf("the sender has %d, the fees of what waits are %d, and this one's is %d",
			account.Balance, q.cost, fee)}
	}
	q.txs[tx.Nonce] = digest
	q.cost += fee
	m.places[digest] = place{tx.Sender, tx.Nonce}
	return 0, nil
}

// inOrder returns transactions in their order, but for those of one sender, which take
// the places of that sender in the order of their nonces; without ticks.
func (m *mempool) inOrder(txs [][]byte) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kept [][]byte
	var nonces []uint64
	senders := make(map[ledger.Address][]int)
	for _, tx := range txs {
		if _, tick := parseTick(tx); tick {
			continue
		}
		p, waits := m.places[ledger.Digest(tx)]
		if waits {
			senders[p.sender] = append(senders[p.sender], len(kept))
		}
		kept, nonces = append(kept, tx), append(nonces, p.nonce)
	}
	ordered := slices.Clone(kept)
	for _, at := range senders {
		byNonce := slices.Clone(at)
		slices.SortFunc(byNonce, func(a, b int) int { return cmp.Compare(nonces[a], nonces[b]) })
		for i, from := range byNonce {
			ordered[at[i]] = kept[from]
		}
	}
	return ordered
}

// tickPrefix begins a tick. No transaction is so short.
const tickPrefix = "redstuff tick "

// parseTick returns the time that a tick is for.
func parseTick(data []byte) (due uint64, ok bool) {
	if len(data) > len(tickPrefix)+20 {
		return 0, false
	}
	n, err := fmt.Sscanf(string(data), tickPrefix+"%d", &due)
	return due, n == 1 && err == nil && string(data) == fmt.Sprint(tickPrefix, due)
}

// Tick returns what has CometBFT make blocks while time has something to do, or nil
// while it has nothing.
func (m *mempool) Tick() []byte {
	due := m.State().Due()
	if !m.needsTick(due, false) {
		return nil
	}
	return fmt.Append(nil, tickPrefix, due)
}

// UntilTick returns how long nothing but a block can bring a tick.
func (m *mempool) UntilTick() time.Duration {
	now, due := m.clock(), m.State().Due()
	if now >= due {
		return 0
	}
	return time.Duration(min(due-now, uint64(time.Hour/time.Millisecond))) * time.Millisecond
}

func (m *mempool) clock() uint64 { return uint64(max(0, m.options.Now().UnixMilli())) }

// needsTick tells whether blocks are needed until the time that is due has passed, or
// because validators are being replaced. Before a tick waits, the node's own clock has
// to agree; afterwards it waits for a block whose time does.
func (m *mempool) needsTick(due uint64, again bool) bool {
	now := m.now.Load()
	switch {
	case due != now.state.Due():
		return false
	case again, m.clock() >= due:
		return true
	}
	return len(updates(now.Validators, validatorsOf(now.state))) > 0
}
