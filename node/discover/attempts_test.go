package discover

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

func TestAttemptsComeFurtherApart(t *testing.T) {
	a := newAttempts()
	id, now := commit.BlobID{1}, time.Unix(0, 0)
	pause := firstPause
	for range 40 {
		if !a.due(id, now) {
			t.Fatalf("not due after a pause of %v", pause)
		}
		a.fail(id, now)
		if a.due(id, now.Add(pause-1)) {
			t.Fatalf("due before a pause of %v", pause)
		}
		now = now.Add(pause)
		pause = min(2*pause, lastPause)
	}
	a.forget(id)
	a.fail(id, now)
	if !a.due(id, now.Add(firstPause)) {
		t.Error("old attempts count")
	}
	for i := range uint64(2 * maxRemembered) {
		var id commit.BlobID
		binary.BigEndian.PutUint64(id[:], i+1)
		a.fail(id, now)
	}
	if a.order.Len() != maxRemembered || len(a.byID) != maxRemembered {
		t.Errorf("%d and %d remembered, want %d", a.order.Len(), len(a.byID), maxRemembered)
	}
	if !a.due(id, now) {
		t.Error("the oldest is not forgotten")
	}
}
