package rs

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/alias"
	"github.com/redstuff-go/redstuff/internal/bitset"
)

// reconstruct computes the missing ones of the first shards, so many of them: those
// required, or all if required is nil.
func (js *jobs) reconstruct(s *shape, shards [][]byte, first int, required []bool) error {
	n := s.total()
	j := js.pool.Get().(*job)
	defer j.release()
	j.missing, j.required = resize(j.missing, bitset.Words(n)), resize(j.required, bitset.Words(n))
	size, err := s.missing(j.missing, shards)
	if err != nil {
		return err
	}
	j.size, j.shards = size, shards
	clear(j.required)
	if required == nil {
		j.required.AddAll(first)
	}
	for i, r := range required {
		if r {
			j.required.Add(i)
		}
	}
	for i, word := range j.missing {
		j.required[i] &= word
	}
	// In this order: nothing to do is no error, whatever the size, and too few is one
	// even if nothing that is missing is required.
	missing := j.missing.Count(0, n)
	if missing == 0 || first == s.data && j.missing.Count(0, s.data) == 0 {
		return nil
	}
	if there := n - missing; there < s.data {
		return fmt.Errorf("%w: %d of %d are there, %d are needed", ErrTooFewShards, there, n, s.data)
	}
	if err := s.checkMultiple(shards, size); err != nil {
		return err
	}
	if j.required.Count(0, n) == 0 {
		return nil
	}
	j.pattern = js.code.PatternOf(j.missing, j.required)
	j.sources = j.pattern.Sources(&j.list, shards)
	if err := j.checkInPlace(shards, size); err != nil {
		return err
	}
	direct := j.pattern.Sums()
	j.wanted = resize(j.wanted, n)
	for _, i := range j.pattern.Targets() {
		shards[i] = resize(shards[i], size)
		if direct || i < s.data {
			j.wanted[i] = shards[i]
		}
	}
	// Parity that is not restored directly is encoded, from all of the data.
	if !direct && j.required.Count(s.data, n) > 0 {
		j.some = resize(j.some, s.parity)
		for i := range j.some {
			j.some[i] = nil
			if j.required.Has(s.data + i) {
				j.some[i] = shards[s.data+i]
			}
		}
		j.parity = j.some
		j.data = append(j.data[:0], shards[:s.data]...)
		for _, i := range j.pattern.Lost() {
			if len(j.data[i]) == 0 {
				j.data[i] = make([]byte, size)
				j.wanted[i] = j.data[i]
			}
		}
		j.shards = j.data
	}
	j.run(j.reconstructStrip)
	return nil
}

// checkInPlace reports missing shards that would be written in place, to memory that
// overlaps another shard.
func (j *job) checkInPlace(shards [][]byte, size int) error {
	if alias.Ascending(shards, size) {
		return nil
	}
	inPlace := func(target int) bool { return cap(shards[target]) >= size }
	for _, target := range j.pattern.Targets() {
		if inPlace(target) {
			j.inPlace = append(j.inPlace, shards[target][:size])
		}
	}
	out, other, found := alias.FindOverlap(j.inPlace, shards, size)
	if !found {
		return nil
	}
	// index returns which target is the i-th in place.
	index := func(i int) int {
		for _, target := range j.pattern.Targets() {
			if inPlace(target) {
				if i == 0 {
					return target
				}
				i--
			}
		}
		return -1
	}
	if n := len(j.inPlace); other < n {
		other = index(other)
	} else {
		other -= n
	}
	return &OverlapError{Shard: index(out), Other: other}
}

// resize returns a slice of n elements in the memory of s if it has room.
func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n)
}
