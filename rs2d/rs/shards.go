package rs

import "fmt"

// Encode computes the parity shards from the data shards. shards has the data
// shards, then the parity shards; all have one size, which must not be zero and is
// a multiple of [Codec.ShardSizeMultiple]. No two shards overlap.
func (c *Codec) Encode(shards [][]byte) error {
	size, err := c.checkWhole(shards)
	if err != nil {
		return err
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
	return c.reconstruct(shards, false, func(int) bool { return true })
}

// ReconstructData computes the missing data shards only.
func (c *Codec) ReconstructData(shards [][]byte) error {
	return c.reconstruct(shards, true, func(i int) bool { return i < c.k })
}

// ReconstructSome computes the missing ones of the required shards. required has an
// entry for every shard, or for the data shards only.
func (c *Codec) ReconstructSome(shards [][]byte, required []bool) error {
	if len(required) != c.TotalShards() && len(required) != c.k {
		return fmt.Errorf("%w: %d entries say what is required; want %d, or %d for the data shards", ErrInput, len(required), c.TotalShards(), c.k)
	}
	return c.reconstruct(shards, len(required) == c.k, func(i int) bool { return i < len(required) && required[i] })
}

func (c *Codec) reconstruct(shards [][]byte, dataOnly bool, required func(i int) bool) error {
	size, err := c.checkShards(shards, true)
	if err != nil {
		return err
	}
	n := c.TotalShards()
	j := c.newJob(shards, size)
	defer j.release()
	j.present, j.required = resize(j.present, n), resize(j.required, n)
	j.wanted, j.parity = resize(j.wanted, n), j.parity[:0]
	missing, there, data := 0, 0, 0
	for i, shard := range shards {
		j.present[i] = len(shard) > 0
		j.required[i] = !j.present[i] && required(i)
		if j.required[i] {
			missing++
		}
		if j.present[i] {
			there++
			if i < c.k {
				data++
			}
		}
	}
	// In this order: nothing to do is no error, whatever the size, and too few is one
	// even if nothing that is missing is required.
	if there == n || dataOnly && data == c.k {
		return nil
	}
	if there < c.k {
		return fmt.Errorf("%w: %d of %d are there, %d are needed", ErrTooFewShards, there, n, c.k)
	}
	if err := c.checkMultiple(shards, size); err != nil {
		return err
	}
	if missing == 0 {
		return nil
	}
	if j.pattern, err = c.Pattern(j.present, j.required); err != nil {
		return err
	}
	j.sources = j.pattern.Sources(&j.list, shards)
	direct := j.pattern.sums != nil
	for _, i := range j.pattern.targets {
		shards[i] = resize(shards[i], size)
		if direct || i < c.k {
			j.wanted[i] = shards[i]
		}
	}
	// Parity that is not restored directly is encoded, from all of the data.
	if !direct && count(j.required[c.k:], true) > 0 {
		j.parity = resize(j.parity, c.m)
		for i := range j.parity {
			j.parity[i] = nil
			if j.required[c.k+i] {
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
// are there; shards[index] is not read. For a single shard this is the cheapest way.
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
	for i, shard := range shards {
		if len(shard) != size && (len(shard) > 0 || !someMissing) {
			return 0, &SizeError{Shard: i, Size: len(shard), Want: size, Multiple: c.ShardSizeMultiple()}
		}
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

func count(list []bool, value bool) (n int) {
	for _, v := range list {
		if v == value {
			n++
		}
	}
	return n
}
