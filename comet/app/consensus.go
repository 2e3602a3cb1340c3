package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Version is the version of the application, which is in every header: it goes up with
// every change of what the same blocks do.
const Version = 1

// consensus proposes, judges and applies blocks.
type consensus struct {
	*core
	mempool   *mempool
	snapshots *snapshots

	mu    sync.Mutex
	tried map[[sha256.Size]byte]*executed // blocks on the state that is now
	next  *finalized                      // the block that is decided
}

// executed is what a block does.
type executed struct {
	state   *ledger.State // the same one as before if it is no block of the ledger
	outcome ledger.Outcome
}

// finalized is a decided block that is not yet durable.
type finalized struct {
	moment
	executed *executed
	offences []Offence // that it proves
}

// maxTried bounds the blocks of one height whose outcome is remembered.
const maxTried = 8

// execute returns what a block of transactions at a time does to the state as it is
// now. Most blocks are tried more than once: when they are proposed, judged and decided.
func (c *consensus) execute(at time.Time, txs [][]byte) (*executed, error) {
	now := c.now.Load()
	millis := max(uint64(max(0, at.UnixMilli())), now.state.System().Time)
	name := nameOf(now.Height, millis, txs)
	c.mu.Lock()
	known := c.tried[name]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	e := &executed{state: now.state}
	if len(txs) > 0 || now.state.Due() <= millis {
		var err error
		b := ledger.Block{Height: now.state.System().Height + 1, Time: millis, Txs: txs, Parsed: c.among(txs)}
		if e.state, e.outcome, err = now.state.Apply(b); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tried == nil || len(c.tried) >= maxTried {
		c.tried = make(map[[sha256.Size]byte]*executed)
	}
	c.tried[name] = e
	return e, nil
}

// nameOf returns a hash of a block on a height.
func nameOf(on, millis uint64, txs [][]byte) (name [sha256.Size]byte) {
	h := sha256.New()
	var numbers [16]byte
	binary.LittleEndian.PutUint64(numbers[:], on)
	binary.LittleEndian.PutUint64(numbers[8:], millis)
	h.Write(numbers[:])
	for _, tx := range txs {
		digest := ledger.Digest(tx)
		h.Write(digest[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// paid tells whether a transaction may be in a block: it did what it says, or its sender
// paid for what it broke.
func paid(r ledger.Result) bool { return r.Err == nil || r.Fee > 0 }

// InitChain begins the chain. The validators are those of genesis.
func (c *consensus) InitChain(_ context.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	now := c.now.Load()
	if want := ChainID(now.state.ChainID()); req.ChainId != want {
		return nil, fmt.Errorf("%w: the chain is %s, and not %s", ErrState, req.ChainId, want)
	}
	if now.Height != 0 {
		return nil, fmt.Errorf("%w: the chain begins, and the application is at height %d", ErrState, now.Height)
	}
	if diff := updates(now.Validators, fromUpdates(req.Validators)); len(diff) > 0 {
		return nil, fmt.Errorf("%w: the chain begins with other validators than the ledger's committee", ErrState)
	}
	return &abci.ResponseInitChain{AppHash: now.Root[:]}, nil
}

func fromUpdates(all []abci.ValidatorUpdate) []Validator {
	validators := make([]Validator, len(all))
	for i, u := range all {
		copy(validators[i].Key[:], u.PubKey.GetEd25519())
		validators[i].Power = uint32(u.Power)
	}
	return sorted(validators)
}

// PrepareProposal makes a block of what waits, in its order, without ticks and without
// what nobody pays for.
func (c *consensus) PrepareProposal(_ context.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	txs := c.mempool.inOrder(req.Txs)
	e, err := c.execute(req.Time, txs)
	if err != nil {
		return nil, err
	}
	var kept [][]byte
	size, work := int64(0), int64(0)
	for i, tx := range txs {
		size += types.ComputeProtoSizeForTxs([]types.Tx{tx})
		if work += weight(tx); size > req.MaxTxBytes || work > MaxWeight {
			break
		}
		if paid(e.outcome.Results[i]) {
			kept = append(kept, tx)
		}
	}
	return &abci.ResponsePrepareProposal{Txs: kept}, nil
}

// ProcessProposal judges a block. Honest proposers take only what is paid for, and no
// more than there is time for; and what they saw of the state is what all see.
func (c *consensus) ProcessProposal(_ context.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	work := int64(0)
	for _, tx := range req.Txs {
		work += weight(tx)
	}
	if work > MaxWeight {
		c.options.Logger.Warn("a block was proposed that takes too long", "height", req.Height, "proposer", fmt.Sprintf("%X", req.ProposerAddress), "weight", work)
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	e, err := c.execute(req.Time, req.Txs)
	if err != nil {
		return nil, err
	}
	for i, r := range e.outcome.Results {
		if !paid(r) {
			c.options.Logger.Warn("a block was proposed with a transaction that nobody pays for",
				"height", req.Height, "proposer", fmt.Sprintf("%X", req.ProposerAddress), "transaction", i, "error", r.Err)
			return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
		}
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// FinalizeBlock applies a decided block to the state that is durable. What it did is
// durable with Commit; until then it can be asked again.
func (c *consensus) FinalizeBlock(_ context.Context, req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	now := c.now.Load()
	if uint64(req.Height) != now.Height+1 {
		return nil, fmt.Errorf("%w: block %d is decided, and the application is at height %d", ErrState, req.Height, now.Height)
	}
	if hash := set(now.Validators).Hash(); !bytes.Equal(hash, req.NextValidatorsHash) {
		return nil, fmt.Errorf("%w: the chain has other validators than the application: if this node began from a snapshot, begin again from another one", ErrState)
	}
	offences := offencesOf(now.state, req.Misbehavior)
	for _, o := range offences {
		c.options.Logger.Warn("a validator has misbehaved", "kind", o.Kind, "height", o.Height, "validator", fmt.Sprintf("%X", []byte(o.Validator)), "node", o.Node)
	}
	e, err := c.execute(req.Time, req.Txs)
	if err != nil {
		return nil, err
	}
	next := step(now.Validators, validatorsOf(e.state))
	f := &finalized{moment{position{uint64(req.Height), e.state.Root(), next, now.Events}, e.state}, e, offences}
	// A hundredth more is kept, so that not every block removes something.
	if height := e.state.System().Height; height >= f.Events+c.options.RetainEvents+c.options.RetainEvents/100 {
		f.Events = height - c.options.RetainEvents + 1
	}
	c.mu.Lock()
	c.next = f
	c.mu.Unlock()
	resp := &abci.ResponseFinalizeBlock{AppHash: f.Root[:], ValidatorUpdates: updates(now.Validators, next), TxResults: make([]*abci.ExecTxResult, len(req.Txs))}
	for i, r := range e.outcome.Results {
		resp.TxResults[i] = new(abci.ExecTxResult)
		if r.Err != nil {
			broken := ruleError(r.Err)
			*resp.TxResults[i] = abci.ExecTxResult{Code: codeRefused, Codespace: string(broken.Rule), Log: broken.Detail}
		}
	}
	return resp, nil
}

// Commit makes the decided block durable, and tells how much of the chain CometBFT
// still needs.
func (c *consensus) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	c.mu.Lock()
	f := c.next
	c.mu.Unlock()
	before := c.now.Load()
	if f == nil || f.Height != before.Height+1 {
		return nil, fmt.Errorf("%w: no block is decided after height %d", ErrState, before.Height)
	}
	var r *chain.Record
	if f.state != before.state {
		r = chain.RecordOf(f.executed.outcome)
	}
	var offences []Offence
	if len(f.offences) > 0 {
		offences = remember(c.Offences(), f.offences)
	}
	if err := c.store.commit(before, &f.moment, r, offences); err != nil {
		return nil, err
	}
	if offences != nil {
		c.core.mu.Lock()
		c.offences = offences
		c.core.mu.Unlock()
	}
	c.mu.Lock()
	c.next, c.tried = nil, nil
	c.mu.Unlock()
	c.mempool.reset()
	c.publish(&f.moment, f.executed.outcome.Results)
	c.snapshots.take(&f.moment)
	return &abci.ResponseCommit{RetainHeight: c.retainHeight(f.Height)}, nil
}

// retainHeight returns the first block that is kept: so many, and all since the oldest
// snapshot, from which a node that joins needs them.
func (c *consensus) retainHeight(height uint64) int64 {
	if height <= c.options.RetainBlocks {
		return 0
	}
	return int64(min(height-c.options.RetainBlocks, c.snapshots.oldest(height)))
}
