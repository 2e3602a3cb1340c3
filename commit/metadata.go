package commit

import (
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/internal/bcs"
)

// Metadata is all that is known of a blob without its slivers: its length and
// the root of every sliver's tree. Its hash is the blob id.
//
// Roots are indexed by sliver: Primary[i] is the root over row i of the expanded
// matrix, Secondary[j] that over column j. Walrus stores and hashes them by
// sliver pair, and Pair translates.
type Metadata struct {
	Scheme    Scheme // the hash of the trees and of the id
	Length    uint64 // of the blob, in bytes
	Primary   []Hash
	Secondary []Hash
}

// Shards returns n, the number of shards and of slivers of each kind.
func (m *Metadata) Shards() int { return len(m.Primary) }

// Clone returns a copy that shares nothing with m.
func (m *Metadata) Clone() *Metadata {
	c := *m
	c.Primary, c.Secondary = slices.Clone(m.Primary), slices.Clone(m.Secondary)
	return &c
}

// Pair returns the roots of sliver pair p: primary sliver p and secondary sliver
// n-1-p. The reversal puts every symbol of the blob itself on two shards. It
// panics unless 0 <= p < n.
func (m *Metadata) Pair(p int) (primary, secondary Hash) {
	checkRange("pair", p, m.Shards())
	return m.Primary[p], m.Secondary[len(m.Secondary)-1-p]
}

// Validate reports metadata that no encoder makes: none at all, where m is nil (ErrNil),
// an unknown scheme
// (*UnknownSchemeError), differing numbers of primary and secondary roots
// (ErrMetadata), a number of shards without a code (*ShardCountError), a length
// beyond what that many shards hold (*TooLargeError).
func (m *Metadata) Validate() error {
	if m == nil {
		return fmt.Errorf("%w *Metadata", ErrNil)
	}
	if err := m.Scheme.check(); err != nil {
		return err
	}
	if len(m.Primary) != len(m.Secondary) {
		return fmt.Errorf("%w: %d primary roots, %d secondary roots", ErrMetadata, len(m.Primary), len(m.Secondary))
	}
	return checkBlob(len(m.Primary), m.Length)
}

// checkBlob reports a number of shards without a code, or a length that so many
// shards do not hold.
func checkBlob(shards int, length uint64) error {
	params, err := NewParams(shards)
	if err == nil {
		_, err = params.SymbolSize(length)
	}
	return err
}

// Root returns the root of the tree over the sliver pairs' roots. The error is
// Validate's, ErrNil if h is nil, or a *SchemeError if h is not of the metadata's scheme.
func (m *Metadata) Root(h *Hasher) (Hash, error) {
	if err := m.Validate(); err != nil {
		return Hash{}, err
	}
	if h == nil {
		return Hash{}, fmt.Errorf("%w *Hasher", ErrNil)
	}
	if m.Scheme != h.Scheme() {
		return Hash{}, &SchemeError{Metadata: m.Scheme, Hasher: h.Scheme()}
	}
	n := m.Shards()
	buf, _ := rootNodes.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer rootNodes.Put(buf)
	nodes := (*buf)[:0]
	for p := range n {
		primary, secondary := m.Pair(p)
		nodes = append(append(nodes, primary[:]...), secondary[:]...)
	}
	*buf = nodes
	h.PairLeaves(nodes, nodes, n)
	return h.foldTree(nodes, n), nil
}

// rootNodes has the memory of Root: 64 bytes a shard.
var rootNodes sync.Pool // of *[]byte

// ID computes the blob id. Its errors are those of Root.
func (m *Metadata) ID(h *Hasher) (BlobID, error) {
	root, err := m.Root(h)
	if err != nil {
		return BlobID{}, err
	}
	return h.BlobID(m.Shards(), m.Length, root), nil
}

// Enum variants of the encoded form. The encodings are encodingType and, below
// it, Walrus's first one, which this package does not know.
const (
	metadataV1       = 0
	metadataVariants = 1
	encodingType     = 1 // RS2, that of RedStuff
	encodingVariants = encodingType + 1
)

// AppendBinary appends Walrus's BlobMetadata in BCS: version, encoding, length,
// and the roots in the order of sliver pairs. The scheme is not part of it. The
// error is Validate's.
func (m *Metadata) AppendBinary(dst []byte) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	n := m.Shards()
	dst = bcs.AppendVariant(dst, metadataV1)
	dst = bcs.AppendVariant(dst, encodingType)
	dst = bcs.AppendU64(dst, m.Length)
	dst = bcs.AppendLength(dst, n)
	for p := range n {
		primary, secondary := m.Pair(p)
		dst = appendNode(appendNode(dst, primary), secondary)
	}
	return dst, nil
}

// MarshalBinary returns AppendBinary's form.
func (m *Metadata) MarshalBinary() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m.AppendBinary(make([]byte, 0, m.encodedSize()))
}

// encodedSize returns how many bytes the BCS form takes at most.
func (m *Metadata) encodedSize() int {
	const head = 2 + 8 + 3 // variants, length, and a shard count of 16 bits
	return head + 2*m.Shards()*(1+HashSize)
}

// UnmarshalBinary replaces m by the metadata in data, but keeps m.Scheme, which
// data does not tell. Errors are those of ParseMetadata; m is unchanged then.
func (m *Metadata) UnmarshalBinary(data []byte) error {
	parsed, err := ParseMetadata(data, m.Scheme)
	if err == nil {
		*m = *parsed
	}
	return err
}

// ParseMetadata reads what MarshalBinary writes, and nothing else. It allocates
// at most 32 times the length of data. Without the blob id there is no telling
// whether the metadata is that of any blob. The error wraps ErrMalformed, and a
// *ShardCountError or *TooLargeError for fields out of range; for an unknown
// scheme it is an *UnknownSchemeError.
func ParseMetadata(data []byte, scheme Scheme) (*Metadata, error) {
	if err := scheme.check(); err != nil {
		return nil, err
	}
	r := bcs.NewReader(data)
	m := readMetadata(r, scheme)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m, nil
}

// readMetadata reads metadata up to its last root. The result is meaningless if
// r has failed.
func readMetadata(r *bcs.Reader, scheme Scheme) *Metadata {
	r.Variant(metadataVariants, "the metadata's version")
	start := r.Offset()
	if encoding := r.Variant(encodingVariants, "the encoding"); encoding != encodingType {
		r.Fail(start, "the encoding RS2", fmt.Errorf("%w %d", bcs.ErrUnknownVariant, encoding))
	}
	length := r.U64("the blob's length")
	start = r.Offset()
	n := r.Length(MaxShards, "the number of sliver pairs")
	if r.Err() != nil {
		return nil
	}
	if err := checkBlob(n, length); err != nil {
		r.Fail(start, "a number of sliver pairs that fits the blob", err)
		return nil
	}
	// The empty node is the shortest root: one byte.
	if r.Remaining() < 2*n {
		r.Fail(r.Offset(), fmt.Sprintf("%d sliver pairs", n), bcs.ErrTruncated)
		return nil
	}
	roots := make([]Hash, 2*n)
	m := &Metadata{Scheme: scheme, Length: length, Primary: roots[:n:n], Secondary: roots[n:]}
	for p := range n {
		m.Primary[p] = readNode(r, "a primary root")
		m.Secondary[n-1-p] = readNode(r, "a secondary root")
	}
	return m
}

// AppendWithID appends the blob id and the BCS form: Walrus's
// BlobMetadataWithId. Its errors are those of Root.
func (m *Metadata) AppendWithID(dst []byte, h *Hasher) ([]byte, error) {
	id, err := m.ID(h)
	if err != nil {
		return nil, err
	}
	return m.AppendBinary(append(dst, id[:]...))
}

// ParseWithID reads what AppendWithID writes with a hasher of the same scheme,
// and nothing else. It recomputes the id, so the metadata is that of the id it
// returns: an *IDMismatchError tells of a length, root or id that was changed.
// Other errors are those of ParseMetadata, and ErrNil if h is nil.
func ParseWithID(data []byte, h *Hasher) (*Metadata, BlobID, error) {
	if h == nil {
		return nil, BlobID{}, fmt.Errorf("%w *Hasher", ErrNil)
	}
	var claimed BlobID
	r := bcs.NewReader(data)
	r.Fixed(claimed[:], "a blob id")
	m := readMetadata(r, h.Scheme())
	if err := r.Done(); err != nil {
		return nil, BlobID{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	computed, err := m.ID(h)
	if err != nil {
		return nil, BlobID{}, err
	}
	if computed != claimed {
		return nil, BlobID{}, &IDMismatchError{Claimed: claimed, Computed: computed}
	}
	return m, claimed, nil
}

// AppendFile appends the form metadata has on disk: the scheme's number in one
// byte, then AppendWithID's form. Its errors are those of Root.
func (m *Metadata) AppendFile(dst []byte, h *Hasher) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m.AppendWithID(append(dst, byte(m.Scheme)), h)
}

// ParseFile reads what AppendFile writes, with the default backend's hasher of
// the scheme the file names. Errors are those of ParseWithID and NewHasher; for a
// scheme unknown here the error wraps ErrMalformed and an *UnknownSchemeError.
func ParseFile(data []byte) (*Metadata, BlobID, error) {
	r := bcs.NewReader(data)
	scheme := Scheme(r.U8("a scheme"))
	if err := scheme.check(); err != nil {
		r.Fail(0, "a scheme", err)
	}
	if err := r.Err(); err != nil {
		return nil, BlobID{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	h, err := NewHasher(scheme, "")
	if err != nil {
		return nil, BlobID{}, err
	}
	return ParseWithID(data[1:], h)
}
