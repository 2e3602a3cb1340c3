package headers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/cometbft/cometbft/types"
)

// Path is where headers are, with a height behind it.
const Path = "/v1/headers/"

// ErrMissing is returned for a header that a node does not have, or not yet.
var ErrMissing = errors.New("headers: there is no such header")

// Source has headers.
type Source interface {
	// LightBlock returns the header of a height; 0 is the last one. The error wraps
	// ErrMissing if there is none.
	LightBlock(height int64) (*types.LightBlock, error)
}

// Handler shows the headers of a source.
func Handler(s Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"{height}", func(w http.ResponseWriter, r *http.Request) {
		height, err := strconv.ParseInt(r.PathValue("height"), 10, 64)
		if err != nil || height < 0 {
			http.Error(w, "a height is needed, or 0 for the last one", http.StatusBadRequest)
			return
		}
		data, err := marshal(s, height)
		switch {
		case errors.Is(err, ErrMissing):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(data) // a client that has gone learns nothing
		}
	})
	return mux
}

func marshal(s Source, height int64) ([]byte, error) {
	b, err := s.LightBlock(height)
	if err != nil {
		return nil, err
	}
	p, err := b.ToProto()
	if err != nil {
		return nil, err
	}
	return p.Marshal()
}
