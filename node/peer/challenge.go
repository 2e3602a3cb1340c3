package peer

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/node/api"
)

// Challenge sends a message of the challenge that was armed at a height, and returns the
// answer to it, at most so many bytes, which is not parsed.
func Challenge(ctx context.Context, p *Peer, height uint64, message []byte, most int64) ([]byte, error) {
	body, _, err := p.do(ctx, request{
		method: http.MethodPost, path: api.ChallengePath + "?height=" + strconv.FormatUint(height, 10),
		contentType: api.TypeBytes, length: int64(len(message)),
		body: func() io.Reader { return bytes.NewReader(message) },
	})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return p.readAll(body, most)
}
