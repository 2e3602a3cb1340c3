package rs

import (
	"fmt"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/alias"
)

// Encode computes the parity shards from the data shards. shards has the data
// shards, then the parity shards; all have one size, which must not be zero and is
// a multiple of [Codec.ShardSizeMultiple]. No two shards may overlap, which is not checked:
// it would take as long as encoding small ones.
func (c *Codec) Encode(shards [][]byte) error {
	size, err := c.checkWhole(shards)
	if err != nil {
		return err
	}
	if c.few && len(shards)*size < 2*minShare && size%gf.BlockSize == 0 {
		// A call this short pays for nothing but its work.
		c.engine.EncodeFew(shards[c.k:], shards[:c.k], 0, size, nil)
		return nil
	}
	j := c.newJob(shards, size)
	defer j.release()
	j.parity = append(j.parity[:0], shards[c.k:]...)
	j.run(j.encodeStrip)
	return nil
}

// Verify reports whether the parity shards are those of the data shards. It changes
// nothing.
func (c *Codec) Verify(shards [][]byte) (bool, error) {
	size, err := c.checkWhole(shards)
	if err != nil {
		return false, err
	}
	j := c.newJob(shards, size)
	defer j.release()
	j.differs.Store(false)
	j.run(j.verifyStrip)
	return !j.differs.Load(), nil
}

// Reconstruct computes all missing shards: those of length zero. A missing shard
// whose capacity suffices is written in place, others are allocated. At least
// DataShards shards must be there; they are taken to be right.
func (c *Codec) Reconstruct(shards [][]byte) error {
	return c.reconstruct(shards, c.TotalShards(), nil)
}

// ReconstructData computes the missing data shards only.
func (c *Codec) ReconstructData(shards [][]byte) error {
	return c.reconstruct(shards, c.k, nil)
}

// ReconstructSome computes the missing ones of the required shards. required has an
// entry for every shard, or for the data shards only.
func (c *Codec) ReconstructSome(shards [][]byte, required []bool) error {
	if len(required) != c.TotalShards() && len(required) != c.k {
		return fmt.Errorf("%w: %d entries say what is required; want %d, or %d for the data shards", ErrInput, len(required), c.TotalShards(), c.k)
	}
	return c.reconstruct(shards, len(required), required)
}

// reconstruct computes the missing ones of the first shards, so many of them: those
// required, or all if required is nil.
func (c *Codec) reconstruct(shards [][]byte, first int, required []bool) error {
	n := c.TotalShards()
	j := c.pool.Get().(*job)
	defer j.release()
	j.missing, j.required = resize(j.missing, words(n)), resize(j.required, words(n))
	size, err := c.checkMissing(j.missing, shards)
	if err != nil {
		return err
	}
	j.size, j.shards = size, shards
	clear(j.required)
	if required == nil {
		j.required.addAll(first)
	}
	for i, r := range required {
		if r {
			j.required.add(i)
		}
	}
	for i, word := range j.missing {
		j.required[i] &= word
	}
	// In this order: nothing to do is no error, whatever the size, and too few is one
	// even if nothing that is missing is required.
	if missing := j.missing.count(0, n); missing == 0 || first == c.k && j.missing.count(0, c.k) == 0 {
		return nil
	}
	if err := c.checkEnough(j.missing); err != nil {
		return err
	}
	if err := c.checkMultiple(shards, size); err != nil {
		return err
	}
	if j.required.count(0, n) == 0 {
		return nil
	}
	j.pattern = c.patterns.get(c, j.missing, j.required)
	j.sources = j.pattern.Sources(&j.list, shards)
	direct := j.pattern.sums != nil
	j.wanted, j.parity = resize(j.wanted, n), j.parity[:0]
	for _, i := range j.pattern.targets {
		shards[i] = resize(shards[i], size)
		if direct || i < c.k {
			j.wanted[i] = shards[i]
		}
	}
	// Parity that is not restored directly is encoded, from all of the data.
	if !direct && j.required.count(c.k, n) > 0 {
		j.parity = resize(j.parity, c.m)
		for i := range j.parity {
			j.parity[i] = nil
			if j.required.has(c.k + i) {
				j.parity[i] = shards[c.k+i]
			}
		}
		j.data = append(j.data[:0], shards[:c.k]...)
		for _, i := range j.pattern.lost {
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

// Shard computes one shard, present or not, into dst, from DataShards others that
// are there; shards[index] is not read. For a single shard this is the cheapest way. The
// error matches [ErrInput] if dst overlaps another shard, [ErrShardIndex] if there is no
// such shard, or is one of [Codec.Reconstruct].
func (c *Codec) Shard(dst []byte, shards [][]byte, index int) error {
	if index < 0 || index >= c.TotalShards() {
		return fmt.Errorf("%w: %d of %d", ErrShardIndex, index, c.TotalShards())
	}
	size, err := c.checkShards(shards, true)
	if err != nil {
		return err
	}
	if len(dst) != size {
		return &SizeError{Shard: index, Size: len(dst), Want: size, Multiple: c.ShardSizeMultiple()}
	}
	for i, shard := range shards {
		if i != index && alias.Overlap(dst, shard) {
			return fmt.Errorf("%w: shard %d overlaps the memory for shard %d", ErrInput, i, index)
		}
	}
	others := append([][]byte(nil), shards...)
	others[index] = dst[:0:len(dst)]
	required := make([]bool, len(shards))
	required[index] = true
	return c.ReconstructSome(others, required)
}

// checkWhole returns the size of the shards, all of which must be there.
func (c *Codec) checkWhole(shards [][]byte) (size int, err error) {
	if size, err = c.checkShards(shards, false); err != nil {
		return 0, err
	}
	return size, c.checkMultiple(shards, size)
}

// checkShards returns the size of the shards that are there: of all unless some may
// be missing.
func (c *Codec) checkShards(shards [][]byte, someMissing bool) (size int, err error) {
	if len(shards) != c.TotalShards() {
		return 0, fmt.Errorf("%w: got %d, want %d", ErrTooFewShards, len(shards), c.TotalShards())
	}
	return c.commonSize(shards, someMissing)
}

// commonSize returns the one size that the shards have, those of size zero excepted
// if some may be missing.
func (c *Codec) commonSize(shards [][]byte, someMissing bool) (size int, err error) {
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
			return 0, &SizeError{Shard: i, Size: len(shard), Want: size, Multiple: c.ShardSizeMultiple()}
		}
	}
	return size, nil
}

// checkMissing returns the size of the shards that are there, and fills in the set of
// those that are not.
func (c *Codec) checkMissing(missing bitset, shards [][]byte) (size int, err error) {
	if len(shards) != c.TotalShards() {
		return c.checkShards(shards, true)
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
		return c.checkShards(shards, true)
	}
	return size, nil
}

// checkMultiple checks that shards of the size are allowed.
func (c *Codec) checkMultiple(shards [][]byte, size int) error {
	multiple := c.ShardSizeMultiple()
	if size%multiple == 0 {
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

// resize returns a slice of n elements in the memory of s if it has room.
func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n)
}
