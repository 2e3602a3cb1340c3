package heal

import (
	"context"
	"errors"
	"slices"
	"sync"

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
	unfinished int // of these
	fanout     *peer.Fanout
	solving    chan struct{} // one for each recovery that is being solved
}

// solvers is how many slivers are computed at once, and how many recoveries are solved.
// Those that are solved are stored together: the disk is waited for once.
const solvers = 8

// leastRate is how many bytes a second a peer must send that is waited for because
// there is nobody else to ask.
const leastRate = 64 << 10

// exchange returns one of no recoveries.
func (b *batch) exchange() *exchange {
	return &exchange{
		batch: b, fanout: peer.NewFanout(b.config.Peers, peer.FanoutOptions{Transfers: true, LeastRate: leastRate}),
		solving: make(chan struct{}, solvers),
	}
}

// recoveryOf returns the recovery of some of a blob's slivers of one axis.
func (b *batch) recoveryOf(one *blob, axis rs2d.Axis, targets []*target) *recovery {
	return &recovery{
		batch: b, blob: one, axis: axis, open: slices.Clone(targets), bad: make(map[int]bool), failed: make(map[int]int),
		asked: make(map[int]*symbolRequests),
	}
}

// recoverPortion recovers and stores a portion of the missing slivers of one axis of
// many blobs. It reports whether there was one.
func (b *batch) recoverPortion(ctx context.Context, blobs []*blob, axis rs2d.Axis, portion int) bool {
	x := b.exchange()
	var group sync.WaitGroup
	turns := make(chan struct{}, solvers)
	for _, one := range blobs {
		targets := b.portion(one, axis, portion)
		if len(targets) == 0 || one.failed || one.gone || one.postponed {
			continue
		}
		v := b.recoveryOf(one, axis, targets)
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
	return len(x.recoveries) > 0
}

// run goes on until every recovery is done: each source that fails is not asked again,
// and proofs are asked for once, so there is an end.
func (x *exchange) run(ctx context.Context) {
	x.unfinished = len(x.recoveries)
	_ = x.fanout.Run(ctx, func() (done bool) { // the caller knows its context
		x.assign()
		return x.unfinished == 0
	})
}

// finish says that a recovery is done, or given up.
func (x *exchange) finish(v *recovery) {
	v.done = true
	x.unfinished--
}

// assign asks for what recoveries lack.
func (x *exchange) assign() {
	health := x.fanout.Health(x.view.All)
	toPlace := make(map[int]*symbolRequests)
	for _, v := range x.recoveries {
		if v.done || v.solving {
			continue
		}
		if len(v.have) >= v.need() {
			x.solve(v)
			continue
		}
		byPlace := make(map[int][]uint16)
		for _, pair := range v.choose(health) {
			place := v.holder(pair)
			byPlace[place] = append(byPlace[place], uint16(pair))
		}
		for place, sources := range byPlace {
			o := toPlace[place]
			if o == nil {
				o = &symbolRequests{place: place}
				toPlace[place] = o
			}
			request := requestOf(v, sources)
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
	for _, o := range toPlace {
		o.call = x.fanout.Start(x.view.All[o.place], o.bytes, func(ctx context.Context, c *peer.Call) error {
			return deliver(ctx, x.Round, o, func(v *recovery, b peer.SymbolBatch) error {
				return c.Deliver(func() bool {
					x.take(o, v, b)
					return false // what requests do not bring is known at its end
				})
			})
		}, func(err error) { x.end(o, err) })
	}
}

// solve recovers the targets of a recovery that has enough symbols, aside.
func (x *exchange) solve(v *recovery) {
	v.solving = true
	goOn := false
	x.fanout.Aside(func(ctx context.Context) { goOn = v.solve(ctx, x.solving) }, func() { x.solved(v, goOn) })
}

// take notes the symbols of one source that have come.
func (x *exchange) take(o *symbolRequests, v *recovery, b peer.SymbolBatch) {
	pair := b.Pair
	if v.asked[pair] == o {
		delete(v.asked, pair)
	}
	if v.done || v.solving || v.have[pair] != nil || v.bad[pair] || (b.Symbols[0].Proof != nil) != v.proofs {
		return
	}
	v.have[pair] = make(map[rs2d.SliverRef]rs2d.Symbol, len(b.Symbols))
	for _, s := range b.Symbols {
		v.have[pair][s.At(v.axis)] = s
	}
	if len(v.have) >= v.need() {
		x.solve(v)
	}
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

// end is the end of the requests to one peer. What has not come is to be asked of others.
func (x *exchange) end(o *symbolRequests, err error) {
	for i, r := range o.requests {
		for _, pair := range r.Sources {
			if v := o.recoveries[i]; v.asked[int(pair)] == o {
				delete(v.asked, int(pair))
				v.next(int(pair))
			}
		}
	}
	if errors.Is(err, peer.ErrLied) {
		x.Count(func(r *Report) { r.Lies++ })
	}
	if err != nil {
		x.config.Logger.Debug("no symbols", "peer", x.view.All[o.place].Name(), "error", err)
	}
}

// probeBytes is how many bytes of symbols a slow peer is asked for to see whether it
// still is: so many that one which sends little at a time does not seem fast.
const probeBytes = 256 << 10

// probe has slow peers tried again, by requests that nobody waits for.
func (x *exchange) probe(ctx context.Context) {
	for place, p := range x.view.All {
		if p == nil || !p.ShouldProbe() {
			continue
		}
		o := &symbolRequests{place: place}
		for _, v := range x.recoveries {
			var sources []uint16
			for pair := range x.view.Params().N {
				if v.holder(pair) == place {
					sources = append(sources, uint16(pair))
				}
			}
			request := requestOf(v, sources)
			if bytes := answerBytes(v, request); o.bytes == 0 || o.bytes+bytes <= probeBytes {
				o.add(v, request)
				o.bytes += bytes
			}
		}
		x.probes.Go(func() {
			x.config.Peers.Probe(ctx, p, o.bytes, func(ctx context.Context) error {
				return deliver(ctx, x.Round, o, func(*recovery, peer.SymbolBatch) error { return nil })
			})
		})
	}
}
