package peer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Set is the nodes that somebody speaks to, and what is known of them: whom to ask
// first, and how long to wait. A node is known by its id, whatever its number, its keys and
// its address are in one committee or another. It is safe for concurrent use.
type Set struct {
	options Options
	latency latencyEstimator

	mu    sync.Mutex
	key   *identity.Key // by which the nodes know the caller
	links map[committee.NodeID]*link
}

// NewSet returns a set that knows of no node yet. The nodes know the caller by the key,
// which may be nil, see [New].
func NewSet(key *identity.Key, o Options) *Set {
	o.fill()
	return &Set{key: key, options: o, links: make(map[committee.NodeID]*link)}
}

// Use has the nodes know the caller by another key from now on.
func (s *Set) Use(key *identity.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// Of returns all members of a committee, by their numbers in it.
func (s *Set) Of(c *committee.Committee) []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := make([]*Peer, c.Len())
	for i := range peers {
		peers[i] = s.member(c, i)
	}
	return peers
}

// one returns one member of a committee.
func (s *Set) one(c *committee.Committee, i int) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member(c, i)
}

// member returns one member of a committee. The set is locked.
func (s *Set) member(c *committee.Committee, i int) *Peer {
	return &Peer{link: s.link(c.Member(i)), committee: c, committees: c, member: i}
}

// link returns what is known of a node, under its id. Where it has moved or has another key,
// it is reached in another way, and is still the same; and so where the caller has another.
func (s *Set) link(m committee.Member) *link {
	old := s.links[m.ID]
	if old != nil && old.key == s.key && old.name == m.Name && old.address == m.Address && old.tlsKey == m.TLSKey {
		return old
	}
	l := newLink(m, s.key, s.options)
	if old != nil {
		l.history = old.history
		old.http.CloseIdleConnections()
	}
	s.links[m.ID] = l
	return l
}

// Close closes idle connections.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.http.CloseIdleConnections()
	}
}

// ByteCounters returns the counts of bytes sent and received.
func (s *Set) ByteCounters() *ByteCounters { return s.options.Counters }

// Timeout returns how long to wait for an answer of so many bytes before others are
// asked as well.
func (s *Set) Timeout(bytes int) time.Duration {
	return s.latency.timeout(s.options.HedgeAfter, bytes)
}

// TransferTimeout is Timeout for answers that take work to make: it is no shorter than
// while nothing is known.
func (s *Set) TransferTimeout(bytes int) time.Duration {
	return max(scale(s.options.HedgeAfter, bytes), s.Timeout(bytes))
}

// observe learns how long an answer of so many bytes took.
func (s *Set) observe(took time.Duration, bytes int) { s.latency.observe(took, bytes) }

// markLate remembers that a node was overtaken by one that was asked later, see
// [Peer.MarkLate], and logs when that is news.
func (s *Set) markLate(p *Peer, since time.Time) {
	before := p.ObservedHealth()
	if p.MarkLate(since); before == Good && p.ObservedHealth() == Slow {
		s.options.Logger.Debug("slow", "node", p.name)
	}
}

// Probe asks a slow node for something of so many bytes that nobody waits for, to see
// whether it still is. See [Peer.ShouldProbe].
func (s *Set) Probe(ctx context.Context, p *Peer, bytes int, ask func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, s.TransferTimeout(bytes))
	defer cancel()
	switch err := ask(ctx); {
	case errors.Is(err, ErrLied):
		p.Distrust()
	case Answered(err):
		p.MarkInTime()
	}
}

// HealthOf returns the health of each peer. Nobody is asked after who is nil, as a node
// is in its own list.
func HealthOf(peers []*Peer) []Health {
	all := make([]Health, len(peers))
	for i, p := range peers {
		if all[i] = Distrusted; p != nil {
			all[i] = p.ObservedHealth()
		}
	}
	return all
}

// Rank sorts candidates in the order in which to ask for them: by the health of who
// has them, then by class, the lower ones first. Among equals, chance spreads the load.
func Rank[T any](candidates []T, of func(T) (health Health, class int)) {
	type ranked struct {
		candidate T
		health    Health
		class     int
	}
	all := make([]ranked, len(candidates))
	for i, j := range rand.Perm(len(candidates)) {
		health, class := of(candidates[j])
		all[i] = ranked{candidates[j], health, class}
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.health, b.health), cmp.Compare(a.class, b.class))
	})
	for i, r := range all {
		candidates[i] = r.candidate
	}
}

// Ranked returns the peers in the order in which to ask them. Nil ones are left out.
func Ranked(peers []*Peer) []*Peer {
	type candidate struct {
		peer   *Peer
		health Health
	}
	var candidates []candidate
	for _, p := range peers {
		if p != nil {
			candidates = append(candidates, candidate{p, p.ObservedHealth()})
		}
	}
	Rank(candidates, func(c candidate) (Health, int) { return c.health, 0 })
	ranked := make([]*Peer, len(candidates))
	for i, c := range candidates {
		ranked[i] = c.peer
	}
	return ranked
}

var discard = slog.New(slog.DiscardHandler)
