package ledger

import "math/bits"

// add returns a+b. The error is of RuleOverflow.
func add(a, b uint64) (uint64, error) {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 0, broken(RuleOverflow, "%d + %d does not fit into 64 bits", a, b)
	}
	return sum, nil
}

// mul returns a·b. The error is of RuleOverflow.
func mul(a, b uint64) (uint64, error) {
	high, low := bits.Mul64(a, b)
	if high != 0 {
		return 0, broken(RuleOverflow, "%d · %d does not fit into 64 bits", a, b)
	}
	return low, nil
}

// scale returns floor(a·b/c) for a·b/c below 2^64. c is not 0.
func scale(a, b, c uint64) uint64 {
	high, low := bits.Mul64(a, b)
	quotient, _ := bits.Div64(high, low, c)
	return quotient
}

// Units of storage are what prices are for.
const unit = 1 << 20

// unitsOf returns the units that so many bytes take.
func unitsOf(bytes uint64) uint64 { return bytes/unit + min(1, bytes%unit) }

// Basis points: parts in ten thousand.
const basisPoints = 10_000
