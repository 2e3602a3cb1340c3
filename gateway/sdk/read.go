package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
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

// whole gathers all of the metadata, where the node keeps a part.
func (f reader) whole(r *request) ([]byte, error) {
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
	return meta.MarshalBinary()
}

// gatherTime is how long metadata is gathered for a client, which asks other nodes meanwhile.
const gatherTime = 10 * time.Second

func (f reader) getSliver(r *request) error {
	ref, err := f.ref(r)
	if err != nil {
		return err
	}
	what := challenge.Column
	if ref.Axis == rs2d.Primary {
		what = challenge.Row
	}
	visit := f.Gate.Enter()
	defer visit.Leave()
	if err := visit.Serves(r.id, what); err != nil {
		return unavailable(err.Error())
	}
	data, err := f.sliver(r, ref)
	var corrupt *store.CorruptError
	switch {
	case errors.As(err, &corrupt):
		f.Corrupt(corrupt.Blob, corrupt.Ref)
		return notFound("SLIVER_NOT_FOUND", "the sliver is damaged, and about to be recovered")
	case errors.Is(err, store.ErrNotFound):
		return notFound("SLIVER_NOT_FOUND", "the node has not got the sliver")
	case err != nil:
		return err
	}
	r.answerBytes(data)
	return nil
}

// sliver returns a sliver in BCS, as SliverData.
func (f reader) sliver(r *request, ref store.Ref) ([]byte, error) {
	info, err := f.Store.Info(r.id)
	if err != nil {
		return nil, err
	}
	if info.Has(store.InvalidBlobCertificate) {
		return nil, store.ErrNotFound // there is no blob that it could be of
	}
	kept, err := f.keeper.Get(r.id)
	if err != nil {
		return nil, err
	}
	symbol, err := f.params.SymbolSize(kept.Length)
	if err != nil {
		return nil, err
	}
	size, err := f.Store.Size(r.id, ref)
	if err != nil {
		return nil, err
	}
	if !r.Hold(size) {
		return nil, errAnswered
	}
	data := bcs.AppendLength(make([]byte, 0, size+16), int(size))
	if data, err = f.Store.Read(data, r.id, ref, 0, -1); err != nil {
		return nil, err
	}
	return bcs.AppendU16(bcs.AppendU16(data, uint16(symbol)), uint16(placement.Ref(ref).Sliver(f.params.N).Index)), nil
}
