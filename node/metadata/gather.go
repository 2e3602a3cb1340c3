package metadata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/peer"
)

// gathering gathers the parts of one blob's metadata, see package coded for why it ends well
// whatever f shards answer. Its fields belong to one goroutine.
//
// Parts are asked for without proofs at first. If those of one root do not make the blob's
// metadata, somebody has lied, and all begins anew with proofs.
type gathering struct {
	*Fetcher
	view   *peer.View
	id     commit.BlobID
	failed func(*peer.Peer, error) error
	order  []int // of places, by chance

	fanout   *peer.Fanout
	proven   bool
	waiting  map[int]*question              // by pair
	answered map[int]int                    // by pair: how many of those who may have it have answered
	groups   map[commit.Hash]map[int][]byte // parts by pair, by the root that they came with

	came     []*question         // those that were answered with parts
	missed   map[*peer.Peer]bool // of whom it was told that they do not give it
	meta     *commit.Metadata    // all of it, once it is there
	refused  error
	none     *peer.NoneError
	received int64
}

// question asks one node for parts.
type question struct {
	place  int
	pairs  []int
	proven bool
	call   *peer.Call
	answer
}

func newGathering(f *Fetcher, v *peer.View, id commit.BlobID, failed func(*peer.Peer, error) error) *gathering {
	g := &gathering{
		Fetcher: f, view: v, id: id, failed: failed, order: rand.Perm(len(v.All)), missed: make(map[*peer.Peer]bool),
		none: new(peer.NoneError), fanout: peer.NewFanout(v.Set, peer.FanoutOptions{}),
	}
	g.begin(false)
	return g
}

// begin begins to gather parts, with proofs or without.
func (g *gathering) begin(proven bool) {
	g.proven = proven
	g.waiting, g.answered, g.groups = make(map[int]*question), make(map[int]int), make(map[commit.Hash]map[int][]byte)
}

func (g *gathering) run(ctx context.Context) (*commit.Metadata, int64, error) {
	g.none.Cause = g.fanout.Run(ctx, func() (done bool) {
		if g.meta == nil {
			g.decode()
		}
		if g.meta != nil || g.refused != nil {
			return true
		}
		g.ask()
		return false
	})
	switch {
	case g.meta != nil:
		g.compare()
		return g.meta, g.received, nil
	case g.refused != nil:
		return nil, g.received, g.refused
	}
	for _, c := range g.fanout.Open() {
		g.none.Errors = append(g.none.Errors, peer.Silent(c.Peer, c.Started))
	}
	return nil, g.received, g.none
}

// decode makes metadata of as many parts of one root as it takes, if there are so many. Parts
// that make no metadata of the blob's are dropped: all of them, if they have no proof.
func (g *gathering) decode() {
	for root, parts := range g.groups {
		if len(parts) < g.code.Need() {
			continue
		}
		var err error
		if g.meta, err = g.code.Decode(g.id, parts); err == nil {
			return
		}
		if !g.proven {
			g.begin(true)
			return
		}
		// Among f+1 shards is an honest one, unless more than f lie.
		delete(g.groups, root)
	}
}

// holder returns the place of the node to ask for a pair's part next, or -1 if there is none.
func (g *gathering) holder(pair int) int { return g.view.Holder(g.id, pair, g.answered[pair]) }

// ask asks for as many parts as are lacking of the root that has the most.
func (g *gathering) ask() {
	most := 0
	for _, parts := range g.groups {
		most = max(most, len(parts))
	}
	lacking := g.code.Need() - most
	for _, q := range g.waiting {
		if !q.call.Late() {
			lacking--
		}
	}
	if lacking <= 0 {
		return
	}
	var candidates []int
	for pair := range g.n {
		if g.waiting[pair] == nil && g.holder(pair) >= 0 {
			candidates = append(candidates, pair)
		}
	}
	health := g.fanout.Health(g.view.All)
	// As few nodes as possible.
	peer.Rank(candidates, func(pair int) (peer.Health, int) { return health[g.holder(pair)], g.order[g.holder(pair)] })
	byPlace := make(map[int]*question)
	for _, pair := range candidates[:min(lacking, len(candidates))] {
		place := g.holder(pair)
		q := byPlace[place]
		if q == nil {
			q = &question{place: place, proven: g.proven}
			byPlace[place] = q
		}
		q.pairs = append(q.pairs, pair)
		g.waiting[pair] = q
	}
	for _, q := range byPlace {
		p := g.view.All[q.place]
		q.call = g.fanout.Start(p, len(q.pairs)*coded.PartSize(g.n), func(ctx context.Context, _ *peer.Call) (err error) {
			q.answer, err = g.Fetcher.ask(ctx, p, g.id, q.pairs, q.proven)
			return err
		}, func(err error) { g.end(p, q, err) })
	}
}

// end is the end of a question.
func (g *gathering) end(p *peer.Peer, q *question, err error) {
	if err == nil {
		g.received += int64(q.bytes)
		if g.meta = q.whole; g.meta != nil {
			return
		}
		g.came = append(g.came, q)
	} else {
		g.none.Errors = append(g.none.Errors, &peer.Error{Member: p.Name(), Err: err})
		g.tell(p, err)
	}
	if q.proven != g.proven {
		return // it is asked again
	}
	for _, pair := range q.pairs {
		if g.waiting[pair] == q {
			delete(g.waiting, pair)
			g.answered[pair]++
		}
	}
	if err != nil {
		return
	}
	parts := g.groups[q.parts.Root]
	if parts == nil {
		parts = make(map[int][]byte)
		g.groups[q.parts.Root] = parts
	}
	for i, pair := range q.parts.Pairs {
		parts[pair] = q.parts.Data[i]
	}
}

// tell tells of a node that does not give the metadata, once, and of each lie.
func (g *gathering) tell(p *peer.Peer, err error) {
	if g.refused != nil || g.missed[p] && !errors.Is(err, peer.ErrLied) {
		return
	}
	g.missed[p] = true
	g.refused = g.failed(p, err)
}

// compare finds who has given wrong parts, now that it is known which are right.
func (g *gathering) compare() {
	if !g.proven && len(g.groups) <= 1 {
		return // all that came has gone into what turned out to be right
	}
	list, err := g.code.Encode(g.meta)
	if err != nil {
		return // it was verified
	}
	for _, q := range g.came {
		wrong := q.parts.Root != list.Root()
		for i, pair := range q.parts.Pairs {
			wrong = wrong || !bytes.Equal(q.parts.Data[i], list.Part(pair))
		}
		if wrong {
			p := g.view.All[q.place]
			p.Distrust()
			g.tell(p, fmt.Errorf("%s: %w: parts of other metadata than the blob's", p.Name(), peer.ErrLied))
		}
	}
}
