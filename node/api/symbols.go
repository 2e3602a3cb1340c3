package api

import (
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// SymbolRequest asks a node for the symbols where target slivers of a blob cross
// slivers of the other axis that the node has.
//
// For each source, in any order, comes one FrameSymbols, or a FrameError for one that
// the node has not. A FrameSymbols holds, for each target in the order of the
// request, the symbol and, with proofs, its path in the source sliver's tree,
// TreeDepth(n) hashes.
type SymbolRequest struct {
	Blob    commit.BlobID
	Axis    rs2d.Axis // of the targets
	Proofs  bool
	Targets []uint16 // indices of slivers, rows or columns
	Sources []uint16 // sliver pairs
}

const flagProofs = 1

// AppendRequests appends the requests' bytes: their number in 32 bits, and of each
// the blob id, axis and flags in one byte each, and the targets and sources, each as
// a number in 16 bits and as many of 16 bits. All are little-endian.
func AppendRequests(dst []byte, requests []SymbolRequest) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(requests)))
	for _, r := range requests {
		dst = append(dst, r.Blob[:]...)
		flags := byte(0)
		if r.Proofs {
			flags |= flagProofs
		}
		dst = append(dst, byte(r.Axis), flags)
		for _, list := range [][]uint16{r.Targets, r.Sources} {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(len(list)))
			for _, v := range list {
				dst = binary.LittleEndian.AppendUint16(dst, v)
			}
		}
	}
	return dst
}

// ParseRequests reads what AppendRequests writes, for a code of n shards, and nothing
// else: indices are below n, each at most once in its list, and no more symbols are
// asked for than MaxSymbols. The error wraps ErrMalformed.
func ParseRequests(data []byte, n int) ([]SymbolRequest, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: no number of requests", ErrMalformed)
	}
	count := binary.LittleEndian.Uint32(data)
	data = data[4:]
	const least = commit.HashSize + 2 + 2 + 2
	if count > MaxItems || int(count)*least > len(data) {
		return nil, fmt.Errorf("%w: %d requests", ErrMalformed, count)
	}
	requests := make([]SymbolRequest, count)
	symbols := 0
	seen := make([]bool, n)
	for i := range requests {
		r := &requests[i]
		if len(data) < least-4 {
			return nil, fmt.Errorf("%w: request %d is cut off", ErrMalformed, i)
		}
		r.Blob = commit.BlobID(data[:commit.HashSize])
		r.Axis = rs2d.Axis(data[commit.HashSize])
		flags := data[commit.HashSize+1]
		data = data[commit.HashSize+2:]
		if r.Axis > rs2d.Secondary || flags > flagProofs {
			return nil, fmt.Errorf("%w: axis or flags of request %d", ErrMalformed, i)
		}
		r.Proofs = flags&flagProofs != 0
		for _, list := range []*[]uint16{&r.Targets, &r.Sources} {
			var err error
			if *list, data, err = parseIndices(data, seen); err != nil {
				return nil, fmt.Errorf("%w: request %d: %w", ErrMalformed, i, err)
			}
		}
		if symbols += len(r.Targets) * len(r.Sources); symbols > MaxSymbols {
			return nil, fmt.Errorf("%w: more than %d symbols asked for", ErrMalformed, MaxSymbols)
		}
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last request", ErrMalformed, len(data))
	}
	return requests, nil
}

// symbolBytes returns the bytes of one symbol in a FrameSymbols.
func symbolBytes(size, depth int, proofs bool) int {
	if proofs {
		return size + depth*commit.HashSize
	}
	return size
}

// SymbolsLength returns the length of the FrameSymbols that answers a request for
// that many targets, of symbols of size bytes in trees of n leaves.
func SymbolsLength(targets, size, n int, proofs bool) int {
	return targets * symbolBytes(size, commit.TreeDepth(n), proofs)
}

// ParseSymbols cuts a FrameSymbols into the symbols of source sliver and targets. They
// borrow from body. The error wraps ErrMalformed.
func ParseSymbols(body []byte, r *SymbolRequest, pair, size, n int) ([]rs2d.Symbol, error) {
	if len(body) != SymbolsLength(len(r.Targets), size, n, r.Proofs) {
		return nil, fmt.Errorf("%w: %d bytes for %d symbols", ErrMalformed, len(body), len(r.Targets))
	}
	depth := commit.TreeDepth(n)
	primary, secondary := rs2d.PairSlivers(pair, n)
	symbols := make([]rs2d.Symbol, len(r.Targets))
	for i, target := range r.Targets {
		s := &symbols[i]
		if r.Axis == rs2d.Secondary {
			s.Row, s.Col = primary.Index, int(target)
		} else {
			s.Row, s.Col = int(target), secondary.Index
		}
		s.Data, body = body[:size:size], body[size:]
		if !r.Proofs {
			continue
		}
		s.ProofAxis = r.Axis.Other()
		s.Proof = make(commit.Proof, depth)
		for j := range s.Proof {
			s.Proof[j] = commit.Hash(body)
			body = body[commit.HashSize:]
		}
	}
	return symbols, nil
}

// AppendSymbol appends one symbol of a FrameSymbols, with its proof if that is not
// nil.
func AppendSymbol(dst []byte, s rs2d.Symbol) []byte {
	dst = append(dst, s.Data...)
	for _, h := range s.Proof {
		dst = append(dst, h[:]...)
	}
	return dst
}
