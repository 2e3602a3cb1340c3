package coded

import (
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// The first byte of what is kept and sent. Metadata in BCS begins with 0.
const (
	kindPlain  = 0xc0 // parts without a proof
	kindProven = 0xc1 // parts with a proof
	kindRecord = 0xc2
)

// Parts are parts of one list, by sliver pair.
type Parts struct {
	Root  commit.Hash   // of the tree over all parts
	Pairs []int         // ascending
	Data  [][]byte      // of each pair
	Proof []commit.Hash // that opens them, or nil
}

// Record is what a node keeps of a blob's metadata: of its own slivers, and its parts.
type Record struct {
	Length    uint64        // of the blob
	Root      commit.Hash   // over all sliver pairs' roots, which the blob id follows from
	Primary   []commit.Hash // of each of Parts.Pairs
	Secondary []commit.Hash
	Proof     []commit.Hash // that opens these
	Parts     Parts         // with a proof
}

// IsRecord reports whether what is kept of metadata is a record, and not the list itself.
func IsRecord(data []byte) bool { return len(data) > 0 && data[0] == kindRecord }

// IsParts reports whether an answer has parts, and not the list itself.
func IsParts(data []byte) bool {
	return len(data) > 0 && (data[0] == kindPlain || data[0] == kindProven)
}

// Append appends the parts' bytes: a byte that says whether there is a proof, the root, the
// number of pairs and each of them in 16 bits, little-endian, the parts, and the proof.
func (p *Parts) Append(dst []byte) []byte {
	kind := byte(kindPlain)
	if p.Proof != nil {
		kind = kindProven
	}
	dst = append(append(dst, kind), p.Root[:]...)
	return appendHashes(p.appendData(appendPairs(dst, p.Pairs)), p.Proof)
}

func (p *Parts) appendData(dst []byte) []byte {
	for _, part := range p.Data {
		dst = append(dst, part...)
	}
	return dst
}

func appendPairs(dst []byte, pairs []int) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(pairs)))
	for _, pair := range pairs {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(pair))
	}
	return dst
}

func appendHashes(dst []byte, list []commit.Hash) []byte {
	for i := range list {
		dst = append(dst, list[i][:]...)
	}
	return dst
}

// Append appends the record's bytes: its kind, the length in 64 bits, little-endian, both
// roots, the number of pairs and each of them in 16 bits, of each pair the primary and the
// secondary root, the proof of these, the parts, and the proof of these.
func (r *Record) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(append(dst, kindRecord), r.Length)
	dst = append(append(dst, r.Root[:]...), r.Parts.Root[:]...)
	dst = appendPairs(dst, r.Parts.Pairs)
	for i := range r.Parts.Pairs {
		dst = append(append(dst, r.Primary[i][:]...), r.Secondary[i][:]...)
	}
	dst = appendHashes(dst, r.Proof)
	return appendHashes(r.Parts.appendData(dst), r.Parts.Proof)
}

// RecordSize returns the length of the record of a node with the pairs, which ascend, for n
// shards.
func RecordSize(n int, pairs []int) int {
	const head = 1 + 8 + 2*commit.HashSize + 2
	return head + len(pairs)*(2+2*commit.HashSize+PartSize(n)) + 2*commit.HashSize*openingLength(n, pairs)
}

// ParseParts reads what Parts.Append writes, and nothing else; the parts borrow from data.
// It verifies nothing. It allocates no more than a multiple of the length of data. The error
// wraps ErrMalformed.
func (c *Code) ParseParts(data []byte) (*Parts, error) {
	r := reader{data: data, n: c.n}
	kind := r.take(1)
	p := &Parts{Root: r.hash(), Pairs: r.pairs()}
	p.Data = r.parts(len(p.Pairs), c.size)
	if r.err == nil {
		switch kind[0] {
		case kindPlain:
		case kindProven:
			p.Proof = r.hashes(openingLength(c.n, p.Pairs))
		default:
			r.fail("kind %d", kind[0])
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return p, nil
}

// ParseRecord reads what Record.Append writes, and nothing else; the parts borrow from data.
// It verifies nothing. It allocates no more than a multiple of the length of data. The error
// wraps ErrMalformed.
func (c *Code) ParseRecord(data []byte) (*Record, error) {
	r := reader{data: data, n: c.n}
	if kind := r.take(1); r.err == nil && kind[0] != kindRecord {
		r.fail("kind %d", kind[0])
	}
	k := &Record{}
	if length := r.take(lengthSize); r.err == nil {
		k.Length = binary.LittleEndian.Uint64(length)
	}
	k.Root, k.Parts.Root = r.hash(), r.hash()
	k.Parts.Pairs = r.pairs()
	both := r.hashes(2 * len(k.Parts.Pairs))
	for i := range len(both) / 2 {
		k.Primary, k.Secondary = append(k.Primary, both[2*i]), append(k.Secondary, both[2*i+1])
	}
	if r.err == nil {
		opening := openingLength(c.n, k.Parts.Pairs)
		k.Proof = r.hashes(opening)
		k.Parts.Data = r.parts(len(k.Parts.Pairs), c.size)
		k.Parts.Proof = r.hashes(opening)
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return k, nil
}

// Verify checks that the parts open to their root. The error is ErrProof.
func (c *Code) Verify(p *Parts) error {
	message := append(make([]byte, 0, len(domain)+c.size), domain...)
	leaves := make([]commit.Hash, len(p.Data))
	for i, part := range p.Data {
		leaves[i] = c.hasher.Leaf(append(message, part...))
	}
	return verifyOpening(c.hasher, c.n, p.Root, p.Pairs, leaves, p.Proof)
}

// VerifyRecord checks that the record's roots are those of the blob's pairs, and that its
// parts open to their root: whether that is the root of the blob's parts follows from no part
// alone. The error is ErrMismatch or ErrProof.
func (c *Code) VerifyRecord(id commit.BlobID, r *Record) error {
	if c.hasher.BlobID(c.n, r.Length, r.Root) != id {
		return fmt.Errorf("%w: record of another blob", ErrMismatch)
	}
	leaves := make([]commit.Hash, len(r.Primary))
	for i := range leaves {
		leaves[i] = c.hasher.PairLeaf(r.Primary[i], r.Secondary[i])
	}
	if err := verifyOpening(c.hasher, c.n, r.Root, r.Parts.Pairs, leaves, r.Proof); err != nil {
		return err
	}
	return c.Verify(&r.Parts)
}

// Metadata returns metadata in which the roots of the record's own pairs stand alone. The
// others are zero, so that no other sliver matches it, and its id is not the blob's.
func (c *Code) Metadata(r *Record) *commit.Metadata {
	roots := make([]commit.Hash, 2*c.n)
	m := &commit.Metadata{Scheme: c.hasher.Scheme(), Length: r.Length, Primary: roots[:c.n:c.n], Secondary: roots[c.n:]}
	for i, pair := range r.Parts.Pairs {
		m.Primary[pair], m.Secondary[c.n-1-pair] = r.Primary[i], r.Secondary[i]
	}
	return m
}

// reader reads bytes. After a failure it reads nothing more.
type reader struct {
	data []byte
	n    int
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// take returns the next bytes, or nil if there are not so many.
func (r *reader) take(count int) []byte {
	if r.err != nil || count > len(r.data) {
		r.fail("cut off")
		return nil
	}
	taken := r.data[:count:count]
	r.data = r.data[count:]
	return taken
}

func (r *reader) hash() (h commit.Hash) {
	copy(h[:], r.take(commit.HashSize))
	return h
}

func (r *reader) hashes(count int) []commit.Hash { return hashes(r.take(count * commit.HashSize)) }

// pairs reads pairs, which ascend, at least one.
func (r *reader) pairs() []int {
	head := r.take(2)
	if r.err != nil {
		return nil
	}
	list := r.take(2 * int(binary.LittleEndian.Uint16(head)))
	pairs := make([]int, len(list)/2)
	for i := range pairs {
		pairs[i] = int(binary.LittleEndian.Uint16(list[2*i:]))
		if pairs[i] >= r.n || i > 0 && pairs[i] <= pairs[i-1] {
			r.fail("pair %d", pairs[i])
		}
	}
	if len(pairs) == 0 {
		r.fail("no pairs")
	}
	return pairs
}

func (r *reader) parts(count, size int) [][]byte {
	data := r.take(count * size)
	if r.err != nil {
		return nil
	}
	list := make([][]byte, count)
	for i := range list {
		list[i] = data[i*size:][:size:size]
	}
	return list
}

func (r *reader) done() error {
	if len(r.data) > 0 {
		r.fail("%d bytes too many", len(r.data))
	}
	return r.err
}
