package peer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
)

// idle returns a peer that is never spoken to.
func idle(t *testing.T, o peer.Options) *peer.Peer {
	t.Helper()
	m := identity.NewMember("idle", "127.0.0.1:1", identity.GenerateKey(), committee.Spread(7, 1)[0])
	c, err := committee.New(committee.System{Network: "test", Shards: 7, Scheme: commit.BLAKE3}, 1, []committee.Member{m})
	if err != nil {
		t.Fatal(err)
	}
	return peer.New(c, 0, nil, o)
}

func expectStanding(t *testing.T, p *peer.Peer, want peer.Standing) {
	t.Helper()
	if got := p.Standing(); got != want {
		t.Errorf("standing %d instead of %d", got, want)
	}
}

func TestSlowUntilInTime(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second})
	synctest.Test(t, func(t *testing.T) {
		if p.Probe() {
			t.Error("a good node is probed")
		}
		p.Late(time.Now())
		p.Late(time.Now()) // of a call that began before
		for round := range 8 {
			off := time.Second << min(round, 4)
			time.Sleep(off - time.Nanosecond)
			if expectStanding(t, p, peer.Slow); p.Probe() {
				t.Fatalf("probed before %v were over", off)
			}
			time.Sleep(1 * time.Nanosecond)
			if !p.Probe() {
				t.Fatalf("not probed after %v", off)
			}
			if p.Probe() {
				t.Fatal("probed twice")
			}
			p.Late(time.Now())
		}
		began := time.Now()
		time.Sleep(time.Millisecond)
		p.InTime()
		p.Late(began)
		expectStanding(t, p, peer.Good)
		p.Late(time.Now())
		expectStanding(t, p, peer.Slow)
		time.Sleep(time.Second)
		if !p.Probe() {
			t.Error("old failures count")
		}
	})
}

func TestPenaltiesEnd(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second, DistrustFor: time.Minute})
	synctest.Test(t, func(t *testing.T) {
		p.Late(time.Now())
		for round := range 3 {
			p.Fail()
			p.Fail()
			expectStanding(t, p, peer.Failing)
			time.Sleep(time.Second << round)
			expectStanding(t, p, peer.Slow)
		}
		p.InTime()
		p.Fail()
		p.Distrust()
		expectStanding(t, p, peer.Distrusted)
		time.Sleep(time.Minute)
		expectStanding(t, p, peer.Good)
	})
}

// TestShortAnswersSayNothingOfLongOnes has a node answer at once and deliver late.
func TestShortAnswersSayNothingOfLongOnes(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second})
	synctest.Test(t, func(t *testing.T) {
		p.Late(time.Now())
		time.Sleep(time.Millisecond)
		p.Answered()
		if expectStanding(t, p, peer.Slow); !p.Prompt() {
			t.Error("its answers are not waited for")
		}
		p.LateToAnswer(time.Now())
		if p.Prompt() {
			t.Error("its answers are waited for")
		}
		time.Sleep(time.Second)
		if !p.Prompt() || p.Prompt() {
			t.Error("not tried once more")
		}
		p.InTime()
		if expectStanding(t, p, peer.Good); !p.Prompt() {
			t.Error("a node that delivers does not answer")
		}
		p.LateToAnswer(time.Now())
		expectStanding(t, p, peer.Slow)
		time.Sleep(time.Millisecond)
		p.Answered()
		expectStanding(t, p, peer.Good)
	})
}
