package app

import (
	"sync"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// verified remembers transactions whose signatures were verified: a transaction is asked
// for when it comes, after each block while it waits, and when it is proposed, judged and
// decided, and its signature takes longer than all else. What it keeps is bounded; whoever
// sends more has it verify again.
type verified struct {
	mu         sync.Mutex
	young, old map[ledger.TxDigest]*ledger.Tx
	bytes      int // of the young ones
}

// Bounds of the young ones. The old ones are as many at most.
const (
	maxVerified      = 8192
	maxVerifiedBytes = 8 << 20
)

// Parse reads a transaction, see [ledger.ParseTx]. Nobody changes what it returns.
func (v *verified) Parse(data []byte) (*ledger.Tx, error) {
	digest := ledger.Digest(data)
	v.mu.Lock()
	tx := v.known(digest)
	v.mu.Unlock()
	if tx != nil {
		return tx, nil
	}
	tx, err := ledger.ParseTx(data)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.young) >= maxVerified || v.bytes >= maxVerifiedBytes || v.young == nil {
		v.young, v.old, v.bytes = make(map[ledger.TxDigest]*ledger.Tx), v.young, 0
	}
	if v.young[digest] == nil {
		v.young[digest] = tx
		v.bytes += len(data)
	}
	return tx, nil
}

// known returns a transaction, or nil. v is locked.
func (v *verified) known(digest ledger.TxDigest) *ledger.Tx {
	if tx := v.young[digest]; tx != nil {
		return tx
	}
	return v.old[digest]
}

// among returns those of the transactions that are known.
func (v *verified) among(txs [][]byte) map[ledger.TxDigest]*ledger.Tx {
	found := make(map[ledger.TxDigest]*ledger.Tx, len(txs))
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, data := range txs {
		digest := ledger.Digest(data)
		if tx := v.known(digest); tx != nil {
			found[digest] = tx
		}
	}
	return found
}
