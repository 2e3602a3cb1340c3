package daemon

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
)

// maxConcat bounds the bytes of a list of ids.
const maxConcat = 1 << 20

// concats serves blobs one after another.
type concats struct{ *reader }

// ids reads which blobs are wanted.
func (d concats) ids(w http.ResponseWriter, r *http.Request) (ids []string, strict bool, err error) {
	q := parseQuery(r)
	if r.Method == http.MethodPost {
		var body struct {
			IDs    []string `json:"ids"`
			Strict bool     `json:"strict_consistency_check"`
			Skip   bool     `json:"skip_consistency_check"`
		}
		text, done, err := d.bodies.all(w, r, maxConcat)
		if err != nil {
			return nil, false, err
		}
		defer done()
		if err := json.Unmarshal(text, &body); err != nil {
			return nil, false, malformed(err.Error())
		}
		if body.Strict && body.Skip {
			return nil, false, refuse("INVALID_CONSISTENCY_CHECK", "a check cannot be strict and skipped")
		}
		ids, strict = body.IDs, body.Strict
	} else if list, ok := q.take("ids"); ok {
		ids = strings.Split(list, ",")
	}
	asked, err := q.check()
	if err != nil {
		return nil, false, err
	}
	wanted := ids[:0]
	for _, id := range ids {
		if id = strings.TrimSpace(id); id != "" {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return nil, false, malformed("at least one blob ID or object ID must be provided")
	}
	return wanted, strict || asked, nil
}

// get answers blobs one after another.
func (d concats) get(w http.ResponseWriter, r *http.Request) error {
	ids, strict, err := d.ids(w, r)
	if err != nil {
		return err
	}
	w, done, err := d.turn(w, r)
	if err != nil {
		return err
	}
	defer done()
	blobs := make([]commit.BlobID, len(ids))
	var attributes map[string]string
	for i, text := range ids {
		if blobs[i], err = commit.ParseBlobID(text); err == nil {
			if d.options.Blocked != nil && d.options.Blocked.Has(blobs[i]) {
				return errBlocked // while there is a status to say so
			}
			continue
		}
		object, err := ParseObjectID(text)
		if err != nil {
			return refuse("INVALID_ID_FORMAT", text+" is no id of a blob, and none of an object")
		}
		o, err := d.store.Object(r.Context(), object)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return err
		}
		if err != nil {
			return &walrusapi.Error{Code: http.StatusNotFound, Status: "NOT_FOUND", Reason: "OBJECT_ID_RESOLUTION_FAILED", Message: "no object " + text, Domain: domain}
		}
		blobs[i] = o.Blob
		if attributes == nil {
			attributes = o.Attributes
		}
	}
	digest := sha256.Sum256([]byte(strings.Join(ids, ",")))
	headers(w, r, base64.RawURLEncoding.EncodeToString(digest[:]))
	d.attributes(w.Header(), attributes, false)
	if r.Method == http.MethodHead {
		return nil
	}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // what fails from now on breaks the connection
	for _, id := range blobs {
		meta, err := d.store.Metadata(r.Context(), id)
		if err == nil {
			err = d.stream(w, r, id, Part{N: meta.Length, Strict: strict}, func() {})
		}
		if err != nil {
			d.log.Warn("concatenation broken off", "blob", id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}
