package rs2d

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNil is returned when an argument that is needed is nil. The error that wraps it
	// says of which type.
	ErrNil = errors.New("rs2d: nil")
	// ErrIndex is returned when the index of a sliver or symbol is outside the code.
	ErrIndex = errors.New("index is outside the code")
	// ErrAxis is returned when a sliver is neither primary nor secondary.
	ErrAxis = errors.New("axis is neither primary nor secondary")
	// ErrSize is returned when a sliver or symbol has not the length that follows from the
	// length of the blob.
	ErrSize = errors.New("wrong length")
	// ErrRoot is returned when a sliver is not the one that the metadata commits to.
	ErrRoot = errors.New("root is not the metadata's")
	// ErrNoProof is returned when a symbol has no proof where one is needed.
	ErrNoProof = errors.New("no proof")
	// ErrElsewhere is returned when a symbol does not lie on the sliver that it was given
	// for.
	ErrElsewhere = errors.New("symbol lies elsewhere")
	// ErrDuplicate is returned when two symbols of a proof stand at the same place.
	ErrDuplicate = errors.New("place is taken twice")
	// ErrOverlap is returned when a sliver or symbol lies in the memory that the result is
	// to be written to.
	ErrOverlap = errors.New("overlaps the memory of the result")
	// ErrOption is returned when an option has no meaning. The error that wraps it says why.
	ErrOption = errors.New("rs2d: invalid option")
	// ErrCheck is returned when a value that is given as a [Check] is none.
	ErrCheck = errors.New("rs2d: unknown check")
	// ErrMalformed is returned when bytes are not the one canonical form of what they are
	// parsed as.
	// The error that wraps it names the offset and what was expected there.
	ErrMalformed = errors.New("rs2d: malformed encoding")
	// ErrNotInconsistent is returned when a proof of inconsistency holds together but shows
	// nothing, because the blob agrees with it.
	ErrNotInconsistent = errors.New("rs2d: the proof agrees with the metadata")
	// ErrSymbolCount is returned when a proof of inconsistency has not as many symbols as
	// its kind takes.
	ErrSymbolCount = errors.New("rs2d: wrong number of symbols in the proof")
	// ErrChanged is returned when slivers, or a blob, give different results as they are read
	// again. Someone writes to them while they are in use.
	ErrChanged = errors.New("rs2d: slivers, metadata or the blob changed during the call")
)

// ShardsError reports metadata of a number of shards that is not the code's.
type ShardsError struct {
	Metadata, Code int
}

func (e *ShardsError) Error() string {
	return fmt.Sprintf("rs2d: metadata of %d shards, code of %d", e.Metadata, e.Code)
}

// SliverError says why a sliver was refused. It wraps [ErrIndex], [ErrAxis],
// [ErrSize], [ErrRoot] or [ErrOverlap].
type SliverError struct {
	Ref SliverRef
	Err error
}

func (e *SliverError) Error() string { return fmt.Sprintf("rs2d: %v: %v", e.Ref, e.Err) }

func (e *SliverError) Unwrap() error { return e.Err }

// SymbolError says why a symbol was refused. It wraps [ErrIndex], [ErrAxis],
// [ErrSize], [ErrNoProof], [ErrElsewhere], [ErrDuplicate], [ErrOverlap] or a
// *commit.ProofError.
type SymbolError struct {
	Row, Col int
	Err      error
}

func (e *SymbolError) Error() string {
	return fmt.Sprintf("rs2d: symbol at row %d, column %d: %v", e.Row, e.Col, e.Err)
}

func (e *SymbolError) Unwrap() error { return e.Err }

// NotEnoughError reports that the slivers do not determine the blob. Rows known to
// be zero from the blob's length count as primary slivers at hand.
type NotEnoughError struct {
	HavePrimary, NeedPrimary     int
	HaveSecondary, NeedSecondary int
	Rejected                     []error // a *SliverError for each sliver that was refused
}

func (e *NotEnoughError) Error() string {
	return fmt.Sprintf("rs2d: not enough slivers: %d of %d primary, %d of %d secondary%s",
		e.HavePrimary, e.NeedPrimary, e.HaveSecondary, e.NeedSecondary, rejections(e.Rejected))
}

func (e *NotEnoughError) Unwrap() []error { return e.Rejected }

// InconsistentError reports that the metadata commits to no blob: whoever encoded it
// broke the rules. Every honest reader refuses such a blob, and the proof convinces
// others who have the metadata.
type InconsistentError struct {
	Proof *InconsistencyProof
}

func (e *InconsistentError) Error() string {
	return fmt.Sprintf("rs2d: the blob is inconsistently encoded, as %v shows", e.Proof.Target)
}

// RecoverError reports that the symbols do not determine the sliver.
type RecoverError struct {
	Want       SliverRef
	Have, Need int
	Rejected   []error // a *SymbolError for each symbol that was refused
}

func (e *RecoverError) Error() string {
	return fmt.Sprintf("rs2d: %v: %d of %d symbols%s", e.Want, e.Have, e.Need, rejections(e.Rejected))
}

func (e *RecoverError) Unwrap() []error { return e.Rejected }

// ProofsNeededError reports that some symbol is wrong, and that those without a
// proof stand in the way of telling which. Asked for again with proofs, they can be
// judged.
type ProofsNeededError struct {
	Want     SliverRef
	Sources  []SliverRef // where the symbols without proofs came from
	Rejected []error     // a *SymbolError for each symbol that was refused
}

func (e *ProofsNeededError) Error() string {
	return fmt.Sprintf("rs2d: %v: some symbol is wrong, and proofs are needed of %d to tell which%s",
		e.Want, len(e.Sources), rejections(e.Rejected))
}

func (e *ProofsNeededError) Unwrap() []error { return e.Rejected }

// RangeError reports a range that is not within the blob. All are bytes.
type RangeError struct {
	Off, Len, Blob uint64
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("rs2d: range of %d bytes at %d in a blob of %d", e.Len, e.Off, e.Blob)
}

// MissingError reports slivers without which a range cannot be read.
type MissingError struct {
	Missing  []SliverRef
	Rejected []error // a *SliverError for each sliver that was refused
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("rs2d: %v and %d more are missing%s", e.Missing[0], len(e.Missing)-1, rejections(e.Rejected))
}

func (e *MissingError) Unwrap() []error { return e.Rejected }

// rejections tells of the first few errors.
func rejections(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "; %d refused: ", len(errs))
	for i, err := range errs[:min(3, len(errs))] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimPrefix(err.Error(), "rs2d: "))
	}
	if len(errs) > 3 {
		b.WriteString("; …")
	}
	return b.String()
}
