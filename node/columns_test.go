package node_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// TestReadColumns reads columns of the message matrix from their owners, and from the
// whole blob where one of them is down, stalls, or lies.
func TestReadColumns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 10, nil)
	writer := c.client(nil)
	params := writer.Code().Params()
	for name, break_ := range map[string]func(){
		"all is well": func() {},
		"refuses":     func() { c.nodes[1].faults.Set(fault.Refuse) },
		"stalls":      func() { c.nodes[1].faults.Set(fault.Stall) },
		"malformed":   func() { c.nodes[1].hostile.Set(enemy.Slivers, enemy.Malformed) },
		"lies":        func() { c.nodes[1].faults.Set(fault.Corrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 100, params.P * params.S * 2, 50_001} {
				blob := randomBlob(uint64(size), size)
				id := put(t, writer, blob).ID
				meta, err := writer.Metadata(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				symbol, err := params.SymbolSize(meta.Length)
				if err != nil {
					t.Fatal(err)
				}
				matrix := make([]byte, params.P*params.S*symbol)
				copy(matrix, blob)
				break_()
				cl := c.client(nil)
				for _, at := range [][2]int{{0, 0}, {0, 1}, {2, 5}, {0, params.S}, {params.S - 1, params.S}} {
					var want []byte
					for column := at[0]; column < at[1]; column++ {
						for row := range params.P {
							want = append(want, matrix[(row*params.S+column)*symbol:][:symbol]...)
						}
					}
					if got, err := cl.ReadColumns(t.Context(), id, at[0], at[1]); err != nil || !bytes.Equal(got, want) {
						t.Errorf("columns %v of %d bytes: %x, %v, want %x", at, size, got, err, want)
					}
				}
				for _, at := range [][2]int{{-1, 1}, {3, 2}, {0, params.S + 1}} {
					if _, err := cl.ReadColumns(t.Context(), id, at[0], at[1]); err == nil {
						t.Errorf("columns %v: no error", at)
					}
				}
				c.nodes[1].faults.Set(0)
				c.nodes[1].hostile.Set(enemy.Slivers, 0)
			}
			if _, err := c.client(nil).ReadColumns(t.Context(), [32]byte{1}, 0, 1); !errors.Is(err, client.ErrNotFound) {
				t.Errorf("a blob that is not there: %v, want %v", err, client.ErrNotFound)
			}
		})
	}
}
