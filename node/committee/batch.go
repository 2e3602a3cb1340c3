package committee

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// A member signs many attestations at once by signing the root of a Merkle tree of them.
// All members sign the same root if they are asked for the same attestations in the same
// order, so that their signatures add up as those under one attestation do. A certificate
// of one of the attestations has the path from it to the root.
//
// The tree is that of RFC 6962 in its hashes, SHA-256(0 || message) of a leaf and
// SHA-256(1 || left || right) above, and is padded with leaves of zeros to a power of two.
// A leaf's message is what would be signed for the attestation alone, so that it counts for
// the same committee, epoch, kind and blob, and for nothing else.

// MaxBatch is the largest number of attestations that are signed at once.
const MaxBatch = 1 << maxDepth

// maxDepth is the largest number of hashes in a path.
const maxDepth = 6

// ErrBatch is returned for attestations that cannot be signed at once: fewer than two, too
// many, or of a kind that is signed alone.
var ErrBatch = errors.New("committee: no batch of attestations")

// root is the root of a tree of attestations.
type root [sha256.Size]byte

// path leads from a leaf to the root.
type path struct {
	index    uint16 // of the leaf
	siblings []root // from the leaf up
}

// batchable reports whether attestations of the kind may be signed with others.
func (k Kind) batchable() bool { return k == Stored || k == StoredDeletable }

// CheckBatch checks that attestations may be signed at once. The error wraps ErrBatch.
func CheckBatch(batch []Attestation) error {
	if len(batch) < 2 || len(batch) > MaxBatch {
		return fmt.Errorf("%w: %d of them, and there can be 2 to %d", ErrBatch, len(batch), MaxBatch)
	}
	for _, a := range batch {
		if !a.Kind.batchable() {
			return fmt.Errorf("%w: kind %v is signed alone", ErrBatch, a.Kind)
		}
	}
	return nil
}

func leafOf(c *Committee, a Attestation) root {
	return sha256.Sum256(append([]byte{0}, message(c, a)...))
}

func parentOf(left, right root) root {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// treeOf returns the root of a batch, and the path of each of its attestations.
func treeOf(c *Committee, batch []Attestation) (root, []path) {
	depth := bits.Len(uint(len(batch) - 1))
	row := make([]root, 1<<depth)
	for i, a := range batch {
		row[i] = leafOf(c, a)
	}
	paths := make([]path, len(batch))
	for i := range paths {
		paths[i] = path{uint16(i), make([]root, 0, depth)}
	}
	for level := 0; len(row) > 1; level++ {
		for i := range paths {
			paths[i].siblings = append(paths[i].siblings, row[i>>level^1])
		}
		for i := range len(row) / 2 {
			row[i] = parentOf(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	return row[0], paths
}

// root returns the root above a leaf.
func (p *path) root(r root) root {
	for level, sibling := range p.siblings {
		if p.index>>level&1 == 0 {
			r = parentOf(r, sibling)
		} else {
			r = parentOf(sibling, r)
		}
	}
	return r
}

// subject is what members sign: one attestation, or many.
type subject struct {
	alone Attestation
	root  root // of many
}

// subjectOf returns what the signers of a certificate signed.
func subjectOf(c *Committee, cert *Certificate) subject {
	if cert.path == nil {
		return subject{alone: cert.Attestation}
	}
	return subject{root: cert.path.root(leafOf(c, cert.Attestation))}
}

// point returns the point that members of the committee sign.
func (s subject) point(c *Committee) bls.G2Affine {
	if s.root == (root{}) {
		return pointOf(c, s.alone)
	}
	return hash(append([]byte("redstuff v1 batch of attestations"), s.root[:]...), domainSign)
}

// AttestBatch signs attestations, in their order, as a member of the committee: with one
// signature, which counts for all of them, see [CertifyBatch]. It panics if
// CheckBatch has an error.
func (s *Signer) AttestBatch(c *Committee, batch []Attestation) Signature {
	if err := CheckBatch(batch); err != nil {
		panic(err.Error())
	}
	top, _ := treeOf(c, batch)
	return s.key.sign(s.hashes.get(c, subject{root: top}))
}

// CertifyBatch is [Committee.Certify] for attestations that members signed at once, in this
// order. It returns a certificate of each. The error may be ErrBatch, too.
func CertifyBatch(c *Committee, batch []Attestation, signatures map[int]Signature) ([]*Certificate, error) {
	if err := CheckBatch(batch); err != nil {
		return nil, err
	}
	top, paths := treeOf(c, batch)
	first, err := certify(c, Certificate{Attestation: batch[0], path: &paths[0]}, subject{root: top}.point(c), signatures)
	if err != nil {
		return nil, err
	}
	certs := make([]*Certificate, len(batch))
	for i, a := range batch {
		one := *first
		one.Attestation, one.path = a, &paths[i]
		certs[i] = &one
	}
	return certs, nil
}

// batchFlag is set in the first byte of a certificate that has a path.
const batchFlag = 0x80

// appendPath appends the number of hashes in a byte, the leaf's index in 16 bits, and the
// hashes.
func (p *path) append(dst []byte) []byte {
	dst = append(dst, byte(len(p.siblings)))
	dst = binary.LittleEndian.AppendUint16(dst, p.index)
	for _, s := range p.siblings {
		dst = append(dst, s[:]...)
	}
	return dst
}

// pathHead is the length in bytes of what precedes the hashes of a path.
const pathHead = 1 + 2

// parsePath reads what append writes. The error wraps ErrCertificate.
func parsePath(data []byte) (*path, error) {
	if len(data) < pathHead {
		return nil, fmt.Errorf("%w: it ends before its path", ErrCertificate)
	}
	depth, p := int(data[0]), &path{index: binary.LittleEndian.Uint16(data[1:])}
	if depth < 1 || depth > maxDepth || len(data) != pathHead+depth*len(root{}) || int(p.index) >= 1<<depth {
		return nil, fmt.Errorf("%w: a path of %d hashes in %d bytes for leaf %d", ErrCertificate, depth, len(data), p.index)
	}
	for at := data[pathHead:]; len(at) > 0; at = at[len(root{}):] {
		p.siblings = append(p.siblings, root(at[:len(root{})]))
	}
	return p, nil
}
