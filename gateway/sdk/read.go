package sdk

import (
	"errors"

	"github.com/redstuff-go/redstuff/node/coded"
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
