package rpc

import (
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

func TestFields(t *testing.T) {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	for _, test := range []struct {
		event ledger.Event
		want  string
	}{
		{
			ledger.BlobRegistered{Epoch: 1, ID: commit.BlobID{}, Length: 7, Encoding: 1, End: 4, Deletable: true},
			`{"epoch":1,"id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","length":7,"encoding":1,"end":4,"deletable":true,"object":"0x` + zeros + `"}`,
		},
		{
			ledger.CheckpointOpened{Checkpoint: ledger.Checkpoint{Epoch: 3, Height: 9}},
			`{"checkpoint":{"chain":"` + zeros + `","epoch":3,"height":9,"time":0,"root":"` + zeros + `","next":"` + zeros + `"}}`,
		},
		{ledger.EpochDone{Epoch: 2, Weight: 70}, `{"epoch":2,"weight":70}`},
	} {
		got, err := EventOf(chain.Event{Event: test.event})
		if err != nil || string(got.Fields) != test.want {
			t.Errorf("%T: %s (%v), want %s", test.event, got.Fields, err, test.want)
		}
	}
	for name, want := range map[string]string{"ID": "id", "EndEpoch": "end_epoch", "BlobID": "blob_id", "TLSKey": "tls_key", "A": "a"} {
		if got := snakeCase(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
