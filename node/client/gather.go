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
	candidates []int  // rows to ask for, the best first
	hasty      bool   // give up if it would take nodes that are late
	rows       []byte // where rows from first on belong, one after another; others anywhere
	first      int

	waiting  map[int]*request // by row
	late     []bool           // members that were waited for in vain
	got      []rs2d.Sliver
	verified map[int]bool // rows whose sliver was found right
	errors   []*MemberError
	requests []*request
	running  sync.WaitGroup // requests that lack slivers
	events   chan event
}

// request asks one node for slivers.
type request struct {
	cancel  context.CancelFunc
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
	end    bool // no more slivers come, although some are lacking
	err    error
}

func (c *Client) newGather(id commit.BlobID, meta *commit.Metadata, size, need int, candidates []int) *gather {
	g := &gather{
		c: c, id: id, meta: meta, sliverSize: c.committee.Params().S * size, need: need, candidates: candidates,
		waiting: make(map[int]*request), late: make([]bool, len(c.peers)), verified: make(map[int]bool), events: make(chan event),
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
		if standing[i] = p.Standing(); g.late[i] {
			standing[i] = max(standing[i], peer.Slow)
		}
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
	defer g.end()
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
		g.ask()
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
			if errors.Is(e.err, peer.ErrInconsistent) && g.condemned(ctx, e.member, patience) {
				return ErrInconsistent
			}
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
func (g *gather) ask() {
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
	for _, r := range byMember {
		slices.Sort(r.rows)
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(g.c.life)
		g.requests = append(g.requests, r)
		g.running.Add(1)
		g.c.fetches.Go(func() { g.fetch(ctx, r) })
	}
}

// fetch makes a request.
func (g *gather) fetch(ctx context.Context, r *request) {
	defer r.cancel()
	complete := sync.OnceFunc(g.running.Done)
	defer complete()
	lacking := len(r.rows)
	err := g.c.peers[r.member].Slivers(ctx, g.id, r.rows, nil, [2]int{g.sliverSize, 0}, g.place, func(s rs2d.Sliver) error {
		if err := g.send(ctx, event{request: r, sliver: s}); err != nil {
			return err
		}
		if lacking--; lacking == 0 {
			complete()
		}
		return nil
	})
	if lacking > 0 {
		_ = g.send(ctx, event{request: r, end: true, err: err})
	}
}

// end cancels what is still lacking, and waits. An answer that only lacks its end gets
// some time for it, aside, because the connection would be lost otherwise.
func (g *gather) end() {
	g.judge()
	for _, r := range g.requests {
		if r.came < len(r.rows) {
			r.cancel()
		} else {
			time.AfterFunc(g.c.options.HedgeAfter, r.cancel)
		}
	}
	g.running.Wait()
}

// place returns where a sliver belongs. Every row is asked for once.
func (g *gather) place(ref rs2d.SliverRef) []byte {
	if at := (ref.Index - g.first) * g.sliverSize; at < len(g.rows) {
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
		r.late, g.late[r.member] = true, true
	}
	g.rank()
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
			g.c.late(g.c.peers[r.member], r.started)
		}
	}
}

// condemned reports whether the member, which says that the blob is inconsistent, has the
// certificate that says so. Who has it shows it at once, and others may never answer.
func (g *gather) condemned(ctx context.Context, member int, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	p := g.c.peers[member]
	_, err := p.Verdict(ctx, g.id)
	if errors.Is(err, peer.ErrNotFound) || errors.Is(err, peer.ErrLied) {
		p.Distrust()
	}
	return err == nil
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
		g.c.late(p, e.started)
	case !e.late:
		p.InTime()
	}
	if err == nil {
		err = fmt.Errorf("%d slivers are not there", len(e.rows)-e.came)
	}
	g.errors = append(g.errors, &MemberError{p.Name(), err})
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
