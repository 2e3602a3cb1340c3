package challenge_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
)

// This file explores every order in which the messages of a challenge can come. The honest
// members are the gates of this package, the ledger is its Challenge; each owns one shard, so
// that members are alike and a state is how many are in which condition. The adversary owns
// f shards; it decides what happens next. One of its members, the cheater, wants a
// certificate. It knows the symbols of its row in the columns of the coalition, those that
// it has kept, and those of columns that honest members serve once the seed is known: what
// was fetched before, when nobody could tell which blobs are drawn, counts as kept.
//
// What it knows it knows at once, and it asks for a signature and posts the certificate as
// soon as it can: it has nothing to gain by waiting, and all that it cannot choose the time
// of, messages to and from honest members, comes in every order.

// faults are flaws of the protocol. With each of them the adversary must win, or else the
// exploration would prove nothing.
type faults struct {
	serveColumns bool // members that are silent serve secondary slivers all the same
	serveRows    bool // members that are not silent serve primary slivers
	acceptLate   bool // the ledger takes certificates after the close
	fewAcks      int  // so many fewer acks start the round
	fewPasses    int  // so many fewer signatures make a certificate
}

// view is what an honest member knows of the ledger.
type view uint8

const (
	unaware view = iota
	armed
	acked
	running
	closed
	views
)

// member is the condition of an honest member: its view, and what happened.
type member uint8

const (
	ackPosted  member = 1 << (3 + iota)
	passPosted        // its own certificate is on the ledger
	fetched           // the adversary has its column
	signed            // it has signed the cheater's pass
	kept              // the cheater has kept its symbol in this column
)

func (m member) view() view        { return view(m & 7) }
func (m member) has(f member) bool { return m&f != 0 }
func (m member) at(v view) member  { return m&^7 | member(v) }
func (m *member) set(f member)     { *m |= f }
func (m *member) clear(f member)   { *m &^= f }
func (s *network) count(f member) (n int) {
	for _, m := range s.honest {
		if m.has(f) {
			n++
		}
	}
	return n
}

// network is a state of all that there is.
type network struct {
	honest []member
	stage  challenge.Stage
	acks   int // of the coalition, on the ledger
	passes int // of the coalition without the cheater
}

func (s *network) key() string {
	slices.Sort(s.honest)
	key := []byte{byte(s.stage), byte(s.acks), byte(s.passes)}
	for _, m := range s.honest {
		key = append(key, byte(m))
	}
	return string(key)
}

func (s *network) clone() network {
	c := *s
	c.honest = slices.Clone(s.honest)
	return c
}

// explorer explores a committee of n members with one shard each.
type explorer struct {
	params commit.Params
	faults faults
	round  challenge.Round
	gates  [views]*challenge.Gate // of a member with each view
	opens  [views]bool            // whether the gate lets it sign for the round
}

func newExplorer(t testing.TB, n int, flaws faults) *explorer {
	params, err := commit.NewParams(n)
	if err != nil {
		t.Fatal(err)
	}
	e := &explorer{params: params, faults: flaws, round: challenge.Round{Terms: challenge.Terms{Epoch: 3, Height: 70}, Draws: 1}}
	all := func(commit.BlobID) bool { return true }
	for v := range views {
		g := challenge.NewGate(e.round.Chain)
		if v >= armed {
			g.Arm(e.round.Height)
		}
		if v >= acked {
			if err := g.Ack(all); err != nil {
				t.Fatal(err)
			}
		}
		if v >= running {
			g.Start(e.round, all)
		}
		if v == closed {
			g.Close()
		}
		e.gates[v], e.opens[v] = g, g.Check(e.round) == nil
	}
	return e
}

// electorate is that of the committee; members of the coalition come after the honest ones.
func (e *explorer) electorate(fewer int) challenge.Electorate {
	return challenge.Electorate{
		Quorum: e.params.N - e.params.F - fewer, All: e.params.N,
		Weight: func(m int) int { return min(1, max(0, e.params.N-m)) },
	}
}

// ledger returns the challenge as the ledger has it, without the acks or passes that one
// action adds.
func (e *explorer) ledger(s *network) *challenge.Challenge {
	c := challenge.Arm(e.round.Chain, e.round.Epoch, e.round.Height)
	c.Stage = s.stage
	for i, m := range s.honest {
		if m.has(ackPosted) {
			c.Acks = append(c.Acks, challenge.Ack{Member: uint16(i)})
		}
		if m.has(passPosted) {
			c.Passed = append(c.Passed, uint16(i))
			c.Weight++
		}
	}
	h := len(s.honest)
	for i := range s.acks {
		c.Acks = append(c.Acks, challenge.Ack{Member: uint16(h + i)})
	}
	for i := range s.passes {
		c.Passed = append(c.Passed, uint16(h+1+i))
		c.Weight++
	}
	if c.Stage != challenge.Armed {
		c.Acks = nil
	}
	return c
}

// ack posts the ack of a member.
func (e *explorer) ack(s *network, member int) bool {
	c := e.ledger(s)
	enough, err := c.Ack(e.electorate(e.faults.fewAcks), challenge.Ack{Member: uint16(member)})
	if err != nil {
		return false
	}
	if enough != nil {
		s.stage = challenge.Running
		// The ledger forgets acks then.
		for i := range s.honest {
			s.honest[i].clear(ackPosted)
		}
		s.acks = 0
	}
	return true
}

// pass posts the certificate of a member.
func (e *explorer) pass(s *network, member int) bool {
	c := e.ledger(s)
	if e.faults.acceptLate && c.Stage == challenge.Closed {
		c.Stage = challenge.Running
	}
	if c.Pass(e.electorate(0), member) != nil {
		return false
	}
	if s.stage == challenge.Running {
		s.stage = c.Stage
	}
	return true
}

// greedy does what the adversary need not wait for. It reports whether the cheater has a
// certificate that the ledger takes.
func (e *explorer) greedy(s *network) bool {
	f := e.params.F
	silent := 0 // honest members that have acked: without their signatures nobody knows a seed
	for _, m := range s.honest {
		if m.view() >= acked {
			silent++
		}
	}
	seedKnown := s.stage != challenge.Armed || silent+f >= e.params.N-f-e.faults.fewAcks
	rows := f - 1 // those of the coalition without the cheater's
	if seedKnown {
		for i, m := range s.honest {
			g := e.gates[m.view()]
			if g.Serves(commit.BlobID{}, challenge.Column) || e.faults.serveColumns {
				s.honest[i].set(fetched)
			}
			if g.Serves(commit.BlobID{}, challenge.Row) || e.faults.serveRows && m.view() < acked {
				rows++
			}
		}
	}
	known := f // columns of the coalition
	for _, m := range s.honest {
		if m.has(fetched | kept) {
			known++
		}
	}
	all := known >= e.params.S || rows >= e.params.P
	for i, m := range s.honest {
		if s.stage != challenge.Armed && (all || m.has(fetched|kept)) && e.opens[m.view()] {
			s.honest[i].set(signed)
		}
	}
	return s.count(signed)+f >= e.params.N-f-e.faults.fewPasses && e.pass(s, len(s.honest))
}

// next calls yield with every state that one step leads to.
func (e *explorer) next(s *network, yield func(network)) {
	for i, m := range s.honest {
		if i > 0 && m == s.honest[i-1] {
			continue // alike
		}
		step := func(change func(c *network) bool) {
			if c := s.clone(); change(&c) {
				yield(c)
			}
		}
		// It learns where the ledger is.
		step(func(c *network) bool {
			v := map[challenge.Stage]view{challenge.Armed: armed, challenge.Running: running, challenge.Closed: closed}[s.stage]
			if m.view() >= v {
				return false
			}
			c.honest[i] = m.at(v)
			return true
		})
		// It falls silent, and its ack is on its way.
		step(func(c *network) bool {
			if stage, acked := e.gates[m.view()].Stage(); stage != challenge.Armed || acked {
				return false
			}
			c.honest[i] = m.at(acked)
			return true
		})
		step(func(c *network) bool {
			if m.view() != acked || m.has(ackPosted) || s.stage != challenge.Armed {
				return false
			}
			c.honest[i].set(ackPosted)
			before := s.clone()
			if !e.ack(&before, i) {
				return false
			}
			if before.stage != challenge.Armed {
				*c = before
			}
			return true
		})
		step(func(c *network) bool {
			if m.view() != running || !e.pass(c, i) {
				return false
			}
			c.honest[i].set(passPosted)
			return true
		})
	}
	// The ledger closes the challenge at any time.
	if s.stage == challenge.Running {
		c := s.clone()
		c.stage = challenge.Closed
		yield(c)
	}
	if s.stage == challenge.Armed && s.acks < e.params.F {
		c := s.clone()
		if e.ack(&c, len(s.honest)+s.acks) {
			if c.stage == challenge.Armed {
				c.acks++
			}
			yield(c)
		}
	}
	if s.stage == challenge.Running && s.passes < e.params.F-1 {
		c := s.clone()
		if e.pass(&c, len(s.honest)+1+s.passes) {
			c.passes++
			yield(c)
		}
	}
}

// explore returns how many states there are, or stops at the first in which the cheater has
// a certificate. The cheater has kept the symbols of its row in so many columns of honest
// members.
func (e *explorer) explore(keeps int) (states int, cheated bool) {
	first := network{honest: make([]member, e.params.N-e.params.F)}
	for i := range keeps {
		first.honest[i].set(kept)
	}
	seen := map[string]bool{first.key(): true}
	reached := make(map[string]bool) // before the adversary did what it need not wait for
	queue := []network{first}
	for len(queue) > 0 && !cheated {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		e.next(&s, func(c network) {
			if key := c.key(); reached[key] {
				return
			} else {
				reached[key] = true
			}
			cheated = cheated || e.greedy(&c)
			if key := c.key(); !seen[key] {
				seen[key] = true
				queue = append(queue, c)
			}
		})
	}
	return len(seen), cheated
}

// TestTheorem explores all orders. A cheater who has nothing of its row but what the columns
// of its coalition say has no certificate in any of them, and neither has one who keeps one
// symbol less than it takes.
func TestTheorem(t *testing.T) {
	for _, n := range []int{4, 5, 6, 7, 8, 10} {
		t.Run(fmt.Sprint(n, " shards"), func(t *testing.T) {
			e := newExplorer(t, n, faults{})
			for keeps := range n - 3*e.params.F {
				states, cheated := e.explore(keeps)
				if cheated {
					t.Fatalf("with %d symbols kept of %d it takes: there is an order in which the cheater has a certificate", keeps, n-3*e.params.F)
				}
				t.Logf("%d symbols kept: no certificate in any of %d states", keeps, states)
			}
		})
	}
}

// TestTheoremIsTight: with the symbols that the theorem says, there is an order, and so
// there is with each flaw of the protocol: the exploration finds what there is to find.
func TestTheoremIsTight(t *testing.T) {
	for _, n := range []int{4, 5, 6, 7} {
		tests := []struct {
			name  string
			flaws faults
			keeps int
		}{
			{"symbols enough", faults{}, n - 3*((n-1)/3)},
			{"columns served", faults{serveColumns: true}, 0},
			{"late certificates", faults{acceptLate: true}, 0},
			{"rows served", faults{serveRows: true}, 0},
			{"one ack less", faults{fewAcks: 1}, 0},
			{"one signature less", faults{fewPasses: 1}, 0},
		}
		for i, tt := range tests {
			if i >= 2 && n%3 != 1 || tt.flaws.serveRows && n < 7 {
				continue // more shards than 3f+1 leave room; and one row more is fewer than P
			}
			t.Run(fmt.Sprintf("%d shards, %s", n, tt.name), func(t *testing.T) {
				if states, cheated := newExplorer(t, n, tt.flaws).explore(tt.keeps); !cheated {
					t.Errorf("no certificate in any of %d states, though the cheater must find a way", states)
				}
			})
		}
	}
}

// TestServedColumnsDefeatChallenges shows the shortest way of the cheater when silent members
// serve secondary slivers to clients: it keeps nothing, reads the column of each verifier,
// and shows it its own symbol. So challenged blobs are not readable until the close.
func TestServedColumnsDefeatChallenges(t *testing.T) {
	e := newExplorer(t, 4, faults{serveColumns: true})
	s := network{honest: []member{member(running), member(running), member(running)}, stage: challenge.Running}
	if !e.greedy(&s) {
		t.Error("the cheater has no certificate")
	}
	e.faults.serveColumns = false
	s = network{honest: []member{member(running), member(running), member(running)}, stage: challenge.Running}
	if e.greedy(&s) {
		t.Error("the cheater has a certificate, though nobody serves columns")
	}
}
