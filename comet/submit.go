package comet

import (
	"context"
	"errors"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Submit has a transaction put into a block, and returns when the block is durable. A
// transaction that broke a rule has it in its receipt. While another transaction with the
// same nonce waits, it waits until that one is in a block. The error is a *ledger.RuleError
// if the transaction cannot be in a block; chain.ErrBusy if too many wait already;
// chain.ErrNoQuorum if there was no block for so long that there may be none;
// chain.ErrClosed, or the context's. After the last three it may be in a block all the
// same: the same transaction can be submitted again, and is never applied twice.
func (n *Node) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	parsed, err := n.app.Parse(tx)
	if err != nil {
		return chain.Receipt{}, err
	}
	digest := ledger.Digest(tx)
	w := n.app.Wait(digest)
	defer n.app.Forget(digest, w)
	patience := time.NewTimer(n.options.Patience)
	defer patience.Stop()
	for waits := false; ; {
		grown := n.app.Grown()
		if !waits {
			switch err := n.enqueue(tx, parsed); {
			case err == nil:
				waits = true
			case errors.Is(err, errTaken): // until there is a block
			default:
				select {
				case <-w.Done: // it was in a block meanwhile
					return w.Receipt, w.Err
				default:
					return chain.Receipt{}, err
				}
			}
		}
		select {
		case <-w.Done:
			return w.Receipt, w.Err
		case <-ctx.Done():
			return chain.Receipt{}, ctx.Err()
		case <-grown:
			select {
			case <-n.stop: // w will be done
				<-w.Done
				return w.Receipt, w.Err
			default:
				patience.Reset(n.options.Patience)
			}
		case <-patience.C:
			return chain.Receipt{}, fmt.Errorf("%w: none for %v; the transaction may be in a later one", chain.ErrNoQuorum, n.options.Patience)
		}
	}
}

// errTaken is returned for a transaction while another one with its nonce waits: an
// earlier one of the same sender's, of which nobody knows yet what becomes.
var errTaken = errors.New("comet: another transaction with the same nonce waits")

// enqueue puts a transaction into the mempool.
func (n *Node) enqueue(tx []byte, parsed *ledger.Tx) error {
	answer := make(chan *abci.ResponseCheckTx, 1)
	err := n.comet.Mempool().CheckTx(tx, func(r *abci.ResponseCheckTx) { answer <- r }, mempool.TxInfo{})
	var full mempool.ErrMempoolIsFull
	switch {
	case errors.Is(err, mempool.ErrTxInCache):
		// It waits, or it was in a block already.
		account := ledger.Get[ledger.Account](n.State(), ledger.AccountKey(parsed.Sender))
		if account != nil && account.Nonce > parsed.Nonce {
			return &ledger.RuleError{Rule: ledger.RuleNonce, Detail: fmt.Sprintf("%d, and the sender's next one is %d", parsed.Nonce, account.Nonce)}
		}
		return nil
	case errors.As(err, &full), errors.Is(err, mempool.ErrRecheckFull):
		return fmt.Errorf("%w: %d transactions wait for a block", chain.ErrBusy, n.comet.Mempool().Size())
	case err != nil:
		return fmt.Errorf("comet: %w", err)
	}
	select {
	case r := <-answer:
		switch r.Code {
		case abci.CodeTypeOK:
			return nil
		case app.CodeTaken:
			return errTaken
		}
		return &ledger.RuleError{Rule: ledger.Rule(r.Codespace), Detail: r.Log}
	default: // the application is in this process: it has answered, but that the mempool filled up
		return fmt.Errorf("%w: %d transactions wait for a block", chain.ErrBusy, n.comet.Mempool().Size())
	}
}
