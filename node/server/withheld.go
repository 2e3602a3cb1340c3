package server

import (
	"net/http"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/rs2d"
)

// sliverOf says what whoever asks for a sliver asks for.
func sliverOf(axis rs2d.Axis) challenge.Asked {
	if axis == rs2d.Primary {
		return challenge.Row
	}
	return challenge.Column
}

// symbolsOf says what whoever asks for symbols asks for that are in target slivers of an axis:
// those of rows come out of the node's columns. Those of columns come out of its rows, and are
// for their owner.
func symbolsOf(b *blobs, r *request, id commit.BlobID, axis rs2d.Axis, targets []uint16) challenge.Asked {
	if axis == rs2d.Primary {
		return challenge.Column
	}
	if b.gate == nil || r.Party.Class != httpd.Member {
		return challenge.Row
	}
	c := r.view.Epochs.Current
	member, ok := c.FindID(r.Party.ID)
	for _, target := range targets {
		pair := rs2d.SliverRef{Axis: axis, Index: int(target)}.Pair(b.params.N)
		if !ok || c.OwnerOfPair(id, pair) != member {
			return challenge.Row
		}
	}
	return challenge.OwnColumn
}

// serves returns gate.ErrWithheld if something of a blob is not served at present.
func serves(b *blobs, r *request, id commit.BlobID, what challenge.Asked) error {
	if r.visit == nil {
		r.visit = b.gate.Enter()
	}
	return r.visit.Serves(id, what)
}

// servesNone reports whether none of the requests for symbols is served, so that one answer
// is for all.
func servesNone(b *blobs, r *request, requests []api.SymbolRequest) bool {
	for i := range requests {
		if want := &requests[i]; serves(b, r, want.Blob, symbolsOf(b, r, want.Blob, want.Axis, want.Targets)) == nil {
			return false
		}
	}
	return len(requests) > 0
}

// withheld answers that something is served when a challenge is over, which may be soon.
func withheld(r *request) {
	r.Header().Set("Retry-After", "1")
	r.answer(http.StatusServiceUnavailable, api.Error{Message: gate.ErrWithheld.Error(), Withheld: true})
}

// challenged takes the messages of challenges.
type challenged struct{ challenges Challenges }

// maxMessage bounds them: symbols of challenge.MaxData bytes, and what is around them.
const maxMessage = challenge.MaxData + 1<<12

func (c *challenged) post(r *request) {
	height, err := strconv.ParseUint(r.URL.Query().Get("height"), 10, 64)
	if err != nil {
		r.Fail(http.StatusBadRequest, "height is no number")
		return
	}
	if r.Party.Class != httpd.Member {
		r.Fail(http.StatusForbidden, "only members are challenged")
		return
	}
	body, ok := r.ReadBody(maxMessage)
	if !ok {
		return
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return
	}
	defer done()
	answer, err := c.challenges.Answer(r.Party.ID, height, body)
	if err != nil {
		r.Busy(err.Error())
		return
	}
	r.send(answer)
}
