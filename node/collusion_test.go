package node_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// coalition is members with a shard each, of whom the first keeps nothing of the only blob, and the
// others do all they can for it to pass.
type coalition struct {
	*arena
	id      commit.BlobID
	meta    *commit.Metadata
	members []*nodetest.Node
	keys    []*identity.Key
	asked   int // times that anybody was asked for anything
}

func newCoalition(a *arena, members ...*nodetest.Node) *coalition {
	c := &coalition{arena: a, id: slices.Collect(maps.Keys(a.blobs))[0], members: members}
	for _, n := range members {
		c.keys = append(c.keys, n.Key())
	}
	e, err := a.client.Code().Encode(a.blobs[c.id])
	if err != nil {
		a.t.Fatal(err)
	}
	c.meta = e.Metadata()
	return c
}

func (c *coalition) committee() *committee.Committee { return c.views.View().Current }

// pairOf returns the pair of slivers of a member's shard.
func (c *coalition) pairOf(member int) int { return c.committee().Pairs(c.id, member)[0] }

// target is the row that the cheater has to prove.
func (c *coalition) target() rs2d.SliverRef {
	row, _ := rs2d.PairSlivers(c.pairOf(memberOf(c.members[0])), 7)
	return row
}

// steal returns the symbols of the cheater's row that the coalition can get hold of: from what its
// other members have on their disks, and by asking everybody, with the keys of all of them, for
// columns, for rows, and for symbols of them to recover others from.
func (c *coalition) steal() map[int]rs2d.Symbol {
	c.t.Helper()
	code, of, target := c.client.Code(), c.committee(), c.target()
	size, err := of.Params().SymbolSize(c.meta.Length)
	if err != nil {
		c.t.Fatal(err)
	}
	known := make(map[int]rs2d.Symbol)
	// take uses a sliver of another member, if it is the right one.
	take := func(ref rs2d.SliverRef, data []byte) {
		s := rs2d.Sliver{SliverRef: ref, Data: data}
		if code.VerifySliver(c.meta, s) != nil {
			return
		}
		if symbol, err := code.Symbol(s, target.Index); err == nil && ref.Axis == rs2d.Secondary {
			known[ref.Index] = symbol
		}
	}
	for _, n := range c.members[1:] {
		pair := c.pairOf(memberOf(n))
		_, column := rs2d.PairSlivers(pair, 7)
		if data, err := n.Store.Read(nil, c.id, store.Ref{Axis: rs2d.Secondary, Pair: pair}, 0, -1); err == nil {
			take(column, data)
		}
	}
	for _, key := range c.keys {
		set := peer.NewSet(key, peer.Options{Attempts: 1})
		for member, p := range set.Of(of) {
			if slices.ContainsFunc(c.members, func(n *nodetest.Node) bool { return memberOf(n) == member }) {
				continue
			}
			pair := c.pairOf(member)
			row, column := rs2d.PairSlivers(pair, 7)
			for _, ref := range []rs2d.SliverRef{row, column} {
				c.asked++
				data := make([]byte, size*[]int{of.Params().S, of.Params().P}[ref.Axis])
				if p.SliverRange(c.t.Context(), c.id, pair, ref.Axis, 0, data) == nil {
					take(ref, data)
				}
			}
			c.asked++
			request := api.SymbolRequest{Blob: c.id, Axis: rs2d.Primary, Proofs: true, Targets: []uint16{uint16(target.Index)}, Sources: []uint16{uint16(pair)}}
			_ = p.Symbols(c.t.Context(), []api.SymbolRequest{request}, []int{size}, func(b peer.SymbolBatch) error {
				for _, s := range b.Symbols {
					if code.VerifySymbol(c.meta, s) == nil {
						known[s.Col] = s
					}
				}
				return nil
			})
		}
		set.Close()
	}
	return known
}

// row returns the cheater's row, if the symbols are enough.
func (c *coalition) row(known map[int]rs2d.Symbol) (rs2d.Sliver, error) {
	return c.client.Code().Recover(c.meta, c.target(), slices.Collect(maps.Values(known)))
}

// pass has the cheater show symbols of its row, guessed ones where it knows none, and proofs if it
// has the row. It returns the certificate if that is made of the signatures of those who sign: the
// coalition does in any case.
func (c *coalition) pass(r challenge.Round, known map[int]rs2d.Symbol, row *rs2d.Sliver) (*committee.Certificate, int) {
	c.t.Helper()
	of, self := c.committee(), memberOf(c.members[0])
	collector := challenge.NewCollector(of, r, self)
	var cert *committee.Certificate
	signers := 0
	add := func(member int, s committee.Signature) {
		c.t.Helper()
		got, err := collector.Add(member, s)
		if err != nil {
			c.t.Fatalf("signature of member %d: %v", member, err)
		}
		if signers++; got != nil {
			cert = got
		}
	}
	for i, key := range c.keys {
		add(memberOf(c.members[i]), key.Signer(new(committee.HashCache)).Attest(of, r.Pass(of.Member(self).PublicKey)))
	}
	set := peer.NewSet(c.keys[0], peer.Options{Attempts: 1})
	defer set.Close()
	size, err := of.Params().SymbolSize(c.meta.Length)
	if err != nil {
		c.t.Fatal(err)
	}
	for member, p := range set.Of(of) {
		if slices.ContainsFunc(c.members, func(n *nodetest.Node) bool { return memberOf(n) == member }) {
			continue
		}
		_, column := rs2d.PairSlivers(c.pairOf(member), 7)
		for m := challenge.Message(challenge.Open{Round: r}); m != nil; {
			answer, err := peer.Challenge(c.t.Context(), p, r.Height, challenge.MarshalMessage(m), 1<<10)
			if err != nil {
				c.t.Fatal(err)
			}
			parsed, err := challenge.ParseMessage(answer)
			if err != nil {
				c.t.Fatal(err)
			}
			m = nil
			switch a := parsed.(type) {
			case challenge.Signed:
				add(member, a.Signature)
			case challenge.Want:
				symbol, have := known[column.Index]
				switch {
				case len(a.Wrong) > 0 && row != nil:
					prover, err := c.client.Code().NewProver(*row)
					if err != nil {
						c.t.Fatal(err)
					}
					s := prover.Symbol(column.Index)
					m = challenge.Proof{At: a.Wrong[0], Symbol: s.Data, Path: s.Proof}
				case len(a.Wrong) == 0 && have:
					m = challenge.Symbols{Data: symbol.Data}
				case len(a.Wrong) == 0:
					m = challenge.Symbols{Data: make([]byte, size)}
				}
			}
		}
	}
	return cert, signers
}

// TestCollusion: a member that keeps nothing, and asks everybody for everything while it is
// challenged, does not pass: not with f members who give it all they have, and not with f-1 of them
// and f honest members who do not know yet that they are to be silent. Before the challenge, the same
// questions give it its row; and with that it would pass.
func TestCollusion(t *testing.T) {
	if testing.Short() {
		t.Skip("seven nodes verify signatures for a while")
	}
	a := newArenaOf(t, 7, 7, func(g *ledger.Genesis) { g.Challenges.Mode = ledger.ChallengesFull })
	const f, quorum = 2, 5
	a.put(5000)
	a.nextEpoch()
	cheater := a.Nodes[6]
	c := newCoalition(a, cheater, a.Nodes[0], a.Nodes[1])
	a.Stop(6) // and what it had is gone
	before := c.steal()
	row, err := c.row(before)
	if err != nil {
		t.Fatalf("before the challenge the coalition gets %d symbols: %v; want the row", len(before), err)
	}

	a.arm()
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 6 })
	c.expectNothing("with f members", f, f+1)
	if cert, signers := c.pass(a.challenge().Round, nil, &row); cert == nil {
		t.Errorf("with the row %d members sign, and there is no certificate; the attack is none", signers)
	}
	a.PassTime(20 * time.Minute)
	a.await("the challenge is over", func() bool { return a.challenge().Stage == challenge.Closed })
	if len(a.passed()) != 6 {
		t.Errorf("%v have passed, want all but the cheater", a.passed())
	}
	from := a.Ledger.State().System().Height
	a.nextEpoch(cheater)
	if got := a.failures(from); len(got) != 1 || got[0].Node != ledger.NodeID(cheater.ID()) {
		t.Errorf("failed: %+v, want the cheater alone", got)
	}

	// One member of the coalition is honest now, and two honest ones learn nothing of the ledger.
	c.members, c.keys = c.members[:f], c.keys[:f]
	slow := a.Nodes[2:4]
	for _, n := range slow {
		n.Delay.HoldLedger()
	}
	a.arm()
	const acks = quorum - 1 // all who know of it; the cheater says that it is silent, too
	a.await("the others are silent", func() bool { return len(a.challenge().Acks) == acks })
	terms := a.challenge().TermsOf(a.challenge().Acks[0].List)
	self := account.New(chain.Local(a.Ledger), c.keys[0].Account())
	action := ledger.AckChallenge{
		Node: ledger.NodeID(cheater.ID()), Height: terms.Height, List: terms.List,
		Signature: c.keys[0].Signer(new(committee.HashCache)).Attest(c.committee(), terms.Ack()),
	}
	if _, err := self.Do(t.Context(), action); err != nil {
		t.Fatal(err)
	}
	for _, n := range a.Nodes[4:6] {
		a.await("an honest member knows that it has started", func() bool { return node.Gate(n.Node).Check(a.challenge().Round) == nil })
	}
	c.expectNothing("with f-1 members and f slow ones", f-1+f, f)
	for _, n := range slow {
		n.Delay.Release()
	}
	a.await("the others have passed again", func() bool { return len(a.challenge().Passed) == 6 })
	if slices.Contains(a.passed(), fmt.Sprint("node-", 6)) {
		t.Errorf("%v have passed, among them the cheater", a.passed())
	}
}

// expectNothing has the coalition try all it can while a round runs. It gets so many symbols, and so
// many signatures.
func (c *coalition) expectNothing(name string, symbols, signatures int) {
	c.t.Helper()
	known := c.steal()
	if row, err := c.row(known); err == nil || len(known) != symbols {
		c.t.Errorf("%s: %d symbols, and the row of %d bytes (%v); want %d symbols and no row", name, len(known), len(row.Data), err, symbols)
	}
	if cert, signers := c.pass(c.challenge().Round, known, nil); cert != nil || signers < signatures {
		c.t.Errorf("%s: %d members sign, a certificate: %v; want %d at least and none", name, signers, cert != nil, signatures)
	}
	if c.asked == 0 {
		c.t.Errorf("%s: nobody was asked", name)
	}
}
