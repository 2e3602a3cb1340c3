package epoch_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// simulation is a network in which nodes come and go, and up to f shards are with nodes that
// give nothing. It has the committees that a ledger elects, and of each node which shards of
// which blobs it has; whom a reader asks is what views say.
type simulation struct {
	t      *testing.T
	rng    *rand.Rand
	seed   uint64
	n, f   int
	system committee.System

	nodes  []*simulated
	owners []apportion.Owner
	view   *epoch.View
	blobs  []*simulatedBlob
	events int
}

type simulated struct {
	id     apportion.NodeID
	key    *identity.Key
	stake  uint64
	faulty bool
	name   string

	reported uint64             // the last epoch in which it had all of its shards
	has      map[int]*shardHeld // by shard
}

// shardHeld is which blobs a node has in a shard.
type shardHeld struct{ blobs map[*simulatedBlob]bool }

type simulatedBlob struct {
	number    int
	certified uint64
	end       uint64
}

const (
	simulatedShards = 1000
	simulatedNodes  = 100
	simulatedEpochs = 50
	simulatedWrites = 6 // blobs an epoch
	simulatedLife   = 6 // epochs
)

func newSimulation(t *testing.T, seed uint64) *simulation {
	s := &simulation{
		t: t, rng: rand.New(rand.NewPCG(seed, 14)), seed: seed, n: simulatedShards, f: (simulatedShards - 1) / 3,
		system: committee.System{Network: "simulated", Shards: simulatedShards, Scheme: commit.BLAKE3},
	}
	for range simulatedNodes {
		s.join()
	}
	s.owners = apportion.First(s.shares())
	s.view = &epoch.View{Current: s.committee(1, nil)}
	return s
}

func (s *simulation) join() {
	n := &simulated{key: identity.GenerateKey(), stake: 100 + s.rng.Uint64N(900), name: fmt.Sprint("node-", len(s.nodes)), has: make(map[int]*shardHeld)}
	for i := range n.id {
		n.id[i] = byte(s.rng.Uint32())
	}
	s.nodes = append(s.nodes, n)
}

func (s *simulation) shares() (shares []apportion.Share) {
	var stake []uint64
	for _, n := range s.nodes {
		stake = append(stake, n.stake)
	}
	counts, err := apportion.DHondt(stake, s.n)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, n := range s.nodes {
		if n.stake > 0 {
			shares = append(shares, apportion.Share{Node: n.id, Shards: counts[i]})
		}
	}
	return shares
}

func (s *simulation) committee(number uint64, before *committee.Committee) *committee.Committee {
	var members []committee.Member
	for _, o := range s.owners {
		n := s.byID(o.Node)
		members = append(members, identity.NewMember(n.name, n.name+":1", n.key, o.Shards))
	}
	var c *committee.Committee
	var err error
	if before == nil {
		c, err = committee.New(s.system, number, members)
	} else {
		c, err = before.Succeed(number, members)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *simulation) byID(id apportion.NodeID) *simulated {
	for _, n := range s.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// owner returns who owns a shard in a committee.
func (s *simulation) owner(c *committee.Committee, shard int) *simulated {
	name := c.Member(c.Owner(shard)).Name
	i, _ := strconv.Atoi(name[len("node-"):])
	return s.nodes[i]
}

// given returns from how many shards who asks those whom the view names gets slivers of the
// blob.
func (s *simulation) given(b *simulatedBlob) (shards int) {
	holders := s.view.Holders()
	for shard := range s.n {
		for _, c := range holders {
			if n := s.owner(c, shard); !n.faulty && n.hasBlob(shard, b) {
				shards++
				break
			}
		}
	}
	return shards
}

func (n *simulated) hasBlob(shard int, b *simulatedBlob) bool {
	held := n.has[shard]
	return held != nil && held.blobs[b]
}

func (n *simulated) take(shard int, b *simulatedBlob) {
	if n.has[shard] == nil {
		n.has[shard] = &shardHeld{make(map[*simulatedBlob]bool)}
	}
	n.has[shard].blobs[b] = true
}

// check fails if a certified, live blob cannot be read. f+1 slivers make a blob.
func (s *simulation) check(what string) {
	s.t.Helper()
	s.events++
	for _, b := range s.blobs {
		if got := s.given(b); got < s.f+1 {
			s.t.Fatalf("seed %d, epoch %d, event %d, %s: blob %d, certified in epoch %d, comes from %d shards, and it takes %d (REDSTUFF_SEED=%d replays it)",
				s.seed, s.view.Current.Epoch(), s.events, what, b.number, b.certified, got, s.f+1, s.seed)
		}
	}
}

// breakSome makes nodes faulty that own at most f shards in each committee that may be asked,
// close to as many, and the others honest again.
func (s *simulation) breakSome() {
	holders := s.view.Holders()
	weights := make([]int, len(holders))
	for _, n := range s.nodes {
		n.faulty = false
	}
	for _, i := range s.rng.Perm(len(s.nodes)) {
		fits := true
		own := make([]int, len(holders))
		for h, c := range holders {
			if at, ok := c.FindName(s.nodes[i].name); ok {
				own[h] = c.Weight(at)
			}
			fits = fits && weights[h]+own[h] <= s.f
		}
		if !fits {
			continue
		}
		for h := range holders {
			weights[h] += own[h]
		}
		s.nodes[i].faulty = true
	}
}

// write certifies a blob: the owners of n-f shards have it, of whom some may be faulty.
func (s *simulation) write(number int) {
	b := &simulatedBlob{number: number, certified: s.view.Current.Epoch(), end: s.view.Current.Epoch() + 2 + s.rng.Uint64N(simulatedLife)}
	have := 0
	for _, shard := range s.rng.Perm(s.n) {
		n := s.owner(s.view.Current, shard)
		if have < s.n-s.f || s.rng.IntN(2) == 0 {
			n.take(shard, b)
			have++
		}
	}
	s.blobs = append(s.blobs, b)
}

// heal lets a node have all that is certified of its shards, by copy or from symbols: for that
// the owners of 2f+1 shards are to give what they have, as those of honest ones do.
func (s *simulation) heal(n *simulated) (all bool) {
	c := s.view.Current
	at, ok := c.FindName(n.name)
	if !ok || n.faulty {
		return false
	}
	all = true
	for _, b := range s.blobs {
		from := -1
		for _, shard := range c.Member(at).Shards {
			if n.hasBlob(shard, b) {
				continue
			}
			copied := false
			for _, old := range append([]*committee.Committee{s.view.Previous}, s.view.Earlier...) {
				if old == nil {
					continue
				}
				if o := s.owner(old, shard); !o.faulty && o.hasBlob(shard, b) {
					copied = true
				}
			}
			if !copied && from < 0 {
				from = s.given(b)
			}
			// A secondary sliver takes f+1 shards, and then those of the node itself help with
			// the primary one.
			if copied || from >= s.f+1 {
				n.take(shard, b)
			} else {
				all = false
			}
		}
	}
	return all
}

// next begins an epoch with other stake: some leave, some join, the rest is shifted.
func (s *simulation) next() {
	for range 1 + s.rng.IntN(4) {
		s.join()
		s.nodes[s.rng.IntN(len(s.nodes)-1)].stake = 0
	}
	everything := s.rng.IntN(4) == 0 // moves: most of the shards with it
	for _, n := range s.nodes {
		switch {
		case n.stake == 0:
		case everything:
			n.stake = 1 + s.rng.Uint64N(10)*s.rng.Uint64N(10)*s.rng.Uint64N(10)
		case s.rng.IntN(3) == 0:
			n.stake = max(1, n.stake*(80+s.rng.Uint64N(50))/100)
		}
	}
	owners, err := apportion.Transition(s.owners, s.shares())
	if err != nil {
		s.t.Fatal(err)
	}
	s.owners = owners
	v := s.view
	next := &epoch.View{Previous: v.Current, Current: s.committee(v.Current.Epoch()+1, v.Current), State: epoch.Syncing}
	if v.State == epoch.Syncing && v.Previous != nil {
		next.Earlier = append(append(next.Earlier, v.Earlier...), v.Previous)
	}
	s.view = next
	live := s.blobs[:0]
	for _, b := range s.blobs {
		if next.Current.Epoch() < b.end {
			live = append(live, b)
		}
	}
	s.blobs = live
	s.breakSome()
	s.check("the epoch begins")
}

// sync lets members report in any order, as far as they come before the next epoch begins.
func (s *simulation) sync(reporters int) {
	order := s.rng.Perm(len(s.nodes))
	weight := 0
	for _, i := range order[:min(reporters, len(order))] {
		n := s.nodes[i]
		if !s.heal(n) {
			continue
		}
		at, _ := s.view.Current.FindName(n.name)
		n.reported = s.view.Current.Epoch()
		weight += s.view.Current.Weight(at)
		if s.view.State == epoch.Syncing && weight >= s.view.Current.Quorum(committee.Stored) {
			settled := *s.view
			settled.State, settled.Earlier = epoch.Steady, nil
			s.view = &settled
			s.check("settled")
			s.drop()
		}
	}
	s.check("members have reported")
}

// drop lets all drop what they do not own.
func (s *simulation) drop() {
	for _, n := range s.nodes {
		for shard := range n.has {
			if s.owner(s.view.Current, shard) != n {
				delete(n.has, shard)
			}
		}
	}
	s.check("lost shards were dropped")
}

// TestSimulation: of a thousand shards on a hundred nodes, of which a third of the shards is
// faulty in every epoch, others in each, every certified, live blob can be read at every step of
// fifty epochs, however stake moves and whoever comes and goes; also where epochs are not
// settled before the next ones begin.
func TestSimulation(t *testing.T) {
	seeds := []uint64{1, 2}
	if testing.Short() {
		seeds = seeds[:1]
	}
	if text := os.Getenv("REDSTUFF_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newSimulation(t, seed)
			number, unsettled := 0, 0
			epochs := simulatedEpochs
			if testing.Short() {
				epochs /= 5
			}
			for range epochs {
				for range simulatedWrites {
					number++
					s.write(number)
				}
				s.check("blobs were written")
				s.next()
				reporters := len(s.nodes)
				if s.rng.IntN(5) == 0 {
					reporters /= 3
				}
				if s.sync(reporters); s.view.State == epoch.Syncing {
					unsettled++
				}
			}
			t.Logf("seed %d: %d blobs, %d nodes in all, %d events, %d epochs that were not settled in time", seed, number, len(s.nodes), s.events, unsettled)
		})
	}
}
