package server

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/store"
)

// lister lists blobs.
type lister struct {
	blobs     *blobs
	certified store.Record // by which blobs are certified
	writeTime time.Duration
}

// get lists blobs. However many blobs that nobody certified a client has made the
// node remember, certified ones can be listed without them.
func (l *lister) get(r *request) {
	q := r.URL.Query()
	state, after, limit, err := parseListQuery(q)
	if err != nil {
		r.Fail(http.StatusBadRequest, err.Error())
		return
	}
	form := q.Get("form")
	if form != "" && (form != api.FormIDs || state == api.ListPending) {
		r.Fail(http.StatusBadRequest, "form is not ids, or of pending blobs, which are listed in JSON alone")
		return
	}
	done, err := r.Turn(r.Context()) // a page is a thousand lookups
	if err != nil {
		return
	}
	defer done()
	records := map[api.ListState]store.Record{
		api.ListAll: store.Metadata, api.ListCertified: l.certified, api.ListInvalid: store.InvalidBlobCertificate,
	}
	if form == api.FormIDs {
		ids, err := l.blobs.store.BlobsWith(records[state], after, limit)
		if err != nil {
			l.blobs.fail(r, err)
			return
		}
		answer := make([]byte, 0, len(ids)*commit.HashSize)
		for _, id := range ids {
			answer = append(answer, id[:]...)
		}
		r.send(answer)
		return
	}
	var list api.BlobList
	if state == api.ListPending {
		list, err = l.listPending(r.view, after, limit)
	} else {
		list, err = l.listWith(records[state], after, limit)
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
	}
	for _, kind := range []store.Record{store.Certificate, store.InvalidBlobCertificate} {
		// Few blobs have the other certificate: they are listed at once, not looked up one by one.
		others, err := l.blobs.store.BlobsWith(kind, after, limit)
		if err != nil {
			return list, err
		}
		for i, id := range ids {
			if _, has := slices.BinarySearchFunc(others, id, compareIDs); !has && len(others) < limit {
				continue
			}
			record, err := l.blobs.store.Record(id, kind)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return list, err
			}
			if kind == store.Certificate {
				list.Blobs[i].Certificate = record
			} else {
				list.Blobs[i].InvalidBlobCertificate = record
			}
		}
	}
	return list, nil
}

func compareIDs(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) }

// listPending lists blobs that wait for a certificate and that the node would attest, but
// for those whose write may still be under way. Few blobs are pending as a rule: then it is
// these that are looked up. If they are more than a page has, it looks through as many blobs
// as that.
func (l *lister) listPending(view View, after *commit.BlobID, limit int) (list api.BlobList, err error) {
	ids, err := l.blobs.store.Pending(time.Now().Add(pendingAhead), api.MaxList)
	switch {
	case err != nil:
		return list, err
	case len(ids) < api.MaxList:
		slices.SortFunc(ids, compareIDs)
		if after != nil {
			i, found := slices.BinarySearchFunc(ids, *after, compareIDs)
			if found {
				i++
			}
			ids = ids[i:]
		}
		ids = ids[:min(len(ids), limit)]
	default:
		if ids, err = l.blobs.store.Blobs(after, limit); err != nil {
			return list, err
		}
	}
	list.Blobs = []api.BlobEntry{}
	for _, id := range ids {
		info, err := l.blobs.store.Info(id)
		if err != nil {
			return list, err
		}
		if info.Certified() || info.Has(store.InvalidBlobCertificate) {
			continue
		}
		if info.Within(l.writeTime) {
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

// pendingAhead is later than any blob has come, though the clock was set back a little.
const pendingAhead = 24 * time.Hour
