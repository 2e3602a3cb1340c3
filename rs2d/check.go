package rs2d

// Check says what Decode makes sure of before it returns a blob.
//
// # Who agrees with whom
//
// Whoever encodes a blob may cheat: commit to slivers that are not those of any
// blob, so that readers who use different ones decode different bytes. What follows
// takes for granted that nobody finds two inputs of one hash.
//
// A strict reader returns B only if encoding B gives exactly the metadata. Two such
// readers return the same: equal roots are equal leaves, so equal symbols, so equal
// matrices, and the length, which both take from the metadata, cuts the same bytes
// off. And if one returns B, every other one does that has enough right slivers: if
// the metadata is that of B then a sliver with its root has the symbols of B, and
// slivers of either axis with these decode to B. So the outcome does not depend on
// which slivers a reader has, or of which axis. Bytes past the end need no rule of
// their own: the encoder fills them with zeros, so metadata of another filling is
// that of no blob.
//
// A systematic reader returns B only if the first P rows of the matrix, zero padded,
// have the metadata's roots. They hold all of B, so two such readers who return
// anything return the same, and return what a strict reader does if he returns
// anything. But where a strict reader finds a blob inconsistent, a systematic one
// may return bytes or an error, depending on the slivers.
type Check uint8

const (
	// CheckStrict encodes the blob again and compares all roots. It is the default.
	CheckStrict Check = iota
	// CheckSystematic compares the roots of the primary slivers that hold the blob.
	// It is Walrus's default, and takes a third of the time.
	CheckSystematic
	// CheckNone takes the slivers to be right: wrong ones give a wrong blob, without
	// any error. It is for slivers that were verified, of a blob known to be
	// consistent.
	CheckNone
)
