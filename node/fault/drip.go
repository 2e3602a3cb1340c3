package fault

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
)

// defaultRate is what Drip sends of an answer, in bytes a second.
const defaultRate = 10

// dripEvery is the time between two pieces of an answer. At less than ten bytes a
// second there are fewer pieces.
const dripEvery = 100 * time.Millisecond

// errGone: the other end has hung up.
var errGone = errors.New("fault: client is gone")

// holdsSymbols reports whether the answer to a request has symbols in it.
func holdsSymbols(r *http.Request) bool {
	path := r.URL.Path
	return path == api.SymbolsPath || strings.HasSuffix(path, api.RecoveryPath) || strings.HasSuffix(path, api.DecodingPath)
}

// dripper sends a few bytes at a time, which keeps the other end waiting although the
// connection never rests.
type dripper struct {
	http.ResponseWriter
	rate int64 // bytes a second
	done <-chan struct{}
}

// Unwrap lets http.ResponseController find the connection.
func (d *dripper) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// Write returns when all has been sent, or the other end has hung up.
func (d *dripper) Write(p []byte) (sent int, err error) {
	control := http.NewResponseController(d.ResponseWriter)
	piece, pause := int(d.rate*int64(dripEvery)/int64(time.Second)), dripEvery
	if piece == 0 {
		piece, pause = 1, time.Second/time.Duration(d.rate)
	}
	for sent < len(p) {
		// The node's own deadline is for readers that are slow, not for its own sloth.
		_ = control.SetWriteDeadline(time.Time{})
		n, err := d.ResponseWriter.Write(p[sent:min(sent+piece, len(p))])
		sent += n
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			return sent, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-d.done:
			timer.Stop()
			return sent, errGone
		}
	}
	return sent, nil
}
