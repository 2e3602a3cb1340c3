package enemy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/node/api"
)

// answer is an answer that a node has given.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// recorder keeps an answer instead of sending it.
type recorder struct{ answer }

func newRecorder() *recorder { return &recorder{answer{header: make(http.Header)}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, b...)
	return len(b), nil
}

// Flush does nothing: all is kept.
func (r *recorder) Flush() {}

// tee sends an answer, and keeps it.
type tee struct {
	http.ResponseWriter
	kept *recorder
}

// Unwrap lets http.ResponseController find the connection.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tee) WriteHeader(status int) {
	t.kept.WriteHeader(status)
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(b []byte) (int, error) {
	if len(t.kept.body) <= maxKept { // a longer one is not remembered
		_, _ = t.kept.Write(b)
	}
	return t.ResponseWriter.Write(b)
}

// head sends the status and the header, with a length if it is not negative.
func (a *answer) head(w http.ResponseWriter, length string) {
	for name, values := range a.header {
		w.Header()[name] = slices.Clone(values)
	}
	w.Header().Del("Content-Length")
	if length != "" {
		w.Header().Set("Content-Length", length)
	}
	w.WriteHeader(max(a.status, http.StatusOK))
}

func (a *answer) is(mediaType string) bool { return a.header.Get("Content-Type") == mediaType }

// frames returns the frames of a stream but for its end, or nil if it is none.
func (a *answer) frames() (all [][]byte) {
	if !a.is(api.TypeFrames) {
		return nil
	}
	frames := api.NewFrameReader(bytes.NewReader(a.body))
	for {
		h, err := frames.Next()
		if err != nil || h.Kind == api.FrameEnd {
			return all
		}
		body, err := frames.Body(nil, len(a.body))
		if err != nil {
			return all
		}
		all = append(all, append(h.Append(nil), body...))
	}
}

// list returns a list of blobs, if the answer is one.
func (a *answer) list() (l api.BlobList, ok bool) {
	if !a.is(api.TypeJSON) || !bytes.HasPrefix(a.body, []byte(`{"blobs"`)) {
		return l, false
	}
	return l, json.Unmarshal(a.body, &l) == nil
}

// reordered returns the answer's parts in the reverse order.
func (a *answer) reordered() []byte {
	if l, ok := a.list(); ok {
		slices.Reverse(l.Blobs)
		return marshal(l)
	}
	if frames := a.frames(); len(frames) > 1 {
		slices.Reverse(frames)
		return stream(frames)
	}
	half := len(a.body) / 2
	return slices.Concat(a.body[half:], a.body[:half])
}

// repeated returns every part of the answer twice.
func (a *answer) repeated() []byte {
	if l, ok := a.list(); ok {
		var twice []api.BlobEntry
		for _, e := range l.Blobs {
			twice = append(twice, e, e)
		}
		l.Blobs = twice
		return marshal(l)
	}
	if frames := a.frames(); len(frames) > 0 {
		var twice [][]byte
		for _, f := range frames {
			twice = append(twice, f, f)
		}
		return stream(twice)
	}
	return slices.Concat(a.body, a.body)
}

// more returns what an endless answer of the form consists of, before and after its
// parts begin to repeat themselves.
func (a *answer) more() (begin, again []byte) {
	switch {
	case a.is(api.TypeFrames):
		for _, f := range a.frames() {
			begin = append(begin, f...)
		}
		message := "not here"
		h := api.FrameHeader{Kind: api.FrameError, Length: uint32(len(message))}
		return begin, append(h.Append(nil), message...)
	case a.is(api.TypeJSON):
		return bytes.TrimSuffix(bytes.TrimSpace(a.body), []byte("}")), []byte(`,"more":true`)
	}
	return a.body, make([]byte, 1<<10)
}

// stream returns the frames with an end.
func stream(frames [][]byte) []byte {
	return append(slices.Concat(frames...), api.FrameHeader{}.Append(nil)...)
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("enemy: " + err.Error()) // it was parsed from JSON
	}
	return data
}
