package server

import (
	"errors"
	"iter"
	"net/http"
	"sync"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

// frameData appends the data of a frame to dst.
type frameData func(dst []byte) ([]byte, error)

// stream answers with frames. Its header is out before the data of the first is
// there, so what there is no data of is told in the stream.
func (b *blobs) stream(r *request, frames iter.Seq2[api.FrameHeader, frameData]) {
	r.Header().Set("Content-Type", api.TypeFrames)
	buffer := buffers.Get().(*[]byte)
	defer giveBack(buffer)
	for h, data := range frames {
		frame, err := data(h.Append((*buffer)[:0]))
		if r.visit.Err() != nil {
			panic(http.ErrAbortHandler) // the node is silent, and waits for the answer to end
		}
		if r.Context().Err() != nil {
			return
		}
		if err != nil {
			frame = b.errorFrame(h, err)
		} else {
			h.Length = uint32(len(frame) - api.FrameHeaderSize)
			h.Append(frame[:0])
			*buffer = frame
		}
		if _, err := r.Write(frame); err != nil {
			return
		}
	}
	_, _ = r.Write(api.FrameHeader{Kind: api.FrameEnd}.Append(nil))
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
