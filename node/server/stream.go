package server

import (
	"errors"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// frameData appends the data of a frame to dst.
type frameData func(dst []byte) ([]byte, error)

// Frames go out together until so many bytes or so much time has gone into them.
const (
	together = 64 << 10
	waiting  = 20 * time.Millisecond
)

// stream answers with frames. Its header is out before the data of the first is
// there, so what there is no data of is told in the stream.
func (b *blobs) stream(r *request, frames iter.Seq2[api.FrameHeader, frameData]) {
	r.Header().Set("Content-Type", api.TypeFrames)
	buffer := buffers.Get().(*[]byte)
	defer giveBack(buffer)
	out, began := (*buffer)[:0], time.Now()
	for h, data := range frames {
		at := len(out)
		filled, err := data(h.Append(out))
		if r.visit.Err() != nil {
			panic(http.ErrAbortHandler) // the node is silent, and waits for the answer to end
		}
		if r.Context().Err() != nil {
			return
		}
		if err != nil {
			out = append(out, b.errorFrame(h, err)...)
		} else {
			h.Length = uint32(len(filled) - at - api.FrameHeaderSize)
			h.Append(filled[:at])
			out = filled
		}
		*buffer = out
		if len(out) < together && time.Since(began) < waiting {
			continue
		}
		if _, err := r.Write(out); err != nil {
			return
		}
		out, began = out[:0], time.Now()
	}
	if _, err := r.Write(out); err == nil {
		_, _ = r.Write(api.FrameHeader{Kind: api.FrameEnd}.Append(nil)) // goes out with the end of the answer
	}
}

// errorFrame tells in a stream that something is not coming.
func (b *blobs) errorFrame(h api.FrameHeader, err error) []byte {
	message := "cannot be read at present"
	switch {
	case errors.Is(err, store.ErrNotFound):
		message = "not here"
	case errors.Is(err, httpd.ErrBusy), errors.Is(err, gate.ErrWithheld):
		message = err.Error()
	case errors.Is(err, store.ErrCorrupt):
		b.corrupt(err)
		message = "damaged, and about to be recovered"
	default:
		b.metrics.failures.Inc()
		b.log.Warn("store", "error", err)
	}
	h.Kind, h.Length = api.FrameError, uint32(len(message))
	return append(h.Append(nil), message...)
}

// buffers are for frames; those of very large slivers are left to the collector.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keptBuffer = 8 << 20

func giveBack(b *[]byte) {
	if cap(*b) <= keptBuffer {
		buffers.Put(b)
	}
}
