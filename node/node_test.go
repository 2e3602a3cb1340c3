package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/rs2d"
)

func TestStoreAndRead(t *testing.T) {
	c := newCluster(t, 4, 10, nil)
	cl := c.client(nil)
	for _, size := range []int{0, 1, 1000, 300_000, 1_800_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			blob := randomBlob(uint64(size), size)
			r := put(t, cl, blob)
			if want, err := cl.Code().ID(blob); err != nil || want != r.ID {
				t.Fatal("another id")
			}
			if err := committee.Verify(c.committee, r.Certificate); err != nil {
				t.Fatal(err)
			}
			expectRead(t, cl, r.ID, blob)
			for i, p := range cl.Peers() {
				if s, err := p.Status(t.Context(), r.ID); err != nil || !s.Complete || !s.Certified {
					t.Fatalf("node %d: %+v, %v", i, s, err)
				}
			}
			// The same blob again costs nothing and gives the same.
			again := put(t, cl, blob)
			if again.ID != r.ID {
				t.Fatal("another id")
			}
			for _, at := range [][2]uint64{{0, 0}, {0, uint64(size)}, {uint64(size) / 3, uint64(size) / 2}} {
				got, err := cl.ReadRange(t.Context(), r.ID, at[0], at[1])
				if err != nil || !bytes.Equal(got, blob[at[0]:at[0]+at[1]]) {
					t.Fatalf("range %v: %v", at, err)
				}
			}
			var outside *rs2d.RangeError
			if _, err := cl.ReadRange(t.Context(), r.ID, uint64(size), 1); !errors.As(err, &outside) {
				t.Fatal(err)
			}
		})
	}
	if _, err := cl.Read(t.Context(), commit.BlobID{1}); !errors.Is(err, client.ErrNotFound) {
		t.Fatal(err)
	}
	count := 0
	if err := cl.List(t.Context(), func(b client.Blob) bool {
		if !b.Certified || b.Inconsistent {
			t.Errorf("%+v", b)
		}
		count++
		return true
	}); err != nil || count != 5 {
		t.Fatal(count, err)
	}
}
