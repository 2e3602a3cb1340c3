package daemon

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/rs2d"
)

// cluster is the Store of a cluster without a ledger, where blobs cost nothing, live for
// ever, and are nobody's: the record of a blob is called as the blob is.
type cluster struct{ *client.Client }

// ForCluster returns the Store of a cluster without a ledger. The client is one that may
// write, or the store only reads.
func ForCluster(c *client.Client) Store { return cluster{c} }

func (c cluster) Params() commit.Params { return c.Code().Params() }

// record returns the record of a blob.
func (c cluster) record(id commit.BlobID, length uint64) Object {
	epoch := uint32(c.Committee().Epoch())
	return Object{ID: ObjectID(id), Blob: id, Size: length, Registered: epoch, Certified: epoch, Storage: ObjectID(id), Start: epoch, End: math.MaxUint32, Permanent: true}
}

// owned refuses what is asked for of a blob's owner.
func owned(o PutOptions) error {
	if o.Owner != nil || o.Share {
		return malformed("blobs have no owner in this cluster: leave out send_object_to and share")
	}
	return nil
}

func (c cluster) Put(ctx context.Context, blob []byte, o PutOptions) (*Stored, error) {
	if err := owned(o); err != nil {
		return nil, err
	}
	size, err := c.Params().EncodedLength(uint64(len(blob)))
	if err != nil {
		return nil, err
	}
	id, err := c.Code().ID(blob)
	if err == nil {
		err = o.vet(id)
	}
	if err != nil {
		return nil, err
	}
	s := &Stored{Object: c.record(id, uint64(len(blob))), New: true, EncodedSize: size}
	if !o.Force && c.certified(ctx, id) {
		s.New = false
		return s, nil
	}
	receipt, err := c.Store(ctx, blob)
	if err != nil {
		return nil, err
	}
	s.signed(c.Committee(), receipt.Certificate)
	return s, nil
}

func (c cluster) PutFrom(ctx context.Context, src io.ReaderAt, size int64, o PutOptions) (*Stored, error) {
	if err := owned(o); err != nil {
		return nil, err
	}
	encoded, err := c.Params().EncodedLength(uint64(size))
	if err != nil {
		return nil, err
	}
	if o.Vet != nil { // which takes encoding the blob once more
		id, err := c.idOf(ctx, src, size)
		if err == nil {
			err = o.Vet(id)
		}
		if err != nil {
			return nil, err
		}
	}
	receipt, err := c.StoreFrom(ctx, src, size)
	if err != nil {
		return nil, err
	}
	s := &Stored{Object: c.record(receipt.ID, uint64(size)), New: true, EncodedSize: encoded}
	s.signed(c.Committee(), receipt.Certificate)
	return s, nil
}

// certified reports whether a blob can be read whatever f shards do: if the owners of f+1
// say so, an honest one does.
func (c cluster) certified(ctx context.Context, id commit.BlobID) bool {
	weight := 0
	for i, s := range c.Status(ctx, id) {
		if s.Err == nil && s.Status.Certified && !s.Status.Inconsistent {
			weight += len(c.Committee().Member(i).Shards)
		}
	}
	return weight > c.Params().F
}

func (c cluster) Free(context.Context, commit.BlobID, ObjectID) error { return nil }

func (c cluster) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	return stream(ctx, c.Client, id, w, p)
}

func (c cluster) Object(ctx context.Context, id ObjectID) (*Object, error) {
	meta, err := c.Metadata(ctx, commit.BlobID(id))
	if err != nil {
		return nil, fmt.Errorf("daemon: object %v: %w", id, err)
	}
	o := c.record(commit.BlobID(id), meta.Length)
	return &o, nil
}

// idOf returns the id of the blob that src has.
func (c cluster) idOf(ctx context.Context, src io.ReaderAt, size int64) (id commit.BlobID, err error) {
	meta, err := c.Code().EncodeTo(ctx, rs2d.Discard, src, size, rs2d.MaxMemory(64<<20), rs2d.Steady())
	if err != nil {
		return id, err
	}
	hasher, err := commit.NewHasher(c.Committee().Scheme(), "")
	if err != nil {
		return id, err
	}
	return meta.ID(hasher)
}

func (c cluster) Relay(ctx context.Context, src io.ReaderAt, size int64, id commit.BlobID, object *ObjectID) (*Certificate, error) {
	got, err := c.idOf(ctx, src, size)
	if err != nil {
		return nil, err
	}
	if got != id {
		return nil, errOtherBlob(got)
	}
	if _, err := c.StoreFrom(ctx, src, size); err != nil {
		return nil, err
	}
	cert, err := client.Attest(ctx, c.Client, attestation(id, object))
	if err != nil {
		return nil, err
	}
	return certificateOf(c.Committee(), cert), nil
}

func (c cluster) Certify(ctx context.Context, id commit.BlobID, _ *ObjectID, raw *Certificate) error {
	cert, err := raw.verify(c.Committee(), id)
	if err != nil {
		return err
	}
	return client.Publish(ctx, c.Client, cert)
}

func (c cluster) Cluster(ctx context.Context) (*Cluster, error) { return clusterOf(ctx, c.Client), nil }
