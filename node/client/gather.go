package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// gather collects slivers of one blob, all of one axis, until what is made of them succeeds:
// rows, or columns where nobody gives rows. What is said here of rows holds for columns. Its
// fields belong to one goroutine.
type gather struct {
	*reading
	axis       rs2d.Axis
	sliverSize int
	need       int    // slivers
	candidates []int  // rows to ask for, the best first
	noHedge    bool   // give up if it would take nodes that are late
	rows       []byte // where rows from first on belong, one after another; others anywhere
	first      int

	fanout       *peer.Fanout
	waiting      map[int]*request // by row
	failed       map[int]int      // how many of those who may have the row have not given it
	got          []rs2d.Sliver
	verified     map[int]bool // rows whose sliver was found right
	errors       []*MemberError
	asked        int  // nodes that are asked for the certificate that the blob is inconsistent
	inconsistent bool // one has shown it
}

// request asks one node for slivers.
type request struct {
	call  *peer.Call
	place int // of the node
	rows  []int
	came  int // slivers
}

func newGather(r *reading, axis rs2d.Axis, need int, candidates []int, noHedge bool) *gather {
	g := &gather{
		reading: r, axis: axis, sliverSize: r.sliverSize(axis), need: need, candidates: candidates, noHedge: noHedge,
		waiting: make(map[int]*request), failed: make(map[int]int), verified: make(map[int]bool),
	}
	g.fanout = peer.NewFanout(r.peers, peer.FanoutOptions{
		Transfers: true, ItemBytes: g.sliverSize, NoHedge: noHedge,
		Life: r.life, Linger: r.options.HedgeAfter, Go: r.fetches.Go,
	})
	g.rank()
	return g
}

// rank sorts the candidates: rows of nodes in good health first, and of these such as
// hold the blob itself. Among parity rows, chance spreads the load.
func (g *gather) rank() {
	own := g.view.Params().P
	if g.axis == rs2d.Secondary {
		own = g.view.Params().S
	}
	health := g.fanout.Health(g.view.All)
	// Rows of the blob in their order, and parity rows in that of chance.
	peer.Rank(g.candidates, func(row int) (peer.Health, int) { return health[g.holder(row)], min(row, own) })
}

// holder returns the place of the node to ask for the row next.
func (g *gather) holder(row int) int { return g.view.Holder(g.id, g.pair(row), g.failed[row]) }

// pair returns the pair of a row.
func (g *gather) pair(row int) int {
	return rs2d.SliverRef{Axis: g.axis, Index: row}.Pair(g.view.Params().N)
}

// probe has slow nodes that own candidates tried again, aside.
func (g *gather) probe() {
	seen := make([]bool, len(g.view.All))
	for _, row := range g.candidates {
		if place := g.holder(row); !seen[place] {
			if seen[place] = true; g.view.All[place].ShouldProbe() {
				probe(g.reading, place, rs2d.SliverRef{Axis: g.axis, Index: row})
			}
		}
	}
}

// run asks for slivers until use succeeds with those that have come. Slivers that it
// fails with are verified; the wrong ones are dropped, and replaced by others, which
// are verified before they are used.
func (g *gather) run(ctx context.Context, use func([]rs2d.Sliver) error) error {
	g.probe()
	careful := false
	var result error
	err := g.fanout.Run(ctx, func() (done bool) {
		for len(g.got) >= g.need {
			if careful && g.dropWrong() {
				continue
			}
			if result = use(g.got); result == nil || careful || !g.dropWrong() {
				return true
			}
			careful = true
		}
		g.ask()
		switch {
		case g.inconsistent:
			result = ErrInconsistent
		case len(g.waiting) == 0 && g.asked == 0 || g.noHedge && g.lacking() > 0:
			result = &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors}
		default:
			return false
		}
		return true
	})
	if err != nil {
		for _, c := range g.fanout.Open() {
			g.errors = append(g.errors, peer.Silent(c.Peer, c.Started))
		}
		return &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors, Cause: err}
	}
	return result
}

// lacking returns how many slivers are neither there nor waited for in time.
func (g *gather) lacking() int {
	lacking := g.need - len(g.got)
	for _, r := range g.waiting {
		if !r.call.Late() {
			lacking--
		}
	}
	return lacking
}

// ask asks for as many slivers as are lacking: one request a node.
func (g *gather) ask() {
	lacking := g.lacking()
	if lacking <= 0 {
		return
	}
	g.rank() // some may be slow by now
	rows := g.candidates[:min(lacking, len(g.candidates))]
	g.candidates = g.candidates[len(rows):]
	byPlace := make(map[int]*request)
	for _, row := range rows {
		place := g.holder(row)
		r := byPlace[place]
		if r == nil {
			r = &request{place: place}
			byPlace[place] = r
		}
		r.rows = append(r.rows, row)
		g.waiting[row] = r
	}
	for _, r := range byPlace {
		slices.Sort(r.rows)
		r.call = g.fanout.Start(g.view.All[r.place], len(r.rows)*g.sliverSize, func(ctx context.Context, c *peer.Call) error {
			return g.slivers(ctx, c.Peer, g.axis, r.rows, g.memoryOf, func(s rs2d.Sliver) error {
				return c.Deliver(func() bool {
					g.take(r, s)
					return true
				})
			})
		}, func(err error) { g.end(r, err) })
	}
}

// memoryOf returns where a sliver belongs. Every row is asked of one node at a time.
func (g *gather) memoryOf(ref rs2d.SliverRef) []byte {
	if at := (ref.Index - g.first) * g.sliverSize; at < len(g.rows) {
		return g.rows[at:][:g.sliverSize:g.sliverSize]
	}
	return nil
}

// take notes a sliver that has come.
func (g *gather) take(r *request, s rs2d.Sliver) {
	r.call.Observe(g.sliverSize)
	if r.came++; r.came == len(r.rows) {
		r.call.Finish()
	}
	delete(g.waiting, s.Index)
	g.got = append(g.got, s)
}

// end notes that no more slivers come of a request, although some are lacking. Others may
// have these while shards move.
func (g *gather) end(r *request, err error) {
	for _, row := range r.rows {
		if g.waiting[row] == r {
			delete(g.waiting, row)
			g.next(row)
		}
	}
	if errors.Is(err, peer.ErrInconsistent) {
		g.askWhetherInvalid(r.place)
	}
	if err == nil {
		err = fmt.Errorf("%d slivers are not there", len(r.rows)-r.came)
	}
	g.errors = append(g.errors, &MemberError{Member: g.view.All[r.place].Name(), Err: err})
}

// next makes a row that one node has not given a candidate again, if another one may have it.
func (g *gather) next(row int) {
	if g.view.Holder(g.id, g.pair(row), g.failed[row]+1) >= 0 {
		g.failed[row]++
		g.candidates = append(g.candidates, row)
	}
}

// askWhetherInvalid asks a member that says that the blob is inconsistent for the
// certificate of it, and goes on hearing others. Who has it shows it at once.
func (g *gather) askWhetherInvalid(place int) {
	g.asked++
	p := g.view.All[place]
	var err error
	g.fanout.Aside(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 4*g.peers.Timeout(g.sliverSize))
		defer cancel()
		if _, err = p.InvalidBlobCertificate(ctx, g.id); errors.Is(err, peer.ErrNotFound) || errors.Is(err, peer.ErrLied) {
			p.Distrust()
		}
	}, func() {
		g.asked--
		g.inconsistent = g.inconsistent || err == nil
	})
}

// dropWrong verifies the slivers that have come, and drops the wrong ones. It reports
// whether there was any.
func (g *gather) dropWrong() bool {
	var check []rs2d.Sliver
	for _, s := range g.got {
		if !g.verified[s.Index] {
			check = append(check, s)
		}
	}
	wrong := make(map[int]bool)
	for i, err := range g.code.VerifySlivers(g.meta, check) {
		row := check[i].Index
		if g.verified[row] = err == nil; err == nil {
			continue
		}
		wrong[row] = true
		p := g.view.All[g.holder(row)]
		p.Distrust()
		g.log.Warn("wrong sliver", "node", p.Name(), "blob", g.id, "row", row)
		g.errors = append(g.errors, &MemberError{Member: p.Name(), Err: err})
		g.next(row)
	}
	g.got = slices.DeleteFunc(g.got, func(s rs2d.Sliver) bool { return wrong[s.Index] })
	return len(wrong) > 0
}
