package node_test

import (
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestConfigIsChecked leaves out what must be set, and sets what is out of range. The
// error names the field.
func TestConfigIsChecked(t *testing.T) {
	c := newCluster(t, 4, 4, nil)
	disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	key := c.nodes[0].key
	full := node.Config{Control: c.control, Store: disk}
	if _, err := node.New(nil, node.Config{}); err == nil || err.Error() != "node: Config.Control must be set" {
		t.Errorf("empty: %v", err)
	}
	for _, name := range []string{"Control", "Store"} {
		c := full
		reflect.ValueOf(&c).Elem().FieldByName(name).SetZero()
		if _, err := node.New(identity.NewKeyring(key), c); err == nil || err.Error() != "node: Config."+name+" must be set" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for _, name := range []string{
		"MaxRequests", "MaxBytes", "MaxConns", "HeaderTimeout", "StallTimeout", "MinRate", "Workers", "PendingAge", "HealDelay", "HealBatch", "ScrubPause",
	} {
		c := full
		reflect.ValueOf(&c).Elem().FieldByName(name).SetInt(-1)
		if _, err := node.New(identity.NewKeyring(key), c); err == nil || err.Error() != "node: Config."+name+" must be more than zero" {
			t.Errorf("%s below zero: %v", name, err)
		}
	}
	impatient := full
	impatient.Peers.Idle = -1
	if _, err := node.New(identity.NewKeyring(key), impatient); err == nil || err.Error() != "node: Config.Peers: peer: Options.Idle must be more than zero" {
		t.Errorf("peers that are waited for less than nothing: %v", err)
	}
	if _, err := node.New(nil, full); err == nil || err.Error() != "node: New needs a key" {
		t.Errorf("without a key: %v", err)
	}
	if _, err := node.New(identity.NewKeyring(identity.GenerateKey()), full); err != node.ErrNotMember {
		t.Errorf("key of nobody: %v, want %v", err, node.ErrNotMember)
	}
	n, err := node.New(identity.NewKeyring(key), full)
	if err != nil {
		t.Fatalf("with all that must be set: %v", err)
	}
	if n.Healer().Healthy() {
		t.Error("healthy before the first look at what others have")
	}
	full.HealInterval = -1
	if n, err = node.New(identity.NewKeyring(key), full); err != nil || !n.Healer().Healthy() {
		t.Errorf("who looks only when asked lacks something that it knows of: %v", err)
	}
}
