package node_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
)

// Four nodes run in one process and keep their slivers in memory. A client stores a blob,
// which it can still read when one of them is gone.
func Example() {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	const nodes, shards = 4, 8
	var keys []*identity.Key
	var listeners []net.Listener
	var members []committee.Member
	for i, owned := range committee.Spread(shards, nodes) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		key := identity.GenerateKey()
		keys, listeners = append(keys, key), append(listeners, listener)
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), listener.Addr().String(), key, owned))
	}
	c, err := committee.New(committee.System{Network: "example", Shards: shards, Scheme: commit.BLAKE3}, 1, members)
	check(err)
	writer := identity.GenerateKey()
	control, err := fixed.New(c, fixed.Client{Name: "writer", TLSKey: writer.TLSPublic()})
	check(err)

	var running sync.WaitGroup
	defer running.Wait()
	var stops []context.CancelFunc
	for i, key := range keys {
		disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
		check(err)
		n, err := node.New(identity.NewKeyring(key), node.Config{Control: control, Store: disk})
		check(err)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		stops = append(stops, stop)
		running.Go(func() {
			_ = n.Run(ctx, listeners[i], nil, time.Second)
			_ = disk.Close()
		})
	}

	cl, err := client.New(control, writer, client.Options{})
	check(err)
	defer cl.Close()
	receipt, err := cl.Store(context.Background(), []byte("hello, shards"))
	check(err)
	check(cl.Flush(context.Background()))
	stops[2]()
	blob, err := cl.Read(context.Background(), receipt.ID)
	check(err)
	fmt.Printf("%s\n", blob)
	// Output: hello, shards
}
