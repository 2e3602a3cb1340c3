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
	"github.com/redstuff-go/redstuff/node/fault/flood"
)

// Action is what is done to nodes.
type Action string

// Actions. All up to Hostile but for Restore are done to nodes that work and tell the
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

	// Nodes cheat that keep less than they are paid for, and say nothing.
	Evict Action = "evict" // drop half of the slivers
	Proxy Action = "proxy" // keep nothing, and ask others when asked
	Lazy  Action = "lazy"  // acknowledge writes, and keep nothing of them

	// Hostile nodes keep others from healing, in one of the ways of HostileKinds.
	Hostile Action = "hostile"

	// Partition cuts nodes off from all others, and from clients, for some time: those that
	// are cut off at once still reach each other. Rejoin ends that; no schedule has it.
	Partition Action = "partition"
	Rejoin    Action = "rejoin"

	// Nodes come and go with the epochs of a ledger.
	Join    Action = "join"    // a new one comes, with stake
	Leave   Action = "leave"   // withdraws, gives its shards to others, and ends
	Replace Action = "replace" // is gone for ever with its disk, and a new one comes

	// Slowloris is done to all nodes: clients come that are as slow as they can be.
	Slowloris Action = "slowloris"
	// Flood is done to all nodes: strangers come that take connections and memory, in one
	// of the ways of package flood.
	Flood Action = "flood"
)

// HostileKinds are the ways to be hostile, in the order in which nodes take turns.
func HostileKinds() []string { return []string{"list", "drip", "invent"} }

// hostile says what a hostile node does.
var hostile = map[string]Order{
	"list":   {Faults: fault.SlowList, Delay: 8 * time.Second},
	"drip":   {Faults: fault.DripSymbols, Rate: 5000},
	"invent": {Faults: fault.InventBlobs},
}

// slowKinds are the ways of slow clients, in the order in which they take turns.
var slowKinds = []flood.Kind{flood.Silent, flood.HalfHeader, flood.DripBody, flood.ClientDripBody, flood.Unread, flood.HalfHandshake}

// FloodKinds are the ways of strangers who are not told otherwise, in the order in which
// they take turns.
func FloodKinds() []flood.Kind { return []flood.Kind{flood.Idle, flood.FarBody, flood.Silent} }

// Event is an action, done once or again and again.
type Event struct {
	Action Action
	Kind   string        // of Hostile and Flood; they take turns if it is empty
	Count  int           // of nodes, or clients
	At     time.Duration // from the start
	Every  time.Duration // 0 for once; of Partition, how long it lasts
}

// LeaveLying is the kind of Leave in which nodes give wrong slivers to those who get their
// shards.
const LeaveLying = "lying"

// maxCount bounds what an event may ask for.
const maxCount = 1 << 16

// kindsOf returns the kinds of an action, nil if it has none.
func kindsOf(a Action) (kinds []string) {
	switch a {
	case Hostile:
		return HostileKinds()
	case Leave:
		return []string{LeaveLying}
	case Flood:
		for _, k := range flood.Kinds() {
			kinds = append(kinds, string(k))
		}
	}
	return kinds
}

// ParseEvent reads COUNT@TIME or COUNT@TIME/EVERY, such as 3@5s or 1@0s/100ms. Hostile and
// Flood may have a kind, as in 1:drip@3s.
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
	count, kind, ok := strings.Cut(count, ":")
	if kinds := kindsOf(action); ok && !slices.Contains(kinds, kind) {
		if kinds == nil {
			return bad("there are no kinds of it")
		}
		return bad("the kinds are " + strings.Join(kinds, ", "))
	}
	e.Kind = kind
	var err error
	if e.Count, err = strconv.Atoi(count); err != nil || e.Count < 1 || e.Count > maxCount {
		return bad("not a number of nodes or clients")
	}
	if e.At, err = time.ParseDuration(at); err != nil || e.At < 0 {
		return bad("not a time")
	}
	if action == Partition {
		if e.Every, err = time.ParseDuration(every); !again || err != nil || e.Every < time.Millisecond {
			return Event{}, fmt.Errorf("--%s %s: it should be COUNT@TIME/DURATION, such as 3@5s/10s", action, text)
		}
		return e, nil
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
	s := strconv.Itoa(e.Count)
	if e.Kind != "" {
		s += ":" + e.Kind
	}
	s += "@" + e.At.String()
	if e.Every > 0 {
		s += "/" + e.Every.String()
	}
	return s
}

// Expand lists what a schedule does before the end, in the order of time, each once.
func Expand(events []Event, end time.Duration) []Event {
	var all []Event
	for _, e := range events {
		if e.Action == Partition && e.At < end {
			all = append(all, e)
			if at := e.At + e.Every; at < end {
				all = append(all, Event{Action: Rejoin, Count: e.Count, At: at})
			}
			continue
		}
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
	Weights []int    // shards that each of Nodes owned then
	Kinds   []string // of Nodes, for Hostile; of all, for Flood
	Clients int      // that came, for Slowloris and Flood
}

// SlowBy is how long a slow node waits before every answer.
const SlowBy = 500 * time.Millisecond

// Play carries out events, expanded before, until the context ends, and calls f after
// each. Nodes are chosen by chance, which follows from the seed: those first to which
// nothing was done yet.
func Play(ctx context.Context, c *Cluster, start time.Time, events []Event, seed uint64, f func(Done)) error {
	p := player{Cluster: c, rng: rand.New(rand.NewPCG(seed, 1))}
	for _, e := range events {
		timer := time.NewTimer(time.Until(start.Add(e.At)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		d, err := p.do(e)
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case err != nil:
			return err
		}
		f(d)
	}
	return nil
}

// player carries out events.
type player struct {
	*Cluster
	rng   *rand.Rand
	slow  int   // slow clients so far
	enemy int   // hostile nodes so far
	cut   []int // nodes that are cut off, the first first
}

// do carries out one event.
func (p *player) do(e Event) (Done, error) {
	d := Done{At: time.Now(), Action: e.Action}
	switch e.Action {
	case Slowloris:
		for range e.Count {
			p.slowClients.Add(slowKinds[p.slow%len(slowKinds)], 1)
			p.slow++
		}
		d.Clients = e.Count
		return d, nil
	case Flood:
		return d, p.flood(e, &d)
	}
	if e.Action == Join {
		for range e.Count {
			i, err := p.churn.join()
			if err != nil {
				return d, err
			}
			d.Nodes, d.Weights = append(d.Nodes, i), append(d.Weights, 0)
		}
		return d, nil
	}
	if e.Action == Rejoin {
		for range min(e.Count, len(p.cut)) {
			if err := p.isolate(p.cut[0], false); err != nil {
				return d, err
			}
			d.Nodes, d.Weights = append(d.Nodes, p.cut[0]), append(d.Weights, weightOf(p.Cluster, p.cut[0]))
			p.cut = p.cut[1:]
		}
		return d, nil
	}
	states, serving := p.Nodes()
	for _, i := range p.cut { // nothing else is done to those
		serving[i] = false
	}
	if e.Action == Crash {
		e.Count = min(e.Count, p.mayCrash(serving))
	}
	for _, i := range choose(e, states, serving, p.rng) {
		weight := weightOf(p.Cluster, i)
		if err := p.act(e, i, &d); err != nil {
			return d, err
		}
		d.Nodes, d.Weights = append(d.Nodes, i), append(d.Weights, weight)
	}
	return d, nil
}

// isolate cuts a node off, or ends that.
func (p *player) isolate(i int, off bool) error {
	return p.links.isolate(snapshot(p.Cluster)[i].config.Host, off)
}

// flood lets strangers come.
func (p *player) flood(e Event, d *Done) error {
	kinds := FloodKinds()
	if e.Kind != "" {
		kinds = []flood.Kind{flood.Kind(e.Kind)}
	}
	for i, k := range kinds {
		if count := (e.Count + len(kinds) - 1 - i) / len(kinds); count > 0 {
			if err := p.strangers.Add(k, count); err != nil {
				return err
			}
			d.Kinds = append(d.Kinds, string(k))
		}
	}
	d.Clients = e.Count
	return nil
}

// mayCrash returns how many more nodes may be down at once, if each owns as many shards
// as the largest.
func (p *player) mayCrash(serving []bool) int {
	down, largest := 0, 0
	for i, serves := range serving {
		weight := weightOf(p.Cluster, i)
		largest = max(largest, weight)
		if !serves {
			down += weight
		}
	}
	return max(p.committee.Params().F-down, 0) / max(largest, 1)
}

// weightOf returns how many shards a node owns at present.
func weightOf(c *Cluster, i int) int {
	current := c.control.View().Current
	if seat, ok := current.Find(snapshot(c)[i].key); ok {
		return current.Weight(seat)
	}
	return 0
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
	switch e.Action {
	case Crash: // crashes are to hit every node at some time
	case Restore: // the dead before those that lie
		slices.SortStableFunc(nodes, func(a, b int) int { return cmp.Compare(states[b], states[a]) })
	default:
		slices.SortStableFunc(nodes, func(a, b int) int { return cmp.Compare(states[a], states[b]) })
	}
	return nodes[:min(e.Count, len(nodes))]
}

// act does something to one node.
func (p *player) act(e Event, i int, d *Done) error {
	switch e.Action {
	case Kill:
		return p.Kill(i)
	case Wipe:
		return p.Wipe(i)
	case Crash:
		return p.Crash(i)
	case Restore:
		return p.Restore(i)
	case Partition:
		p.cut = append(p.cut, i)
		return p.isolate(i, true)
	case Leave:
		return p.churn.leave(i, e.Kind == LeaveLying)
	case Replace:
		return p.churn.replace(i)
	case Hostile:
		kind := e.Kind
		if kind == "" {
			kind = HostileKinds()[p.enemy%len(HostileKinds())]
			p.enemy++
		}
		d.Kinds = append(d.Kinds, kind)
		return p.Misbehave(i, hostile[kind])
	}
	if IsCheat(e.Action) {
		return p.Misbehave(i, Order{Cheat: e.Action})
	}
	return p.Misbehave(i, Order{Faults: faults[e.Action], Delay: SlowBy, Rate: dripRate})
}

// dripRate is how many bytes a second a dripping node sends.
const dripRate = 10

var faults = map[Action]fault.Kind{
	Slow: fault.Slow, Stall: fault.Stall, Drip: fault.Drip, Refuse: fault.Refuse, Corrupt: fault.Corrupt,
	Swap: fault.OtherBlob, Forget: fault.FalseAck,
}
