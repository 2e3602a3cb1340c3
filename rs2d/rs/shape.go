package rs

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/alias"
	"github.com/redstuff-go/redstuff/internal/bitset"
)

// shape is what lists of shards are checked against: the numbers of shards, and what
// their size must be a multiple of. Calls check all of their arguments before they write.
type shape struct {
	data, parity int
	multiple     int // a power of two
}

// total returns the number of all shards.
func (s *shape) total() int { return s.data + s.parity }

// whole returns the size of the shards, all of which must be there.
func (s *shape) whole(shards [][]byte) (size int, err error) {
	if size, err = s.all(shards, false); err != nil {
		return 0, err
	}
	return size, s.checkMultiple(shards, size)
}

// encode is whole for shards whose parity is to be written.
func (s *shape) encode(shards [][]byte) (size int, err error) {
	// Nearly always all is well, which one look at each tells.
	if len(shards) == s.total() {
		size = len(shards[0])
		if size > 0 && size&(s.multiple-1) == 0 && alias.AscendingWhole(shards, size) {
			return size, nil
		}
	}
	if size, err = s.whole(shards); err != nil {
		return 0, err
	}
	return size, s.apart(shards[s.data:], s.data, shards[:s.data], 0, size)
}

// apart reports memory of outs, shards from firstOut on of a size, that overlaps another of
// them or one of ins, shards from firstIn on. Empty shards do not count.
func (s *shape) apart(outs [][]byte, firstOut int, ins [][]byte, firstIn, size int) error {
	out, other, found := alias.FindOverlap(outs, ins, size)
	if !found {
		return nil
	}
	if other < len(outs) {
		other += firstOut
	} else {
		other += firstIn - len(outs)
	}
	return &OverlapError{Shard: firstOut + out, Other: other}
}

// all returns the size of the shards that are there: of all unless some may
// be missing.
func (s *shape) all(shards [][]byte, someMissing bool) (size int, err error) {
	if len(shards) != s.total() {
		return 0, fmt.Errorf("%w: got %d, want %d", ErrTooFewShards, len(shards), s.total())
	}
	return s.common(shards, someMissing)
}

// common returns the one size that the shards have, those of size zero excepted
// if some may be missing.
func (s *shape) common(shards [][]byte, someMissing bool) (size int, err error) {
	for _, shard := range shards {
		if size = len(shard); size > 0 {
			break
		}
	}
	if size == 0 {
		return 0, ErrNoData
	}
	// Nearly always all are there, which is told quickest without asking each.
	differ, rest := 0, shards
	for ; len(rest) >= 4; rest = rest[4:] {
		differ |= (len(rest[0]) ^ size) | (len(rest[1]) ^ size) | (len(rest[2]) ^ size) | (len(rest[3]) ^ size)
	}
	for _, shard := range rest {
		differ |= len(shard) ^ size
	}
	if differ == 0 {
		return size, nil
	}
	for i, shard := range shards {
		if len(shard) != size && (len(shard) > 0 || !someMissing) {
			return 0, &SizeError{Shard: i, Size: len(shard), Want: size, Multiple: s.multiple}
		}
	}
	return size, nil
}

// missing returns the size of the shards that are there, and fills in the set of
// those that are not.
func (s *shape) missing(missing bitset.Set, shards [][]byte) (size int, err error) {
	if len(shards) != s.total() {
		return s.all(shards, true)
	}
	for i := 0; i < len(shards) && size == 0; i++ {
		size = len(shards[i])
	}
	odd := 0 // not 0 if some other size was seen
	for w := range missing {
		group := shards[w<<6:]
		group = group[:min(len(group), 64)]
		word := uint64(0)
		for _, shard := range group {
			// Without branches: which shards are missing is hard to predict.
			there, gone := len(shard)^size, uint64(0)
			if len(shard) == 0 {
				there, gone = 0, 1<<63
			}
			odd |= there
			word = word>>1 | gone
		}
		missing[w] = word >> (64 - len(group))
	}
	if odd != 0 || size == 0 {
		return s.all(shards, true)
	}
	return size, nil
}

// checkMultiple checks that shards of the size are allowed.
func (s *shape) checkMultiple(shards [][]byte, size int) error {
	multiple := s.multiple
	if size&(multiple-1) == 0 {
		return nil
	}
	return &SizeError{Shard: firstThere(shards), Size: size, Multiple: multiple}
}

// firstThere returns the index of the first shard that is there; one is.
func firstThere(shards [][]byte) int {
	i := 0
	for len(shards[i]) == 0 {
		i++
	}
	return i
}

// update returns the size of the shards of [Codec.Update].
func (s *shape) update(shards, newDatashards [][]byte) (size int, err error) {
	if len(newDatashards) != s.data {
		return 0, fmt.Errorf("%w: got %d of new data, want %d", ErrTooFewShards, len(newDatashards), s.data)
	}
	if size, err = s.all(shards, true); err != nil {
		return 0, err
	}
	newSize, err := s.common(newDatashards, true)
	if err != nil {
		return 0, err
	}
	if newSize != size {
		return 0, &SizeError{Shard: firstThere(newDatashards), Size: newSize, Want: size, Multiple: s.multiple}
	}
	for i, shard := range newDatashards {
		if len(shard) == 0 {
			continue
		}
		if len(shards[i]) == 0 {
			return 0, fmt.Errorf("%w: data shard %d changes, but what it was is missing", ErrInput, i)
		}
	}
	parity := shards[s.data:]
	for i, shard := range parity {
		if len(shard) == 0 {
			return 0, fmt.Errorf("%w: parity shard %d is missing", ErrInput, i)
		}
	}
	if err := s.checkMultiple(shards, size); err != nil {
		return 0, err
	}
	if err := s.apart(parity, s.data, shards[:s.data], 0, size); err != nil {
		return 0, err
	}
	return size, s.apart(parity, s.data, newDatashards, 0, size)
}

// step returns the size of the shards, or 0 if none are given and none asked
// for.
func (s *shape) step(dst [][]byte, expect []bool, input [][]byte) (size int, err error) {
	if n := s.total(); len(expect) != n || len(dst) != n || len(input) != n {
		return 0, fmt.Errorf("%w: lists of %d, %d and %d shards; want %d", ErrInput, len(dst), len(expect), len(input), n)
	}
	there := 0
	for i, expected := range expect {
		if expected {
			there++
		}
		if input[i] != nil && !expected {
			return 0, fmt.Errorf("%w: shard %d is given, but was not expected", ErrInput, i)
		}
		if dst[i] != nil && expected {
			return 0, fmt.Errorf("%w: shard %d is to be computed, but is expected", ErrInput, i)
		}
	}
	if there < s.data {
		return 0, fmt.Errorf("%w: %d are expected, %d are needed", ErrTooFewShards, there, s.data)
	}
	for _, shard := range input {
		if shard != nil {
			size = len(shard)
			break
		}
	}
	for _, shards := range [][][]byte{input, dst} {
		for i, shard := range shards {
			if shard != nil && (len(shard) != size || size == 0 || size%s.multiple != 0) {
				return 0, &SizeError{Shard: i, Size: len(shard), Want: size, Multiple: s.multiple, invalid: true}
			}
		}
	}
	if size == 0 {
		return 0, nil
	}
	return size, s.apart(dst, 0, input, 0, size)
}

// merge checks the lists of [Codec.DecodeIdx] for what was decoded elsewhere.
func (s *shape) merge(dst, input [][]byte) error {
	if len(dst) != len(input) {
		return fmt.Errorf("%w: lists of %d and %d shards to merge", ErrInput, len(dst), len(input))
	}
	for i, shard := range input {
		switch {
		case shard == nil:
		case dst[i] == nil:
			return fmt.Errorf("%w: shard %d to merge into nothing", ErrInput, i)
		case len(dst[i]) != len(shard):
			return &SizeError{Shard: i, Size: len(shard), Want: len(dst[i]), Multiple: s.multiple, invalid: true}
		}
	}
	// Shards may differ in size from one another here, and each is added to one only.
	for i, shard := range input {
		if alias.Overlap(dst[i], shard) {
			return &OverlapError{Shard: i, Other: i}
		}
	}
	return nil
}

// splitSize returns the size of the shards for so many bytes of data.
func (s *shape) splitSize(data int64) int64 {
	k, multiple := int64(s.data), int64(s.multiple)
	size := (data-1)/k + 1
	return (size + multiple - 1) / multiple * multiple
}
