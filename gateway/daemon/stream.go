package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Part says what of a blob is streamed.
type Part struct {
	Off, N uint64 // bytes; the caller knows the blob's length
	Strict bool   // the whole blob is encoded again and compared before the first byte of it; for whole blobs
	Spool  string // directory of what a strict check keeps meanwhile; default os.TempDir
}

// stream streams from a cluster, see [Store].
func stream(ctx context.Context, c *client.Client, id commit.BlobID, w io.Writer, p Part) error {
	if p.Strict {
		return c.ReadTo(ctx, id, w, client.WithCheck(rs2d.CheckStrict), client.SpoolIn(p.Spool))
	}
	return c.ReadTo(ctx, id, w, client.Section(p.Off, p.N))
}

const (
	// longest bounds a stream, however steadily it goes: a client that has no deadline of its
	// own gives a call a much shorter one.
	longest = 24 * time.Hour
	// slowest is how fast at least a blob is checked, or stored, in bytes a second.
	slowest = 1 << 20
)

// patience returns how long nodes may take for all of so many bytes.
func (o *Options) patience(bytes int64) time.Duration {
	return o.Timeout + time.Duration(bytes/slowest)*time.Second
}

// errStalled is the end of a stream for which nothing comes.
var errStalled = fmt.Errorf("daemon: %w in time", client.ErrUnavailable)

// steady writes an answer's body, and ends a context when nothing has come for it for some
// time. How long the client takes to read it does not count: the server bounds that.
type steady struct {
	w     http.ResponseWriter
	begin func() // called before the first byte
	begun bool
	limit time.Duration
	timer *time.Timer
}

// start begins an answer, if nothing has.
func (s *steady) start() {
	if !s.begun {
		s.begun = true
		s.begin()
	}
}

func (s *steady) Write(data []byte) (int, error) {
	s.timer.Stop()
	s.start()
	n, err := s.w.Write(data)
	s.timer.Reset(s.limit)
	return n, err
}

// stream answers a part of a blob as it comes, in memory that does not grow with it. begin is
// called before the first byte of it. What fails before is returned; what fails later breaks
// the connection, because the status has been sent.
func (d *reader) stream(w http.ResponseWriter, r *http.Request, id commit.BlobID, p Part, begin func()) error {
	limit := d.options.Timeout
	first := limit
	if p.Strict {
		first = d.options.patience(int64(p.N))
	}
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	ctx, stall := context.WithCancelCause(ctx)
	defer stall(nil)
	s := &steady{w: w, begin: begin, limit: limit, timer: time.AfterFunc(first, func() { stall(errStalled) })}
	defer s.timer.Stop()
	p.Spool = d.options.SpoolDir
	err := d.store.Stream(ctx, id, s, p)
	switch {
	case err == nil:
		s.start()
		return nil
	case !s.begun:
		if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
			err = cause
		}
		return err
	}
	if r.Context().Err() == nil {
		d.log.Warn("stream broken off", "blob", id, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// streamError returns the failure of a stream that has not begun.
func streamError(err error) error {
	var text *plain
	if err == nil || errors.As(err, &text) {
		return err
	}
	if f := explain(err); f.Code == http.StatusServiceUnavailable {
		return &walrusapi.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "SLIVER_RETRIEVAL_FAILED", Message: f.Message, Domain: domain}
	}
	return err
}
