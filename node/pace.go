package node

import (
	"io"
	"net/http"
	"time"
)

// pacedBody gives a request's body as long as what has come of it is worth. Its length
// alone is worth nothing: who announces much and sends a byte now and then would keep
// the memory that is held for it.
type pacedBody struct {
	io.ReadCloser
	rc      *http.ResponseController
	started time.Time
	stall   time.Duration // for the first byte
	rate    int64         // bytes that are worth a second
	read    int64         // bytes
}

func (b *pacedBody) Read(p []byte) (int, error) {
	earned := time.Duration(float64(b.read) / float64(b.rate) * float64(time.Second))
	_ = b.rc.SetReadDeadline(b.started.Add(b.stall + earned)) // as in serve
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	return n, err
}
