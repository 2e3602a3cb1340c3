package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
)

// reader serves what reads blobs.
type reader struct {
	store   Store
	bodies  *bodies
	turns   *room
	options Options
	log     *slog.Logger
	headers map[string]bool // names of attributes that become headers, in lower case
}

func newReader(store Store, b *bodies, turns *room, o Options) *reader {
	d := &reader{store, b, turns, o, o.Logger, make(map[string]bool)}
	for _, name := range o.AllowedHeaders {
		d.headers[strings.ToLower(name)] = true
	}
	return d
}

// turn waits for a request's turn, which done ends. Whoever reads the answer slowly loses it while
// others wait.
func (d *reader) turn(w http.ResponseWriter, r *http.Request) (paced http.ResponseWriter, done func(), err error) {
	c, err := d.turns.turn(r.Context(), "aggregator", func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) })
	if err != nil {
		return nil, nil, err
	}
	return &answer{w, c}, c.give, nil
}

// answer is one that the client is waited for to read.
type answer struct {
	http.ResponseWriter
	turn *claim
}

// Write writes pieces that whoever is not slow has read soon.
func (a *answer) Write(data []byte) (total int, err error) {
	const piece = 64 << 10
	for {
		n, err := a.turn.move(a.ResponseWriter.Write, data[:min(len(data), piece)])
		total += n
		if data = data[n:]; err != nil || len(data) == 0 {
			return total, err
		}
	}
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// headers sets what all answers with bytes of blobs have.
func headers(w http.ResponseWriter, r *http.Request, etag string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=86400, stale-while-revalidate=3600")
	h["Etag"] = []string{etag} // without quotes, as Walrus's clients expect it
	h["Content-Type"] = nil    // nothing says what the bytes are, and nobody is to guess
	switch accept := r.Header.Get("Accept"); {
	case accept != "" && !strings.Contains(accept, "*"):
		h.Set("Content-Type", accept)
	case r.Method == http.MethodGet && r.Header.Get("Content-Type") != "":
		h.Set("Content-Type", r.Header.Get("Content-Type"))
	}
}

// answerBytes answers with all of something.
func answerBytes(w http.ResponseWriter, r *http.Request, code int, data []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // whoever does not read it has gone
	}
	return nil
}

// parseBlobID reads the id of a blob from a path.
func parseBlobID(s string) (commit.BlobID, error) {
	id, err := commit.ParseBlobID(s)
	if err != nil {
		return id, malformed(err.Error())
	}
	return id, nil
}

func (d *reader) getBlob(w http.ResponseWriter, r *http.Request, text string) error {
	id, err := parseBlobID(text)
	if err != nil {
		return err
	}
	strict, err := parseQuery(r).check()
	if err != nil {
		return err
	}
	return d.answerBlob(w, r, id, strict, nil)
}

func (d *reader) getObject(w http.ResponseWriter, r *http.Request, text string) error {
	object, err := ParseObjectID(text)
	if err != nil {
		return malformed(err.Error())
	}
	strict, err := parseQuery(r).check()
	if err != nil {
		return err
	}
	o, err := d.store.Object(r.Context(), object)
	if err != nil {
		return err
	}
	return d.answerBlob(w, r, o.Blob, strict, func(h http.Header) { d.attributes(h, o.Attributes, false) })
}

// attributes makes headers of attributes, but for those that are set already.
func (d *reader) attributes(h http.Header, attributes map[string]string, all bool) {
	for name, value := range attributes {
		name = strings.ToLower(name)
		if (all || d.headers[name]) && validHeader(name, value) && (len(h.Values(name)) == 0) {
			h.Set(name, value)
		}
	}
}

// validHeader reports whether a header can be made of a name and a value.
func validHeader(name, value string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return name != "" && strings.Trim(name, token) == ""
}

// answerBlob answers a blob, or the range of it that is asked for.
func (d *reader) answerBlob(w http.ResponseWriter, r *http.Request, id commit.BlobID, strict bool, more func(http.Header)) error {
	meta, err := d.store.Metadata(r.Context(), id)
	if err != nil {
		return err
	}
	part, code := Part{N: meta.Length, Strict: strict}, http.StatusOK
	if asked := r.Header.Values("Range"); len(asked) > 0 {
		var ok bool
		if part.Off, part.N, ok = parseRange(asked, meta.Length); !ok {
			return &walrusapi.Error{Code: http.StatusRequestedRangeNotSatisfiable, Status: "RANGE_NOT_SATISFIABLE", Reason: "INVALID_BYTE_RANGE", Message: fmt.Sprintf("the range %q is none of the blob's %d bytes: give one such as bytes=0-99", strings.Join(asked, ", "), meta.Length), Domain: domain}
		}
		code, part.Strict = http.StatusPartialContent, false
	}
	return d.answerPart(w, r, id, part, code == http.StatusOK, func() {
		headers(w, r, id.String())
		if more != nil {
			more(w.Header())
		}
		h := w.Header()
		h.Set("Content-Length", strconv.FormatUint(part.N, 10))
		if code == http.StatusPartialContent {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.Off, part.Off+part.N-1, meta.Length))
		}
		w.WriteHeader(code)
	})
}

// answerPart answers a part of a blob: at once if it is short, and else as it comes. begin is
// called before the first byte. whole says that the part is all of the blob.
func (d *reader) answerPart(w http.ResponseWriter, r *http.Request, id commit.BlobID, p Part, whole bool, begin func()) error {
	var data []byte
	var err error
	switch {
	case r.Method == http.MethodHead:
	case whole && p.N <= d.options.MaxWhole:
		data, err = d.store.Read(r.Context(), id) // which is strict
	case !whole && p.N <= d.options.Piece:
		data, err = d.store.ReadRange(r.Context(), id, p.Off, p.N)
	default:
		return d.stream(w, r, id, p, begin)
	}
	if err != nil {
		return err
	}
	begin()
	_, _ = w.Write(data) // whoever does not read it has gone
	return nil
}

// parseRange reads the one range that may be asked for: bytes=a-b, bytes=a- or bytes=-n.
func parseRange(asked []string, size uint64) (off, n uint64, ok bool) {
	if len(asked) != 1 {
		return 0, 0, false
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(asked[0]), "bytes=")
	if !ok {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(text, "-")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if !ok || from == "" && to == "" {
		return 0, 0, false
	}
	if from == "" {
		n, err := strconv.ParseUint(to, 10, 64)
		n = min(n, size)
		return size - n, n, err == nil && n > 0
	}
	off, err := strconv.ParseUint(from, 10, 64)
	if err != nil || off >= size {
		return 0, 0, false
	}
	if to == "" {
		return off, size - off, true
	}
	last, err := strconv.ParseUint(to, 10, 64)
	if err != nil || last < off || last >= size {
		return 0, 0, false
	}
	return off, last - off + 1, true
}

func (d *reader) getRange(w http.ResponseWriter, r *http.Request, text string) error {
	id, err := parseBlobID(text)
	if err != nil {
		return err
	}
	q := parseQuery(r)
	start, ok1 := q.number("start", 64)
	length, ok2 := q.number("length", 64)
	if !ok1 || !ok2 {
		q.fail("start and length are needed")
	}
	if err := q.end(); err != nil {
		return err
	}
	meta, err := d.store.Metadata(r.Context(), id)
	if err != nil {
		return rangeError(err)
	}
	if length == 0 || start > meta.Length || length > meta.Length-start {
		return refuse("INVALID_BYTE_RANGE", fmt.Sprintf("%d bytes from %d on are not within the blob's %d, or none", length, start, meta.Length))
	}
	return rangeError(d.answerPart(w, r, id, Part{Off: start, N: length}, false, func() {
		headers(w, r, fmt.Sprintf("%s-%d-%d", id, start, length))
		w.Header().Set("Content-Length", strconv.FormatUint(length, 10))
		w.WriteHeader(http.StatusOK)
	}))
}

// rangeError returns the failure of a range. Walrus answers 500 where nodes do not answer.
func rangeError(err error) error {
	var text *plain
	if err == nil || errors.As(err, &text) {
		return err
	}
	if f := explain(err); f.Code == http.StatusServiceUnavailable {
		return &walrusapi.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "INTERNAL_ERROR", Message: f.Message, Domain: domain}
	}
	return err
}

func (d *reader) getStream(w http.ResponseWriter, r *http.Request, text string) error {
	id, err := parseBlobID(text)
	if err != nil {
		return err
	}
	strict, err := parseQuery(r).check()
	if err != nil {
		return err
	}
	meta, err := d.store.Metadata(r.Context(), id)
	if err != nil {
		return streamError(err)
	}
	begin := func() {
		headers(w, r, id.String())
		w.Header().Set("Content-Length", strconv.FormatUint(meta.Length, 10))
		w.Header().Set("X-Walrus-Streaming", "true")
	}
	if r.Method == http.MethodHead {
		begin()
		return nil
	}
	return streamError(d.stream(w, r, id, Part{N: meta.Length, Strict: strict}, begin))
}
