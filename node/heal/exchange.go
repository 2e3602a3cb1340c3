package heal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// exchange recovers slivers of one axis of many blobs. One goroutine, in run, decides
// whom to ask for what; others ask, and solve.
//
// A peer that takes longer than it should is asked on, and what has not come of it is
// asked of others too. Nobody waits for who is slower than that: when all is recovered,
// what is still asked for is given up.
type exchange struct {
	*batch
	recoveries []*recovery
	unfinished int       // of these
	orders     []*order  // under way
	overdue    []bool    // members that were late in this exchange
	asked      int       // orders, in all
	times      []float64 // seconds a byte of those that were delivered

	events  chan event
	solving chan struct{} // one for each recovery that is being solved
	group   sync.WaitGroup
}

// event is something that came: symbols of one source, the end of an order, or that
// of solving.
type event struct {
	order    *order // or nil, if a recovery was solved
	recovery *recovery
	batch    *peer.SymbolBatch // or nil, at the end of an order
	goOn     bool              // the recovery that was solved needs more
	err      error
}

// solvers is how many slivers are computed at once, and how many recoveries are stored.
const solvers = 8

// recoverAxis recovers and stores the missing slivers of one axis of many blobs.
func (b *batch) recoverAxis(ctx context.Context, blobs []*blob, axis rs2d.Axis) {
	x := &exchange{batch: b, overdue: make([]bool, len(b.view.Peers)), events: make(chan event), solving: make(chan struct{}, solvers)}
	var group sync.WaitGroup
	turns := make(chan struct{}, solvers)
	for _, one := range blobs {
		if len(one.missing[axis]) == 0 || one.failed {
			continue
		}
		v := &recovery{batch: b, blob: one, axis: axis, open: slices.Clone(one.missing[axis]), bad: make(map[int]bool), asked: make(map[int]*order)}
		x.recoveries = append(x.recoveries, v)
		turns <- struct{}{}
		group.Go(func() {
			v.addOwn()
			<-turns
		})
	}
	group.Wait()
	if len(x.recoveries) > 0 {
		x.probe(ctx)
		x.run(ctx)
	}
}

// run goes on until every recovery is done: each source that fails is not asked again,
// and proofs are asked for once, so there is an end.
func (x *exchange) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer x.group.Wait()
	defer x.judge()
	defer cancel()
	x.unfinished = len(x.recoveries)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for changed := true; ctx.Err() == nil; {
		if changed {
			x.assign(ctx)
			timer.Reset(time.Until(x.nextDue()))
		}
		if x.unfinished == 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
			x.hedge(time.Now())
			changed = true
		case e := <-x.events:
			changed = x.take(ctx, e)
		}
	}
}

// finish says that a recovery is done, or given up.
func (x *exchange) finish(v *recovery) {
	v.done = true
	x.unfinished--
}

// send gives an event to run.
func (x *exchange) send(ctx context.Context, e event) error {
	select {
	case x.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// assign asks for what recoveries lack.
func (x *exchange) assign(ctx context.Context) {
	standings := peer.Standings(x.view.Peers)
	for member, late := range x.overdue {
		if late {
			standings[member] = max(standings[member], peer.Slow)
		}
	}
	orders := make(map[int]*order)
	for _, v := range x.recoveries {
		if v.done || v.solving {
			continue
		}
		if len(v.have) >= v.need() {
			x.solve(ctx, v)
			continue
		}
		byMember := make(map[int][]uint16)
		for _, pair := range v.choose(standings) {
			member := x.view.OwnerOfPair(v.blob.id, pair)
			byMember[member] = append(byMember[member], uint16(pair))
		}
		for member, sources := range byMember {
			o := orders[member]
			if o == nil {
				o = &order{member: member, started: time.Now()}
				orders[member] = o
			}
			request := symbolRequest(v, sources)
			o.add(v, request)
			o.bytes += answerBytes(v, request)
			for _, pair := range sources {
				v.asked[int(pair)] = o
			}
		}
		if len(v.asked) == 0 {
			x.finish(v) // there is nobody left to ask
		}
	}
	for _, o := range orders {
		var own context.Context
		own, o.cancel = context.WithCancel(ctx)
		x.orders = append(x.orders, o)
		x.asked++
		x.group.Go(func() {
			defer o.cancel()
			err := deliver(own, x.round, o, func(v *recovery, b peer.SymbolBatch) error {
				return x.send(ctx, event{order: o, recovery: v, batch: &b})
			})
			_ = x.send(ctx, event{order: o, err: err})
		})
	}
}

// solve recovers the targets of a recovery that has enough symbols, aside.
func (x *exchange) solve(ctx context.Context, v *recovery) {
	v.solving = true
	x.group.Go(func() {
		x.solving <- struct{}{}
		goOn := v.solve(ctx)
		<-x.solving
		_ = x.send(ctx, event{recovery: v, goOn: goOn})
	})
}

// take notes what has come, and reports whether recoveries may lack something for it.
func (x *exchange) take(ctx context.Context, e event) bool {
	switch {
	case e.order == nil:
		x.solved(e.recovery, e.goOn)
		return true
	case e.batch == nil:
		x.end(ctx, e.order, e.err)
		return true
	}
	v, pair := e.recovery, e.batch.Pair
	if v.asked[pair] == e.order {
		delete(v.asked, pair)
	}
	if v.done || v.solving || v.have[pair] != nil || v.bad[pair] || (e.batch.Symbols[0].Proof != nil) != v.proofs {
		return false
	}
	v.have[pair] = make(map[rs2d.SliverRef]rs2d.Symbol, len(e.batch.Symbols))
	for _, s := range e.batch.Symbols {
		v.have[pair][s.At(v.axis)] = s
	}
	if len(v.have) >= v.need() {
		x.solve(ctx, v)
	}
	return false
}

// solved is the end of solving a recovery.
func (x *exchange) solved(v *recovery, goOn bool) {
	v.solving = false
	if !goOn {
		x.finish(v)
	} else if v.proofs && !v.proven {
		// What is still asked for comes without proofs.
		v.proven = true
		clear(v.asked)
	}
}

// end is the end of an order. What has not come is to be asked of others.
func (x *exchange) end(ctx context.Context, o *order, err error) {
	o.ended = true
	x.orders = slices.DeleteFunc(x.orders, func(other *order) bool { return other == o })
	for i, r := range o.requests {
		for _, pair := range r.Sources {
			if v := o.recoveries[i]; v.asked[int(pair)] == o {
				delete(v.asked, int(pair))
				v.bad[int(pair)] = true
			}
		}
	}
	p := x.view.Peers[o.member]
	took := time.Since(o.started)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		x.config.Peers.Observe(took, o.bytes)
		if x.times = append(x.times, took.Seconds()/float64(o.bytes)); !o.late {
			p.InTime()
		}
	case errors.Is(err, peer.ErrLied):
		p.Distrust()
		x.count(func(r *Report) { r.Lies++ })
	default:
		p.Fail()
		p.Late(o.started)
	}
	if err != nil {
		x.config.Logger.Debug("no symbols", "peer", p.Name(), "error", err)
	}
}
