package heal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
)

// leastRate is how many bytes a second a peer must send that is waited for because
// there is nobody else to ask, after patience.
const (
	leastRate = 64 << 10
	patience  = 30 * time.Second
)

// due returns when an order is late: when it takes twice as long as half of those that
// were asked in this exchange took for as many bytes, or, as long as they are not there,
// much longer than such answers do. One that is late is given up when it is slower than
// anybody may be.
func (x *exchange) due(o *order) time.Time {
	if o.late {
		return o.started.Add(patience + time.Duration(float64(o.bytes)/leastRate*float64(time.Second)))
	}
	wait := 4 * x.timeout(o)
	if 2*len(x.times) >= x.asked {
		median := slices.Sorted(slices.Values(x.times))[len(x.times)/2]
		expected := time.Duration(median * float64(o.bytes) * float64(time.Second))
		wait = min(wait, 2*expected+x.config.Peers.LeastTimeout(0))
	}
	return o.started.Add(wait)
}

// timeout returns how long an order takes at most as a rule.
func (x *exchange) timeout(o *order) time.Duration {
	return max(x.config.Peers.LeastTimeout(o.bytes), x.config.Peers.Timeout(o.bytes))
}

// nextDue returns when the next order is late or given up.
func (x *exchange) nextDue() time.Time {
	next := time.Now().Add(time.Hour)
	for _, o := range x.orders {
		if due := x.due(o); due.Before(next) {
			next = due
		}
	}
	return next
}

// hedge has what is late asked of others, too.
func (x *exchange) hedge(now time.Time) {
	for _, o := range x.orders {
		switch {
		case now.Before(x.due(o)):
		case o.late:
			o.cancel() // its end comes as an event
		default:
			o.late, x.overdue[o.member] = true, true
		}
	}
}

// judge remembers the peers that others overtook. Where all were late together, the
// machine or the network was.
func (x *exchange) judge() {
	for _, o := range x.orders {
		if o.late && len(x.times) > 0 {
			x.config.Peers.Late(x.view.Peers[o.member], o.started)
		}
	}
}

// probeBytes is how many bytes of symbols a slow peer is asked for to see whether it
// still is: so many that one which sends little at a time does not seem fast.
const probeBytes = 256 << 10

// probe has slow peers tried again, by requests that nobody waits for.
func (x *exchange) probe(ctx context.Context) {
	for member, p := range x.view.Peers {
		if p == nil || p.Standing() != peer.Slow || !p.Probe() {
			continue
		}
		o := &order{member: member}
		for _, v := range x.recoveries {
			var sources []uint16
			for pair := range x.view.Params().N {
				if x.view.OwnerOfPair(v.blob.id, pair) == member {
					sources = append(sources, uint16(pair))
				}
			}
			request := symbolRequest(v, sources)
			if bytes := answerBytes(v, request); o.bytes == 0 || o.bytes+bytes <= probeBytes {
				o.add(v, request)
				o.bytes += bytes
			}
		}
		x.probes.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, x.timeout(o))
			defer cancel()
			err := deliver(ctx, x.round, o, func(*recovery, peer.SymbolBatch) error { return nil })
			switch {
			case errors.Is(err, peer.ErrLied):
				p.Distrust()
			case err == nil:
				p.InTime()
			}
		})
	}
}
