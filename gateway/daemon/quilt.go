package daemon

import (
	"context"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// quilts serves what reads files of quilts.
type quilts struct{ *reader }

// named returns the id of a quilt in a path, and a reader of it, for a request whose query
// says nothing.
func (d quilts) named(r *http.Request, text string) (id commit.BlobID, q *quilt.Reader, err error) {
	if id, err = parseBlobID(text); err == nil {
		err = parseQuery(r).end()
	}
	if err == nil {
		q, err = d.open(r.Context(), id)
	}
	return id, q, err
}

// open returns a reader of a quilt.
func (d quilts) open(ctx context.Context, id commit.BlobID) (*quilt.Reader, error) {
	meta, err := d.store.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	return quilt.NewReader(d.store.Params(), meta.Length, func(ctx context.Context, from, to int) ([]byte, error) {
		return d.store.ReadColumns(ctx, id, from, to)
	})
}

// answerFile answers a file of a quilt.
func (d quilts) answerFile(w http.ResponseWriter, r *http.Request, id commit.BlobID, f *quilt.File) error {
	headers(w, r, id.String())
	h := w.Header()
	if validHeader("x", f.Identifier) {
		h.Set("X-Quilt-Patch-Identifier", f.Identifier)
	}
	d.attributes(h, f.Tags, d.options.AllTagsAsHeaders)
	return answerBytes(w, r, http.StatusOK, f.Data)
}

func (d quilts) getPatch(w http.ResponseWriter, r *http.Request, text string) error {
	id, err := quilt.ParsePatchID(text)
	if err != nil {
		return malformed(err.Error())
	}
	if err := parseQuery(r).end(); err != nil {
		return err
	}
	q, err := d.open(r.Context(), id.Quilt)
	if err != nil {
		return err
	}
	f, err := q.Read(r.Context(), int(id.Start), int(id.End))
	if err != nil {
		return err
	}
	return d.answerFile(w, r, id.Quilt, f)
}

func (d quilts) getFile(w http.ResponseWriter, r *http.Request, text, identifier string) error {
	id, q, err := d.named(r, text)
	if err != nil {
		return err
	}
	p, err := q.Find(r.Context(), identifier)
	if err != nil {
		return err
	}
	f, err := q.Read(r.Context(), p.Start, p.End)
	if err != nil {
		return err
	}
	return d.answerFile(w, r, id, f)
}

func (d quilts) getPatches(w http.ResponseWriter, r *http.Request, text string) error {
	id, q, err := d.named(r, text)
	if err != nil {
		return err
	}
	patches, err := q.Patches(r.Context())
	if err != nil {
		return err
	}
	type patch struct {
		Identifier string            `json:"identifier"`
		PatchID    quilt.PatchID     `json:"patch_id"`
		Tags       map[string]string `json:"tags"`
	}
	list := make([]patch, len(patches))
	for i, p := range patches {
		list[i] = patch{p.Identifier, p.ID(id), p.Tags}
		if p.Tags == nil {
			list[i].Tags = map[string]string{}
		}
	}
	walrusapi.JSON(w, http.StatusOK, list)
	return nil
}
