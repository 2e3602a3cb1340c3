package heal

import (
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestConfigIsChecked leaves out what must be set, and sets what cannot be.
func TestConfigIsChecked(t *testing.T) {
	full := Config{
		Peers: peer.NewSet(nil, peer.Options{}), Signer: new(committee.Signer), Code: new(rs2d.Code),
		Keeper: new(metadata.Keeper), Fetcher: new(metadata.Fetcher),
		Store: struct{ store.Store }{}, Replace: func(commit.BlobID, store.Ref) {},
	}
	if h, err := New(full); err != nil || h.config.BatchBytes != 64<<20 || h.config.Logger == nil {
		t.Errorf("defaults: %v", err)
	}
	for _, name := range []string{"Peers", "Signer", "Code", "Keeper", "Fetcher", "Store", "Replace"} {
		c := full
		reflect.ValueOf(&c).Elem().FieldByName(name).SetZero()
		if _, err := New(c); err == nil || err.Error() != "heal: Config."+name+" must be set" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	full.BatchBytes = -1
	if _, err := New(full); err == nil || err.Error() != "heal: Config.BatchBytes must be more than zero" {
		t.Errorf("batches of less than nothing: %v", err)
	}
}
