package server

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/store"
)

// lister lists blobs.
type lister struct{ blobs *blobs }

// get lists blobs. However many blobs that nobody certified a client has made the
// node remember, certified ones can be listed without them.
func (l *lister) get(r *request) {
	state, after, limit, err := parseListQuery(r.URL.Query())
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	done, err := r.Turn(r.Context()) // a page is a thousand lookups
	if err != nil {
		return
	}
	defer done()
	var list api.BlobList
	switch state {
	case api.ListAll:
		list, err = l.listWith(store.Metadata, after, limit)
	case api.ListCertified:
		list, err = l.listWith(store.Certificate, after, limit)
	case api.ListInvalid:
		list, err = l.listWith(store.InvalidBlobCertificate, after, limit)
	default:
		list, err = l.listPending(r.view, after, limit)
	}
	if err != nil {
		l.blobs.fail(r, err)
		return
	}
	r.answer(http.StatusOK, list)
}

func parseListQuery(q url.Values) (state api.ListState, after *commit.BlobID, limit int, err error) {
	limit = api.MaxList
	if s := q.Get("limit"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil || v < 1 {
			return state, nil, 0, errors.New("limit is no positive number")
		}
		limit = min(v, api.MaxList)
	}
	if s := q.Get("after"); s != "" {
		id, err := commit.ParseBlobID(s)
		if err != nil {
			return state, nil, 0, err
		}
		after = &id
	}
	switch state = api.ListState(q.Get("state")); state {
	case api.ListAll, api.ListCertified, api.ListInvalid, api.ListPending:
		return state, after, limit, nil
	}
	return state, nil, 0, errors.New("state is none of certified, invalid and pending")
}

// listWith lists the blobs that have a record, with their certificates.
func (l *lister) listWith(r store.Record, after *commit.BlobID, limit int) (list api.BlobList, err error) {
	ids, err := l.blobs.store.BlobsWith(r, after, limit)
	if err != nil {
		return list, err
	}
	list = api.BlobList{Blobs: make([]api.BlobEntry, len(ids)), More: len(ids) == limit}
	for i, id := range ids {
		list.Blobs[i].Blob = id
		for r, to := range map[store.Record]*[]byte{
			store.Certificate: &list.Blobs[i].Certificate, store.InvalidBlobCertificate: &list.Blobs[i].InvalidBlobCertificate,
		} {
			*to, err = l.blobs.store.Record(id, r)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return list, err
			}
		}
	}
	return list, nil
}

// listPending looks through as many blobs as a page may have, and lists those that wait
// for a certificate and that the node would attest.
func (l *lister) listPending(view View, after *commit.BlobID, limit int) (list api.BlobList, err error) {
	list.Blobs = []api.BlobEntry{}
	ids, err := l.blobs.store.Blobs(after, limit)
	if err != nil {
		return list, err
	}
	for _, id := range ids {
		info, err := l.blobs.store.Info(id)
		if err != nil {
			return list, err
		}
		if info.Has(store.Certificate) || info.Has(store.InvalidBlobCertificate) {
			continue
		}
		if complete(view, id, &info) {
			list.Blobs = append(list.Blobs, api.BlobEntry{Blob: id})
		}
	}
	if list.More = len(ids) == limit; list.More {
		list.Next = &ids[len(ids)-1]
	}
	return list, nil
}
