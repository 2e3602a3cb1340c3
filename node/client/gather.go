package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// gather collects primary slivers of one blob until what is made of them succeeds.
// Its fields belong to one goroutine.
type gather struct {
	c          *Client
	id         commit.BlobID
	meta       *commit.Metadata
	sliverSize int
	need       int    // slivers
	candidates []int  // rows to ask for, the best first once run sorts them
	hasty      bool   // give up if it would take nodes that are late
	rows       []byte // where row i belongs at i times sliverSize; empty if anywhere

	waiting  map[int]*request // by row
	got      []rs2d.Sliver
	verified map[int]bool // rows whose sliver was found right
	errors   []*MemberError
	events   chan event
}

// request asks one node for slivers.
type request struct {
	member  int
	rows    []int
	started time.Time
	came    int  // slivers
	late    bool // what has not come is asked of others too
}

// event is a sliver that has come, or the end of a request.
type event struct {
	*request
	sliver rs2d.Sliver
	end    bool
	err    error
}

func (c *Client) newGather(id commit.BlobID, meta *commit.Metadata, size, need int, candidates []int) *gather {
	g := &gather{
		c: c, id: id, meta: meta, sliverSize: c.committee.Params().S * size, need: need, candidates: candidates,
		waiting: make(map[int]*request), verified: make(map[int]bool), events: make(chan event),
	}
	g.rank()
	return g
}

// rank sorts the candidates: rows of nodes in good standing first, and of these such
// as hold the blob itself. Among parity rows, chance spreads the load.
func (g *gather) rank() {
	p := g.c.committee.Params()
	rand.Shuffle(len(g.candidates), func(i, j int) {
		g.candidates[i], g.candidates[j] = g.candidates[j], g.candidates[i]
	})
	standing := make([]peer.Standing, len(g.c.peers))
	for i, p := range g.c.peers {
		standing[i] = p.Standing()
	}
	// Rows of the blob in their order, and parity rows in that of chance.
	class := func(row int) int { return min(row, p.P) }
	slices.SortStableFunc(g.candidates, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(standing[g.owner(a)], standing[g.owner(b)]),
			cmp.Compare(class(a), class(b)),
		)
	})
}

// owner returns the member that has the row.
func (g *gather) owner(row int) int { return g.c.committee.OwnerOfPair(g.id, row) }

// probe has slow nodes that own candidates tried again, aside.
func (g *gather) probe() {
	seen := make([]bool, len(g.c.peers))
	for _, row := range g.candidates {
		if member := g.owner(row); !seen[member] {
			if seen[member] = true; g.c.peers[member].Probe() {
				g.c.probe(member, g.id, row, g.sliverSize)
			}
		}
	}
}

// run asks for slivers until use succeeds with those that have come. Slivers that it
// fails with are verified; the wrong ones are dropped, and replaced by others.
func (g *gather) run(ctx context.Context, use func([]rs2d.Sliver) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	defer g.judge()
	g.probe()
	patience := g.c.pace.patience(g.c.options.HedgeAfter, g.sliverSize)
	hedge := time.NewTimer(patience)
	defer hedge.Stop()
	for {
		if len(g.got) >= g.need {
			err := use(g.got)
			if err == nil || !g.dropWrong(err) {
				return err
			}
			continue
		}
		g.ask(ctx, &requests)
		if len(g.waiting) == 0 || g.hasty && g.lacking() > 0 {
			return &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hedge.C:
			g.hedge()
			patience *= 2 // those asked now are slower, or all are
			hedge.Reset(patience)
		case e := <-g.events:
			g.take(e)
			hedge.Reset(patience)
		}
	}
}

// lacking returns how many slivers are neither there nor waited for in time.
func (g *gather) lacking() int {
	lacking := g.need - len(g.got)
	for _, r := range g.waiting {
		if !r.late {
			lacking--
		}
	}
	return lacking
}

// ask asks for as many slivers as are lacking: one request a node.
func (g *gather) ask(ctx context.Context, requests *sync.WaitGroup) {
	rows := g.candidates[:min(max(g.lacking(), 0), len(g.candidates))]
	g.candidates = g.candidates[len(rows):]
	byMember := make(map[int]*request)
	for _, row := range rows {
		member := g.owner(row)
		r := byMember[member]
		if r == nil {
			r = &request{member: member, started: time.Now()}
			byMember[member] = r
		}
		r.rows = append(r.rows, row)
		g.waiting[row] = r
	}
	sizes := [2]int{g.sliverSize, 0}
	for _, r := range byMember {
		slices.Sort(r.rows)
		requests.Go(func() {
			err := g.c.peers[r.member].Slivers(ctx, g.id, r.rows, nil, sizes, g.place, func(s rs2d.Sliver) error {
				return g.send(ctx, event{request: r, sliver: s})
			})
			_ = g.send(ctx, event{request: r, end: true, err: err})
		})
	}
}

// place returns where a sliver belongs. Every row is asked for once.
func (g *gather) place(ref rs2d.SliverRef) []byte {
	if at := ref.Index * g.sliverSize; at < len(g.rows) {
		return g.rows[at:][:g.sliverSize:g.sliverSize]
	}
	return nil
}

func (g *gather) send(ctx context.Context, e event) error {
	select {
	case g.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hedge has what is being waited for asked of others, too.
func (g *gather) hedge() {
	for _, r := range g.waiting {
		r.late = true
	}
}

// judge remembers the nodes that were overtaken by others which were asked later. Where
// all were late together, the machine or the network was. A hasty gather asks no
// others, so it cannot tell.
func (g *gather) judge() {
	if g.hasty {
		return
	}
	for _, r := range g.waiting {
		if r.late {
			g.c.late(g.c.peers[r.member])
		}
	}
}

// take notes what has come.
func (g *gather) take(e event) {
	p := g.c.peers[e.member]
	if !e.end {
		if e.came++; e.came == 1 {
			g.c.pace.note(time.Since(e.started), g.sliverSize)
		}
		if e.came == len(e.rows) && !e.late {
			p.InTime()
		}
		delete(g.waiting, e.sliver.Index)
		g.got = append(g.got, e.sliver)
		return
	}
	for _, row := range e.rows {
		if g.waiting[row] == e.request {
			delete(g.waiting, row)
		}
	}
	err := e.err
	switch {
	case errors.Is(err, peer.ErrLied):
		p.Distrust()
	case !answered(err):
		g.c.late(p)
	case !e.late:
		p.InTime()
	}
	if missing := len(e.rows) - e.came; err == nil && missing > 0 {
		err = fmt.Errorf("%d slivers are not there", missing)
	}
	if err != nil {
		g.errors = append(g.errors, &MemberError{p.Name(), err})
	}
}

// dropWrong verifies the slivers with which err came. It reports whether any was
// wrong; if none was, err is about the blob.
func (g *gather) dropWrong(err error) bool {
	var check []rs2d.Sliver
	for _, s := range g.got {
		if !g.verified[s.Index] {
			check = append(check, s)
		}
	}
	wrong := make(map[int]bool)
	for i, err := range g.c.code.VerifySlivers(g.meta, check) {
		row := check[i].Index
		if g.verified[row] = err == nil; err == nil {
			continue
		}
		wrong[row] = true
		p := g.c.peers[g.owner(row)]
		p.Distrust()
		g.c.log.Warn("wrong sliver", "node", p.Name(), "blob", g.id, "row", row)
		g.errors = append(g.errors, &MemberError{p.Name(), err})
	}
	g.got = slices.DeleteFunc(g.got, func(s rs2d.Sliver) bool { return wrong[s.Index] })
	if len(wrong) > 0 {
		g.rank() // the liar's other slivers come last now
	}
	return len(wrong) > 0
}
