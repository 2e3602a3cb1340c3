package rs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Each of these errors matches, under [errors.Is], the one of klauspost/reedsolomon
// that means the same, if there is one, so that error handling written for that
// package keeps working, but for comparisons by == and switch.
var (
	// ErrShardNum is returned when a codec is to have no data shards or no parity shards.
	ErrShardNum error = &sentinel{"rs: there must be at least one data and one parity shard", peerShardNum}
	// ErrTooFewShards is returned when fewer shards are there than are needed, and when
	// a list of shards has the wrong length.
	ErrTooFewShards error = &sentinel{"rs: too few shards", "too few shards given"}
	// ErrNoData is returned when every shard is empty.
	ErrNoData error = &sentinel{"rs: no shard holds data", "no shard data"}
	// ErrShardSize is returned when shards differ in size, or have a size that the
	// variant does not allow. The error is a *[SizeError], which says which, and a
	// *[StreamSizeError] of a [Stream].
	ErrShardSize = errors.New("rs: wrong shard size")
	// ErrShardIndex is returned when the index of a shard is out of range.
	ErrShardIndex error = &sentinel{"rs: shard index out of range", peerShardNum}
	// ErrShortData is returned when Split is given no data, and when Join is given
	// shards that hold less than was asked for.
	ErrShortData error = &sentinel{"rs: not enough data", "not enough data to fill the number of requested shards"}
	// ErrReconstructRequired is returned when Join lacks a data shard.
	ErrReconstructRequired error = &sentinel{"rs: a data shard is missing: reconstruct first", "reconstruction required as one or more required data shards are nil"}
	// ErrReconstructMismatch is returned when [Stream.Reconstruct] is to read a shard and
	// to write it too.
	ErrReconstructMismatch error = &sentinel{"rs: a shard is given both to read and to fill", "valid shards and fill shards are mutually exclusive"}
	// ErrOverlap is returned when memory that is to be written overlaps another shard. The
	// error is an *[OverlapError], which says which, and matches ErrInput too.
	ErrOverlap = errors.New("rs: shards overlap in memory")
	// ErrInput is returned when arguments contradict each other, or when a list has the
	// wrong length.
	ErrInput error = &sentinel{"rs: invalid arguments", "invalid input"}
	// ErrOption is returned when an option has no meaning.
	ErrOption = errors.New("rs: invalid option")
)

// What the other package's errors say, where one of them stands for several of ours
// or ours is a type.
const (
	peerShardNum    = "cannot create Encoder with less than one data shard or less than zero parity shards"
	peerMaxShardNum = "cannot create Encoder with more than 256 data+parity shards"
	peerShardCombo  = "data and parity shard combination not supported by leopard encoder"
	peerSizesDiffer = "shard sizes do not match"
	peerInvalidSize = "invalid shard size"
)

// sentinel is an error that stands also for one of klauspost/reedsolomon's. To
// compare with that one its package would have to be linked, so it is known by what
// it says: an error made by [errors.New], which wraps nothing, of that very text. The
// tests of module compat hold these texts against the package.
type sentinel struct {
	text, peer string
}

func (s *sentinel) Error() string { return s.text }

// Is reports whether target is the other package's error for s.
func (s *sentinel) Is(target error) bool { return isPeer(target, s.peer) }

var plainError = reflect.TypeOf(errors.New(""))

func isPeer(target error, text string) bool {
	return reflect.TypeOf(target) == plainError && target.Error() == text
}

// asPeer sets target, a pointer, to err if it is of the other package's type of that name
// and has the same fields.
func asPeer(err error, target any) bool {
	if v := reflect.ValueOf(target); v.Kind() != reflect.Pointer || v.IsNil() {
		return false
	}
	from, to := reflect.ValueOf(err), reflect.ValueOf(target).Elem()
	if to.Type().Name() != from.Type().Name() || !strings.HasSuffix(to.Type().PkgPath(), peerPackage) || !from.CanConvert(to.Type()) {
		return false
	}
	to.Set(from.Convert(to.Type()))
	return true
}

// peerPackage ends the import path of the other package, also where it is vendored.
const peerPackage = "github.com/klauspost/reedsolomon"

// LimitError reports a shape that GF(2^16) has too few points for.
type LimitError struct {
	Data, Parity int
	Points       int // the points that the shape takes at least
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("rs: %d data and %d parity shards take %d points; the field has %d",
		e.Data, e.Parity, e.Points, 1<<16)
}

// Is reports whether target is klauspost/reedsolomon's error for too many shards, or,
// if there are points enough for the shards as such, its error for shapes whose
// rounding to powers of two takes too many.
func (e *LimitError) Is(target error) bool {
	const limit = 1 << 16
	if e.Data > limit || e.Parity > limit || e.Data+e.Parity > limit {
		return isPeer(target, peerMaxShardNum)
	}
	return isPeer(target, peerShardCombo)
}

// SizeError reports a shard of the wrong size. It matches [ErrShardSize].
type SizeError struct {
	Shard    int // the index of the shard
	Size     int // its size in bytes
	Want     int // the size of the others, or 0
	Multiple int // what the size must be a multiple of

	invalid bool // the other package calls the size invalid, even where sizes differ
}

func (e *SizeError) differs() bool { return e.Want != 0 && e.Size != e.Want }

func (e *SizeError) Error() string {
	if e.differs() {
		return fmt.Sprintf("rs: shard %d has %d bytes where others have %d", e.Shard, e.Size, e.Want)
	}
	return fmt.Sprintf("rs: shard %d has %d bytes; the size must be a multiple of %d", e.Shard, e.Size, e.Multiple)
}

// Is reports whether target is [ErrShardSize], or klauspost/reedsolomon's error for
// sizes that differ or for sizes that are not allowed.
func (e *SizeError) Is(target error) bool {
	if e.differs() && !e.invalid {
		return target == ErrShardSize || isPeer(target, peerSizesDiffer)
	}
	return target == ErrShardSize || isPeer(target, peerInvalidSize)
}

// OverlapError reports memory to be written that overlaps another shard. It matches
// [ErrOverlap] and [ErrInput].
type OverlapError struct {
	Shard int // the index of the shard that is to be written
	Other int // the index of the other shard
}

func (e *OverlapError) Error() string {
	return fmt.Sprintf("rs: the memory of shard %d, which is to be written, overlaps that of shard %d; it must be its own", e.Shard, e.Other)
}

// Is reports whether target is [ErrOverlap], [ErrInput], or what ErrInput stands for.
func (e *OverlapError) Is(target error) bool {
	return target == ErrOverlap || target == ErrInput || errors.Is(ErrInput, target)
}

// StreamSizeError reports a shard of a [Stream] that has another length than most of
// them, or one that the variant does not allow. It matches [ErrShardSize]. Lengths are in
// bytes and those of whole shards, not of a block.
type StreamSizeError struct {
	Shard    int   // the index of the shard, the first one that differs
	Size     int64 // its length
	More     bool  // it was not read to its end: Size is the least it can be
	Want     int64 // the length that most shards have, or 0 if none differs
	WantMore bool  // these were not read to their ends
	Agree    int   // how many shards have that length
	Shards   int   // of so many that were read
	Multiple int   // what the length must be a multiple of
}

func (e *StreamSizeError) differs() bool { return e.Agree != 0 }

func (e *StreamSizeError) Error() string {
	if !e.differs() {
		return fmt.Sprintf("rs: shard %d has %d bytes; the size must be a multiple of %d", e.Shard, e.Size, e.Multiple)
	}
	others, orMore := "the others", map[bool]string{true: " or more"}
	if e.Agree != e.Shards-1 {
		others = fmt.Sprintf("%d of %d", e.Agree, e.Shards)
	}
	if e.Size < e.Want {
		return fmt.Sprintf("rs: shard %d ended after %d bytes where %s have %d%s", e.Shard, e.Size, others, e.Want, orMore[e.WantMore])
	}
	return fmt.Sprintf("rs: shard %d has %d%s bytes where %s ended after %d", e.Shard, e.Size, orMore[e.More], others, e.Want)
}

// Is reports whether target is [ErrShardSize], or klauspost/reedsolomon's error for
// sizes that differ or for sizes that are not allowed.
func (e *StreamSizeError) Is(target error) bool {
	if e.differs() {
		return target == ErrShardSize || isPeer(target, peerSizesDiffer)
	}
	return target == ErrShardSize || isPeer(target, peerInvalidSize)
}
