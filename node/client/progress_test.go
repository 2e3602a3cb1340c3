package client_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/rs2d"
)

// gauge is told of progress, and fails the test if it does not grow, its total changes, or
// two tell it at once.
type gauge struct {
	t     *testing.T
	busy  atomic.Bool
	calls int
	done  int64
	total int64
}

func newGauge(t *testing.T) *gauge { return &gauge{t: t, done: -1} }

func (g *gauge) tell(done, total int64) {
	if g.busy.Swap(true) {
		g.t.Error("two calls at once, want one after the other")
	}
	defer g.busy.Store(false)
	if done <= g.done {
		g.t.Errorf("%d bytes are done after %d, want more", done, g.done)
	}
	if g.calls > 0 && total != g.total {
		g.t.Errorf("of %d bytes in all after %d, want the same", total, g.total)
	}
	g.calls, g.done, g.total = g.calls+1, done, total
}

func (g *gauge) expectEnd() {
	g.t.Helper()
	if g.calls == 0 || g.done != g.total {
		g.t.Errorf("%d of %d bytes are done at the end after %d calls, want all", g.done, g.total, g.calls)
	}
}

// hearing is a log whose lines are heard.
type hearing struct {
	slog.Handler
	hear func(line string)
}

func (h hearing) Enabled(context.Context, slog.Level) bool { return true }

func (h hearing) Handle(_ context.Context, r slog.Record) error {
	h.hear(r.Message)
	return nil
}

// TestProgressOfSecondAttempt stores a blob that too few nodes attest, although all of it was
// sent: it is encoded and sent again, and what is told does not fall.
func TestProgressOfSecondAttempt(t *testing.T) {
	c := newCluster(t, 4, 100)
	blob := randomBlob(8, streamed)
	liars := []int{0, 1}
	c.set(fault.FalseAck, liars...)
	var attempts atomic.Int32
	cl := c.streamer(t, func(o *client.Options) {
		o.Logger = slog.New(hearing{slog.DiscardHandler, func(line string) {
			if strings.Contains(line, "once more") {
				attempts.Add(1)
				c.set(0, liars...)
			}
		}})
	})
	g := newGauge(t)
	if _, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed, client.Progress(g.tell)); err != nil {
		t.Fatal(err)
	}
	if attempts.Load() != 1 {
		t.Errorf("%d more attempts, want one: or nothing is shown", attempts.Load())
	}
	g.expectEnd()
}

// TestProgressOfLittle is about what is in memory as a whole, and what is empty.
func TestProgressOfLittle(t *testing.T) {
	c := newCluster(t, 4, 16)
	for _, size := range []int{0, 1, 1000} {
		cl, blob := c.client(t, nil), randomBlob(9, size)
		stored := newGauge(t)
		r, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), int64(size), client.Progress(stored.tell))
		if err != nil {
			t.Fatal(err)
		}
		stored.expectEnd()
		for _, check := range []rs2d.Check{rs2d.CheckStrict, rs2d.CheckSystematic} {
			read := newGauge(t)
			var got bytes.Buffer
			err := cl.ReadTo(t.Context(), r.ID, &got, client.WithCheck(check), client.Progress(read.tell))
			if err != nil || !bytes.Equal(got.Bytes(), blob) {
				t.Errorf("%d bytes, %v, want the %d stored", got.Len(), err, size)
			}
			read.expectEnd()
		}
	}
}
