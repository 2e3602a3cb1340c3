package node_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// local starts ten nodes with a hundred shards, on the disk, in this process.
func local(b *testing.B, tune func(*client.Options)) *client.Client {
	b.Helper()
	cl, _, _ := start(b, 10, tune, nil)
	return cl
}

// start starts some of ten nodes with a hundred shards, and returns a client and the
// nodes' keys, and after them that of another client. tune and tuneNode may be nil.
func start(b *testing.B, running int, tune func(*client.Options), tuneNode func(*node.Config)) (*client.Client, *fixed.Control, []*identity.Key) {
	b.Helper()
	const nodes, shards = 10, 100
	var members []committee.Member
	var keys []*identity.Key
	var listeners []net.Listener
	for i, s := range committee.Spread(shards, nodes) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		keys, listeners = append(keys, identity.GenerateKey()), append(listeners, listener)
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), listener.Addr().String(), keys[i], s))
	}
	writer := identity.GenerateKey()
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		b.Fatal(err)
	}
	other := identity.GenerateKey()
	control, err := fixed.New(c, fixed.Client{Name: "w", TLSKey: writer.TLSPublic()}, fixed.Client{Name: "other", TLSKey: other.TLSPublic()})
	if err != nil {
		b.Fatal(err)
	}
	for i := range running {
		disk, err := store.Open(b.TempDir(), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		config := node.Config{Control: control, Store: disk, HealInterval: -1, ScrubRate: -1}
		if tuneNode != nil {
			tuneNode(&config)
		}
		n, err := node.New(identity.NewKeyring(keys[i]), config)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx, listeners[i], nil, 0) }()
		b.Cleanup(func() {
			cancel()
			<-done
			if err := disk.Close(); err != nil {
				b.Error(err)
			}
		})
	}
	o := client.Options{}
	if tune != nil {
		tune(&o)
	}
	cl, err := client.New(control, writer, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(cl.Close)
	return cl, control, append(keys, other)
}

func BenchmarkStore(b *testing.B) {
	cl := local(b, nil)
	for _, size := range []int{1 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			var seed atomic.Uint64
			blob := randomBlob(uint64(size), size)
			b.SetBytes(int64(size))
			b.SetParallelism(1)
			defer processorTime(b)()
			b.RunParallel(func(pb *testing.PB) {
				mine := append([]byte(nil), blob...)
				for pb.Next() {
					copy(mine, fmt.Append(nil, seed.Add(1), " ", size, " ", b.N, " "))
					if _, err := cl.Store(context.Background(), mine); err != nil {
						b.Fatal(err)
					}
				}
			})
			if err := cl.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkStoreSmall stores blobs of 4 KiB, eight at once. Its processor time is that of
// ten nodes and of the client, certificates included.
func BenchmarkStoreSmall(b *testing.B) {
	cl := local(b, nil)
	blob := randomBlob(4, 4<<10)
	var seed atomic.Uint64
	b.SetParallelism((8 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	defer processorTime(b)()
	b.RunParallel(func(pb *testing.PB) {
		mine := slices.Clone(blob)
		for pb.Next() {
			copy(mine, fmt.Append(nil, seed.Add(1), " ", b.N, " "))
			if _, err := cl.Store(context.Background(), mine); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := cl.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, check := range []rs2d.Check{rs2d.CheckStrict, rs2d.CheckSystematic, rs2d.CheckNone} {
		b.Run([]string{"strict", "systematic", "verified"}[check], func(b *testing.B) {
			cl := local(b, func(o *client.Options) { o.Check = check })
			for _, size := range []int{1 << 20, 16 << 20} {
				blob := randomBlob(1, size)
				r, err := cl.Store(context.Background(), blob)
				if err != nil {
					b.Fatal(err)
				}
				if err := cl.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
					b.SetBytes(int64(size))
					defer processorTime(b)()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if _, err := cl.Read(context.Background(), r.ID); err != nil {
								b.Fatal(err)
							}
						}
					})
				})
				b.Run(fmt.Sprintf("%dKiB/range", size>>10), func(b *testing.B) {
					b.SetBytes(int64(size))
					defer processorTime(b)()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if _, err := cl.ReadRange(context.Background(), r.ID, 0, uint64(size)); err != nil {
								b.Fatal(err)
							}
						}
					})
				})
			}
		})
	}
}

// BenchmarkHeal recovers all of a node of which the disk is empty.
func BenchmarkHeal(b *testing.B) {
	cl, control, keys := start(b, 9, nil, nil)
	for _, load := range []struct{ blobs, size int }{{256, 16 << 10}, {1000, 64 << 10}, {8, 16 << 20}} {
		var group errgroup.Group
		group.SetLimit(16)
		for i := range load.blobs {
			group.Go(func() error {
				_, err := cl.Store(context.Background(), randomBlob(uint64(i), load.size))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		if err := cl.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dx%dKiB", load.blobs, load.size>>10), func(b *testing.B) {
			var first, all time.Duration
			blobs := int64(0)
			for b.Loop() {
				disk, err := store.Open(b.TempDir(), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				n, err := node.New(identity.NewKeyring(keys[9]), node.Config{Control: control, Store: disk, HealInterval: -1, ScrubRate: -1})
				if err != nil {
					b.Fatal(err)
				}
				started := time.Now()
				r, err := n.Healer().Sync(context.Background())
				if err != nil || r.Failed > 0 || r.Blobs < int64(load.blobs) {
					b.Fatal(r, err)
				}
				first, all, blobs = first+r.First.Sub(started), all+r.Elapsed, blobs+r.Blobs
				b.ReportMetric(r.Ratio(), "received/restored")
				if err := disk.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "first-ms")
			b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "all-ms")
			b.ReportMetric(float64(blobs)/all.Seconds(), "blobs/s")
		})
	}
}

// BenchmarkUnderFlood puts and gets blobs of 1 MB while one stranger, or another client,
// has more connections to each node than the node allows for all, and does with them what
// it likes. "none" is without.
func BenchmarkUnderFlood(b *testing.B) {
	const conns, strangers = 64, 100
	for _, kind := range append([]flood.Kind{"none"}, flood.Kinds()...) {
		b.Run(string(kind), func(b *testing.B) {
			cl, control, keys := start(b, 10, nil, func(c *node.Config) { c.MaxConns = conns })
			c := flood.Config{Source: strangersCome, Reconnect: time.Second}
			for i, key := range keys[:10] {
				c.Targets = append(c.Targets, flood.Target{
					Address:  control.View().Current.Member(i).Address,
					Stranger: (*identity.Key)(nil).ClientTLS(key.TLSPublic()),
					Client:   keys[10].ClientTLS(key.TLSPublic()),
				})
			}
			f := flood.New(c)
			defer f.Stop()
			if kind != "none" {
				f.Add(kind, strangers)
				if err := f.Await(b.Context(), kind, 10*strangers); err != nil {
					b.Fatal(err)
				}
			}
			blob := make([]byte, 1_000_000)
			b.SetBytes(2 * int64(len(blob)))
			n := uint64(0)
			putAndGet := func() {
				n++
				binary.LittleEndian.PutUint64(blob, n)
				r, err := cl.Store(b.Context(), blob)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := cl.Read(b.Context(), r.ID); err != nil {
					b.Fatal(err)
				}
			}
			putAndGet() // connects
			for b.Loop() {
				putAndGet()
			}
		})
	}
}
