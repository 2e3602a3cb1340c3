package epoch_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
)

// three returns the committees of three epochs: in each, a member leaves and another
// comes.
func three(t *testing.T) (all []*committee.Committee, keys []*identity.Key) {
	t.Helper()
	for range 6 {
		keys = append(keys, identity.GenerateKey())
	}
	system := committee.System{Network: "test", Shards: 12, Scheme: commit.BLAKE3}
	for e := range 3 {
		var members []committee.Member
		for i, shards := range committee.Spread(12, 4) {
			members = append(members, identity.NewMember(fmt.Sprint("node-", e+i), fmt.Sprint("host:", 1+e+i), keys[e+i], shards))
		}
		c, err := committee.New(system, uint64(4+e), members)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all, keys
}

func TestAt(t *testing.T) {
	all, _ := three(t)
	for _, c := range []struct {
		name        string
		view        epoch.View
		first, last uint64
	}{
		{"the current one alone", epoch.View{Current: all[1]}, 5, 5},
		{"with the previous one", epoch.View{Previous: all[0], Current: all[1]}, 4, 5},
		{"with the next one", epoch.View{Current: all[1], Next: all[2]}, 5, 6},
		{"all three", epoch.View{Previous: all[0], Current: all[1], Next: all[2]}, 4, 6},
	} {
		for e := uint64(3); e <= 7; e++ {
			got, err := c.view.At(e)
			if known := e >= c.first && e <= c.last; known {
				if err != nil || got != all[e-4] {
					t.Errorf("%s, epoch %d: %v, %v", c.name, e, got, err)
				}
				continue
			}
			var unknown *committee.EpochError
			want := committee.EpochError{Epoch: e, First: c.first, Last: c.last}
			if !errors.As(err, &unknown) || *unknown != want {
				t.Errorf("%s, epoch %d: %v, want %v", c.name, e, err, &want)
			}
		}
	}
}

// TestReadsAndWrites: new blobs go to the current committee at once, and old ones stay
// with the previous one until the current one has its shards.
func TestReadsAndWrites(t *testing.T) {
	all, _ := three(t)
	for _, c := range []struct {
		state     epoch.State
		previous  *committee.Committee
		certified uint64
		want      *committee.Committee
	}{
		{epoch.Steady, all[0], 3, all[1]},
		{epoch.Steady, all[0], 4, all[1]},
		{epoch.Steady, all[0], 5, all[1]},
		{epoch.Syncing, all[0], 3, all[0]},
		{epoch.Syncing, all[0], 4, all[0]},
		{epoch.Syncing, all[0], 5, all[1]},
		{epoch.Syncing, nil, 4, all[1]},
		{epoch.Steady, nil, 4, all[1]},
	} {
		v := epoch.View{Previous: c.previous, Current: all[1], Next: all[2], State: c.state}
		if got := v.Reads(c.certified); got != c.want {
			t.Errorf("%v: certified in epoch %d is read from epoch %d, want %d", c.state, c.certified, got.Epoch(), c.want.Epoch())
		}
		if got := v.Writes(); got != all[1] {
			t.Errorf("%v: epoch %d takes writes, want %d", c.state, got.Epoch(), all[1].Epoch())
		}
	}
}

// TestUnsettled: where changes came one after another before any was settled, what was
// certified in an epoch is with its committee, and what is older with the last one that
// had its shards.
func TestUnsettled(t *testing.T) {
	all, keys := three(t)
	v := epoch.View{Earlier: all[:1], Previous: all[1], Current: all[2], State: epoch.Syncing}
	for certified, want := range []int{0, 0, 0, 0, 0, 1, 2, 2} {
		if got := v.Reads(uint64(certified)); got != all[want] {
			t.Errorf("certified in epoch %d is read from epoch %d, want %d", certified, got.Epoch(), all[want].Epoch())
		}
	}
	if got := v.Holders(); len(got) != 3 || got[0] != all[0] || got[2] != all[2] {
		t.Errorf("%d committees hold shards, want 3, the oldest first", len(got))
	}
	if got, err := v.At(4); err != nil || got != all[0] {
		t.Errorf("epoch 4: %v, %v", got, err)
	}
	if got := v.Identify(keys[0].TLSPublic()); got.Role != epoch.Member {
		t.Errorf("a member of the earliest committee is %+v", got)
	}
	v.State = epoch.Steady
	if got := v.Holders(); len(got) != 1 || got[0] != all[2] {
		t.Errorf("%d committees hold shards of a steady epoch, want the current one", len(got))
	}
}

// TestIdentify: who leaves and who comes is a member as long as its committee is seen.
func TestIdentify(t *testing.T) {
	all, keys := three(t)
	writer := identity.GenerateKey().TLSPublic()
	v := epoch.View{Previous: all[0], Current: all[1], Next: all[2], Writers: map[committee.TLSKey]string{writer: "w", {}: "nobody"}}
	alone := epoch.View{Current: all[1]}
	for i, key := range keys {
		want := epoch.Party{Role: epoch.Member, Name: fmt.Sprint("node-", i), Node: key.Public().NodeID()}
		if got := v.Identify(key.TLSPublic()); got != want {
			t.Errorf("key %d: %+v, want %+v", i, got, want)
		}
		if i == 0 || i == 5 {
			want = epoch.Party{}
		}
		if got := alone.Identify(key.TLSPublic()); got != want {
			t.Errorf("key %d, of the current committee alone: %+v, want %+v", i, got, want)
		}
	}
	if got, want := v.Identify(writer), (epoch.Party{Role: epoch.Writer, Name: "w"}); got != want {
		t.Errorf("writer: %+v, want %+v", got, want)
	}
	if got := v.Identify(committee.TLSKey{}); got != (epoch.Party{}) {
		t.Errorf("no key: %+v, want a stranger", got)
	}
}
