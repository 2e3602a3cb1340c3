package discover

import (
	"container/list"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// attempts remembers which blobs the members did not attest when they were asked to,
// and how often, so that they are not asked again and again. It forgets those first
// that it has known longest.
type attempts struct {
	order *list.List // of *attempt, the oldest first
	byID  map[commit.BlobID]*list.Element
}

type attempt struct {
	blob  commit.BlobID
	count int
	next  time.Time
}

// Bounds of attempts. A blob that was just written may become certified soon, one that
// was tried often hardly will.
const (
	maxRemembered = 1 << 14
	firstPause    = 2 * time.Second
	lastPause     = 6 * time.Hour
)

func newAttempts() *attempts {
	return &attempts{order: list.New(), byID: make(map[commit.BlobID]*list.Element)}
}

// due reports whether the blob may be tried.
func (a *attempts) due(id commit.BlobID, now time.Time) bool {
	e := a.byID[id]
	return e == nil || !now.Before(e.Value.(*attempt).next)
}

// fail notes that a blob was tried in vain.
func (a *attempts) fail(id commit.BlobID, now time.Time) {
	e := a.byID[id]
	if e == nil {
		if a.order.Len() == maxRemembered {
			oldest := a.order.Remove(a.order.Front()).(*attempt)
			delete(a.byID, oldest.blob)
		}
		e = a.order.PushBack(&attempt{blob: id})
		a.byID[id] = e
	}
	t := e.Value.(*attempt)
	pause := lastPause
	if t.count < 14 {
		pause = min(firstPause<<t.count, lastPause)
	}
	t.count, t.next = t.count+1, now.Add(pause)
}

// forget forgets a blob.
func (a *attempts) forget(id commit.BlobID) {
	if e := a.byID[id]; e != nil {
		a.order.Remove(e)
		delete(a.byID, id)
	}
}
