package ledger

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// TestBatch: actions of a batch do what they do alone, and one that is refused leaves
// nothing behind.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.people[0], addressOf(w.people[1])
	before := w.state.Money()
	has := w.balance(w.people[1])
	a, b := w.blob("a", 1000), w.blob("b", 2000)
	register := func(x blob) ReserveAndRegister {
		return ReserveAndRegister{2, x.id, x.root, x.length, encodingRS2, true}
	}
	r, _ := w.try(alice, BatchOf(
		register(a),
		Transfer{bob, 1 << 62}, // more than there is
		Transfer{bob, 7},
		ReserveAndRegister{2, b.id, a.root, b.length, encodingRS2, true}, // not its id
		register(b),
	))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var got []string
	for _, e := range r.Events {
		switch e := e.(type) {
		case BlobRegistered:
			got = append(got, fmt.Sprintf("registered %v as %v", e.ID, e.Object))
		case ActionRefused:
			got = append(got, fmt.Sprintf("action %d: %s", e.Index, e.Rule))
		default:
			t.Errorf("event %T", e)
		}
	}
	want := []string{
		fmt.Sprintf("registered %v as %v", a.id, ObjectIDOf(r.Digest, BatchObject(0))),
		fmt.Sprintf("action 1: %s", RuleFunds),
		fmt.Sprintf("action 3: %s", RuleBlobID),
		fmt.Sprintf("registered %v as %v", b.id, ObjectIDOf(r.Digest, BatchObject(4))),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("events\n%q, want\n%q", got, want)
	}
	if got := w.balance(w.people[1]) - has; got != 7 {
		t.Errorf("%d were transferred, want 7", got)
	}
	if after := w.state.Money(); after.Sum() != before.Sum() {
		t.Errorf("there is %d of money, and was %d", after.Sum(), before.Sum())
	}
}

// TestBatchMalformed: what is no batch is told so before anybody pays for it.
func TestBatchMalformed(t *testing.T) {
	w := newWorld(t)
	transfer := Transfer{addressOf(w.people[1]), 1}
	one := BatchOf(transfer).Actions[0]
	many := func(n int) (b Batch) {
		for range n {
			b.Actions = append(b.Actions, one)
		}
		return b
	}
	for _, test := range []struct {
		name  string
		batch Batch
		want  Rule
	}{
		{"one action", many(1), ""},
		{"as many as there may be", many(MaxBatch), ""},
		{"none", Batch{}, RuleMalformed},
		{"too many", many(MaxBatch + 1), RuleMalformed},
		{"a batch in a batch", Batch{[][]byte{one, BatchOf(many(1)).Actions[0]}}, RuleMalformed},
		{"no action", Batch{[][]byte{one, nil}}, RuleMalformed},
		{"an unknown one", Batch{[][]byte{{byte(len(actions))}}}, RuleMalformed},
		{"one cut short", Batch{[][]byte{one[:len(one)-1]}}, RuleMalformed},
		{"one with a byte more", Batch{[][]byte{append(bytes.Clone(one), 0)}}, RuleMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			next := *w
			next.t = t
			r, _ := next.try(w.people[0], test.batch)
			if RuleOf(r.Err) != test.want || (r.Fee > 0) != (test.want == "") {
				t.Errorf("%v, and %d paid, want rule %q", r.Err, r.Fee, test.want)
			}
		})
	}
	if got, err := BatchOf(transfer, transfer).Unpack(); err != nil || !reflect.DeepEqual(got, []Action{transfer, transfer}) {
		t.Errorf("unpacked %v (%v), want two transfers", got, err)
	}
}

// FuzzBatch: whatever is taken for a batch is the one that its actions make.
func FuzzBatch(f *testing.F) {
	f.Add(codec.Marshal(BatchOf(Transfer{Amount: 1}, DeleteBlob{})))
	f.Add(codec.Marshal(Batch{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Batch
		if codec.Unmarshal(data, &b) != nil {
			return
		}
		all, err := b.Unpack()
		if err != nil {
			if RuleOf(err) != RuleMalformed {
				t.Fatalf("error %v, want rule %q", err, RuleMalformed)
			}
			return
		}
		if again := codec.Marshal(BatchOf(all...)); !bytes.Equal(again, data) {
			t.Fatalf("% x was read as %+v, whose bytes are % x", data, all, again)
		}
	})
}
