package light_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// A client that has genesis follows the committees and learns of a blob from somebody
// whom it does not trust.
func Example() {
	network, err := ledgertest.NewNetwork(4, 10, "alice")
	if err != nil {
		log.Fatal(err)
	}
	genesis := network.State.Genesis()
	source := light.NewArchive(network.State) // of a client: whatever answers over the network
	network.Follow = source.Add

	// Alice registers a blob, and two epochs pass.
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		log.Fatal(err)
	}
	root := commit.Hash{1, 2, 3}
	blob, err := network.Do(ledgertest.Key("alice"), ledger.ReserveAndRegister{
		Epochs: 5, ID: hasher.BlobID(10, 1000, root), Root: root, Length: 1000, Encoding: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if err := network.NextEpoch(); err != nil {
			log.Fatal(err)
		}
	}

	client, err := light.New(genesis, light.Options{}, source)
	if err != nil {
		log.Fatal(err)
	}
	at, err := client.Sync(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed by the committee of epoch", at.Epoch)

	value, ok, _, err := client.Get(context.Background(), ledger.BlobKey(blob))
	if err != nil || !ok {
		log.Fatal(ok, err)
	}
	var b ledger.Blob
	if err := ledger.Read(value, &b); err != nil {
		log.Fatal(err)
	}
	fmt.Println("a blob of", b.Length, "bytes, until before epoch", b.Storage.End)

	_, ok, _, err = client.Get(context.Background(), ledger.BlobKey(ledger.ObjectID{}))
	fmt.Println("another one:", ok, err)
	// Output:
	// signed by the committee of epoch 2
	// a blob of 1000 bytes, until before epoch 6
	// another one: false <nil>
}
