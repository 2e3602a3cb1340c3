package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestSymbolsInAnyOrder asks for symbols of small and of large slivers, such as the slivers
// hold and others, in all kinds of orders. They must be those of the code.
func TestSymbolsInAnyOrder(t *testing.T) {
	h := start(t, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{100, 50_000, 1 << 20} {
		e := h.encode(size)
		id := e.ID()
		mine := h.mine(id)
		h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, mine...))
		length, err := h.code.Params().SymbolSize(uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		orders := map[string][]uint16{
			"one": {1}, "ascending": {0, 1, 2}, "descending": {2, 1, 0}, "gaps": {3, 1, 0}, "turns": {1, 0, 2},
			"computed": {7, 0, 6}, "all": nil,
		}
		for _, at := range random.Perm(shards) {
			orders["all"] = append(orders["all"], uint16(at))
		}
		for name, targets := range orders {
			for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
				t.Run(fmt.Sprint(size, " bytes ", axis, " ", name), func(t *testing.T) {
					request := api.SymbolRequest{Blob: id, Axis: axis, Targets: targets}
					for _, pair := range mine {
						request.Sources = append(request.Sources, uint16(pair))
					}
					answer := h.expect(200, "POST", api.SymbolsPath, api.AppendRequests(nil, []api.SymbolRequest{request}))
					frames := api.NewFrameReader(bytes.NewReader(answer))
					for _, pair := range mine {
						header, err := frames.Next()
						if err != nil || header.Kind != api.FrameSymbols || int(header.Index) != pair {
							t.Fatalf("frame %+v, error %v, want symbols of pair %d", header, err, pair)
						}
						got, err := frames.Body(nil, len(targets)*length)
						if err != nil {
							t.Fatal(err)
						}
						source, other := e.Pair(pair)
						if axis == rs2d.Primary {
							source = other
						}
						all, err := h.code.Expand(source)
						if err != nil {
							t.Fatal(err)
						}
						var want []byte
						for _, at := range targets {
							want = append(want, all[int(at)*length:][:length]...)
						}
						if !bytes.Equal(got, want) {
							t.Errorf("pair %d: got symbols %x, want %x", pair, got[:8], want[:8])
						}
					}
				})
			}
		}
	}
}
