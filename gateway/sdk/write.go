package sdk

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// writer takes metadata and slivers.
type writer struct{ *admitter }

// pending reads whether the client would have had the node wait for the registration. The
// node has done so.
func pending(r *request) (bool, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	for key, values := range q {
		if key != "pending" || len(values) != 1 || values[0] != "true" && values[0] != "false" {
			err = fmt.Errorf("unknown key, or value, %.80q: there is pending=true", key)
		}
	}
	if err != nil {
		walrusapi.Text(r, http.StatusBadRequest, err.Error())
		return false, errAnswered
	}
	return q.Get("pending") == "true", nil
}

// stored answers that something is there.
func stored(r *request, what string, before, pending bool) {
	switch {
	case before:
		r.answer(http.StatusOK, what+" already stored")
	case pending:
		r.answer(http.StatusAccepted, what+" buffered pending registration")
	case what == "sliver":
		r.answer(http.StatusCreated, "sliver stored successfully")
	default:
		r.answer(http.StatusCreated, what+" successfully stored")
	}
}

// begin admits a write, and reads its body, of at most limit bytes.
func (f writer) begin(r *request, limit int64) (a admission, info store.Info, body []byte, err error) {
	if a, err = f.admit(r); err != nil {
		return a, info, nil, err
	}
	if info, err = f.Store.Info(r.id); err != nil {
		return a, info, nil, err
	}
	if info.Has(store.InvalidBlobCertificate) {
		return a, info, nil, unmet("INVALID_BLOB", "the blob was encoded wrongly, and is marked as invalid")
	}
	if err = f.withinQuota(r, a, &info); err != nil {
		return a, info, nil, err
	}
	body, ok := r.ReadBody(limit)
	if !ok {
		return a, info, nil, errAnswered
	}
	return a, info, body, nil
}

func (f writer) putMetadata(r *request) error {
	if err := r.isBCS(); err != nil {
		return err
	}
	pending, err := pending(r)
	if err != nil {
		return err
	}
	a, info, raw, err := f.begin(r, int64(placement.MaxMetadata(f.params.N)))
	if err != nil {
		return err
	}
	meta, err := f.keeper.Parse(r.id, raw)
	if errors.Is(err, commit.ErrMalformed) && isRedStuff(raw) {
		return invalid("UNSUPPORTED_ENCODING_TYPE", "the metadata is of the encoding RedStuff, which Walrus gave up for RS2")
	}
	if errors.Is(err, commit.ErrMalformed) {
		return invalid("INVALID_CONTENT_TYPE", "the body is no metadata in BCS: "+err.Error())
	}
	if err != nil {
		return invalid("INVALID_METADATA", fmt.Sprintf("the metadata is not that of the blob in a network of %d shards", f.params.N))
	}
	before := info.Has(store.Metadata)
	if !before || !lasts(&info, a) {
		var u store.Update
		if err := f.keeper.Keep(&u, meta, raw, r.view.Mine(r.id)); err != nil {
			return err
		}
		if err := f.apply(r, a, u); err != nil {
			return err
		}
	}
	stored(r, "metadata", before, pending)
	return nil
}

// isRedStuff reports whether metadata says that it is of the encoding that came before RS2.
func isRedStuff(raw []byte) bool {
	r := bcs.NewReader(raw)
	version, encoding := r.Variant(1, "the metadata's version"), r.Variant(2, "the encoding")
	return r.Err() == nil && version == 0 && encoding == 0
}

// sliverHead bounds what BCS adds to a sliver's symbols, bytes.
const sliverHead = 10

func (f writer) putSliver(r *request) error {
	pending, err := pending(r)
	if err != nil {
		return err
	}
	ref, err := f.ref(r)
	if err != nil {
		return err
	}
	raw, err := f.Store.Record(r.id, store.Metadata)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := f.admit(r); err != nil {
			return err
		}
		return unmet("METADATA_NOT_FOUND", "the metadata comes first")
	}
	if err != nil {
		return err
	}
	kept, err := f.keeper.Get(r.id)
	if err != nil {
		return err
	}
	sizes, err := placement.SizesOf(f.params, kept.Length)
	if err != nil {
		return err
	}
	a, info, body, err := f.begin(r, int64(sizes[ref.Axis])+sliverHead)
	if err != nil {
		return err
	}
	before := slices.ContainsFunc(info.Slivers, func(e store.Entry) bool { return e.Ref == ref })
	if !before || !lasts(&info, a) {
		s, err := f.verified(r, kept.Metadata(), ref, body)
		if err != nil {
			return err
		}
		u := store.Update{Slivers: []store.Sliver{{Ref: ref, Data: s.Data}}}
		f.keeper.Retain(&u, raw)
		if err := f.apply(r, a, u); err != nil {
			return err
		}
	}
	stored(r, "sliver", before, pending)
	return nil
}

// verified returns the sliver that a body is, if it is the blob's.
func (f writer) verified(r *request, meta *commit.Metadata, ref store.Ref, body []byte) (rs2d.Sliver, error) {
	s, err := rs2d.ParseSliver(meta, ref.Axis, body)
	if errors.Is(err, rs2d.ErrIndex) || err == nil && s.SliverRef != placement.Ref(ref).Sliver(f.params.N) {
		return s, invalid("SLIVER_INDEX_MISMATCH", fmt.Sprintf("the sliver is not number %d, which is the pair's", placement.Ref(ref).Sliver(f.params.N).Index))
	}
	if err != nil {
		return s, invalid("INVALID_SLIVER", err.Error())
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return s, err
	}
	defer done()
	if err := f.Code.VerifySliver(meta, s); err != nil {
		return s, invalid("INVALID_SLIVER", err.Error())
	}
	return s, nil
}
