package fault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
)

// inventStep is the distance of the first eight bytes of two invented ids: small enough
// that nobody sees the end of such a list.
const inventStep = 1 << 20

// invent answers with a full page of blobs that do not exist, in the order of their
// ids, and says that there are more. It is the same page for the same request. Every
// other blob has a certificate that is one of the node's, with another id in it: what
// is wrong with it shows only when its signature is verified.
func invent(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	var at uint64
	if after, err := commit.ParseBlobID(r.URL.Query().Get("after")); err == nil {
		at = binary.BigEndian.Uint64(after[:])
	}
	model := certified(r, honest)
	list := api.BlobList{Blobs: make([]api.BlobEntry, 0, api.MaxList), More: true}
	for i := range api.MaxList {
		if at += inventStep; at < inventStep {
			list.More = false // the end of all ids
			break
		}
		id := commit.BlobID(sha256.Sum256(binary.BigEndian.AppendUint64(nil, at)))
		binary.BigEndian.PutUint64(id[:], at)
		e := api.BlobEntry{Blob: id}
		if i%2 == 1 && model.Certificate != nil {
			e.Certificate = bytes.ReplaceAll(model.Certificate, model.Blob[:], id[:])
		}
		list.Blobs = append(list.Blobs, e)
	}
	if r.URL.Query().Get("form") == api.FormIDs {
		w.Header().Set("Content-Type", api.TypeBytes)
		for _, e := range list.Blobs {
			_, _ = w.Write(e.Blob[:])
		}
		return
	}
	w.Header().Set("Content-Type", api.TypeJSON)
	_ = json.NewEncoder(w).Encode(list) // who has hung up learns nothing
}

// certified returns a blob that the node lists with its certificate, if it has one.
func certified(r *http.Request, honest http.Handler) api.BlobEntry {
	first := r.Clone(r.Context())
	first.URL.RawQuery = ""
	answer := &buffered{header: make(http.Header)}
	honest.ServeHTTP(answer, first)
	var list api.BlobList
	if json.Unmarshal(answer.Bytes(), &list) == nil {
		for _, e := range list.Blobs {
			if len(e.Certificate) > 0 {
				return e
			}
		}
	}
	return api.BlobEntry{}
}

// buffered keeps an answer's body.
type buffered struct {
	bytes.Buffer
	header http.Header
}

func (b *buffered) Header() http.Header { return b.header }
func (b *buffered) WriteHeader(int)     {}
