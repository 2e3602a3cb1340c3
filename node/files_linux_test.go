package node_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
)

// limitFiles lets this process open so many files, for good.
func limitFiles(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return err
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}

// TestDescriptorsRunOut has far more strangers come to each node than it may open files,
// while blobs are written and read and all are scrubbed. What was acknowledged is there
// afterwards, and is served again soon.
func TestDescriptorsRunOut(t *testing.T) {
	t.Parallel()
	blobs, strangers, under := 80, 700, 6*time.Second
	if testing.Short() {
		blobs, strangers, under = 40, 300, 4*time.Second
	}
	writer := identity.GenerateKey()
	control, processes := newProcesses(t, 4, 8, writer, []string{childFiles + "=256"})
	options := client.Options{Peer: fast(), Timeout: 30 * time.Second, Grace: 300 * time.Millisecond}
	cl, err := client.New(control, writer, options)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	const size = 100_000
	ids := make([]commit.BlobID, blobs)
	for i := range ids {
		r, err := cl.Store(t.Context(), randomBlob(uint64(i), size))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = r.ID
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	config := flood.Config{Source: strangersCome, Reconnect: 10 * time.Millisecond}
	for i := range processes {
		m := control.View().Current.Member(i)
		config.Targets = append(config.Targets, flood.Target{Address: m.Address, Stranger: (*identity.Key)(nil).ClientTLS(m.TLSKey)})
	}
	f := flood.New(config)
	defer f.Stop()
	f.Add(flood.Silent, strangers)
	ctx, cancel := context.WithTimeout(t.Context(), under)
	defer cancel()
	var reads, writes, failed atomic.Int64
	var acknowledged sync.Map // seeds of blobs written meanwhile
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := worker; ctx.Err() == nil; i += 4 {
				if _, err := cl.Read(ctx, ids[i%blobs]); err == nil {
					reads.Add(1)
				} else if ctx.Err() == nil {
					failed.Add(1)
				}
				seed := uint64(1000 + i)
				if r, err := cl.Store(ctx, randomBlob(seed, size)); err == nil {
					writes.Add(1)
					acknowledged.Store(seed, r.ID)
				} else if ctx.Err() == nil {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	f.Stop()
	ended := time.Now()
	t.Logf("%+v; meanwhile %d reads and %d writes, %d failed", f.Counts(), reads.Load(), writes.Load(), failed.Load())

	again, err := client.New(control, writer, options)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	back := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, err := again.Store(ctx, randomBlob(999, size))
		if err == nil {
			_, err = again.Read(ctx, r.ID)
		}
		return err == nil
	}
	for !back() {
		if time.Since(ended) > 10*time.Second {
			t.Error("no write and read within 10 s of the flood's end")
			break
		}
	}
	t.Logf("a write and a read %v after the flood", time.Since(ended).Round(time.Millisecond))
	for seed, id := range ids {
		expectRead(t, again, id, randomBlob(uint64(seed), size))
	}
	acknowledged.Range(func(seed, id any) bool {
		expectRead(t, again, id.(commit.BlobID), randomBlob(seed.(uint64), size))
		return true
	})
}
