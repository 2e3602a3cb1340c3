package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// gather collects primary slivers of one blob until what is made of them succeeds.
// Its fields belong to one goroutine.
type gather struct {
	*reading
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
	verdicts int             // nodes that are asked for the certificate that the blob is inconsistent
	running  sync.WaitGroup  // requests that lack slivers, and for certificates
	ended    context.Context // until the end
	stop     context.CancelFunc
	events   chan event
}

// request asks one node for slivers.
type request struct {
	cancel  context.CancelFunc
	member  int
	rows    []int
	started time.Time
	limit   time.Time // when it is late, although it goes on
	came    int       // slivers
	late    bool      // what has not come is asked of others too
}

// event is a sliver that has come, the end of a request, or whether a node that says
// that the blob is inconsistent has the certificate of it.
type event struct {
	*request
	sliver  rs2d.Sliver
	end     bool // no more slivers come, although some are lacking
	err     error
	verdict *bool
}

func newGather(r *reading, need int, candidates []int) *gather {
	g := &gather{
		reading: r, sliverSize: r.view.Params().S * r.size, need: need, candidates: candidates,
		waiting: make(map[int]*request), late: make([]bool, len(r.view.Peers)), verified: make(map[int]bool), events: make(chan event),
	}
	g.rank()
	return g
}

// rank sorts the candidates: rows of nodes in good standing first, and of these such
// as hold the blob itself. Among parity rows, chance spreads the load.
func (g *gather) rank() {
	params := g.view.Params()
	standings := peer.Standings(g.view.Peers)
	for i, late := range g.late {
		if late {
			standings[i] = max(standings[i], peer.Slow)
		}
	}
	// Rows of the blob in their order, and parity rows in that of chance.
	peer.Rank(g.candidates, func(row int) (peer.Standing, int) { return standings[g.owner(row)], min(row, params.P) })
}

// owner returns the member that has the row.
func (g *gather) owner(row int) int { return g.view.OwnerOfPair(g.id, row) }

// probe has slow nodes that own candidates tried again, aside.
func (g *gather) probe() {
	seen := make([]bool, len(g.view.Peers))
	for _, row := range g.candidates {
		if member := g.owner(row); !seen[member] {
			if seen[member] = true; g.view.Peers[member].Probe() {
				probe(g.reading, member, row, g.sliverSize)
			}
		}
	}
}

// run asks for slivers until use succeeds with those that have come. Slivers that it
// fails with are verified; the wrong ones are dropped, and replaced by others, which
// are verified before they are used.
func (g *gather) run(ctx context.Context, use func([]rs2d.Sliver) error) error {
	g.ended, g.stop = context.WithCancel(g.life)
	defer g.end()
	g.probe()
	timeout := g.peers.Timeout(g.sliverSize)
	progress := time.Now()
	hedge := time.NewTimer(timeout)
	defer hedge.Stop()
	for careful := false; ; {
		if len(g.got) >= g.need {
			if careful && g.dropWrong() {
				continue
			}
			err := use(g.got)
			if err == nil || careful || !g.dropWrong() {
				return err
			}
			careful = true
			continue
		}
		g.ask()
		if len(g.waiting) == 0 && g.verdicts == 0 || g.hasty && g.lacking() > 0 {
			return &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors}
		}
		hedge.Reset(time.Until(g.nextLate(progress.Add(timeout))))
		select {
		case <-ctx.Done():
			return g.timedOut(ctx.Err())
		case <-hedge.C:
			if now := time.Now(); !now.Before(progress.Add(timeout)) {
				g.hedge(func(*request) bool { return true })
				timeout *= 2 // those asked now are slower, or all are
				progress = now
			} else {
				g.hedge(func(r *request) bool { return !now.Before(r.limit) })
			}
		case e := <-g.events:
			if e.verdict != nil {
				g.verdicts--
				if *e.verdict {
					return ErrInconsistent
				}
				continue
			}
			g.take(e)
			if errors.Is(e.err, peer.ErrInconsistent) {
				g.verify(e.member, 4*timeout)
			}
			progress = time.Now()
		}
	}
}

// nextLate returns when a request is late next: at the time given, or when one has taken
// longer than it may although slivers keep coming.
func (g *gather) nextLate(next time.Time) time.Time {
	for _, r := range g.waiting {
		if !r.late && r.limit.Before(next) {
			next = r.limit
		}
	}
	return next
}

// timedOut says that the context ended, and who had not answered.
func (g *gather) timedOut(cause error) error {
	seen := make(map[*request]bool)
	for _, r := range g.waiting {
		if !seen[r] {
			seen[r] = true
			g.errors = append(g.errors, peer.Silent(g.view.Peers[r.member], r.started))
		}
	}
	return &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors, Cause: cause}
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
		r.limit = r.started.Add(patient * g.peers.Timeout(len(r.rows)*g.sliverSize))
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(g.life)
		g.requests = append(g.requests, r)
		g.running.Add(1)
		g.fetches.Go(func() { g.fetch(ctx, r) })
	}
}

// patient is how many times as long as a request should take it may, as long as
// slivers keep coming.
const patient = 4

// fetch makes a request.
func (g *gather) fetch(ctx context.Context, r *request) {
	defer r.cancel()
	complete := sync.OnceFunc(g.running.Done)
	defer complete()
	lacking := len(r.rows)
	err := g.view.Peers[r.member].Slivers(ctx, g.id, r.rows, nil, [2]int{g.sliverSize, 0}, g.place, func(s rs2d.Sliver) error {
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
	g.stop()
	for _, r := range g.requests {
		if r.came < len(r.rows) {
			r.cancel()
		} else {
			time.AfterFunc(g.options.HedgeAfter, r.cancel)
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

// hedge has what is being waited for in some requests asked of others, too.
func (g *gather) hedge(late func(*request) bool) {
	for _, r := range g.waiting {
		if late(r) {
			r.late, g.late[r.member] = true, true
		}
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
			g.peers.Late(g.view.Peers[r.member], r.started)
		}
	}
}

// verify asks a member that says that the blob is inconsistent for the certificate, and
// goes on hearing others. Who has it shows it at once.
func (g *gather) verify(member int, timeout time.Duration) {
	g.verdicts++
	g.running.Add(1)
	g.fetches.Go(func() {
		defer g.running.Done()
		ctx, cancel := context.WithTimeout(g.ended, timeout)
		defer cancel()
		p := g.view.Peers[member]
		_, err := p.Verdict(ctx, g.id)
		if errors.Is(err, peer.ErrNotFound) || errors.Is(err, peer.ErrLied) {
			p.Distrust()
		}
		right := err == nil
		_ = g.send(g.ended, event{verdict: &right})
	})
}

// take notes what has come.
func (g *gather) take(e event) {
	p := g.view.Peers[e.member]
	if !e.end {
		if e.came++; e.came == 1 {
			g.peers.Observe(time.Since(e.started), g.sliverSize)
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
		g.peers.Late(p, e.started)
	case !e.late:
		p.InTime()
	}
	if err == nil {
		err = fmt.Errorf("%d slivers are not there", len(e.rows)-e.came)
	}
	g.errors = append(g.errors, &MemberError{Member: p.Name(), Err: err})
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
		p := g.view.Peers[g.owner(row)]
		p.Distrust()
		g.log.Warn("wrong sliver", "node", p.Name(), "blob", g.id, "row", row)
		g.errors = append(g.errors, &MemberError{Member: p.Name(), Err: err})
	}
	g.got = slices.DeleteFunc(g.got, func(s rs2d.Sliver) bool { return wrong[s.Index] })
	if len(wrong) > 0 {
		g.rank() // the liar's other slivers come last now
	}
	return len(wrong) > 0
}
