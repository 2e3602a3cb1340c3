package heal

import (
	"fmt"
	"time"
)

// Report is what healing took and gave.
type Report struct {
	Blobs    int64 // of which something was recovered
	Slivers  int64 // recovered
	Restored int64 // bytes of these slivers

	SymbolBytes   int64 // received: symbols, with the frames they come in
	ProofBytes    int64 // received: proofs of symbols
	MetadataBytes int64 // received: metadata of blobs that the node knew nothing of
	WholeBlob     int64 // bytes that a one-dimensional code would have received: each blob once

	Lies         int64 // symbols proven wrong, or answers that contradict themselves
	Inconsistent int64 // blobs found or learnt to be inconsistent
	Failed       int64 // slivers that could not be recovered now
	Postponed    int64 // of these, slivers that the disk has no room for
	NoRoom       int64 // bytes of those
	leastNoRoom  int64 // bytes of the smallest blob of those

	First   time.Time // when the first sliver was recovered and stored, zero if none was
	Last    time.Time // when the last one was
	Elapsed time.Duration
}

// Ratio returns the bytes of symbols and proofs received for each byte restored, or 0
// if nothing was.
func (r Report) Ratio() float64 {
	if r.Restored == 0 {
		return 0
	}
	return float64(r.SymbolBytes+r.ProofBytes) / float64(r.Restored)
}

// String sums the report up in one line.
func (r Report) String() string {
	room := ""
	if r.Postponed > 0 {
		room = fmt.Sprintf(" (%d for want of room)", r.Postponed)
	}
	return fmt.Sprintf("%d slivers of %d blobs, %d bytes for %d restored (%.2f; whole blobs are %d), metadata %d, %d lies, %d failed%s, in %v",
		r.Slivers, r.Blobs, r.SymbolBytes+r.ProofBytes, r.Restored, r.Ratio(), r.WholeBlob, r.MetadataBytes, r.Lies, r.Failed, room,
		r.Elapsed.Round(time.Millisecond))
}
