package ledger

import (
	"fmt"
)

// Block is transactions that are applied together, in their order.
type Block struct {
	Height uint64 // one more than the last block's
	Time   uint64 // in milliseconds since 1970; not before the last block's
	Txs    [][]byte

	// Parsed, which may be nil, has transactions of Txs by their digests that ParseTx has
	// read already. Their signatures are not verified again; nothing else depends on it.
	Parsed map[TxDigest]*Tx
}

// Result is what became of a transaction.
type Result struct {
	Digest TxDigest
	Err    error   // a *RuleError, or nil
	Fee    uint64  // that was burned, also if the transaction broke a rule
	Events []Event // that it caused
}

// Paid tells whether the transaction changed the state: its sender has paid for it, whether
// or not it broke a rule. A block without those that did not is the same block.
func (r *Result) Paid() bool { return r.Err == nil || r.Fee > 0 }

// Outcome is what became of a block.
type Outcome struct {
	Events  []Event // of the time that passed, before all transactions
	Results []Result
}

// Apply returns the state after a block, and what became of each transaction. A
// transaction that breaks a rule changes nothing but that its sender pays for it; one
// that nobody can be made to pay for, because it is malformed, wrongly signed, out of
// order or its sender has too little, changes nothing at all. The error wraps ErrBlock.
func (s *State) Apply(b Block) (*State, Outcome, error) {
	d := s.draft()
	switch {
	case b.Height != d.system.Height+1:
		return nil, Outcome{}, fmt.Errorf("%w: height %d on height %d", ErrBlock, b.Height, d.system.Height)
	case b.Time < d.system.Time:
		return nil, Outcome{}, fmt.Errorf("%w: its time is %d ms before the last block's", ErrBlock, d.system.Time-b.Time)
	}
	noteCheckpoint(d, s, b.Time)
	d.system.Height = b.Height
	tick(d, b.Time)
	out := Outcome{Events: d.events, Results: make([]Result, len(b.Txs))}
	txs := parseAll(b)
	d.verified = verify(d, s.chain, txs, b.Txs)
	size := 0
	for i, tx := range txs {
		out.Results[i] = transact(d, s.chain, b.Txs[i], tx)
		if out.Results[i].Paid() {
			size += len(b.Txs[i])
		}
	}
	adjustFee(d, size)
	return d.state(s), out, nil
}

// Check returns why a transaction cannot be in the next block: the *RuleError that
// nobody would pay for. A transaction it lets pass may break other rules. Of a sender
// who sends several, ahead tells how many are waiting already.
func (s *State) Check(data []byte, ahead uint64) error {
	tx, err := ParseTx(data)
	if err != nil {
		return err
	}
	return s.CheckParsed(tx, len(data), ahead)
}

// CheckParsed is Check for a transaction of so many bytes that ParseTx has read.
func (s *State) CheckParsed(tx *Tx, size int, ahead uint64) error {
	return admit(s.draft(), s.chain, tx, size, ahead)
}

// CheckPayable returns why nobody would pay for a transaction in any block that follows soon:
// it is for another ledger, too late, or more than so many ahead of its turn, or its sender
// has too little or offers too little. The signature is not looked at.
func (s *State) CheckPayable(tx *Tx, size int, ahead uint64) error {
	d := s.draft()
	next := d.account(tx.Sender).Nonce
	if tx.Nonce > next && tx.Nonce-next <= ahead {
		next = tx.Nonce
	}
	return admit(d, s.chain, tx, size, next-d.account(tx.Sender).Nonce)
}

// admit checks that a transaction is in order and paid for.
func admit(d *draft, chain ChainID, tx *Tx, size int, ahead uint64) error {
	if tx.Chain != chain {
		return broken(RuleChain, "it is for ledger %x", tx.Chain)
	}
	account := d.account(tx.Sender)
	if want := account.Nonce + ahead; tx.Nonce != want {
		return broken(RuleNonce, "%d, and the sender's next one is %d", tx.Nonce, want)
	}
	if tx.FeePerByte < d.system.FeePerByte {
		return broken(RuleFee, "it offers %d a byte, and %d are asked", tx.FeePerByte, d.system.FeePerByte)
	}
	cost, err := mul(d.system.FeePerByte, uint64(size))
	if err != nil {
		return err
	}
	if account.Balance < cost {
		return broken(RuleFunds, "the sender has %d, and the fee is %d", account.Balance, cost)
	}
	return nil
}

// transact applies one transaction.
func transact(d *draft, chain ChainID, data []byte, p parsed) (r Result) {
	r.Digest = Digest(data)
	tx, err := p.tx, p.err
	if err == nil {
		err = admit(d, chain, tx, len(data), 0)
	}
	if err != nil {
		r.Err = err
		return r
	}
	account := d.account(tx.Sender)
	r.Fee = d.system.FeePerByte * uint64(len(data)) // admit has multiplied it
	account.Nonce++
	account.Balance -= r.Fee
	d.put(AccountKey(tx.Sender), account)
	d.system.Burned += r.Fee

	before, system := d.tree, d.system
	d.tx, d.made, d.events = r.Digest, 0, nil
	if r.Err = tx.Action.apply(d, tx.Sender); r.Err != nil {
		d.tree, d.system = before, system
		return r
	}
	r.Events = d.events
	return r
}

// adjustFee raises the fee by an eighth after a block with more bytes that were paid for than
// the target, and lowers it by as much, down to that of genesis, after one below half of it:
// who floods the ledger pays more with every block.
func adjustFee(d *draft, size int) {
	fee := &d.system.FeePerByte
	target := int(d.genesis.BlockTarget)
	switch {
	case size > target:
		*fee = saturatingAdd(*fee, max(1, *fee/8))
	case size < target/2:
		*fee = max(d.genesis.FeePerByte, *fee-*fee/8)
	}
}

func saturatingAdd(a, b uint64) uint64 {
	if sum, err := add(a, b); err == nil {
		return sum
	}
	return 1<<64 - 1
}

// Due returns the time from which on a block changes the state also without any
// transaction: what is due then happens at its start.
func (s *State) Due() uint64 {
	d := s.draft()
	wait := s.genesis.EpochMillis
	switch Phase(d.system.Phase) {
	case PhaseSync:
		wait = s.genesis.SyncMillis
	case PhaseDone:
		wait /= 2
	}
	due, _ := checkpointDue(d)
	next := saturatingAdd(d.system.PhaseStart, wait)
	if c := lastChallenge(d); isOpen(c) {
		due = min(due, c.Deadline)
		if Phase(d.system.Phase) == PhaseSelected {
			next = max(next, c.Deadline)
		}
	}
	return min(due, next)
}
