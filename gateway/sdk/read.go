package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// reader gives out what is stored.
type reader struct{ *shared }

func (f reader) getMetadata(r *request) error {
	raw, err := f.Store.Record(r.id, store.Metadata)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("METADATA_NOT_FOUND", "the node has no metadata of the blob")
	}
	if err == nil && coded.IsRecord(raw) {
		raw, err = f.whole(r)
	}
	if err != nil {
		return err
	}
	if !r.Hold(int64(len(raw))) {
		return errAnswered
	}
	r.answerBytes(append(r.id[:], raw...))
	return nil
}

// whole returns the bytes of all of the metadata, where the node keeps a part.
func (f reader) whole(r *request) ([]byte, error) {
	meta, err := f.gather(r)
	if err != nil {
		return nil, err
	}
	return meta.MarshalBinary()
}

// gather gathers all of the metadata from other nodes.
func (f *shared) gather(r *request) (*commit.Metadata, error) {
	if !r.Hold(int64(2 * placement.MaxMetadata(f.params.N))) {
		return nil, errAnswered
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherTime)
	defer cancel()
	meta, err := f.Metadata(ctx, r.id)
	if err != nil {
		f.Logger.Warn("metadata", "blob", r.id, "error", err)
		r.Busy("the metadata cannot be gathered from other nodes at present")
		return nil, errAnswered
	}
	return meta, nil
}

// gatherTime is how long metadata is gathered for a client, which asks other nodes meanwhile.
const gatherTime = 10 * time.Second

func (f reader) getSliver(r *request) error {
	ref, err := f.ref(r)
	if err != nil {
		return err
	}
	visit := f.Gate.Enter()
	defer visit.Leave()
	if err := visit.Serves(r.id, asked(ref.Axis)); err != nil {
		return unavailable(err.Error())
	}
	size, err := f.Store.Size(r.id, ref)
	if err != nil {
		return f.unread(err)
	}
	if !r.Hold(size) {
		return errAnswered
	}
	data, err := f.sliverBCS(r.id, ref, size)
	if err != nil {
		return f.unread(err)
	}
	return r.send(visit, data)
}

// sliverBCS returns a stored sliver of so many bytes as SliverData.
func (f *shared) sliverBCS(id commit.BlobID, ref store.Ref, size int64) ([]byte, error) {
	symbol, err := f.symbolSize(id)
	if err != nil {
		return nil, err
	}
	data := bcs.AppendLength(make([]byte, 0, size+16), int(size))
	if data, err = f.Store.Read(data, id, ref, 0, -1); err != nil {
		return nil, err
	}
	return bcs.AppendU16(bcs.AppendU16(data, uint16(symbol)), uint16(placement.Ref(ref).Sliver(f.params.N).Index)), nil
}
