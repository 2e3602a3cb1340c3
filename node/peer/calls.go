package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// maxJSON bounds answers in JSON: a list of api.MaxList blobs, each with a
// certificate, and more than that for one member in eight.
func (p *Peer) maxJSON() int64 {
	return int64(api.MaxList) * int64(256+2*committee.MaxCertificate(p.committee.Params().N))
}

// Member returns the node's number in the committee.
func (p *Peer) Member() int { return p.member }

// Health asks how the node is.
func (p *Peer) Health(ctx context.Context) (h api.Health, err error) {
	err = p.getJSON(ctx, api.HealthPath, p.maxJSON(), &h)
	return h, err
}

// Status asks what the node has of a blob. It answers for blobs it does not know too.
func (p *Peer) Status(ctx context.Context, id commit.BlobID) (s api.Status, err error) {
	err = p.getJSON(ctx, api.BlobPath(id, api.StatusPath), p.maxJSON(), &s)
	return s, err
}

// ListIDs asks for the ids of up to limit of the blobs in a state that is not pending, those
// after the given one, from the first on if it is nil. There are more after them if they are
// as many as the limit. They are in their order.
func (p *Peer) ListIDs(ctx context.Context, state api.ListState, after *commit.BlobID, limit int) ([]commit.BlobID, error) {
	q := listQuery(state, after, limit)
	q.Set("form", api.FormIDs)
	data, err := p.getBytes(ctx, api.BlobsPath+"?"+q.Encode(), int64(limit)*commit.HashSize)
	if err != nil {
		return nil, err
	}
	if len(data)%commit.HashSize != 0 {
		return nil, p.lie("blob ids of %d bytes in all", len(data))
	}
	ids := make([]commit.BlobID, len(data)/commit.HashSize)
	for i := range ids {
		ids[i] = commit.BlobID(data[i*commit.HashSize:])
		if after != nil && bytes.Compare(after[:], ids[i][:]) >= 0 {
			return nil, p.lie("blobs out of order")
		}
		after = &ids[i]
	}
	return ids, nil
}

func listQuery(state api.ListState, after *commit.BlobID, limit int) url.Values {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != nil {
		q.Set("after", after.String())
	}
	if state != api.ListAll {
		q.Set("state", string(state))
	}
	return q
}

// List asks for up to limit of the blobs in a state, those after the given one, from
// the first on if it is nil. The next page, if there is one, begins after Next, which
// List sets for all states. What the entries hold is not verified; but a page is full
// unless it is the last or one of pending blobs, in the order of ids, and has of each
// blob what the state is proven by.
func (p *Peer) List(ctx context.Context, state api.ListState, after *commit.BlobID, limit int) (l api.BlobList, err error) {
	if err = p.getJSON(ctx, api.BlobsPath+"?"+listQuery(state, after, limit).Encode(), p.maxJSON(), &l); err != nil {
		return l, err
	}
	if err := p.checkList(l, state, after, limit); err != nil {
		return api.BlobList{}, err
	}
	if l.More && state != api.ListPending {
		l.Next = &l.Blobs[len(l.Blobs)-1].Blob
	}
	return l, nil
}

// Metadata fetches a blob's metadata and verifies it against the id. The hasher is of
// the committee's scheme.
func (p *Peer) Metadata(ctx context.Context, id commit.BlobID, h *commit.Hasher) (*commit.Metadata, error) {
	data, err := p.getBytes(ctx, api.BlobPath(id, api.MetadataPath), int64(commit.HashSize+placement.MaxMetadata(p.committee.Params().N)))
	if err != nil {
		return nil, err
	}
	meta, got, err := commit.ParseWithID(data, h)
	if err == nil && got != id {
		err = fmt.Errorf("metadata of blob %v", got)
	}
	if err == nil && meta.Shards() != p.committee.Params().N {
		err = fmt.Errorf("metadata of %d shards", meta.Shards())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", p.name, ErrLied, err)
	}
	return meta, nil
}

// MetadataParts asks for parts of a blob's metadata, by pairs, with a proof or without. What
// comes, no more bytes than metadata has, is not verified, see package coded.
func MetadataParts(ctx context.Context, p *Peer, id commit.BlobID, pairs []int, proven bool) ([]byte, error) {
	return p.getBytes(ctx, api.BlobPath(id, api.PartsPath)+"?"+api.PartsQuery(pairs, proven), int64(placement.MaxMetadata(p.committee.Params().N)))
}

// PutMetadata stores a blob's metadata.
func (p *Peer) PutMetadata(ctx context.Context, id commit.BlobID, meta *commit.Metadata) error {
	data, err := meta.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = p.put(ctx, api.BlobPath(id, api.MetadataPath), data, p.maxJSON())
	return err
}

// PutBlob stores metadata, in BCS, and the slivers of the node's pairs, and returns
// its signature under the attestation, which is one of a blob that is stored. It is not
// verified. The data must not change before PutBlob returns.
func (p *Peer) PutBlob(ctx context.Context, a committee.Attestation, meta []byte, slivers []rs2d.Sliver) (committee.Signature, error) {
	b := newBody(2 + len(slivers))
	b.blob(p.committee.Params().N, meta, slivers)
	b.add(api.FrameHeader{Kind: api.FrameEnd}, nil)
	return putFrames(ctx, p, a, request{length: b.length, body: b.reader})
}

// Stream is a body that is made while it is sent.
type Stream struct {
	Length int64 // bytes
	// Body returns the body. If it is an io.Closer, Close ends a Read that waits.
	Body func() io.Reader
	// Begun reports whether some of it was read, so that it cannot be sent again.
	Begun func() bool
}

// Put is PutBlob for a body that is made while it is sent: it has the metadata and the
// node's slivers in frames, see package api.
func (s Stream) Put(ctx context.Context, p *Peer, a committee.Attestation) (committee.Signature, error) {
	return putFrames(ctx, p, a, request{length: s.Length, body: s.Body, once: s.Begun})
}

// putFrames sends metadata and slivers in frames.
func putFrames(ctx context.Context, p *Peer, a committee.Attestation, r request) (committee.Signature, error) {
	r.method, r.path, r.contentType = http.MethodPut, api.BlobPath(a.Blob, "")+api.ConfirmationQuery(a), api.TypeFrames
	return confirmed(ctx, p, r)
}

// confirmed makes a request that is answered by a confirmation.
func confirmed(ctx context.Context, p *Peer, r request) (committee.Signature, error) {
	body, _, err := p.do(ctx, r)
	var status *StatusError
	if errors.As(err, &status) && status.Epoch != 0 && status.Epoch != p.committee.Epoch() {
		err = &OtherCommitteeError{status.Epoch, fmt.Sprintf("%v: it is in epoch %d, and not in %d", err, status.Epoch, p.committee.Epoch())}
	}
	if err != nil {
		return committee.Signature{}, err
	}
	defer body.Close()
	data, err := p.readAll(body, p.maxJSON())
	if err != nil {
		return committee.Signature{}, err
	}
	var c api.Confirmation
	if err := p.parseJSON(data, &c); err != nil {
		return committee.Signature{}, err
	}
	return attestation(p, c)
}

// Confirmation asks for the node's attestation that it has its pairs of the blob,
// which is not verified.
func (p *Peer) Confirmation(ctx context.Context, id commit.BlobID) (committee.Signature, error) {
	return p.Attestation(ctx, committee.Attestation{Kind: committee.Stored, Blob: id})
}

// Attestation is Confirmation in the words of the attestation, which is one of a blob that
// is stored.
func (p *Peer) Attestation(ctx context.Context, a committee.Attestation) (committee.Signature, error) {
	var c api.Confirmation
	if err := p.getJSON(ctx, api.BlobPath(a.Blob, api.ConfirmationPath)+api.ConfirmationQuery(a), p.maxJSON(), &c); err != nil {
		return committee.Signature{}, err
	}
	return attestation(p, c)
}

// attestation returns the signature of a confirmation, unless the node says itself that
// it counts elsewhere only: that is no lie.
func attestation(p *Peer, c api.Confirmation) (committee.Signature, error) {
	if c.Committee != (committee.Fingerprint{}) && c.Committee != p.committee.Fingerprint() {
		return committee.Signature{}, &OtherCommitteeError{c.Epoch, fmt.Sprintf("%s: %v: epoch %d, committee %v, and not epoch %d, committee %v",
			p.name, ErrOtherCommittee, c.Epoch, c.Committee, p.committee.Epoch(), p.committee.Fingerprint())}
	}
	return c.Signature, nil
}

// PutCertificate tells the node that the blob is stored.
func (p *Peer) PutCertificate(ctx context.Context, cert *committee.Certificate) error {
	return putCertificate(ctx, p, api.CertificatePath, cert)
}

// PutInvalidBlobCertificate tells the node that the blob is inconsistent.
func (p *Peer) PutInvalidBlobCertificate(ctx context.Context, cert *committee.Certificate) error {
	return putCertificate(ctx, p, api.InvalidBlobCertificatePath, cert)
}

func putCertificate(ctx context.Context, p *Peer, path string, cert *committee.Certificate) error {
	data, err := cert.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = p.put(ctx, api.BlobPath(cert.Blob, path), data, p.maxJSON())
	return err
}

// Certificate fetches and verifies the certificate that the blob is stored.
func (p *Peer) Certificate(ctx context.Context, id commit.BlobID) (*committee.Certificate, error) {
	return certificate(ctx, p, id, api.CertificatePath, func(a committee.Attestation) bool { return a.Stores(id) })
}

// InvalidBlobCertificate fetches and verifies the certificate that the blob is inconsistent.
func (p *Peer) InvalidBlobCertificate(ctx context.Context, id commit.BlobID) (*committee.Certificate, error) {
	return certificate(ctx, p, id, api.InvalidBlobCertificatePath, func(a committee.Attestation) bool { return a.Invalidates(id) })
}

func certificate(ctx context.Context, p *Peer, id commit.BlobID, path string, attests func(committee.Attestation) bool) (*committee.Certificate, error) {
	data, err := p.getBytes(ctx, api.BlobPath(id, path), int64(committee.MaxCertificate(p.committee.Params().N)))
	if err != nil {
		return nil, err
	}
	cert, err := committee.ParseCertificate(p.committees, data)
	if errors.Is(err, committee.ErrEpoch) {
		return nil, fmt.Errorf("%s: %w", p.name, err) // it may be right
	}
	if err == nil && !attests(cert.Attestation) {
		err = fmt.Errorf("certificate of something else")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", p.name, ErrLied, err)
	}
	return cert, nil
}

// PutProof gives the node a proof, in BCS, that the blob is inconsistent, and returns
// its attestation of it, which is not verified.
func (p *Peer) PutProof(ctx context.Context, id commit.BlobID, proof []byte) (committee.Signature, error) {
	data, err := p.put(ctx, api.BlobPath(id, api.ProofPath), proof, p.maxJSON())
	if err != nil {
		return committee.Signature{}, err
	}
	var c api.Confirmation
	if err := p.parseJSON(data, &c); err != nil {
		return committee.Signature{}, err
	}
	return attestation(p, c)
}

// Proof fetches the proof, in BCS, that a blob is inconsistent, which is not verified.
// It is at most limit bytes long.
func (p *Peer) Proof(ctx context.Context, id commit.BlobID, limit int64) ([]byte, error) {
	return p.getBytes(ctx, api.BlobPath(id, api.ProofPath), limit)
}
