package witness

import (
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

// notes are those of a store.
type notes struct {
	Store
	values map[string][]byte
}

func (n notes) Note(name string) ([]byte, error) {
	if v, ok := n.values[name]; ok {
		return v, nil
	}
	return nil, store.ErrNotFound
}

func (n notes) SetNote(name string, value []byte) error {
	n.values[name] = value
	return nil
}

// TestOtherState: a node signs one state of each height and epoch, whatever it is asked for
// and however often.
func TestOtherState(t *testing.T) {
	n := &notary{Config: &Config{Store: notes{values: make(map[string][]byte)}}}
	at := func(epoch uint32, height uint64, root byte) ledger.Checkpoint {
		c := ledger.Checkpoint{Epoch: epoch, Height: height}
		c.Root[0] = root
		return c
	}
	for _, test := range []struct {
		name string
		c    ledger.Checkpoint
		want error
	}{
		{"the first one", at(5, 10, 1), nil},
		{"the same again", at(5, 10, 1), nil},
		{"another state of the height", at(5, 10, 2), ErrOtherState},
		{"an earlier height", at(5, 9, 1), ErrOtherState},
		{"a later height", at(5, 11, 1), nil},
		{"the height before", at(5, 10, 1), ErrOtherState},
		{"another epoch's", at(7, 11, 2), nil},
		{"an epoch between", at(6, 10, 2), nil},
		{"of that again", at(6, 10, 3), ErrOtherState},
		{"the last again", at(7, 11, 2), nil},
	} {
		if err := n.remember(test.c); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for epoch := range uint32(maxSigned) {
		if err := n.remember(at(100+epoch, 20, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := n.remembered(); err != nil || len(all) != maxSigned {
		t.Errorf("%d epochs are remembered (%v), want %d", len(all), err, maxSigned)
	}
	if err := n.remember(at(5, 10, 2)); !errors.Is(err, ErrOtherState) {
		t.Errorf("an epoch that is forgotten: %v, want ErrOtherState", err)
	}
}

// TestFirst: the members who sign at once are a quorum, and no more than it takes.
func TestFirst(t *testing.T) {
	for _, shards := range [][]int{{4, 4, 4, 4}, {1, 1, 1, 13}, {10}, {2, 3, 5, 7, 11, 13}} {
		entry := &ledger.Committee{}
		total := 0
		for _, s := range shards {
			entry.Members = append(entry.Members, ledger.Member{Shards: make([]uint16, s)})
			total += s
		}
		for height := range uint64(20) {
			n := &notary{Config: &Config{Genesis: ledger.Genesis{Shards: uint16(total)}, Turn: 1 << 40}}
			open := &ledger.OpenCheckpoint{Checkpoint: ledger.Checkpoint{Epoch: 1, Height: height}}
			n.forget([]ledger.OpenCheckpoint{*open})
			weight, most := 0, 0
			for self, s := range shards {
				if n.first(open, entry, self) {
					weight, most = weight+s, max(most, s)
				}
			}
			if 3*weight < 2*total+1 || 3*(weight-most) >= 2*total+1 {
				t.Errorf("%v, height %d: %d of %d shards sign at once, want a quorum, and no member more", shards, height, weight, total)
			}
		}
	}
}
