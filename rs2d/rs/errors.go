package rs

import (
	"errors"
	"fmt"
)

var (
	// ErrShardNum is returned for a codec without data shards or without parity
	// shards.
	ErrShardNum = errors.New("rs: there must be at least one data and one parity shard")
	// ErrTooFewShards is returned when fewer shards are there than are needed.
	ErrTooFewShards = errors.New("rs: too few shards")
	// ErrNoData is returned when every shard is empty.
	ErrNoData = errors.New("rs: no shard holds data")
	// ErrShardSize is returned when shards differ in size, or have a size that the
	// variant does not allow.
	ErrShardSize = errors.New("rs: wrong shard size")
	// ErrShardIndex is returned for a shard index out of range.
	ErrShardIndex = errors.New("rs: shard index out of range")
	// ErrShortData is returned by Split for no data, and by Join when the shards
	// hold less than was asked for.
	ErrShortData = errors.New("rs: not enough data")
	// ErrReconstructRequired is returned by Join when a data shard is missing.
	ErrReconstructRequired = errors.New("rs: a data shard is missing: reconstruct first")
	// ErrOption is returned for an option without meaning.
	ErrOption = errors.New("rs: invalid option")
)

// LimitError reports a shape that GF(2^16) has too few points for.
type LimitError struct {
	Data, Parity int
	Points       int // the points the shape takes
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("rs: %d data and %d parity shards take %d points; the field has %d",
		e.Data, e.Parity, e.Points, 1<<16)
}

// SizeError reports a shard of the wrong size. It matches [ErrShardSize].
type SizeError struct {
	Shard    int // the index of the shard
	Size     int // its size in bytes
	Want     int // the size of the others, or 0
	Multiple int // what the size must be a multiple of
}

func (e *SizeError) Error() string {
	if e.Want != 0 && e.Size != e.Want {
		return fmt.Sprintf("rs: shard %d has %d bytes where others have %d", e.Shard, e.Size, e.Want)
	}
	return fmt.Sprintf("rs: shard %d has %d bytes; the size must be a multiple of %d", e.Shard, e.Size, e.Multiple)
}

// Is reports whether target is [ErrShardSize].
func (e *SizeError) Is(target error) bool { return target == ErrShardSize }
