package challenge

import (
	"errors"
	"fmt"
	"math/big"
)

// Bound says how sure a challenge is to be.
type Bound struct {
	// Missing is the share of the blobs, in basis points, without which a member is to
	// fail: of these blobs it lacks a row so far that it cannot restore it.
	Missing uint16
	// Error is the exponent e of the bound 10^-e on the probability that it passes.
	Error uint16
	// Grinding is the logarithm, to base 2, of the number of seeds among which the
	// adversary chooses.
	Grinding uint16
	// Verifiers is the number of members that it may try to deceive, each on its own.
	Verifiers uint16
}

// ErrBound is returned for a bound that no number of blobs meets. What wraps it says why.
var ErrBound = errors.New("challenge: no such bound")

// MaxError is the most of Bound.Error.
const MaxError = 300

// Limits of what a bound asks for.
const (
	maxGrinding = 256
	fullShare   = 10_000 // basis points
)

// Draws returns the least number K of blobs with
//
//	2^Grinding · Verifiers · (1 - d + d·2^-16)^K ≤ 10^-Error,  d = Missing
//
// A blob is among those that a member has with probability 1-d; and where it has none of
// the row it guesses a symbol, of 2 bytes at least, with probability 2^-16, for one
// verifier. Blobs are drawn without repetition, which makes it less. Seeds may be chosen
// after the fact, and each verifier guessed for, so their numbers multiply it.
//
// Blobs count alike, whatever their sizes, and those that the adversary has registered and can make
// again at will count too: whoever pays for as many small ones as others store lacks a smaller share.
// Full challenges know no such shares.
//
// The arithmetic is that of big floats of a fixed precision, rounded up: it has the same
// result everywhere, as those who apply one ledger need. The error wraps ErrBound.
func (b Bound) Draws() (uint64, error) {
	switch {
	case b.Missing == 0 || b.Missing > fullShare:
		return 0, fmt.Errorf("%w: a missing share of %d basis points is not within 1 and %d", ErrBound, b.Missing, fullShare)
	case b.Error == 0 || b.Error > MaxError:
		return 0, fmt.Errorf("%w: an error of 10^-%d is not within 10^-1 and 10^-%d", ErrBound, b.Error, MaxError)
	case b.Grinding > maxGrinding:
		return 0, fmt.Errorf("%w: 2^%d seeds to choose among are more than 2^%d", ErrBound, b.Grinding, maxGrinding)
	}
	// kept/whole = 1 - d + d·2^-16, exactly.
	whole := int64(fullShare) << 16
	kept := whole - int64(b.Missing)<<16 + int64(b.Missing)
	share := float().Quo(float().SetInt64(kept), float().SetInt64(whole))

	// K is enough if share^K ≤ limit. The limit is rounded down.
	seeds := new(big.Int).Lsh(big.NewInt(int64(max(1, b.Verifiers))), uint(b.Grinding))
	odds := new(big.Int).Mul(seeds, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(b.Error)), nil))
	limit := float().SetMode(big.ToNegativeInf)
	limit.Quo(big.NewFloat(1), new(big.Float).SetInt(odds))

	// powers[i] is share^(2^i). The last one is within the limit; K is the sum of those
	// powers of two that stay above it, and one more.
	powers := []*big.Float{share}
	for last := share; last.Cmp(limit) > 0; powers = append(powers, last) {
		last = float().Mul(last, last)
	}
	k, product := uint64(0), float().SetInt64(1)
	for i := len(powers) - 1; i >= 0; i-- {
		if next := float().Mul(product, powers[i]); next.Cmp(limit) > 0 {
			k, product = k+1<<i, next
		}
	}
	return k + 1, nil
}

// float returns a number that is rounded up.
func float() *big.Float { return new(big.Float).SetPrec(256).SetMode(big.ToPositiveInf) }
