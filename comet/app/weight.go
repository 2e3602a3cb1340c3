package app

import (
	"crypto/ed25519"

	"github.com/redstuff-go/redstuff/node/ledger"
)

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

// heavy are the numbers of the actions that verify BLS signatures.
var heavy = func() (heavy [256]bool) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for _, a := range []ledger.Action{
		ledger.CertifyBlob{}, ledger.InvalidateBlob{}, ledger.RegisterNode{}, ledger.SetNextKey{}, ledger.SignCheckpoint{},
	} {
		data, err := ledger.Tx{Action: a}.Sign(key)
		if err != nil {
			panic("comet: " + err.Error()) // none of them is long
		}
		heavy[data[kindAt]] = true
	}
	return heavy
}()

// weight returns the work of a transaction at most. Nothing needs to be verified for it.
func weight(tx []byte) int64 {
	if len(tx) > kindAt && heavy[tx[kindAt]] {
		return heavyWeight
	}
	return lightWeight
}
