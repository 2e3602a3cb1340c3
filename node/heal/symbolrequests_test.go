package heal

import (
	"testing"

	"github.com/redstuff-go/redstuff/node/api"
)

func TestSymbolRequestsAreSplit(t *testing.T) {
	indices := func(n int) []uint16 {
		list := make([]uint16, n)
		for i := range list {
			list[i] = uint16(i)
		}
		return list
	}
	for name, test := range map[string]struct{ targets, sources, requests int }{
		"one symbol":        {1, 1, 1},
		"many requests":     {1, 1, 3 * requestsOfBody},
		"many sources":      {1000, 60_000, 2},
		"many targets":      {65_535, 10, 3},
		"all of everything": {65_535, 1000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var o symbolRequests
			targets, sources := indices(test.targets), indices(test.sources)
			for range test.requests {
				o.add(nil, api.SymbolRequest{Targets: targets, Sources: sources})
			}
			symbols := 0
			for len(o.requests) > 0 {
				body, _ := o.next()
				parsed, err := api.ParseRequests(api.AppendRequests(nil, body), 65_535)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range parsed {
					symbols += len(r.Targets) * len(r.Sources)
				}
			}
			if want := test.targets * test.sources * test.requests; symbols != want {
				t.Fatalf("%d symbols instead of %d", symbols, want)
			}
		})
	}
}
