package coded

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

var (
	// ErrMalformed is returned for bytes that are no record and no parts.
	ErrMalformed = errors.New("coded: malformed")
	// ErrProof is returned for parts or roots that their proof does not lead to the root.
	ErrProof = errors.New("coded: wrong proof")
	// ErrTooFew is returned when fewer parts are there than it takes to decode.
	ErrTooFew = errors.New("coded: too few parts")
	// ErrMismatch is returned when parts make no metadata of the blob.
	ErrMismatch = errors.New("coded: parts are not of the blob's metadata")
)

// lengthSize is how many bytes of the message say how long the blob is.
const lengthSize = 8

// domain begins the message of a part's leaf.
const domain = "redstuff v1 meta"

// Code makes parts of metadata, and metadata of parts, for one number of shards and one
// scheme. It is immutable and safe for concurrent use.
type Code struct {
	n      int
	need   int // parts
	size   int // of a part, bytes
	hasher *commit.Hasher
	code   *rs.Codec
}

// New returns the code for n shards and the hasher's scheme. The error is a
// *commit.ShardCountError, or commit.ErrNil if there is no hasher.
func New(n int, hasher *commit.Hasher) (*Code, error) {
	params, err := commit.NewParams(n)
	if err != nil {
		return nil, err
	}
	if hasher == nil {
		return nil, fmt.Errorf("%w *Hasher", commit.ErrNil)
	}
	need := params.F + 1
	code, err := rs.New(need, n-need, rs.WithVariant(rs.RS2), rs.WithWorkers(1))
	if err != nil {
		return nil, fmt.Errorf("coded: %w", err)
	}
	return &Code{n: n, need: need, size: PartSize(n), hasher: hasher, code: code}, nil
}

// PartSize returns the length of a part in bytes, for n shards: the same for all parts of
// all blobs, 192 for 1000 shards.
func PartSize(n int) int {
	need := (n-1)/3 + 1
	size := (messageSize(n) + need - 1) / need
	return size + size%2
}

// messageSize returns the length of what is encoded.
func messageSize(n int) int { return lengthSize + 2*commit.HashSize*n }

// Need returns how many parts it takes to decode, f+1.
func (c *Code) Need() int { return c.need }

// List is metadata with all parts of it. It is immutable and safe for concurrent use.
type List struct {
	code  *Code
	meta  *commit.Metadata
	pairs *commit.Tree // over the sliver pairs' roots, which leads to the blob id
	parts *commit.Tree
	memo  []byte // the parts, each behind the domain
}

// Encode makes the parts of metadata, which must not change afterwards. The error is that of
// the metadata's ID, or ErrMismatch for metadata of another number of shards.
func (c *Code) Encode(meta *commit.Metadata) (*List, error) {
	if _, err := meta.ID(c.hasher); err != nil {
		return nil, err
	}
	if meta.Shards() != c.n {
		return nil, fmt.Errorf("%w: it is of %d shards, and not of %d", ErrMismatch, meta.Shards(), c.n)
	}
	l := &List{code: c, meta: meta}
	message := make([]byte, 0, c.need*c.size)
	message = binary.LittleEndian.AppendUint64(message, meta.Length)
	for p := range c.n {
		primary, secondary := meta.Pair(p)
		message = append(append(message, primary[:]...), secondary[:]...)
	}
	leaves := make([]byte, c.n*commit.HashSize)
	c.hasher.PairLeaves(leaves, message[lengthSize:], c.n)
	l.pairs = c.hasher.NewTree(hashes(leaves))

	message = message[:cap(message)]
	stride := len(domain) + c.size
	l.memo = make([]byte, c.n*stride)
	shards := make([][]byte, c.n)
	for p := range shards {
		at := l.memo[p*stride:][:stride:stride]
		copy(at, domain)
		if shards[p] = at[len(domain):]; p < c.need {
			copy(shards[p], message[p*c.size:])
		}
	}
	if err := c.code.Encode(shards); err != nil {
		return nil, fmt.Errorf("coded: %w", err)
	}
	c.hasher.Leaves(leaves, commit.HashSize, l.memo, stride, stride, c.n)
	l.parts = c.hasher.NewTree(hashes(leaves))
	return l, nil
}

// hashes cuts bytes into hashes.
func hashes(data []byte) []commit.Hash {
	list := make([]commit.Hash, len(data)/commit.HashSize)
	for i := range list {
		list[i] = commit.Hash(data[i*commit.HashSize:])
	}
	return list
}

// Root returns the root of the tree over the parts.
func (l *List) Root() commit.Hash { return l.parts.Root() }

// Part returns the part of a pair, which must not be changed. It panics if there is none.
func (l *List) Part(pair int) []byte {
	stride := len(domain) + l.code.size
	return l.memo[pair*stride+len(domain):][:l.code.size:l.code.size]
}

// Parts returns parts by their pairs, which ascend. It panics if they do not, or if there is no such pair.
func (l *List) Parts(pairs []int, proven bool) *Parts {
	p := &Parts{Root: l.Root(), Pairs: pairs, Data: make([][]byte, len(pairs))}
	for i, pair := range pairs {
		p.Data[i] = l.Part(pair)
	}
	if proven {
		p.Proof = open(l.parts, pairs)
	}
	return p
}

// Record returns what the node keeps that has the pairs, which ascend. It panics if they do
// not, or if there is no such pair.
func (l *List) Record(pairs []int) *Record {
	r := &Record{
		Length: l.meta.Length, Root: l.pairs.Root(), Proof: open(l.pairs, pairs), Parts: *l.Parts(pairs, true),
		Primary: make([]commit.Hash, len(pairs)), Secondary: make([]commit.Hash, len(pairs)),
	}
	for i, pair := range pairs {
		r.Primary[i], r.Secondary[i] = l.meta.Pair(pair)
	}
	return r
}

// Decode makes a blob's metadata of parts, by pair. Others than those that it takes are
// ignored. It is the metadata of the blob if there is no error, whatever the parts are. The
// error is ErrTooFew or ErrMismatch.
func (c *Code) Decode(id commit.BlobID, parts map[int][]byte) (*commit.Metadata, error) {
	shards := make([][]byte, c.n)
	have := 0
	for p := 0; p < c.n && have < c.need; p++ { // those that need no decoding first
		if part := parts[p]; part != nil {
			if len(part) != c.size {
				return nil, fmt.Errorf("%w: part %d has %d bytes, and not %d", ErrMismatch, p, len(part), c.size)
			}
			shards[p] = part
			have++
		}
	}
	if have < c.need {
		return nil, fmt.Errorf("%w: %d, and it takes %d", ErrTooFew, have, c.need)
	}
	if err := c.code.ReconstructData(shards); err != nil {
		return nil, fmt.Errorf("coded: %w", err)
	}
	message := make([]byte, 0, c.need*c.size)
	for _, shard := range shards[:c.need] {
		message = append(message, shard...)
	}
	roots := hashes(message[lengthSize:messageSize(c.n)])
	meta := &commit.Metadata{
		Scheme: c.hasher.Scheme(), Length: binary.LittleEndian.Uint64(message),
		Primary: make([]commit.Hash, c.n), Secondary: make([]commit.Hash, c.n),
	}
	for p := range c.n {
		meta.Primary[p], meta.Secondary[c.n-1-p] = roots[2*p], roots[2*p+1]
	}
	got, err := meta.ID(c.hasher)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if got != id {
		return nil, fmt.Errorf("%w: they make that of blob %v", ErrMismatch, got)
	}
	// What follows the message is no part of the id, and changes nothing.
	return meta, nil
}
