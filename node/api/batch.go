package api

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// MaxBatchBody is the length in bytes of the longest body of many blobs.
const MaxBatchBody = 16 << 20

// MaxCertificates is how many certificates come in one body.
const MaxCertificates = 256

// CertificatesLength returns the most bytes of a body of certificates, for so many shards.
func CertificatesLength(shards int) int64 {
	return FrameHeaderSize + MaxCertificates*int64(FrameHeaderSize+committee.MaxCertificate(shards))
}

// blobSize is the length in bytes of what a FrameBlob holds: a kind, a blob id and a
// registration.
const blobSize = 1 + commit.HashSize + len(committee.ObjectID{})

// AppendBlob appends a FrameBlob: what is to be attested of the blob whose frames follow.
func AppendBlob(dst []byte, a committee.Attestation) []byte {
	dst = FrameHeader{Kind: FrameBlob, Length: uint32(blobSize)}.Append(dst)
	dst = append(append(dst, byte(a.Kind)), a.Blob[:]...)
	return append(dst, a.Object[:]...)
}

// ReadBlob reads the body of a FrameBlob, of which the header was read. The error wraps
// ErrMalformed, or is that of [FrameReader.Body].
func ReadBlob(frames *FrameReader) (a committee.Attestation, err error) {
	var b [blobSize]byte
	data, err := frames.Body(b[:0], blobSize)
	if err != nil {
		return a, err
	}
	if len(data) != blobSize {
		return a, fmt.Errorf("%w: %d bytes name a blob, not %d", ErrMalformed, len(data), blobSize)
	}
	a.Kind = committee.Kind(data[0])
	copy(a.Blob[:], data[1:])
	copy(a.Object[:], data[1+commit.HashSize:])
	return a, nil
}
