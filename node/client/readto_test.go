package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/rs2d"
)

// A blob of longBlob bytes takes more memory than longMemory when it is read whole.
const (
	longBlob   = 4 << 20
	longMemory = 7 << 20
)

func (c *cluster) longReader(t *testing.T, check rs2d.Check) *client.Client {
	t.Helper()
	return c.client(t, func(o *client.Options) { o.MaxMemory, o.Check, o.Workers = longMemory, check, 2 })
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestReadTo reads a blob piece by piece, with every check, and although as many nodes
// misbehave as may.
func TestReadTo(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(6, longBlob)
	id := put(t, c.client(t, nil), blob)
	if _, err := c.longReader(t, rs2d.CheckStrict).Read(t.Context(), id); !errors.Is(err, client.ErrTooLarge) {
		t.Fatalf("as a whole: %v, want ErrTooLarge: or nothing is shown", err)
	}
	dir := t.TempDir()
	read := func(t *testing.T, check rs2d.Check) {
		t.Helper()
		g := newGauge(t)
		var got bytes.Buffer
		err := c.longReader(t, check).ReadTo(t.Context(), id, &got, client.SpoolIn(dir), client.Progress(g.tell))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), blob) {
			t.Errorf("%d bytes differ from the %d stored", got.Len(), len(blob))
		}
		g.expectEnd()
		expectEmpty(t, dir)
	}
	t.Run("strict", func(t *testing.T) { read(t, rs2d.CheckStrict) })
	t.Run("systematic", func(t *testing.T) { read(t, rs2d.CheckSystematic) })
	t.Run("read back", func(t *testing.T) {
		f, err := os.Create(t.TempDir() + "/f")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		err = c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), id, io.NewOffsetWriter(f, 0), client.ReadBack(f), client.SpoolIn("/nonexistent"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, blob) {
			t.Errorf("%d bytes, %v, differ from the %d stored", len(got), err, len(blob))
		}
	})
	for name, kind := range map[string]fault.Kind{"stall": fault.Stall, "refuse": fault.Refuse, "corrupt": fault.Corrupt} {
		t.Run(name, func(t *testing.T) {
			c.set(kind, 0, 3)
			defer c.set(0, 0, 3)
			read(t, rs2d.CheckSystematic)
		})
	}
	row := 67 * (longBlob/34/67 + 1) // about
	for name, part := range map[string][2]int{
		"none": {0, 0}, "none at the end": {longBlob, 0}, "the first byte": {0, 1}, "the last byte": {longBlob - 1, 1},
		"a row and a bit": {row - 10, row + 20}, "all but the ends": {1, longBlob - 2}, "all": {0, longBlob},
	} {
		t.Run("section, "+name, func(t *testing.T) {
			for _, nodes := range [][]int{nil, {0, 3}} { // that refuse
				c.set(fault.Refuse, nodes...)
				g := newGauge(t)
				var got bytes.Buffer
				err := c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), id, &got, client.Section(uint64(part[0]), uint64(part[1])),
					client.Progress(g.tell))
				c.set(0, nodes...)
				if err != nil || !bytes.Equal(got.Bytes(), blob[part[0]:][:part[1]]) {
					t.Errorf("without %v: %d bytes (%v), want the %d from %d on", nodes, got.Len(), err, part[1], part[0])
				}
				if g.expectEnd(); g.total != int64(part[1]) {
					t.Errorf("without %v: of %d bytes in all, want %d", nodes, g.total, part[1])
				}
			}
		})
	}
	t.Run("section past the end", func(t *testing.T) {
		var wrong *rs2d.RangeError
		if err := c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), id, io.Discard, client.Section(10, math.MaxUint64-5)); !errors.As(err, &wrong) {
			t.Errorf("error %v, want a RangeError", err)
		}
	})
	t.Run("another check", func(t *testing.T) {
		// Nothing goes to a temporary file.
		err := c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), id, io.Discard, client.WithCheck(rs2d.CheckSystematic), client.SpoolIn("/nonexistent"))
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("too many", func(t *testing.T) {
		c.set(fault.Refuse, 0, 1, 2, 3, 4)
		defer c.set(0, 0, 1, 2, 3, 4)
		var few *client.ReadError
		var got bytes.Buffer
		if err := c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), id, &got); !errors.As(err, &few) || got.Len() > 0 {
			t.Errorf("%d bytes, error %v, want none and a ReadError", got.Len(), err)
		}
	})
	t.Run("a writer that fails", func(t *testing.T) {
		full := errors.New("full")
		if err := c.longReader(t, rs2d.CheckSystematic).ReadTo(t.Context(), id, fullWriter{full}); !errors.Is(err, full) {
			t.Errorf("error %v, want the writer's", err)
		}
	})
	t.Run("no time", func(t *testing.T) {
		c.set(fault.Stall, 0, 1, 2, 3, 4)
		defer c.set(0, 0, 1, 2, 3, 4)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := c.longReader(t, rs2d.CheckStrict).ReadTo(ctx, id, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that time is up", err)
		}
	})
}

type fullWriter struct{ err error }

func (f fullWriter) Write([]byte) (int, error) { return 0, f.err }

// TestReadToInconsistent writes nothing of a blob that no blob encodes to.
func TestReadToInconsistent(t *testing.T) {
	c := newCluster(t, 7, 100)
	cl := c.client(t, nil)
	e, err := cl.Code().Encode(randomBlob(7, longBlob))
	if err != nil {
		t.Fatal(err)
	}
	meta := *e.Metadata()
	meta.Secondary = append([]commit.Hash(nil), meta.Secondary...)
	meta.Secondary[99][0] ^= 1
	r, err := cl.StoreEncoding(t.Context(), &meta, e.Pair)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := c.longReader(t, rs2d.CheckStrict).ReadTo(t.Context(), r.ID, &got); !errors.Is(err, client.ErrInconsistent) || got.Len() > 0 {
		t.Errorf("%d bytes, error %v, want none and ErrInconsistent", got.Len(), err)
	}
}

// TestReadToWaitsForALateNode reads rows of a node that answers late, but does: to do
// without them would take ranges of all slivers.
func TestReadToWaitsForALateNode(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(7, longBlob)
	id := put(t, c.client(t, nil), blob)
	late := c.committee.OwnerOfPair(id, 0)
	c.nodes[late].SetDelay(1500 * time.Millisecond)
	c.set(fault.Slow, late)
	cl := c.client(t, func(o *client.Options) {
		o.MaxMemory, o.Check, o.HedgeAfter, o.Timeout = longMemory, rs2d.CheckSystematic, time.Second, time.Minute
	})
	var got bytes.Buffer
	if err := cl.ReadTo(t.Context(), id, &got); err != nil || !bytes.Equal(got.Bytes(), blob) {
		t.Fatalf("%d bytes, %v, want %d", got.Len(), err, len(blob))
	}
	for i, m := range c.nodes {
		if n := m.ranges.Load(); n > 0 {
			t.Errorf("%d ranges of slivers were asked of node %d", n, i)
		}
	}
}
