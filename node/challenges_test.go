package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// arena is a cluster whose members are challenged.
type arena struct {
	*nodetest.Town
	t      testing.TB
	writer *identity.Key
	self   *account.Account
	views  *follow.Views
	client *client.Client
	blobs  map[commit.BlobID][]byte

	registrar *account.Registrar // of the client
}

func newArena(t *testing.T, mode ledger.ChallengeMode) *arena {
	t.Helper()
	return newArenaOn(t, func(g *ledger.Genesis) { g.Challenges.Mode = mode })
}

// newArenaOn returns an arena with other rules.
func newArenaOn(t *testing.T, change func(*ledger.Genesis)) *arena {
	t.Helper()
	return newArenaOf(t, 4, 10, change)
}

// newArenaOf returns an arena of other sizes.
func newArenaOf(t testing.TB, nodes, shards int, change func(*ledger.Genesis), options ...nodetest.Option) *arena {
	t.Helper()
	a := &arena{t: t, blobs: make(map[commit.BlobID][]byte)}
	a.Town, a.writer = nodetest.StartOnGenesis(t, commit.BLAKE3, nodes, shards, change, options...)
	l := chain.Local(a.Ledger)
	var err error
	if a.views, err = follow.OpenViews(t.Context(), l, &a.Genesis); err != nil {
		t.Fatal(err)
	}
	a.self = account.New(l, a.writer.Account())
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	a.registrar = &account.Registrar{Account: a.self, Epochs: 20, Hasher: hasher, Refresh: a.views.Refresh}
	a.client, err = client.New(a.views, a.writer, client.Options{Timeout: time.Minute, Registrar: a.registrar})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.client.Close)
	return a
}

// put stores blobs.
func (a *arena) put(lengths ...int) {
	a.t.Helper()
	rng := rand.New(rand.NewPCG(uint64(len(a.blobs)), 7))
	for _, length := range lengths {
		data := make([]byte, length)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		got, err := a.client.Store(a.t.Context(), data)
		if err != nil {
			a.t.Fatal(err)
		}
		a.blobs[got.ID] = data
	}
}

// read reads all blobs.
func (a *arena) read() error {
	for id, want := range a.blobs {
		got, err := a.client.Read(a.t.Context(), id)
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("blob %v: other bytes", id)
		}
		if err == nil && len(want) > 10 {
			got, err = a.client.ReadRange(a.t.Context(), id, 3, uint64(len(want)-10))
			if err == nil && !bytes.Equal(got, want[3:len(want)-7]) {
				err = fmt.Errorf("blob %v: other bytes in a range", id)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// await waits for a condition, and lets the ledger see the time meanwhile.
func (a *arena) await(what string, met func() bool) {
	a.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !met(); time.Sleep(15 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("%s: not within two minutes; the last challenge is %+v", what, a.challenge())
		}
		a.poke()
	}
}

// poke has the ledger make a block.
func (a *arena) poke() {
	a.t.Helper()
	if _, err := a.self.Do(a.t.Context(), ledger.Transfer{To: a.self.Address(), Amount: 1}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *arena) challenge() *ledger.Challenge {
	return ledger.Get[ledger.Challenge](a.Ledger.State(), ledger.ChallengeKey())
}

// nextEpoch lets the next epoch begin, and waits until it is settled and all see it that run.
func (a *arena) nextEpoch(stopped ...*nodetest.Node) {
	a.t.Helper()
	epoch := a.Ledger.State().System().Epoch + 1
	a.Pass(1)
	a.await(fmt.Sprintf("epoch %d is settled", epoch), func() bool {
		s := a.Ledger.State().System()
		return s.Epoch == epoch && s.Settled == epoch && a.views.Refresh(a.t.Context()) == nil &&
			!slices.ContainsFunc(a.Nodes, func(n *nodetest.Node) bool {
				return !slices.Contains(stopped, n) && n.Follower.View().Current.Epoch() != uint64(epoch)
			})
	})
}

// arm lets the challenge of the epoch be armed.
func (a *arena) arm() {
	a.t.Helper()
	a.PassTime(31 * time.Minute)
	epoch := a.Ledger.State().System().Epoch
	a.await("a challenge is armed", func() bool { c := a.challenge(); return c != nil && c.Epoch == epoch })
}

// passed returns the names of the members that have passed.
func (a *arena) passed() (names []string) {
	c := a.challenge()
	of, err := a.Ledger.State().At(uint64(c.Epoch))
	if err != nil {
		a.t.Fatal(err)
	}
	for _, i := range c.Passed {
		names = append(names, of.Member(int(i)).Name)
	}
	slices.Sort(names)
	return names
}

// failures returns the events from a height on that members have failed.
func (a *arena) failures(from uint64) (list []ledger.ChallengeFailed) {
	a.t.Helper()
	for at := (chain.Cursor{Height: from}); ; {
		ctx, cancel := context.WithTimeout(a.t.Context(), 100*time.Millisecond)
		events, next, err := a.Ledger.Events(ctx, at, 100)
		cancel()
		if err != nil {
			a.t.Fatal(err)
		}
		if len(events) == 0 {
			return list
		}
		for _, e := range events {
			if f, ok := e.Event.(ledger.ChallengeFailed); ok {
				list = append(list, f)
			}
		}
		at = next
	}
}

// TestChallenges: members who have everything pass, while their blobs are read; who has lost
// its slivers does not, and gets them back when the challenge is over.
func TestChallenges(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesLight)
	a.put(1, 1000, 50_000)
	a.nextEpoch()
	a.put(2000) // which is none of the challenged ones
	if err := a.read(); err != nil {
		t.Fatal(err)
	}
	a.arm()
	var reads sync.WaitGroup
	reads.Go(func() {
		if err := a.read(); err != nil {
			t.Errorf("while the challenge is on: %v", err)
		}
	})
	closed := func() bool { return a.challenge().Stage == challenge.Closed }
	a.await("all have passed", closed)
	reads.Wait()
	if c := a.challenge(); len(c.Passed) != 4 || c.List.Blobs != 3 {
		t.Fatalf("passed: %v, of %d blobs; want all four, of 3", a.passed(), c.List.Blobs)
	}
	a.nextEpoch()
	if got := a.failures(0); len(got) != 0 {
		t.Fatalf("failed: %+v; want nobody", got)
	}

	// The last node loses everything, and says nothing.
	poor := a.Nodes[3]
	for id := range a.blobs {
		_, err := poor.Store.Delete(id, nil)
		if err == nil { // it knows of them, as a cheater does
			record := []byte{1, 0, 0, 0} // the epoch
			err = poor.Store.Apply(id, store.Update{Records: map[store.Record][]byte{store.Registered: record}, AtLeast: 20})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a.arm()
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
	before := a.Ledger.State().System().Height
	a.PassTime(20 * time.Minute)
	a.await("the challenge is over", closed)
	if got, want := a.passed(), []string{"node-0", "node-1", "node-2"}; !slices.Equal(got, want) {
		t.Errorf("passed: %v, want %v", got, want)
	}
	if err := a.read(); err != nil {
		t.Errorf("after the challenge: %v", err)
	}
	a.nextEpoch()
	if got := a.failures(before); len(got) != 1 || got[0].Node != ledger.NodeID(poor.ID()) {
		t.Errorf("failed: %+v; want node-3 only", got)
	}
	// It gets everything back, though nobody gives rows.
	var lost []commit.BlobID
	for id := range a.blobs {
		lost = append(lost, id)
	}
	a.await("the node is told of its blobs", func() bool {
		poor.Healer().Heal(t.Context(), lost)
		return poor.Healer().Totals().Slivers > 0
	})
	a.await("the node has everything again", func() bool {
		for id := range a.blobs {
			pairs := poor.Control.View().Current.Pairs(id, memberOf(poor))
			if info, err := poor.Store.Info(id); err != nil || len(info.Slivers) != 2*len(pairs) {
				return false
			}
		}
		return true
	})
	a.arm()
	a.await("all have passed again", func() bool { return a.challenge().Epoch == 4 && closed() })
	if got := a.passed(); len(got) != 4 {
		t.Errorf("passed: %v, want all four", got)
	}
}

// TestWithheld: no row is served to anybody where there are challenges, and messages of
// challenges are taken from members only.
func TestWithheld(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesLight)
	a.put(50_000)
	view := a.Nodes[0].Control.View()
	for id := range a.blobs {
		set := peer.NewSet(a.writer, peer.Options{})
		defer set.Close()
		for i, p := range set.Of(view.Current) {
			pair := view.Current.Pairs(id, i)[0]
			for axis, want := range map[rs2d.Axis]bool{rs2d.Primary: false, rs2d.Secondary: true} {
				dst := make([]byte, 2)
				err := p.SliverRange(t.Context(), id, pair, axis, 0, dst)
				if served := err == nil; served != want || !served && !isWithheld(err) {
					t.Errorf("node %d, %v: %v; served: want %v", i, axis, err, want)
				}
			}
			if _, err := peer.Challenge(t.Context(), p, 1, []byte{9}, 1000); statusOf(err) != http.StatusForbidden {
				t.Errorf("a message of a client: %v, want status 403", err)
			}
		}
	}
}

// stranger registers a node that is of the next committee, and not of the current one. It has the
// name that a member has, who has taken another one for the next epoch.
func (a *arena) stranger(member *identity.Key, id ledger.NodeID) *identity.Key {
	a.t.Helper()
	key := identity.GenerateKey()
	do := func(by *account.Account, action ledger.Action) {
		a.t.Helper()
		if _, err := by.Do(a.t.Context(), action); err != nil {
			a.t.Fatalf("%T: %v", action, err)
		}
	}
	l := chain.Local(a.Ledger)
	info := ledger.Get[ledger.Node](a.Ledger.State(), ledger.NodeKey(id)).Info
	do(account.New(l, member.Account()), ledger.UpdateNode{
		Node: id, Name: "another name", Address: info.Address, TLSKey: info.TLSKey, TLSProof: ledger.ProveTLSKey(member.Account(), genesis.AddressOf(member)),
	})
	do(a.self, ledger.Transfer{To: genesis.AddressOf(key), Amount: 1 << 30})
	self := account.New(l, key.Account())
	n := genesis.NewNode(info.Name, "127.0.0.1:1", key)
	n.Capacity, n.StoragePrice, n.WritePrice = 1<<40, nodetest.StoragePrice, nodetest.WritePrice
	do(self, ledger.RegisterNode{Node: n.Info()})
	for id, registered := range a.Ledger.State().Nodes() {
		if registered.Info.Name == info.Name {
			do(self, ledger.StakeWith{Node: id, Amount: 100})
		}
	}
	return key
}

// TestStrangeMessages: what comes out of place, from members or from others, is refused, each with
// its reason.
func TestStrangeMessages(t *testing.T) {
	t.Parallel()
	a := newArenaOn(t, func(g *ledger.Genesis) { g.Challenges.Mode, g.MaxNodes = ledger.ChallengesLight, 5 })
	a.put(1000)
	a.nextEpoch()
	key, id := a.Nodes[3].Key(), ledger.NodeID(a.Nodes[3].ID())
	a.Stop(3) // its key is ours now: the others are a quorum, and wait for it
	strange := a.stranger(key, id)
	ask := func(key *identity.Key, height uint64, data []byte) challenge.Message {
		t.Helper()
		set := peer.NewSet(key, peer.Options{})
		defer set.Close()
		answer, err := peer.Challenge(t.Context(), set.Of(a.views.View().Current)[memberOf(a.Nodes[0])], height, data, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		m, err := challenge.ParseMessage(answer)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	bytesOf := challenge.MarshalMessage
	type sent struct {
		name   string
		by     *identity.Key
		height uint64
		data   []byte
		want   challenge.Reason
	}
	refused := func(list ...sent) {
		t.Helper()
		for _, s := range list {
			if got := ask(s.by, s.height, s.data); got != challenge.Message(challenge.Refused{Reason: s.want}) {
				t.Errorf("%s: %+v, want a refusal for reason %d", s.name, got, s.want)
			}
		}
	}
	// Without the second node there are too few acks.
	a.Nodes[1].Delay.Hold()
	a.arm()
	a.await("a node is silent", func() bool { return node.Gate(a.Nodes[0].Node).Silent(slices.Collect(maps.Keys(a.blobs))[0]) })
	early := a.challenge().Round
	refused(
		sent{"before it has started", key, early.Height, bytesOf(challenge.Open{Round: early}), challenge.ReasonPremature},
		sent{"symbols before it has started", key, early.Height, bytesOf(challenge.Symbols{Data: []byte{1, 2}}), challenge.ReasonPremature},
		sent{"another ledger's, before it has started", key, early.Height, bytesOf(challenge.Open{Round: challenge.Round{Terms: challenge.Terms{Height: early.Height}}}), challenge.ReasonForeign},
	)
	a.Nodes[1].Delay.Release()
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
	r := a.challenge().Round
	other, later, foreign, earlier := r, r, r, r
	other.Seed[0]++
	later.Height += 100
	foreign.Chain[0]++
	earlier.Height--
	open := func(r challenge.Round) []byte { return bytesOf(challenge.Open{Round: r}) }
	refused(
		sent{"malformed", key, r.Height, []byte{99, 1}, challenge.ReasonMessage},
		sent{"a round under another height", key, r.Height + 1, open(r), challenge.ReasonMessage},
		sent{"another seed", key, r.Height, open(other), challenge.ReasonForeign},
		sent{"another ledger", key, r.Height, open(foreign), challenge.ReasonForeign},
		sent{"a later round", key, later.Height, open(later), challenge.ReasonPremature},
		sent{"an earlier round", key, earlier.Height, open(earlier), challenge.ReasonOver},
		sent{"an answer of another kind", key, r.Height, bytesOf(challenge.Refused{}), challenge.ReasonMessage},
		sent{"an answer", key, r.Height, bytesOf(challenge.Want{}), challenge.ReasonMessage},
		sent{"a proof that nobody wants", key, r.Height, bytesOf(challenge.Proof{}), challenge.ReasonMessage},
		sent{"symbols out of place", key, r.Height, bytesOf(challenge.Symbols{At: 1, Data: []byte{1, 2}}), challenge.ReasonMessage},
		sent{"from who is no member", strange, r.Height, open(r), challenge.ReasonStranger},
		sent{"symbols from who is no member", strange, r.Height, bytesOf(challenge.Symbols{Data: []byte{1, 2}}), challenge.ReasonStranger},
		sent{"a proof from who is no member", strange, r.Height, bytesOf(challenge.Proof{}), challenge.ReasonStranger},
		sent{"another seed, from who is no member", strange, r.Height, open(other), challenge.ReasonForeign},
		sent{"the node's own", a.Nodes[0].Key(), r.Height, open(r), challenge.ReasonStranger},
	)
	for name, m := range map[string]challenge.Message{"symbols": challenge.Symbols{Data: []byte{1, 2}}, "a proof": challenge.Proof{}, "an answer": challenge.Signed{}} {
		refused(
			sent{name + " of a later round", key, later.Height, bytesOf(m), challenge.ReasonPremature},
			sent{name + " of an earlier round", key, earlier.Height, bytesOf(m), challenge.ReasonOver},
		)
	}
	want, ok := ask(key, r.Height, open(r)).(challenge.Want)
	if !ok || want.Next != 0 {
		t.Fatalf("the round itself: %+v", want)
	}
	// Wrong symbols are wanted with proofs; a wrong proof is the end of it.
	size, err := a.client.Code().Params().SymbolSize(1000)
	if err != nil {
		t.Fatal(err)
	}
	symbols, proof := bytesOf(challenge.Symbols{Data: make([]byte, size)}), bytesOf(challenge.Proof{Symbol: make([]byte, size), Path: make([]commit.Hash, 4)})
	want, ok = ask(key, r.Height, symbols).(challenge.Want)
	if !ok || want.Next != 1 || !slices.Equal(want.Wrong, []uint64{0}) {
		t.Fatalf("a wrong symbol: %+v", want)
	}
	refused(
		sent{"replayed symbols", key, r.Height, symbols, challenge.ReasonMessage},
		sent{"a wrong proof", key, r.Height, proof, challenge.ReasonProof},
		sent{"after a wrong proof", key, r.Height, bytesOf(challenge.Proof{}), challenge.ReasonProof},
		sent{"the round again, after a wrong proof", key, r.Height, bytesOf(challenge.Symbols{At: 1, Data: make([]byte, size)}), challenge.ReasonProof},
	)
	a.PassTime(20 * time.Minute)
	a.await("the challenge is over", func() bool { return a.challenge().Stage == challenge.Closed && !node.Gate(a.Nodes[0].Node).Open() })
	refused(
		sent{"after the end", key, r.Height, open(r), challenge.ReasonOver},
		sent{"symbols after the end", key, r.Height, symbols, challenge.ReasonOver},
		sent{"a proof after the end", key, r.Height, bytesOf(challenge.Proof{}), challenge.ReasonOver},
		sent{"from who is no member, after the end", strange, r.Height, open(r), challenge.ReasonOver},
	)
}

// TestTermsOnDisk: what was acked is forgotten when the challenge is over.
func TestTermsOnDisk(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesFull)
	a.put(1000)
	a.nextEpoch()
	a.arm()
	a.await("all have passed", func() bool { return a.challenge().Stage == challenge.Closed })
	for _, n := range a.Nodes {
		a.await("the gate is open", func() bool { return !node.Gate(n.Node).Open() })
		var note []byte
		a.await("the terms are forgotten", func() bool {
			var err error
			note, err = n.Store.Note("challenge")
			return err == nil && len(note) == 0
		})
	}
}

// memberOf returns which member a node is.
func memberOf(n *nodetest.Node) int {
	i, _ := n.Control.View().Current.FindID(n.ID())
	return i
}

func isWithheld(err error) bool { return errors.Is(err, peer.ErrWithheld) }

func statusOf(err error) int {
	var status *peer.StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

// TestChallengesShown: commands and metrics tell how members stand in a challenge, and what became
// of them.
func TestChallengesShown(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesLight)
	a.put(1000)
	a.nextEpoch()
	l := chain.Local(a.Ledger)
	if got, err := chain.ChallengedMembers(t.Context(), l); err != nil || len(got) > 0 {
		t.Fatalf("before the first challenge: %+v, %v", got, err)
	}
	if _, err := a.self.Do(t.Context(), ledger.AddSubsidy{Amount: 1_000_000, Epochs: 1}); err != nil {
		t.Fatal(err)
	}
	a.Stop(3)
	a.arm()
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
	a.PassTime(20 * time.Minute)
	a.await("the challenge is over", func() bool { return a.challenge().Stage == challenge.Closed })
	a.Pass(1)
	a.await("the epoch is over", func() bool { return a.Ledger.State().System().Epoch == 3 })
	got, err := chain.ChallengedMembers(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range got {
		passed := i < 3
		want := chain.ChallengedMember{Node: m.Node, Name: fmt.Sprint("node-", i), Shards: m.Shards, Passed: passed}
		want.Last = &chain.Outcome{Epoch: 2, Verdict: "passed", Reward: m.Last.Reward}
		if !passed {
			want.Last.Verdict, want.FailedInRow = "failed", 1
		}
		if !reflect.DeepEqual(m, want) || passed != (m.Last.Reward > 0) {
			t.Errorf("member %d: %+v, last %+v; want %+v, last %+v", i, m, m.Last, want, want.Last)
		}
	}
	s, err := l.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Challenge; c == nil || c.Kind != "light" || c.Stage != "closed" || c.Passed != 3 || c.Drawn != 1 || c.Draws < 600 {
		t.Errorf("status %+v", c)
	}
	admin := a.Nodes[0].AdminHandler()
	text := ""
	a.await("the node shows it", func() bool {
		_, text = get(admin, "/metrics")
		return strings.Contains(text, "redstuff_challenge_last_epoch 2\n")
	})
	for _, line := range []string{
		"epoch 2", "stage 2", "drawn_blobs 1", "failed_in_row 0", "slashed 0", "last_passed 1", "open 0", fmt.Sprint("last_reward ", got[0].Last.Reward),
	} {
		if !strings.Contains(text, "redstuff_challenge_"+line+"\n") {
			t.Errorf("no %q among the metrics", line)
		}
	}
}
