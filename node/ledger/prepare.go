package ledger

import (
	"runtime"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
)

// Signatures take nearly all of a block's time. Whether they hold depends on no other
// transaction of the block: so all processors verify them first, and certificates of one
// block together.

// parsed is a transaction as it was read, or why it is none.
type parsed struct {
	tx  *Tx
	err error
}

// parseAll reads the transactions of a block and verifies their signatures, but for those
// of which the block says that it is done.
func parseAll(b Block) []parsed {
	txs := b.Txs
	all := make([]parsed, len(txs))
	workers := min(runtime.GOMAXPROCS(0), len(txs))
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < len(txs); i += workers {
				if len(b.Parsed) > 0 {
					all[i].tx = b.Parsed[Digest(txs[i])]
				}
				if all[i].tx == nil {
					all[i].tx, all[i].err = ParseTx(txs[i])
				}
			}
		})
	}
	group.Wait()
	return all
}

// verified is a certificate, or why it does not hold.
type verified struct {
	cert *committee.Certificate
	err  error
}

// certificates returns those of an action that the current committee has to have made.
func certificates(a Action) (all [][]byte) {
	switch a := a.(type) {
	case CertifyBlob:
		return [][]byte{a.Certificate}
	case InvalidateBlob:
		return [][]byte{a.Certificate}
	case PassChallenge:
		return [][]byte{a.Certificate}
	case Batch:
		parts, _ := a.Unpack() // which was done before
		for _, part := range parts {
			all = append(all, certificates(part)...)
		}
	}
	return all
}

// verify verifies the certificates of a block's transactions by the current committee:
// of those that will be paid for, as far as can be seen before the block.
func verify(d *draft, chain ChainID, txs []parsed, raw [][]byte) map[string]verified {
	var data [][]byte
	ahead := make(map[Address]uint64)
	for i, p := range txs {
		if p.err != nil || admit(d, chain, p.tx, len(raw[i]), ahead[p.tx.Sender]) != nil {
			continue
		}
		ahead[p.tx.Sender]++
		data = append(data, certificates(p.tx.Action)...)
	}
	if len(data) < 2 {
		return nil // one is verified when its turn comes
	}
	c, err := d.committees.get(d.genesis, d.tree, d.system.Epoch)
	if err != nil {
		return nil
	}
	certs, errs := d.committees.verifier.ParseCertificates(c, data)
	results := make(map[string]verified, len(data))
	for i := range data {
		results[string(data[i])] = verified{certs[i], errs[i]}
	}
	return results
}
