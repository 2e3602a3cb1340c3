package ledger

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

func isSnapshot(err error) bool { return errors.Is(err, ErrSnapshot) }

// FuzzActions: bytes of strangers are an action whose bytes they are, or malformed; and
// a ledger takes whatever action it is, or says which rule it breaks.
func FuzzActions(f *testing.F) {
	w := newWorldWith(f, func(g *Genesis) { g.Challenges = ChallengeRules{Mode: ChallengesLight, Millis: 500} })
	key, node := w.members[0].owner, w.members[0].id
	for i, kind := range actions {
		f.Add(byte(i), codec.Marshal(reflect.New(kind).Interface()))
		f.Add(byte(i), bytes.Repeat([]byte{1}, 300))
	}
	b := w.blob("a", 1000)
	f.Add(byte(7), codec.Marshal(ReserveAndRegister{2, b.id, b.root, b.length, encodingRS2, true}))
	f.Add(byte(19), codec.Marshal(Vote{node, Votes{1, 2, 3}}))
	f.Add(byte(40), codec.Marshal(VoteParameters{node, []ParameterVote{{uint8(ParameterStrikes), 1}, {uint8(ParameterSender), 10_000}}}))
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		kind %= byte(len(actions))
		v := reflect.New(actions[kind])
		if err := codec.Unmarshal(data, v.Interface()); err != nil {
			if !errors.Is(err, codec.ErrMalformed) {
				t.Fatalf("error %v, want ErrMalformed", err)
			}
			return
		}
		a := v.Elem().Interface().(Action)
		if got := codec.Marshal(a); !bytes.Equal(got, data) {
			t.Fatalf("% x was read as %+v, whose bytes are % x", data, a, got)
		}
		next := *w
		next.t = t
		tx := Tx{Chain: w.state.ChainID(), FeePerByte: 1 << 20, Action: a}
		signed, err := tx.Sign(key)
		if err != nil {
			return // it is too long
		}
		out := next.block(signed)
		if err := out.Results[0].Err; err != nil && RuleOf(err) == "" {
			t.Fatalf("%+v: %v breaks no rule", a, err)
		}
		next.pass(testEpoch)
		next.pass(testEpoch)
		if m := next.state.Money(); m.Sum() != m.Minted {
			t.Fatalf("%+v: there is %d of money, and %d was minted", a, m.Sum(), m.Minted)
		}
	})
}

// FuzzGenesis: a ledger begins as the bytes of strangers say, or says why it cannot.
func FuzzGenesis(f *testing.F) {
	g := newWorld(f).state.Genesis()
	f.Add(codec.Marshal(g))
	g.Nodes, g.Balances = g.Nodes[:1], nil
	f.Add(codec.Marshal(g))
	f.Add(codec.Marshal(Genesis{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var g Genesis
		if err := codec.Unmarshal(data, &g); err != nil {
			return
		}
		s, err := Begin(g)
		if err != nil {
			if !errors.Is(err, ErrGenesis) {
				t.Fatalf("error %v, want ErrGenesis", err)
			}
			return
		}
		if m := s.Money(); m.Sum() != m.Minted {
			t.Fatalf("there is %d of money, and %d was minted", m.Sum(), m.Minted)
		}
	})
}

// FuzzSnapshot: a pair of a stranger's in a snapshot is what the state has then, or is
// not restored.
func FuzzSnapshot(f *testing.F) {
	w := newWorld(f)
	for k, v := range w.state.Snapshot() {
		f.Add(k, v)
	}
	f.Add(GovernanceKey(), codec.Marshal(Governance{}))
	f.Add(BallotKey(w.members[0].id), codec.Marshal(Ballot{voteFor(ParameterSender, 1)}))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s, err := Restore(*w.state.genesis, w.state.tree.Set(key, value).From(nil))
		if err != nil {
			if !isSnapshot(err) {
				t.Fatalf("error %v, want ErrSnapshot", err)
			}
			return
		}
		if got, ok := s.tree.Get(key); !ok || !bytes.Equal(got, value) {
			t.Fatalf("key %q: %x, want %x", key, got, value)
		}
		_, _, _ = s.System(), s.Root(), s.Money()
		_ = s.Due()
	})
}
