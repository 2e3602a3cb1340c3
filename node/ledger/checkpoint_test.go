package ledger

import (
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
)

// open returns the checkpoint that the committee of an epoch is to sign.
func (w *world) open(epoch uint32) *OpenCheckpoint {
	return Get[OpenCheckpoint](w.state, OpenCheckpointKey(epoch))
}

// signature returns a member's signature as one of an epoch's committee.
func (w *world) signature(i int, epoch uint32, c Checkpoint) SignCheckpoint {
	w.t.Helper()
	of, err := w.state.At(uint64(epoch))
	if err != nil {
		w.t.Fatal(err)
	}
	m := w.members[i]
	return SignCheckpoint{m.id, epoch, c.Height, committee.NewSigner(m.key, nil).Attest(of, c.Attestation())}
}

// TestCheckpoints: a checkpoint says what state there was, and is certified by a quorum
// of its committee.
func TestCheckpoints(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	w.pass(testEpoch / 2)
	if w.open(1) != nil {
		t.Fatal("a checkpoint is open before any state has a next committee")
	}
	if due := w.state.Due(); due != w.now {
		t.Errorf("the next block is due at %d, want %d: the handover is open at once", due, w.now)
	}
	root, height := w.state.Root(), w.state.System().Height
	next := Get[Committee](w.state, CommitteeKey(2))
	want := Checkpoint{w.state.ChainID(), 1, height, w.now, root, next.Digest()}
	if got := w.pass(0); !reflect.DeepEqual(got, []Event{CheckpointOpened{want}}) {
		t.Fatalf("events %+v, want the checkpoint %+v", got, want)
	}
	c := *w.open(1)
	if c.Checkpoint != want {
		t.Fatalf("open is %+v, want %+v", c, want)
	}
	if due := w.state.Due(); due != testStart+testEpoch {
		t.Errorf("the next block is due at %d, want %d", due, testStart+testEpoch)
	}
	forged := want
	forged.Root[0] ^= 1
	stranger := w.signature(0, 1, want)
	stranger.Node = NodeID{1}
	foreign := w.signature(1, 1, want)
	foreign.Node = w.members[0].id
	early := w.signature(0, 1, want)
	early.Height--
	later := w.signature(0, 1, want)
	later.Epoch = 2
	for _, test := range []struct {
		name   string
		action SignCheckpoint
		want   Rule
	}{
		{"another state's", w.signature(0, 1, forged), RuleProof},
		{"a stranger's", stranger, RuleMember},
		{"another member's", foreign, RuleProof},
		{"for another height", early, RuleUnknown},
		{"for another epoch", later, RuleUnknown},
		{"for no epoch", SignCheckpoint{Node: w.members[0].id}, RuleUnknown},
		{"no point", SignCheckpoint{w.members[0].id, 1, want.Height, [96]byte{1}}, RuleProof},
	} {
		if r, _ := w.try(alice, test.action); RuleOf(r.Err) != test.want {
			t.Errorf("%s: %v, want rule %q", test.name, r.Err, test.want)
		}
	}
	w.do(alice, w.signature(0, 1, want))
	if r, _ := w.try(alice, w.signature(0, 1, want)); RuleOf(r.Err) != RuleTwice {
		t.Errorf("signed twice: %v, want rule %q", r.Err, RuleTwice)
	}
	for i := 1; w.open(1) != nil; i++ {
		w.do(alice, w.signature(i, 1, want))
	}
	for _, key := range [][]byte{HandoverKey(1), LastCheckpointKey()} {
		got := Get[Certified](w.state, key)
		if got == nil || got.Checkpoint != want {
			t.Fatalf("%q is %+v, want %+v", key, got, want)
		}
		cert, err := committee.ParseCertificate(w.state, got.Certificate)
		if err != nil || cert.Attestation != want.Attestation() {
			t.Errorf("the certificate is %+v (%v)", cert, err)
		}
	}
	if r, _ := w.try(alice, w.signature(3, 1, want)); RuleOf(r.Err) != RuleUnknown {
		t.Errorf("signed when it is certified: %v, want rule %q", r.Err, RuleUnknown)
	}
}

// TestLateHandover: a handover that a quorum has not signed in time waits for it, also
// if the epoch it leads to began at once.
func TestLateHandover(t *testing.T) {
	for name, jump := range map[string][]uint64{"in steps": {testEpoch / 2, 0, testEpoch / 2, 0}, "at once": {testEpoch, 0}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, millis := range jump {
				w.pass(millis)
			}
			if epoch := w.state.System().Epoch; epoch != 2 {
				t.Fatalf("epoch %d, want 2", epoch)
			}
			w.pass(300)
			w.nextEpoch()
			c := w.open(1)
			if c == nil || c.Next != Get[Committee](w.state, CommitteeKey(2)).Digest() {
				t.Fatalf("the handover of epoch 1 is %+v", c)
			}
			for i := 0; w.open(1) != nil; i++ {
				w.do(w.people[0], w.signature(i, 1, c.Checkpoint))
			}
			if got := Get[Certified](w.state, HandoverKey(1)); got == nil || got.Checkpoint != c.Checkpoint {
				t.Errorf("the handover of epoch 1 is %+v, want %+v", got, c.Checkpoint)
			}
			second := w.open(2)
			if second == nil || second.Epoch != 2 {
				t.Fatalf("the handover of epoch 2 is %+v", second)
			}
			for i := 0; w.open(2) != nil; i++ {
				w.do(w.people[0], w.signature(i, 2, second.Checkpoint))
			}
			if got := Get[Certified](w.state, LastCheckpointKey()); got.Epoch != 2 {
				t.Errorf("the last checkpoint is of epoch %d, want 2", got.Epoch)
			}
		})
	}
}

// TestCheckpointInterval: there is a checkpoint in each interval, and the next one takes
// the place of one that nobody signs.
func TestCheckpointInterval(t *testing.T) {
	w := newWorld(t)
	w.state.genesis.CheckpointMillis = 100
	if due := w.state.Due(); due != testStart+100 {
		t.Errorf("due at %d, want %d", due, testStart+100)
	}
	heights := make(map[uint64]bool)
	for range 4 {
		w.pass(100)
		c := w.open(1)
		if c == nil || c.Next != (CommitteeDigest{}) || heights[c.Height] || c.Time != w.now {
			t.Fatalf("open is %+v at %d", c, w.now)
		}
		heights[c.Height] = true
	}
	for i := 0; w.open(1) != nil; i++ {
		w.do(w.people[0], w.signature(i, 1, w.open(1).Checkpoint))
	}
	w.pass(100) // selects
	w.pass(100)
	handover := w.open(1)
	w.pass(100)
	if got := w.open(1); got.Height != handover.Height {
		t.Error("another checkpoint took the place of the handover")
	}
	if due := w.state.Due(); due <= w.now {
		t.Errorf("due at %d, and it is %d: blocks without end", due, w.now)
	}
	for i := 0; w.open(1) != nil; i++ {
		w.do(w.people[0], w.signature(i, 1, handover.Checkpoint))
	}
	w.pass(100)
	if got := w.open(1); got == nil || got.Height <= handover.Height || got.Next != handover.Next {
		t.Errorf("after the handover: %+v", got)
	}
	w.nextEpoch()
	if w.open(1) != nil {
		t.Error("a checkpoint of an epoch is open that has ended and was handed over")
	}
}

// TestCommittees: the committee of every epoch is known.
func TestCommittees(t *testing.T) {
	w := newWorld(t)
	for range 70 {
		w.pass(testEpoch)
		w.pass(300)
	}
	last := uint64(w.state.System().Epoch)
	for epoch := uint64(1); epoch <= last; epoch++ {
		if c, err := w.state.At(epoch); err != nil || c.Epoch() != epoch {
			t.Fatalf("epoch %d: %v", epoch, err)
		}
	}
	if got := len(w.state.committees.known); got > maxKnown {
		t.Errorf("%d committees are remembered, want %d at most", got, maxKnown)
	}
	for _, epoch := range []uint64{0, last + 1, 1 << 32, 1<<64 - 1} {
		if _, err := w.state.At(epoch); err == nil {
			t.Errorf("epoch %d has a committee", epoch)
		}
	}
}
