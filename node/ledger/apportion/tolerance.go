package apportion

import (
	"errors"
	"math/bits"
)

// MaxTolerance is the largest tolerance, that of a doubled stake, in basis points.
const MaxTolerance = 10_000

// ErrTolerance is returned when a tolerance is more than MaxTolerance.
var ErrTolerance = errors.New("apportion: the tolerance is more than 10000 basis points")

// Tolerant apportions n shards to stake as [DHondt] does, and lets nodes keep what they have
// held until now as long as their stake is out of proportion to it by no more than the
// tolerance, in basis points: shards need not move because stake jitters (Walrus whitepaper,
// 6.1). held is how many shards each node holds; what it lacks of n is free.
//
// By the method of D'Hondt a shard belongs with the node whose stake per shard is the largest.
// So it moves from the node to which its last shard is worth the least, stake/shards, to the
// one with the largest claim, stake/(shards+1), if the claim is larger by more than the
// tolerance. It follows that
//
//   - no shard moves between nodes that held what DHondt gives them, if since then no stake
//     grew by more than the tolerance against any other one;
//   - no claim exceeds the worth of another node's last shard by more than the tolerance, so
//     that small changes do not add up without end;
//   - no more shards move than without a tolerance;
//   - with a tolerance of 0 the result is that of DHondt, but for ties, in which nobody loses
//     anything, and for claims that differ by less than 2^-64.
//
// Free shards go to the largest claims, and who holds more than [MaxShards] gives the rest up.
// The error is ErrNoStake, ErrStakeOverflow, ErrShares if held does not fit to stake and n, or
// ErrTolerance.
func Tolerant(stake []uint64, held []int, n, tolerance int) ([]int, error) {
	if tolerance < 0 || tolerance > MaxTolerance {
		return nil, ErrTolerance
	}
	if _, err := sum(stake); err != nil {
		return nil, err
	}
	if len(held) != len(stake) {
		return nil, ErrShares
	}
	h := &holdings{stake: stake, shards: make([]int, len(held)), most: MaxShards(len(stake), n)}
	free := n
	for i, count := range held {
		if count < 0 || count > n {
			return nil, ErrShares
		}
		h.shards[i] = min(count, h.most)
		free -= h.shards[i]
	}
	if free < 0 {
		return nil, ErrShares
	}
	for ; free > 0; free-- {
		h.shards[h.claimant()]++
	}
	for {
		to, from := h.claimant(), h.weakest()
		if to < 0 || !h.exceeds(to, from, tolerance) {
			return h.shards, nil
		}
		h.shards[to]++
		h.shards[from]--
	}
}

// holdings is who holds how many shards, of which nobody may hold more than most.
type holdings struct {
	stake  []uint64
	shards []int
	most   int
}

// claimant returns the node with the largest claim to another shard, the earlier one of
// equal ones, or -1 if all have the most.
func (h *holdings) claimant() int {
	best := -1
	for i, count := range h.shards {
		if count < h.most && (best < 0 || less(h.stake[best], h.shards[best]+1, h.stake[i], count+1)) {
			best = i
		}
	}
	return best
}

// weakest returns the node to which its last shard is worth the least, the later one of
// equal ones. Somebody holds a shard.
func (h *holdings) weakest() int {
	worst := -1
	for i, count := range h.shards {
		if count > 0 && (worst < 0 || !less(h.stake[worst], h.shards[worst], h.stake[i], count)) {
			worst = i
		}
	}
	return worst
}

// exceeds reports whether a claim is larger than the worth of another node's last shard by
// more than the tolerance.
func (h *holdings) exceeds(to, from, tolerance int) bool {
	// stake[from]/shards[from] * (1 + tolerance/10000) < stake[to]/(shards[to]+1)
	const one = 10_000
	return less(h.stake[from], h.shards[from]*one, h.stake[to], (h.shards[to]+1)*(one+tolerance))
}

// less reports whether a/x < b/y, exactly.
func less(a uint64, x int, b uint64, y int) bool {
	leftHigh, leftLow := bits.Mul64(a, uint64(y))
	rightHigh, rightLow := bits.Mul64(b, uint64(x))
	return leftHigh < rightHigh || leftHigh == rightHigh && leftLow < rightLow
}
