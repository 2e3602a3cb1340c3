package sdk

import (
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
)

// request is one request, and by what it is answered.
type request struct {
	*httpd.Exchange
	view server.View
	id   commit.BlobID // of the path, if it names a blob
}

// answer answers a value in the envelope of what went well.
func (r *request) answer(code int, data any) {
	walrusapi.JSON(r, code, map[string]any{"success": map[string]any{"code": code, "data": data}})
}

// answerBytes answers bytes.
func (r *request) answerBytes(data []byte) { _ = r.send(nil, data) }

// send answers bytes. It cuts them off if the node falls silent meanwhile, and whoever reads them
// takes too long for it to wait.
func (r *request) send(visit *gate.Visit, data []byte) error {
	r.Header().Set("Content-Type", "application/octet-stream")
	r.Header().Set("Content-Length", fmt.Sprint(len(data)))
	const piece = 1 << 20
	for len(data) > 0 {
		if visit.Err() != nil {
			panic(http.ErrAbortHandler) // the header is out
		}
		n, err := r.Write(data[:min(piece, len(data))])
		if err != nil {
			return nil // whoever does not read it has gone
		}
		data = data[n:]
	}
	return nil
}

// isBCS returns an error if the body is said to be of another type.
func (r *request) isBCS() error {
	kind := r.Request.Header.Get("Content-Type")
	if kind == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/octet-stream" {
		return invalid("INVALID_CONTENT_TYPE", fmt.Sprintf("the body is of type %.80q, want application/octet-stream", kind))
	}
	return nil
}

// badRequest answers what is wrong with a path or a query, in plain text as Walrus does.
func badRequest(r *request, err error) { walrusapi.Text(r, http.StatusBadRequest, err.Error()) }

// query answers what cannot be read of a query.
func (r *request) query(err error) error {
	if errors.Is(err, errQuery) {
		badRequest(r, err)
		return errAnswered
	}
	return err
}

// own returns the pairs of the blob that the node stores by its committee.
func (r *request) own() []int {
	if r.view.Member < 0 {
		return nil
	}
	return r.view.Pairs(r.id, r.view.Member)
}
