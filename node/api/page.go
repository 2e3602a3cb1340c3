package api

import (
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// SliverRequest asks a node for slivers of a blob, by their pairs: of shards that the node
// has, or had before they moved to who asks.
//
// A page of such requests is answered with a stream of frames, in the order of the
// requests. Item says for which of them a frame is. For each comes the metadata first, if
// it is wanted, then the primary slivers, then the secondary ones; or a FrameError for what
// the node has not. The stream ends before all is sent when it is longer than MaxPage: what
// has not come is to be asked for again.
type SliverRequest struct {
	Blob      commit.BlobID
	Metadata  bool // is wanted, too
	Primary   []uint16
	Secondary []uint16
}

// MaxPage is how many bytes of an answer to a page of SliverRequests come before it ends
// with what it is at.
const MaxPage = 64 << 20

const flagMetadata = 1

// AppendSliverRequests appends the requests' bytes: their number in 32 bits, and of each the
// blob id, flags in one byte, and the primary and secondary pairs, each as a number in 16
// bits and as many of 16 bits. All are little-endian.
func AppendSliverRequests(dst []byte, requests []SliverRequest) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(requests)))
	for _, r := range requests {
		dst = append(dst, r.Blob[:]...)
		flags := byte(0)
		if r.Metadata {
			flags |= flagMetadata
		}
		dst = append(dst, flags)
		for _, list := range [][]uint16{r.Primary, r.Secondary} {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(len(list)))
			for _, v := range list {
				dst = binary.LittleEndian.AppendUint16(dst, v)
			}
		}
	}
	return dst
}

// ParseSliverRequests reads what AppendSliverRequests writes, for a code of n shards, and
// nothing else: pairs are below n, each at most once in its list. The error wraps
// ErrMalformed.
func ParseSliverRequests(data []byte, n int) ([]SliverRequest, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: no number of requests", ErrMalformed)
	}
	count := binary.LittleEndian.Uint32(data)
	data = data[4:]
	const least = commit.HashSize + 1 + 2 + 2
	if count > MaxItems || int(count)*least > len(data) {
		return nil, fmt.Errorf("%w: %d requests", ErrMalformed, count)
	}
	requests := make([]SliverRequest, count)
	seen := make([]bool, n)
	for i := range requests {
		r := &requests[i]
		if len(data) < commit.HashSize+1 {
			return nil, fmt.Errorf("%w: request %d is cut off", ErrMalformed, i)
		}
		r.Blob = commit.BlobID(data[:commit.HashSize])
		flags := data[commit.HashSize]
		data = data[commit.HashSize+1:]
		if flags > flagMetadata {
			return nil, fmt.Errorf("%w: flags of request %d", ErrMalformed, i)
		}
		r.Metadata = flags&flagMetadata != 0
		for _, list := range []*[]uint16{&r.Primary, &r.Secondary} {
			var err error
			if *list, data, err = parseIndices(data, seen); err != nil {
				return nil, fmt.Errorf("%w: request %d: %w", ErrMalformed, i, err)
			}
		}
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last request", ErrMalformed, len(data))
	}
	return requests, nil
}

// parseIndices reads a list of indices of seen, each at most once. It returns what comes
// behind it.
func parseIndices(data []byte, seen []bool) (list []uint16, rest []byte, err error) {
	if len(data) < 2 || len(data)-2 < 2*int(binary.LittleEndian.Uint16(data)) {
		return nil, nil, fmt.Errorf("it is cut off")
	}
	list = make([]uint16, binary.LittleEndian.Uint16(data))
	data = data[2:]
	clear(seen)
	for i := range list {
		v := binary.LittleEndian.Uint16(data)
		if int(v) >= len(seen) || seen[v] {
			return nil, nil, fmt.Errorf("index %d", v)
		}
		seen[v] = true
		list[i], data = v, data[2:]
	}
	return list, data, nil
}
