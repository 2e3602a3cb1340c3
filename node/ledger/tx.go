package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"reflect"

	"github.com/redstuff-go/redstuff/internal/bcs"
)

// MaxTx is the length of the longest transaction in bytes.
const MaxTx = 64 << 10

// Tx is a transaction: one action, and who pays for it.
type Tx struct {
	Chain      ChainID
	Sender     Address
	Nonce      uint64 // that of the sender's account
	FeePerByte uint64 // the most that the sender pays; what is charged is the ledger's
	Action     Action
}

// Action is what a transaction does. The types of this package whose names are verbs
// are the actions.
type Action interface {
	// apply changes the draft for the sender, or returns a *RuleError: then whoever
	// calls it drops what it changed.
	apply(d *draft, sender Address) error
}

// actions are all actions, by the numbers that they have on the wire: new ones come
// last.
var actions = []reflect.Type{
	reflect.TypeFor[Transfer](),
	reflect.TypeFor[ReserveSpace](),
	reflect.TypeFor[SplitByEpoch](),
	reflect.TypeFor[SplitBySize](),
	reflect.TypeFor[Fuse](),
	reflect.TypeFor[TransferStorage](),
	reflect.TypeFor[RegisterBlob](),
	reflect.TypeFor[ReserveAndRegister](),
	reflect.TypeFor[CertifyBlob](),
	reflect.TypeFor[ExtendBlob](),
	reflect.TypeFor[ExtendWithStorage](),
	reflect.TypeFor[DeleteBlob](),
	reflect.TypeFor[TransferBlob](),
	reflect.TypeFor[SetAttributes](),
	reflect.TypeFor[InvalidateBlob](),
	reflect.TypeFor[AddSubsidy](),
	reflect.TypeFor[RegisterNode](),
	reflect.TypeFor[UpdateNode](),
	reflect.TypeFor[SetNextKey](),
	reflect.TypeFor[Vote](),
	reflect.TypeFor[SetCommission](),
	reflect.TypeFor[CollectCommission](),
	reflect.TypeFor[JoinActiveSet](),
	reflect.TypeFor[StakeWith](),
	reflect.TypeFor[SplitStake](),
	reflect.TypeFor[TransferStake](),
	reflect.TypeFor[RequestWithdrawal](),
	reflect.TypeFor[WithdrawStake](),
	reflect.TypeFor[ReportSynced](),
	reflect.TypeFor[VoteSlashing](),
	reflect.TypeFor[Slash](),
	reflect.TypeFor[SignCheckpoint](),
	reflect.TypeFor[BurnBlob](),
	reflect.TypeFor[ShareBlob](),
	reflect.TypeFor[FundBlob](),
	reflect.TypeFor[TransferNode](),
	reflect.TypeFor[AckChallenge](),
	reflect.TypeFor[PassChallenge](),
	reflect.TypeFor[DoubtChallenges](),
	reflect.TypeFor[Batch](),
	reflect.TypeFor[VoteParameters](),
}

// signedPrefix keeps signatures of transactions apart from all others of the same key.
const signedPrefix = "redstuff v1 transaction"

// Sign returns the transaction's bytes with the sender's signature. Sender is set to
// the key's address. The error is of RuleMalformed if the transaction is too long.
func (tx Tx) Sign(key ed25519.PrivateKey) ([]byte, error) {
	copy(tx.Sender[:], key.Public().(ed25519.PublicKey))
	body := tx.body()
	data := append(body, ed25519.Sign(key, append([]byte(signedPrefix), body...))...)
	if len(data) > MaxTx {
		return nil, broken(RuleMalformed, "%d bytes, and a transaction has at most %d", len(data), MaxTx)
	}
	return data, nil
}

// body returns what is signed.
func (tx Tx) body() []byte {
	data := append(append([]byte(nil), tx.Chain[:]...), tx.Sender[:]...)
	return appendAction(bcs.AppendU64(bcs.AppendU64(data, tx.Nonce), tx.FeePerByte), tx.Action)
}

// ParseTx reads a transaction and verifies its signature. The error is of RuleMalformed
// or RuleSignature.
func ParseTx(data []byte) (*Tx, error) {
	tx, body, signature, err := decodeTx(data)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(tx.Sender[:], append([]byte(signedPrefix), body...), signature) {
		return nil, broken(RuleSignature, "it is not that of %v", tx.Sender)
	}
	return tx, nil
}

// ReadTx reads a transaction without verifying its signature. The error is a *RuleError.
func ReadTx(data []byte) (*Tx, error) {
	tx, _, _, err := decodeTx(data)
	return tx, err
}

// decodeTx reads a transaction and verifies nothing.
func decodeTx(data []byte) (tx *Tx, body, signature []byte, err error) {
	at := len(data) - ed25519.SignatureSize
	if at < 0 || len(data) > MaxTx {
		return nil, nil, nil, broken(RuleMalformed, "%d bytes, and a transaction has %d to %d", len(data), ed25519.SignatureSize, MaxTx)
	}
	body, signature = data[:at], data[at:]
	r := bcs.NewReader(body)
	tx = new(Tx)
	r.Fixed(tx.Chain[:], "chain")
	r.Fixed(tx.Sender[:], "sender")
	tx.Nonce, tx.FeePerByte = r.U64("nonce"), r.U64("fee")
	if tx.Action, err = readAction(r); err != nil {
		return nil, nil, nil, broken(RuleMalformed, "%v", err)
	}
	if b, ok := tx.Action.(Batch); ok {
		if _, err := b.Unpack(); err != nil {
			return nil, nil, nil, err
		}
	}
	return tx, body, signature, nil
}

// TxDigest names a transaction: the hash of its bytes.
type TxDigest = [sha256.Size]byte

// Digest returns the digest of a transaction's bytes.
func Digest(tx []byte) TxDigest { return sha256.Sum256(tx) }
