package node_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestDelaysAreNoGuilt: a member with f shards to which everything comes minutes late, from the
// ledger and from others, in each epoch, passes every challenge. The minutes are those of the
// ledger's clock: what comes is held until they have passed there.
func TestDelaysAreNoGuilt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	a := newArenaOn(t, func(g *ledger.Genesis) {
		g.Challenges = ledger.ChallengeRules{Mode: ledger.ChallengesLight, Strikes: 1}
		g.EpochMillis = uint64(day.Milliseconds())
	})
	a.put(1000, 3000)
	slow := -1
	for i := range a.Nodes {
		if a.Nodes[i].Control.View().Current.Weight(memberOf(a.Nodes[i])) == 3 { // f of 10
			slow = i
		}
	}
	settled := func(epoch uint32) func() bool {
		return func() bool { s := a.Ledger.State().System(); return s.Epoch == epoch && s.Settled == epoch }
	}
	a.PassTime(day)
	a.await("the second epoch is settled", settled(2))
	for epoch := uint32(2); epoch < 4; epoch++ {
		a.Nodes[slow].Delay.Hold()
		a.PassTime(day/2 + time.Minute)
		a.await("a challenge is armed", func() bool { c := a.challenge(); return c != nil && c.Epoch == epoch })
		a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
		for range 4 {
			a.PassTime(time.Minute)
			a.poke()
		}
		if c := a.challenge(); c.Stage != challenge.Running || len(c.Passed) != 3 {
			t.Fatalf("epoch %d, after four minutes: %v, and %v have passed; want that it waits", epoch, c.Stage, a.passed())
		}
		a.Nodes[slow].Delay.Release()
		a.await("all have passed", func() bool { return a.challenge().Stage == challenge.Closed })
		if got := a.passed(); len(got) != 4 {
			t.Fatalf("epoch %d: %v have passed", epoch, got)
		}
		a.PassTime(day)
		a.await("the next epoch is settled", settled(epoch+1))
	}
	for id, n := range a.Ledger.State().Nodes() {
		if n.Failed > 0 || n.Slashed > 0 || n.Last.Verdict != uint8(ledger.Passed) {
			t.Errorf("%x: failed %d in a row, %d slashed, last %+v", id[:4], n.Failed, n.Slashed, n.Last)
		}
	}
}

// TestDeletedWhileChallenged: blobs that are deleted when the challenge is armed already, before it has
// started or after that, and such whose storage ends with the epoch, fail nobody who has them, also
// who hears of all that late; and they go when the challenge is over.
func TestDeletedWhileChallenged(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesFull)
	a.put(1000, 2000)
	a.registrar.Epochs = 2
	a.put(3000)
	a.nextEpoch()
	remove := func(length uint64) {
		t.Helper()
		for key, value := range a.Ledger.State().Snapshot() {
			var b ledger.Blob
			if key[0] != ledger.BlobKey(ledger.ObjectID{})[0] || ledger.Read(value, &b) != nil || b.Length != length {
				continue
			}
			if _, err := a.self.Do(t.Context(), ledger.DeleteBlob{Blob: ledger.ObjectID(key[1:])}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range a.Nodes { // nothing starts before the first is deleted
		n.Delay.Hold()
	}
	a.arm()
	remove(1000)
	for _, n := range a.Nodes[:3] {
		n.Delay.Release()
	}
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
	remove(2000)
	a.Nodes[3].Delay.Release()
	a.await("all have passed", func() bool { return a.challenge().Stage == challenge.Closed })
	if c := a.challenge(); len(c.Passed) != 4 || c.List.Blobs != 3 {
		t.Fatalf("%v have passed, of %d blobs; want all, of 3", a.passed(), c.List.Blobs)
	}
	a.nextEpoch()
	if got := a.failures(0); len(got) != 0 {
		t.Errorf("failed: %+v; want nobody", got)
	}
	for id := range a.blobs {
		for _, n := range a.Nodes {
			a.await("the blob is gone", func() bool {
				info, err := n.Store.Info(id)
				return err == nil && len(info.Slivers) == 0
			})
		}
	}
}

// TestInconsistentWhileChallenged: blobs that somebody wrote whose rows and columns are no parts of
// one matrix, and that nobody has read yet, keep nobody from passing, with a proof or two each; and
// who finds them so has them invalidated, wherever the wrong sliver is.
func TestInconsistentWhileChallenged(t *testing.T) {
	t.Parallel()
	a := newArena(t, ledger.ChallengesFull)
	a.put(1000)
	var bad []commit.BlobID
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	// With f shards late, all others have to see the rows of each other. The wrong slivers are theirs.
	now := a.views.View().Current
	late := a.Nodes[slices.IndexFunc(a.Nodes, func(n *nodetest.Node) bool { return now.Weight(memberOf(n)) == 3 })]
	for seed := uint64(0); len(bad) < 2; seed++ {
		at := []rs2d.SliverRef{{Axis: rs2d.Secondary, Index: 9}, {Axis: rs2d.Primary, Index: 0}}[len(bad)]
		meta, pair := cheatIn(t, a.client, randomBlob(seed, 5000), at)
		id, err := meta.ID(hasher)
		if err != nil {
			t.Fatal(err)
		}
		if now.OwnerOfPair(id, at.Pair(10)) == memberOf(late) {
			continue
		}
		bad = append(bad, storeAll(t, a.client, meta, pair).ID)
	}
	a.nextEpoch()
	late.Delay.Hold()
	a.arm()
	a.await("the others have passed", func() bool { return len(a.challenge().Passed) == 3 })
	late.Delay.Release()
	a.await("all have passed", func() bool { return a.challenge().Stage == challenge.Closed })
	if c := a.challenge(); len(c.Passed) != 4 || c.List.Blobs != uint64(len(bad)+1) {
		t.Errorf("%v have passed, of %d blobs; want all, of %d", a.passed(), c.List.Blobs, len(bad)+1)
	}
	for i, id := range bad {
		until(t, fmt.Sprintf("blob %d is invalid", i), func() bool {
			return ledger.Get[ledger.Invalid](a.Ledger.State(), ledger.InvalidKey(id)) != nil
		})
	}
	if err := a.read(); err != nil {
		t.Errorf("the blob beside these: %v", err)
	}
	a.nextEpoch()
	if got := a.failures(0); len(got) != 0 {
		t.Errorf("failed: %+v; want nobody", got)
	}
	a.arm()
	a.await("all have passed again", func() bool { c := a.challenge(); return c.Epoch == 3 && c.Stage == challenge.Closed })
	if c := a.challenge(); len(c.Passed) != 4 || c.List.Blobs != 1 {
		t.Errorf("%v have passed, of %d blobs; want all, of 1", a.passed(), c.List.Blobs)
	}
}
