package server

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/redstuff-go/redstuff/internal/reuse"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestArena reads slivers into memory that grows, or was another's, and lies as the file will.
func TestArena(t *testing.T) {
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	lengths := []int{900_001, 100, 1_500_000, 2_000_003, 5}
	most := 0
	for _, n := range lengths {
		most += n
	}
	var pools reuse.Pools[[]byte]
	for round := range 3 {
		a := arena{memory: &pools, most: most}
		if round == 2 {
			a.room = nil
			pools.Put(store.Room(most*3/5), most) // less than was said
		}
		placed := 0 // in the file
		for again := range 2 {
			var slivers [][]byte
			at := 0
			r := iotest.HalfReader(bytes.NewReader(data))
			for _, n := range lengths {
				got, sums, err := a.take(r, n, func(moved []byte) {
					for i, s := range slivers {
						slivers[i], moved = moved[:len(s)], moved[len(s):]
					}
				})
				if err != nil || (sums != nil) != (n >= reused) {
					t.Fatalf("round %d: %v, sums %v of %d bytes", round, err, sums, n)
				}
				slivers = append(slivers, got)
			}
			if a.begin != placed%store.Page || len(a.room) >= most+store.Page {
				t.Errorf("round %d: the first sliver is %d bytes behind the begin of a page, of %d in the file; room for %d bytes of %d",
					round, a.begin, placed, len(a.room), most)
			}
			for i, s := range slivers {
				if !bytes.Equal(s, data[at:][:lengths[i]]) {
					t.Errorf("round %d, %d: another sliver", round, again)
				}
				if i > 0 && &slivers[0][:at+1][at] != &s[0] {
					t.Errorf("round %d, %d: sliver %d lies elsewhere", round, again, i)
				}
				at += lengths[i]
			}
			placed += most
			a.clear()
		}
		if _, _, err := a.take(iotest.ErrReader(io.ErrUnexpectedEOF), 10, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("round %d: error %v, want the reader's", round, err)
		}
		a.giveUp()
	}
}
