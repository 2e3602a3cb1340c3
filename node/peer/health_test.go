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

func expectHealth(t *testing.T, p *peer.Peer, want peer.Health) {
	t.Helper()
	if got := p.ObservedHealth(); got != want {
		t.Errorf("health %d instead of %d", got, want)
	}
}

func TestSlowUntilInTime(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second})
	synctest.Test(t, func(t *testing.T) {
		if p.ShouldProbe() {
			t.Error("a good node is probed")
		}
		p.MarkLate(time.Now())
		p.MarkLate(time.Now()) // of a call that began before
		for round := range 8 {
			off := time.Second << min(round, 4)
			time.Sleep(off - time.Nanosecond)
			if expectHealth(t, p, peer.Slow); p.ShouldProbe() {
				t.Fatalf("probed before %v were over", off)
			}
			time.Sleep(1 * time.Nanosecond)
			if !p.ShouldProbe() {
				t.Fatalf("not probed after %v", off)
			}
			if p.ShouldProbe() {
				t.Fatal("probed twice")
			}
			p.MarkLate(time.Now())
		}
		began := time.Now()
		time.Sleep(time.Millisecond)
		p.MarkInTime()
		p.MarkLate(began)
		expectHealth(t, p, peer.Good)
		p.MarkLate(time.Now())
		expectHealth(t, p, peer.Slow)
		time.Sleep(time.Second)
		if !p.ShouldProbe() {
			t.Error("old failures count")
		}
	})
}

func TestPenaltiesEnd(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second, DistrustFor: time.Minute})
	synctest.Test(t, func(t *testing.T) {
		p.MarkLate(time.Now())
		for round := range 3 {
			p.MarkFailed()
			p.MarkFailed()
			expectHealth(t, p, peer.Failing)
			time.Sleep(time.Second << round)
			expectHealth(t, p, peer.Slow)
		}
		p.MarkInTime()
		p.MarkFailed()
		p.Distrust()
		expectHealth(t, p, peer.Distrusted)
		time.Sleep(time.Minute)
		expectHealth(t, p, peer.Good)
	})
}

// TestShortAnswersSayNothingOfLongOnes has a node answer at once and deliver late.
func TestShortAnswersSayNothingOfLongOnes(t *testing.T) {
	p := idle(t, peer.Options{FailFor: time.Second})
	synctest.Test(t, func(t *testing.T) {
		p.MarkLate(time.Now())
		time.Sleep(time.Millisecond)
		p.MarkAnswered()
		if expectHealth(t, p, peer.Slow); !p.WorthWaiting() {
			t.Error("its answers are not waited for")
		}
		p.MarkAnswerLate(time.Now())
		if p.WorthWaiting() {
			t.Error("its answers are waited for")
		}
		time.Sleep(time.Second)
		if !p.WorthWaiting() || p.WorthWaiting() {
			t.Error("not tried once more")
		}
		p.MarkInTime()
		if expectHealth(t, p, peer.Good); !p.WorthWaiting() {
			t.Error("a node that delivers does not answer")
		}
		p.MarkAnswerLate(time.Now())
		expectHealth(t, p, peer.Slow)
		time.Sleep(time.Millisecond)
		p.MarkAnswered()
		expectHealth(t, p, peer.Good)
	})
}
