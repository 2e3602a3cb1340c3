package app

import "github.com/redstuff-go/redstuff/node/ledger"

// MaxWeight bounds the work of a block: it is CometBFT's gas, of which a unit is a
// signature of ed25519, some 60 µs. Fees are by bytes, and a certificate takes as long as
// dozens of signatures: without a bound, a block of nothing else would outlast every
// round in which it is proposed.
const MaxWeight = 20_000

// Weights of transactions.
const (
	lightWeight = 1
	heavyWeight = 40 // of those that verify BLS signatures
)

// kindAt is where the number of its action is in a transaction: behind chain, sender,
// nonce and fee.
const kindAt = 32 + 32 + 8 + 8

// heavy are the numbers of the actions that verify BLS signatures, and batch is that of
// those that have others in them.
var heavy, batch = func() (heavy [256]bool, batch byte) {
	number := func(a ledger.Action) byte { return ledger.BatchOf(a).Actions[0][0] }
	for _, a := range []ledger.Action{
		ledger.CertifyBlob{}, ledger.InvalidateBlob{}, ledger.RegisterNode{}, ledger.SetNextKey{}, ledger.SignCheckpoint{}, ledger.PassChallenge{},
	} {
		heavy[number(a)] = true
	}
	return heavy, number(ledger.Batch{})
}()

// weight returns the work of a transaction at most. Nothing needs to be verified for it.
func weight(tx []byte) int64 {
	if len(tx) <= kindAt {
		return lightWeight
	}
	if tx[kindAt] != batch {
		return weightOf(tx[kindAt])
	}
	read, err := ledger.ReadTx(tx)
	if err != nil {
		return lightWeight // nobody pays for it, and nothing is verified
	}
	sum := int64(lightWeight)
	for _, a := range read.Action.(ledger.Batch).Actions {
		sum += weightOf(a[0])
	}
	return sum
}

func weightOf(action byte) int64 {
	if heavy[action] {
		return heavyWeight
	}
	return lightWeight
}
