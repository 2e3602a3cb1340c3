package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// shared is what all requests are answered by.
type shared struct {
	Config
	params commit.Params
	keeper *metadata.Keeper
}

// ref reads which sliver the path names. What names none is answered.
func (f *shared) ref(r *request) (ref store.Ref, err error) {
	if ref.Axis, err = api.ParseAxis(r.PathValue("axis")); err != nil {
		badRequest(r, err)
		return ref, errAnswered
	}
	if _, err := parseIndex(r.PathValue("pair")); err != nil {
		badRequest(r, err)
		return ref, errAnswered
	}
	if ref.Pair, err = api.ParseIndex(r.PathValue("pair"), f.params.N); err != nil {
		return ref, invalid("INDEX_OUT_OF_RANGE", err.Error())
	}
	if r.view.Member < 0 || !placement.Owns(r.view.Committee, r.view.Member, r.id, ref.Pair) {
		return ref, unmet("SHARD_NOT_ASSIGNED", "the pair's shard is another node's")
	}
	return ref, nil
}

// symbolSize returns the size of the blob's symbols. The error is store.ErrNotFound if it is not
// known, or there is no blob.
func (f *shared) symbolSize(id commit.BlobID) (int, error) {
	info, err := f.Store.Info(id)
	if err != nil {
		return 0, err
	}
	if info.Has(store.InvalidBlobCertificate) {
		return 0, store.ErrNotFound // there is no blob that it could be of
	}
	kept, err := f.keeper.Get(id)
	if err != nil {
		return 0, err
	}
	return f.params.SymbolSize(kept.Length)
}

// allMetadata returns all of the metadata, which it gathers where the node keeps a part.
func (f *shared) allMetadata(r *request) (*commit.Metadata, error) {
	kept, err := f.keeper.Get(r.id)
	if err == nil && kept.Whole != nil {
		return kept.Whole, nil
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, unmet("METADATA_NOT_FOUND", "the node has no metadata of the blob")
	}
	if err != nil {
		return nil, err
	}
	return f.gather(r)
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

// unread returns what is answered where a sliver cannot be read. One that is damaged is recovered.
func (f *shared) unread(err error) error {
	var corrupt *store.CorruptError
	switch {
	case errors.As(err, &corrupt):
		f.Corrupt(corrupt.Blob, corrupt.Ref)
		return notFound("SLIVER_NOT_FOUND", "the sliver is damaged, and about to be recovered")
	case errors.Is(err, store.ErrNotFound):
		return notFound("SLIVER_NOT_FOUND", "the node has not got the sliver")
	}
	return err
}
