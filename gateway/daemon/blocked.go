package daemon

import (
	"context"
	"errors"
	"io"

	"github.com/redstuff-go/redstuff/commit"
)

// Blocked are the blobs that an operator does not give out, and does not take. It is safe for
// concurrent use.
type Blocked interface {
	Has(id commit.BlobID) bool
}

// errBlocked is the error of a blob that is blocked.
var errBlocked = errors.New("daemon: the blob is blocked")

// blocking is a Store without the blobs that are blocked.
type blocking struct {
	Store
	blocked Blocked
}

func (b blocking) vet(id commit.BlobID) error {
	if b.blocked.Has(id) {
		return errBlocked
	}
	return nil
}

// vet calls Vet.
func (o *PutOptions) vet(id commit.BlobID) error {
	if o.Vet == nil {
		return nil
	}
	return o.Vet(id)
}

func (b blocking) Put(ctx context.Context, blob []byte, o PutOptions) (*Stored, error) {
	o.Vet = b.vet
	return b.Store.Put(ctx, blob, o)
}

func (b blocking) PutFrom(ctx context.Context, src io.ReaderAt, size int64, o PutOptions) (*Stored, error) {
	o.Vet = b.vet
	return b.Store.PutFrom(ctx, src, size, o)
}

func (b blocking) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if err := b.vet(id); err != nil {
		return nil, err
	}
	return b.Store.Metadata(ctx, id)
}

func (b blocking) Read(ctx context.Context, id commit.BlobID) ([]byte, error) {
	if err := b.vet(id); err != nil {
		return nil, err
	}
	return b.Store.Read(ctx, id)
}

func (b blocking) ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	if err := b.vet(id); err != nil {
		return nil, err
	}
	return b.Store.ReadRange(ctx, id, off, n)
}

func (b blocking) Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error {
	if err := b.vet(id); err != nil {
		return err
	}
	return b.Store.Stream(ctx, id, w, p)
}

func (b blocking) ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error) {
	if err := b.vet(id); err != nil {
		return nil, err
	}
	return b.Store.ReadColumns(ctx, id, from, to)
}

func (b blocking) Relay(ctx context.Context, src io.ReaderAt, size int64, id commit.BlobID, object *ObjectID) (*Certificate, error) {
	if err := b.vet(id); err != nil {
		return nil, err
	}
	return b.Store.Relay(ctx, src, size, id, object)
}

func (b blocking) Certify(ctx context.Context, id commit.BlobID, object *ObjectID, c *Certificate) error {
	if err := b.vet(id); err != nil {
		return err
	}
	return b.Store.Certify(ctx, id, object, c)
}

func (b blocking) Object(ctx context.Context, id ObjectID) (*Object, error) {
	o, err := b.Store.Object(ctx, id)
	if err == nil {
		err = b.vet(o.Blob)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}
