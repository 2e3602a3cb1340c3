package heal

import (
	"context"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Disprove proves to all that a blob is inconsistent, of which a symbol is known that is the one of
// its row, as its proof says, and not that of the node's own column. It reports whether the blob is
// marked; if not, others may have been silent.
//
// Such a proof there always is: the column that P symbols determine, of which that symbol is one, is
// not the one that the metadata commits to.
func (r *Round) Disprove(ctx context.Context, id commit.BlobID, symbol rs2d.Symbol) (marked bool) {
	c := &r.config
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return false
	}
	if invalid.Marked(c.Store, id) {
		return true
	}
	info, err := c.Store.Info(id)
	if err != nil {
		c.Logger.Error("store", "blob", id, "error", err)
		return false
	}
	meta, err := r.fetchMetadata(ctx, id)
	if err != nil {
		c.Logger.Debug("no metadata", "blob", id, "error", err)
		return false
	}
	n := r.view.Params().N
	column := rs2d.SliverRef{Axis: rs2d.Secondary, Index: symbol.Col}
	t := &target{ref: column, pair: column.Pair(n)}
	one := &blob{id: id, records: make(map[store.Record][]byte), meta: meta, stored: make(map[store.Ref]bool), lack: 1}
	one.missing[rs2d.Secondary] = []*target{t}
	for _, e := range info.Slivers {
		one.stored[e.Ref] = true
	}
	b := &batch{Round: r, bytes: c.BatchBytes}
	r.lack(1)
	defer b.finish(one)
	b.restores(one) // the size of symbols
	v := b.recoveryOf(one, rs2d.Secondary, []*target{t})
	v.proofs, v.proven = true, true
	v.addOwn()
	v.surely(rs2d.SliverRef{Axis: rs2d.Primary, Index: symbol.Row}.Pair(n), column, symbol)
	x := b.exchange()
	x.recoveries = []*recovery{v}
	x.probe(ctx)
	x.run(ctx)
	return invalid.Marked(c.Store, id)
}

// surely has a symbol be one of those that the target is computed from.
func (v *recovery) surely(pair int, target rs2d.SliverRef, symbol rs2d.Symbol) {
	for other := range v.have {
		if len(v.have) < v.need() {
			break
		}
		delete(v.have, other)
	}
	v.have[pair] = map[rs2d.SliverRef]rs2d.Symbol{target: symbol}
}
