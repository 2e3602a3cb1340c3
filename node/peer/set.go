package peer

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Set is the nodes that somebody speaks to, and what is known of them: whom to ask
// first, and how long to wait. A node is known by its public key, whatever its number
// is in one committee or another. It is safe for concurrent use.
type Set struct {
	key     *identity.Key
	options Options
	latency latency

	mu    sync.Mutex
	links map[[committee.PublicKeySize]byte]*link
}

// NewSet returns a set that knows of no node yet. The nodes know the caller by the key,
// which may be nil, see [New].
func NewSet(key *identity.Key, o Options) *Set {
	o.fill()
	return &Set{key: key, options: o, links: make(map[[committee.PublicKeySize]byte]*link)}
}

// View is a committee and its members, as one of them or a client sees them at one
// moment.
type View struct {
	*committee.Committee
	Epochs *epoch.View // whose current committee it is
	Member int         // who looks, or -1 if that is no member
	Peers  []*Peer     // by member; nil for who looks
}

// View returns the current committee as the member who has the public key sees it, or
// as a client does, with the zero key. What is remembered of a node from other epochs
// holds for it here.
func (s *Set) View(epochs *epoch.View, self committee.PublicKey) *View {
	v := &View{Committee: epochs.Current, Epochs: epochs, Member: -1, Peers: make([]*Peer, epochs.Current.Len())}
	if i, ok := v.Find(self); ok {
		v.Member = i
	}
	for i, p := range s.Of(v.Committee) {
		if i != v.Member {
			p.committees = epochs
			v.Peers[i] = p
		}
	}
	return v
}

// Of returns all members of a committee, by their numbers in it.
func (s *Set) Of(c *committee.Committee) []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := make([]*Peer, c.Len())
	for i := range peers {
		peers[i] = &Peer{link: s.link(c.Member(i)), committee: c, committees: c, member: i}
	}
	return peers
}

// link returns what is known of a node, under its public key. Where it has moved, it is
// reached in another way, and is still the same.
func (s *Set) link(m committee.Member) *link {
	key := m.PublicKey.Bytes()
	old := s.links[key]
	if old != nil && old.name == m.Name && old.address == m.Address && old.tlsKey == m.TLSKey {
		return old
	}
	l := newLink(m, s.key, s.options)
	if old != nil {
		l.reputation = old.reputation
		old.http.CloseIdleConnections()
	}
	s.links[key] = l
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

// Wire returns the count of bytes sent and received.
func (s *Set) Wire() *Wire { return s.options.Wire }

// Timeout returns how long to wait for an answer of so many bytes before others are
// asked as well.
func (s *Set) Timeout(bytes int) time.Duration {
	return s.latency.timeout(s.options.HedgeAfter, bytes)
}

// LeastTimeout returns how long to wait for an answer of so many bytes at least: as long
// as while nothing is known.
func (s *Set) LeastTimeout(bytes int) time.Duration { return scale(s.options.HedgeAfter, bytes) }

// Observe learns how long an answer of so many bytes took.
func (s *Set) Observe(took time.Duration, bytes int) { s.latency.observe(took, bytes) }

// Late remembers that a node was overtaken by one that was asked later, see
// [Peer.Late], and logs when that is news.
func (s *Set) Late(p *Peer, since time.Time) {
	before := p.Standing()
	if p.Late(since); before == Good && p.Standing() == Slow {
		s.options.Logger.Debug("slow", "node", p.name)
	}
}

// Standings returns the standing of each peer. Nobody is asked after who is nil, as a
// node is in its own list.
func Standings(peers []*Peer) []Standing {
	standings := make([]Standing, len(peers))
	for i, p := range peers {
		if standings[i] = Distrusted; p != nil {
			standings[i] = p.Standing()
		}
	}
	return standings
}

// Rank sorts candidates in the order in which to ask for them: by the standing of who
// has them, then by class, the lower ones first. Among equals, chance spreads the load.
func Rank[T any](candidates []T, of func(T) (standing Standing, class int)) {
	rand.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
	slices.SortStableFunc(candidates, func(a, b T) int {
		first, firstClass := of(a)
		second, secondClass := of(b)
		return cmp.Or(cmp.Compare(first, second), cmp.Compare(firstClass, secondClass))
	})
}

// Ranked returns the peers in the order in which to ask them. Nil ones are left out.
func Ranked(peers []*Peer) []*Peer {
	type candidate struct {
		peer     *Peer
		standing Standing
	}
	var candidates []candidate
	for _, p := range peers {
		if p != nil {
			candidates = append(candidates, candidate{p, p.Standing()})
		}
	}
	Rank(candidates, func(c candidate) (Standing, int) { return c.standing, 0 })
	ranked := make([]*Peer, len(candidates))
	for i, c := range candidates {
		ranked[i] = c.peer
	}
	return ranked
}

var discard = slog.New(slog.DiscardHandler)
