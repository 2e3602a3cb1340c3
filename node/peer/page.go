package peer

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// PagePiece is the metadata of a blob that was asked for, in BCS, or one of its slivers.
type PagePiece struct {
	Item     int // of the requests
	Metadata []byte
	Sliver   rs2d.Sliver // if it is no metadata
}

// Page asks a node for slivers of many blobs, and calls take with each piece that comes, in the
// order of the requests; missing ones are left out, and the node ends the page when it is
// long, see api.SliverRequest. length returns how long a sliver of the item must be, and 0
// if it is not known yet, which metadata that comes first can change. Nothing is verified;
// the data belongs to take. An error of take ends the call and is returned.
func Page(ctx context.Context, p *Peer, requests []api.SliverRequest, length func(item int, axis rs2d.Axis) int, take func(PagePiece) error) error {
	data := api.AppendSliverRequests(nil, requests)
	body, _, err := p.do(ctx, request{
		method: http.MethodPost, path: api.PagesPath, contentType: api.TypeBytes, length: int64(len(data)),
		body: func() io.Reader { return bytes.NewReader(data) },
	})
	if err != nil {
		return err
	}
	defer body.Close()
	n := p.committee.Params().N
	frames := api.NewFrameReader(bufio.NewReaderSize(body, streamBuffer))
	last := -1
	var open [2][]uint16 // what has not come of the last request, by axis
	metadata := false
	for {
		h, err := frames.Next()
		if err != nil {
			return p.streamError(err)
		}
		if h.Kind == api.FrameEnd {
			return nil
		}
		item := int(h.Item)
		if item < last || item >= len(requests) {
			return p.lie("pieces of a page out of order")
		}
		if item > last {
			last, metadata = item, requests[item].Metadata
			open = [2][]uint16{slices.Clone(requests[item].Primary), slices.Clone(requests[item].Secondary)}
		}
		piece := PagePiece{Item: item}
		switch h.Kind {
		case api.FrameError:
			if h.Length > maxMessage {
				return p.lie("a message of %d bytes", h.Length)
			}
			// Each thing that was asked for comes or does not.
			if at := slices.Index(open[h.Axis], h.Index); at >= 0 && !metadata {
				open[h.Axis] = slices.Delete(open[h.Axis], at, at+1)
			} else if !metadata {
				return p.lie("more messages than was asked for")
			}
			metadata = false
			continue
		case api.FrameMetadata:
			if !metadata {
				return p.lie("metadata that was not asked for")
			}
			metadata = false
			if piece.Metadata, err = frames.Body(nil, placement.MaxMetadata(n)); err != nil {
				return p.streamError(err)
			}
		case api.FrameSliver:
			at := slices.Index(open[h.Axis], h.Index)
			if at < 0 || int(h.Length) != length(item, rs2d.Axis(h.Axis)) {
				return p.lie("a sliver that was not asked for")
			}
			metadata = false
			open[h.Axis] = slices.Delete(open[h.Axis], at, at+1)
			piece.Sliver.SliverRef = placement.Ref{Axis: rs2d.Axis(h.Axis), Pair: int(h.Index)}.Sliver(n)
			if piece.Sliver.Data, err = frames.Body(nil, int(h.Length)); err != nil {
				return p.streamError(err)
			}
		default:
			return p.lie("a frame of kind %d in a page", h.Kind)
		}
		if err := take(piece); err != nil {
			return err
		}
	}
}
