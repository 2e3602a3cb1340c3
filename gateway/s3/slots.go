package s3

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// slots are the buffers of what is being stored: as many as may be stored at once.
type slots struct {
	free     chan []byte // nil is one that is made when it is needed first
	waiting  atomic.Int64
	patience time.Duration // for which a slow client is waited for while others wait for its buffer
}

// What a client is worth that others wait for.
const (
	slotPatience = 5 * time.Second
	slotRate     = 128 << 10 // bytes a second
)

func newSlots(n int) *slots {
	s := &slots{free: make(chan []byte, n), patience: slotPatience}
	for range n {
		s.free <- nil
	}
	return s
}

// take waits for a buffer, which is nil if none was made. The error is the context's.
func (s *slots) take(ctx context.Context) ([]byte, error) {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case buffer := <-s.free:
		return buffer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *slots) give(buffer []byte) { s.free <- buffer }

// bodyPiece is the most that is read of a body before its client's pace is looked at.
const bodyPiece = 64 << 10

// paced returns the body of one who has a buffer. It fails when its client has been slow for a while,
// and others wait for the buffer. The time of what is not the client's does not count.
func (s *slots) paced(body io.Reader) io.Reader {
	if _, own := body.(*reader); own {
		return body
	}
	return &pacedBody{body: body, slots: s}
}

type pacedBody struct {
	body  io.Reader
	slots *slots
	n     int64         // bytes that came
	took  time.Duration // for which they were waited for
}

func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := b.body.Read(p[:min(len(p), bodyPiece)])
	b.n, b.took = b.n+int64(n), b.took+time.Since(began)
	if err == nil && b.took > b.slots.patience && float64(b.n) < b.took.Seconds()*slotRate && b.slots.waiting.Load() > 0 {
		err = tooSlow
	}
	return n, err
}
