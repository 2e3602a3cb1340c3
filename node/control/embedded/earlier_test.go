package embedded

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// TestEarlier: what light clients verify before a ledger's process ends, they verify after it
// was opened again from a snapshot that is later than the checkpoint.
func TestEarlier(t *testing.T) {
	n, err := ledgertest.NewNetwork(3, 12, "alice")
	if err != nil {
		t.Fatal(err)
	}
	archive := light.NewArchive(n.State)
	n.Follow = archive.Add
	if err := n.NextEpoch(); err != nil {
		t.Fatal(err)
	}
	log, err := openLog(vfs.NewMem(), "log", n.State.ChainID())
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	client, err := light.New(n.State.Genesis(), light.Options{}, archive)
	if err != nil {
		t.Fatal(err)
	}
	at, err := client.Sync(t.Context())
	if err != nil || at.Height == 0 {
		t.Fatalf("checkpoint %+v (%v), want one", at, err)
	}
	for range 3 { // of the differences some are new keys, some other values
		if _, err := n.Do(alice, ledger.Transfer{To: ledgertest.Address(bob), Amount: 5}); err != nil {
			t.Fatal(err)
		}
		if err := log.snapshot(n.State, archive.Kept()); err != nil {
			t.Fatal(err)
		}
	}
	height := n.State.System().Height
	earlier, err := loadEarlier(log, n.State, height)
	if err != nil {
		t.Fatal(err)
	}
	kept := archive.Kept()
	if len(earlier) != len(kept) || len(kept) == 0 {
		t.Fatalf("%d earlier states, want %d", len(earlier), len(kept))
	}
	for i := range kept {
		if earlier[i].Root() != kept[i].Root() {
			t.Errorf("the state of height %d has another root", kept[i].System().Height)
		}
	}
	again, err := light.New(n.State.Genesis(), light.Options{}, light.NewArchive(n.State, earlier...))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Sync(t.Context()); err != nil || got != at {
		t.Errorf("checkpoint %+v (%v), want %+v", got, err, at)
	}
	for _, person := range []ledger.Address{ledgertest.Address(alice), ledgertest.Address(bob)} {
		if _, _, _, err := again.Get(t.Context(), ledger.AccountKey(person)); err != nil {
			t.Errorf("no proof of an account after a restart: %v", err)
		}
	}
	if old, err := loadEarlier(log, n.State, height-1); err != nil || len(old) > 0 {
		t.Errorf("%d earlier states of the snapshot before are kept (%v), want none", len(old), err)
	}
	// What is damaged is found out.
	it, err := log.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindEarlier}, UpperBound: []byte{kindEarlier + 1}})
	if err != nil {
		t.Fatal(err)
	}
	it.First()
	key := append([]byte(nil), it.Key()...)
	if err := errors.Join(it.Close(), log.db.Set(append(key[:17:17], "no key"...), []byte{wasThere, 1}, pebble.Sync)); err != nil {
		t.Fatal(err)
	}
	if _, err := loadEarlier(log, n.State, height); !errors.Is(err, ErrLog) {
		t.Errorf("damaged: %v, want ErrLog", err)
	}
}
