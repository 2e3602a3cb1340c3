package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/node/fault"
)

// Action is what is done to nodes.
type Action string

// Actions. All up to Forget but for Restore are done to nodes that work and tell the
// truth.
const (
	Kill    Action = "kill"    // end the process without a warning
	Wipe    Action = "wipe"    // kill it, remove its store, start it again
	Crash   Action = "crash"   // kill it, start it again; never with more than f shards down
	Restore Action = "restart" // start what was killed, end what was done else
	Slow    Action = "slow"    // wait before every answer
	Stall   Action = "stall"   // never answer
	Drip    Action = "drip"    // answer a byte at a time
	Refuse  Action = "refuse"  // answer that it is overloaded
	Corrupt Action = "corrupt" // flip bits of slivers and symbols
	Swap    Action = "swap"    // answer from another blob, with valid proofs
	Forget  Action = "forget"  // acknowledge writes falsely, and keep nothing

	// Slowloris is done to all nodes: clients come that are as slow as they can be.
	Slowloris Action = "slowloris"
)

// Event is an action, done once or again and again.
type Event struct {
	Action Action
	Count  int           // of nodes, or clients
	At     time.Duration // from the start
	Every  time.Duration // 0 for once
}

// maxCount bounds what an event may ask for.
const maxCount = 1 << 16

// ParseEvent reads COUNT@TIME or COUNT@TIME/EVERY, such as 3@5s or 1@0s/100ms.
func ParseEvent(action Action, text string) (Event, error) {
	bad := func(what string) (Event, error) {
		return Event{}, fmt.Errorf("--%s %s: %s; it should be COUNT@TIME or COUNT@TIME/EVERY, such as 3@5s or 1@0s/100ms", action, text, what)
	}
	count, when, ok := strings.Cut(text, "@")
	if !ok {
		return bad("no @")
	}
	at, every, again := strings.Cut(when, "/")
	e := Event{Action: action}
	var err error
	if e.Count, err = strconv.Atoi(count); err != nil || e.Count < 1 || e.Count > maxCount {
		return bad("not a number of nodes or clients")
	}
	if e.At, err = time.ParseDuration(at); err != nil || e.At < 0 {
		return bad("not a time")
	}
	if again {
		if e.Every, err = time.ParseDuration(every); err != nil || e.Every < time.Millisecond {
			return bad("not a time of a millisecond or more")
		}
	}
	return e, nil
}

// String writes what ParseEvent reads.
func (e Event) String() string {
	s := fmt.Sprintf("%d@%v", e.Count, e.At)
	if e.Every > 0 {
		s += "/" + e.Every.String()
	}
	return s
}

// Expand lists what a schedule does before the end, in the order of time, each once.
func Expand(events []Event, end time.Duration) []Event {
	var all []Event
	for _, e := range events {
		for every := e.Every; e.At < end; e.At += every {
			once := e
			once.Every = 0
			all = append(all, once)
			if every == 0 {
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return all
}

// Done is an event that was carried out.
type Done struct {
	At      time.Time
	Action  Action
	Nodes   []int
	Clients int // that came, for Slowloris
}

// SlowBy is how long a slow node waits before every answer.
const SlowBy = 500 * time.Millisecond

// Play carries out events, expanded before, until the context ends, and calls f after
// each. Nodes are chosen by chance, which follows from the seed: those first to which
// nothing was done yet.
func (c *Cluster) Play(ctx context.Context, start time.Time, events []Event, seed uint64, f func(Done)) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, e := range events {
		timer := time.NewTimer(time.Until(start.Add(e.At)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		d := Done{At: time.Now(), Action: e.Action}
		if e.Action == Slowloris {
			c.siege.Add(e.Count)
			d.Clients = e.Count
			f(d)
			continue
		}
		states, serving := c.Nodes()
		if e.Action == Crash {
			e.Count = min(e.Count, c.spare(serving))
		}
		for _, i := range choose(e, states, serving, rng) {
			err := c.act(e.Action, i)
			switch {
			case errors.Is(err, context.Canceled):
				return nil
			case err != nil:
				return err
			}
			d.Nodes = append(d.Nodes, i)
		}
		f(d)
	}
	return nil
}

// spare returns how many more nodes may be down at once, if each owns as many shards as
// the largest.
func (c *Cluster) spare(serving []bool) int {
	down, largest := 0, 0
	for i, serves := range serving {
		weight := c.committee.Weight(i)
		largest = max(largest, weight)
		if !serves {
			down += weight
		}
	}
	return max(c.committee.Params().F-down, 0) / largest
}

// choose returns the nodes that an event is done to: fewer than it asks for if there
// are no more.
func choose(e Event, states []State, serving []bool, rng *rand.Rand) []int {
	var nodes []int
	for _, i := range rng.Perm(len(states)) {
		broken := states[i] == Dead || states[i] == Lying
		if broken == (e.Action == Restore) && (serving[i] || broken) {
			nodes = append(nodes, i)
		}
	}
	if e.Action != Crash { // crashes are to hit every node at some time
		slices.SortStableFunc(nodes, func(a, b int) int { return cmp.Compare(states[a], states[b]) })
	}
	return nodes[:min(e.Count, len(nodes))]
}

func (c *Cluster) act(a Action, i int) error {
	switch a {
	case Kill:
		return c.Kill(i)
	case Wipe:
		return c.Wipe(i)
	case Crash:
		return c.Crash(i)
	case Restore:
		return c.Restore(i)
	case Drip:
		return c.Misbehave(i, Order{Drip: true})
	}
	return c.Misbehave(i, Order{Faults: faults[a], Delay: SlowBy})
}

var faults = map[Action]fault.Kind{
	Slow: fault.Slow, Stall: fault.Stall, Refuse: fault.Refuse, Corrupt: fault.Corrupt,
	Swap: fault.OtherBlob, Forget: fault.FalseAck,
}
