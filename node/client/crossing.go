package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// crossing recovers a row that nobody gives whole from the symbols where it crosses the
// columns of others. These are as many bytes as the row has, however long the blob is.
// Symbols are taken without proofs first; if the row comes out wrong, all are asked for
// again with proofs, which show who lied. Its fields belong to one goroutine.
type crossing struct {
	*reading
	want    rs2d.SliverRef
	dst     []byte // where the row belongs
	proofs  bool
	pairs   map[int][]int // by place of a node: pairs of which it may have symbols
	ask     []int         // places that were not asked yet, the best first
	fanout  *peer.Fanout
	coming  map[*peer.Call]int // symbols that are expected of calls
	symbols []rs2d.Symbol
	from    map[int]int // by column: the place of the node that gave the symbol there
	errors  []*MemberError
}

// cross recovers a row of the blob into dst, which is as long as it. The error is a
// *ReadError, ErrInconsistent, an *rs2d.InconsistentError, or why there is no memory.
func cross(ctx context.Context, r *reading, row int, dst []byte) error {
	memory, err := r.memory.reserve(ctx, int64(len(dst)))
	if err != nil {
		return err
	}
	defer memory.release()
	c := &crossing{
		reading: r, want: rs2d.SliverRef{Axis: rs2d.Primary, Index: row}, dst: dst,
		pairs: make(map[int][]int), coming: make(map[*peer.Call]int),
	}
	for pair := range r.view.Params().N {
		for after := 0; ; after++ {
			place := r.view.Holder(r.id, pair, after)
			if place < 0 {
				break
			}
			c.pairs[place] = append(c.pairs[place], pair)
		}
	}
	c.fanout = peer.NewFanout(r.peers, peer.FanoutOptions{Transfers: true, Go: r.fetches.Go})
	c.begin(false)
	var result error
	err = c.fanout.Run(ctx, func() (done bool) {
		done, result = c.step()
		return done
	})
	if err != nil {
		for _, call := range c.fanout.Open() {
			c.errors = append(c.errors, peer.Silent(call.Peer, call.Started))
		}
		return c.few(err)
	}
	return result
}

// begin forgets what has come, and everybody may be asked.
func (c *crossing) begin(proofs bool) {
	c.proofs, c.symbols, c.from = proofs, nil, make(map[int]int)
	c.ask = c.ask[:0]
	for place := range c.pairs {
		c.ask = append(c.ask, place)
	}
	clear(c.coming)
}

// need is how many symbols a row has.
func (c *crossing) need() int { return c.view.Params().S }

func (c *crossing) few(cause error) error {
	return &ReadError{Have: len(c.symbols), Need: c.need(), Errors: c.errors, Cause: cause}
}

// step recovers the row if there are enough symbols, and asks for more if not.
func (c *crossing) step() (done bool, err error) {
	for len(c.symbols) >= c.need() {
		var wrong []*rs2d.SymbolError
		_, err := c.code.Recover(c.meta, c.want, c.symbols, rs2d.InMemory(c.dst), rs2d.ReportWrong(&wrong))
		c.drop(wrong)
		var (
			unproven *rs2d.ProofsNeededError
			few      *rs2d.RecoverError
		)
		switch {
		case errors.As(err, &unproven) && !c.proofs:
			c.begin(true)
		case errors.As(err, &few) && len(wrong) > 0: // others are asked
		default:
			return true, err
		}
	}
	c.more()
	if len(c.coming) == 0 {
		return true, c.few(nil)
	}
	return false, nil
}

// drop forgets symbols that are refuted. Whoever sent them has lied.
func (c *crossing) drop(wrong []*rs2d.SymbolError) {
	for _, w := range wrong {
		defer delete(c.from, w.Col) // another one may have it
		p := c.view.All[c.from[w.Col]]
		p.Distrust()
		c.log.Warn("wrong symbol", "node", p.Name(), "blob", c.id, "row", w.Row, "column", w.Col)
		c.errors = append(c.errors, &MemberError{Member: p.Name(), Err: w})
	}
	c.symbols = slices.DeleteFunc(c.symbols, func(s rs2d.Symbol) bool {
		return slices.ContainsFunc(wrong, func(w *rs2d.SymbolError) bool { return w.Col == s.Col })
	})
}

// more asks as many nodes as it takes for symbols, if what is expected in time is too little.
func (c *crossing) more() {
	lacking := c.need() - len(c.symbols)
	for call, count := range c.coming {
		if !call.Late() {
			lacking -= count
		}
	}
	health := c.fanout.Health(c.view.All)
	peer.Rank(c.ask, func(place int) (peer.Health, int) { return health[place], place })
	for lacking > 0 && len(c.ask) > 0 {
		place := c.ask[0]
		c.ask = c.ask[1:]
		c.start(place)
		lacking -= len(c.pairs[place])
	}
}

// start asks a node for all symbols of the row that it may have.
func (c *crossing) start(place int) {
	p, proofs, most := c.view.All[place], c.proofs, len(c.pairs[place])
	var call *peer.Call
	call = c.fanout.Start(p, most*c.size, func(ctx context.Context, call *peer.Call) error {
		symbols, err := peer.RowSymbols(ctx, p, c.id, c.meta, c.want.Index, most, proofs)
		if err != nil {
			return err
		}
		return call.Deliver(func() bool {
			if proofs == c.proofs {
				c.take(place, symbols)
			}
			return true
		})
	}, func(err error) {
		delete(c.coming, call)
		if err != nil {
			c.errors = append(c.errors, &MemberError{Member: p.Name(), Err: err})
		}
	})
	c.coming[call] = most
}

// take notes the symbols of a node's own columns that have come, one of each column.
func (c *crossing) take(place int, symbols []rs2d.Symbol) {
	own := make(map[int]bool, len(c.pairs[place]))
	for _, pair := range c.pairs[place] {
		own[placement.Ref{Axis: rs2d.Secondary, Pair: pair}.Sliver(c.view.Params().N).Index] = true
	}
	for _, s := range symbols {
		if _, there := c.from[s.Col]; own[s.Col] && !there {
			c.from[s.Col] = place
			c.symbols = append(c.symbols, s)
		}
	}
}

// crossAll recovers rows that nobody gives whole into their places among rows, of which
// first is the first. Slow nodes that own them are tried again, aside.
func crossAll(ctx context.Context, r *reading, lacking []int, first int, rows []byte) error {
	size := r.view.Params().S * r.size
	for _, row := range lacking {
		if place := r.view.Holder(r.id, row, 0); !r.byColumns() && r.view.All[place].ShouldProbe() {
			probe(r, place, rs2d.SliverRef{Axis: rs2d.Primary, Index: row})
		}
		if err := cross(ctx, r, row, rows[(row-first)*size:][:size:size]); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	return nil
}
