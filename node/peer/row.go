package peer

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// RowSymbols asks a node for the symbols that a row of a blob has in common with the node's
// columns, most of them at most: in Walrus's terms decoding symbols, and with proofs recovery
// symbols, of a primary sliver. The metadata was verified; the symbols are not.
func RowSymbols(ctx context.Context, p *Peer, id commit.BlobID, meta *commit.Metadata, row, most int, proofs bool) ([]rs2d.Symbol, error) {
	params := p.committee.Params()
	size, err := params.SymbolSize(meta.Length)
	if err != nil {
		return nil, err
	}
	one, path := symbolHead+size, api.DecodingPath
	if proofs {
		one, path = one+commit.TreeDepth(params.N)*(1+commit.HashSize), api.RecoveryPath
	}
	want := rs2d.SliverRef{Axis: rs2d.Primary, Index: row}
	q := url.Values{"axis": {want.Axis.String()}, "target": {strconv.Itoa(row)}}
	data, err := p.getBytes(ctx, api.BlobPath(id, path)+"?"+q.Encode(), int64(most)*int64(one))
	if err != nil {
		return nil, err
	}
	symbols := make([]rs2d.Symbol, 0, most)
	for len(data) > 0 {
		var s rs2d.Symbol
		if s, data, err = rs2d.CutSymbol(meta, want, data); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", p.name, ErrLied, err)
		}
		symbols = append(symbols, s)
	}
	return symbols, nil
}

// symbolHead bounds what a symbol in BCS has beside its bytes and the hashes of its proof: the
// index of a sliver, and two lengths.
const symbolHead = 2 + 3 + 1
