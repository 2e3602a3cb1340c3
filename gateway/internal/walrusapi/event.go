package walrusapi

import "math/big"

// Event names what made a blob what it is, where Sui would name an event of a transaction.
// Clients compare it, and look for it nowhere.
type Event struct {
	Digest   string `json:"txDigest"`
	Sequence string `json:"eventSeq"`
}

// EventOf returns the event of a name: that of the registration that a ledger has, or of the
// blob itself.
func EventOf(name [32]byte) Event { return Event{base58(name[:]), "0"} }

// alphabet58 is Bitcoin's, which Sui writes digests in.
const alphabet58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 writes bytes, each leading zero as one digit.
func base58(data []byte) string {
	var digits []byte
	n, base, digit := new(big.Int).SetBytes(data), big.NewInt(58), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		digits = append(digits, alphabet58[digit.Int64()])
	}
	for _, b := range data {
		if b != 0 {
			break
		}
		digits = append(digits, alphabet58[0])
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}
