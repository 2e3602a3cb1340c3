package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/redstuff-go/redstuff/node/internal/faultfs"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// model is what a store should hold after some updates: for each blob the version
// that was acknowledged, and the versions that may have become durable although they
// were not.
type model struct {
	acknowledged map[int]int
	attempted    map[int]int
	last         error // what went wrong
}

// slivers of a blob are in one update: some go into the database, some into a file.
var updateSizes = []int{10, 3000, 20_000, 70_000}

func update(i, version int) store.Update {
	id := blob(i)
	u := store.Update{Records: map[store.Record][]byte{store.Metadata: fmt.Append(nil, version)}}
	for j, size := range updateSizes {
		ref := store.Ref{Axis: rs2d.Axis(j % 2), Pair: j}
		u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: content(id, ref, version, size)})
	}
	return u
}

// pieces are those that a blob's updates come in: two blobs' come in more than one, and those of one of them scattered.
func pieces(i int) []int { return [][]int{nil, {1, 3}, {-1, 4}}[i] }

// work writes several versions of several blobs, and deletes others, and notes what is
// acknowledged. It ends at the first error that is the end of the store.
func (m *model) work(t *testing.T, d *store.Disk, what string) {
	for version := 1; version <= 2; version++ {
		for i := range 3 {
			m.attempted[i] = version
			err := inPieces(d, blob(i), update(i, version), pieces(i))
			if err == nil {
				m.acknowledged[i] = version
			}
			m.last = errors.Join(m.last, err)
			if errors.Is(err, store.ErrFailed) {
				return
			}
		}
		// What is not acknowledged may be done all the same, but nothing by halves.
		for _, f := range []func() error{
			func() error { return d.Apply(blob(7), update(7, version)) },
			func() error { return d.Quarantine(blob(7), store.Ref{Axis: rs2d.Secondary, Pair: 3}) },
			func() error { return d.Check(blob(0), store.Ref{Pair: 2}) },
			func() error { return read(d, blob(0), store.Ref{Pair: 2}) },
			func() error { return d.DropShard(context.Background(), blob(8).ShardOfPair(1, modelShards)) },
			func() error { _, err := d.Delete(blob(7), nil); return err },
			func() error { _, err := d.Sweep(context.Background()); return err },
		} {
			err := f()
			m.last = errors.Join(m.last, err)
			if errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("%s: an error says that a sliver is corrupt: %v", what, err)
			}
			if errors.Is(err, store.ErrFailed) {
				return
			}
		}
	}
	for i := range 3 {
		m.attempted[i] = lastVersion
	}
	err := d.ApplyAll(lastUpdates())
	m.last = errors.Join(m.last, err)
	for i := range 3 {
		if err == nil {
			m.acknowledged[i] = lastVersion
		}
	}
}

// lastVersion is that of the updates that are applied all at once.
const lastVersion = 3

func lastUpdates() (all []store.BlobUpdate) {
	for i := range 3 {
		all = append(all, store.BlobUpdate{Blob: blob(i), Update: update(i, lastVersion)})
	}
	return all
}

// spared are the slivers of a blob that no shard was dropped of.
func spared(i, version int) (slivers []store.Sliver) {
	dropped := blob(8).ShardOfPair(1, modelShards)
	for _, s := range update(i, version).Slivers {
		if blob(i).ShardOfPair(s.Pair, modelShards) != dropped {
			slivers = append(slivers, s)
		}
	}
	return slivers
}

// check opens the store again and compares.
func (m *model) check(t *testing.T, fs vfs.FS, what string) {
	t.Helper()
	d, err := store.Open("store", store.Options{FS: fs, Owner: faultOwner})
	if err != nil {
		t.Fatalf("%s: cannot be opened again: %v", what, err)
	}
	defer d.Close()
	if _, err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var seen [3]int // versions
	for i := range 3 {
		id := blob(i)
		visible := 0
		raw, err := d.Record(id, store.Metadata)
		if err == nil {
			fmt.Sscan(string(raw), &visible)
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%s: %v", what, err)
		}
		seen[i] = visible
		if visible < m.acknowledged[i] || visible > m.attempted[i] {
			t.Fatalf("%s: blob %d has version %d, acknowledged was %d, the last tried %d", what, i, visible, m.acknowledged[i], m.attempted[i])
		}
		info, err := d.Info(id)
		if err != nil {
			t.Fatal(err)
		}
		if visible == 0 {
			if len(info.Slivers) > 0 {
				t.Fatalf("%s: blob %d is partly visible: %v", what, i, info)
			}
			continue
		}
		for _, s := range spared(i, visible) {
			got, err := d.Read(nil, id, s.Ref, 0, -1)
			if err != nil || !bytes.Equal(got, s.Data) {
				t.Fatalf("%s: blob %d, %v of version %d: %v", what, i, s.Ref, visible, err)
			}
		}
	}
	if slices.Contains(seen[:], lastVersion) && seen != [3]int{lastVersion, lastVersion, lastVersion} {
		t.Fatalf("%s: versions %v, but version %d was of all blobs at once", what, seen, lastVersion)
	}
	if info, err := d.Info(blob(7)); err != nil || len(info.Slivers)+len(info.Quarantined) > 0 && !info.Has(store.Metadata) {
		t.Fatalf("%s: blob 7 is partly there: %+v, %v", what, info, err)
	}
	// What is not referred to is gone; each of the blobs has one file at most.
	if names := files(t, fs, "store"); len(names) > 4 {
		t.Fatalf("%s: files left: %v", what, names)
	}
}

// endsProcess reports whether the caller is on a goroutine of the database's own and
// would panic if an operation failed. That is the end of the process: TestPowerCut has
// that case.
func endsProcess() bool {
	stack := make([]byte, 64<<10)
	stack = stack[:runtime.Stack(stack, false)]
	return bytes.Contains(stack, []byte("atomicfs.(*Marker).Move")) && bytes.Contains(stack, []byte("pebble/v2.(*DB).flush"))
}

func newModel() *model {
	return &model{acknowledged: make(map[int]int), attempted: make(map[int]int)}
}

var faultOwner = store.Owner{Node: "n", System: "s", Shards: modelShards}

// TestFailingDisk lets every single call of the file system fail once with each of the
// errors that disks and processes have, or several in a row; then it cuts the power.
func TestFailingDisk(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.EACCES} {
		for _, row := range []int64{1, 4, math.MaxInt32} {
			if row > 4 && (errno == syscall.EMFILE || errno == syscall.ENFILE) {
				continue // a store waits for descriptors
			}
			t.Run(fmt.Sprintf("%v/%d", errno, row), func(t *testing.T) {
				t.Parallel()
				step := int64(7)
				if testing.Short() {
					step = 151
				}
				for at := row % step; failAt(t, errno, at, row); at += step {
				}
			})
		}
	}
}

// failAt fails some calls from one on, and reports whether there were so many.
func failAt(t *testing.T, errno syscall.Errno, at, row int64) bool {
	mem := vfs.NewCrashableMem()
	fs := faultfs.New(mem)
	var count atomic.Int64
	var failed sync.Map
	fs.Fail(func(op faultfs.Op) error {
		takes := op.Opens() || errno == syscall.EIO || errno == syscall.EACCES || errno == syscall.ENOSPC && op.Changes()
		if !takes {
			return nil
		}
		n := count.Add(1) - 1
		if n < at || n >= at+row {
			return nil
		}
		failed.Store(n, op)
		if endsProcess() {
			return nil
		}
		return &os.PathError{Op: op.Call, Path: op.Path, Err: errno}
	})
	m := newModel()
	options := store.Options{FS: fs, Owner: faultOwner, Ballast: 1 << 20}
	d, err := store.Open("store", options)
	op, _ := failed.Load(at)
	what := fmt.Sprintf("%v at call %d, %+v", errno, at, op)
	if err == nil {
		m.work(t, d, what)
	} else if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrFormat) || errors.Is(err, store.ErrOwner) {
		t.Fatalf("%s: opening says %v", what, err)
	}
	op, hit := failed.Load(at)
	what = fmt.Sprintf("%v at call %d, %+v", errno, at, op)
	if !hit {
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if m.acknowledged[i] != lastVersion {
				t.Fatalf("not all acknowledged without a failure: %v", m.last)
			}
		}
		t.Logf("%d calls", at)
	} else if d != nil && noDescriptors(errno) && d.Failed() != nil {
		t.Fatalf("%s: having no descriptors for a moment is the end of the store: %v", what, d.Failed())
	}
	m.check(t, mem.CrashClone(vfs.CrashCloneCfg{}), what)
	if d != nil {
		_ = d.Close()
	}
	return hit
}

func noDescriptors(errno syscall.Errno) bool {
	return errno == syscall.EMFILE || errno == syscall.ENFILE
}

// TestPowerCut cuts the power at every operation that changes the disk. Of what was
// not synced, chance decides what is on the disk.
func TestPowerCut(t *testing.T) {
	type cut struct {
		m     model
		clone *vfs.MemFS
		what  string
	}
	random := rand.New(rand.NewPCG(1, 2))
	mem := vfs.NewCrashableMem()
	var mu sync.Mutex
	var cuts []cut
	live := newModel()
	acknowledged := func() model { // a copy
		m := newModel()
		for i := range 3 {
			m.acknowledged[i] = live.acknowledged[i]
			m.attempted[i] = live.attempted[i]
		}
		return *m
	}
	injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			for _, percent := range []int{0, 50} {
				cuts = append(cuts, cut{
					acknowledged(), mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: random}),
					fmt.Sprintf("before %+v with %d%%", op, percent),
				})
			}
		}
		return nil
	})
	d, err := store.Open("store", store.Options{FS: errorfs.Wrap(mem, injector), Owner: faultOwner})
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 2; version++ {
		for i := range 3 {
			mu.Lock()
			live.attempted[i] = version
			mu.Unlock()
			if err := inPieces(d, blob(i), update(i, version), pieces(i)); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			live.acknowledged[i] = version
			mu.Unlock()
		}
		// Drops, whose files are written anew, while the power may go.
		if err := d.Apply(blob(7), update(7, version)); err != nil {
			t.Fatal(err)
		}
		if err := d.DropShard(t.Context(), blob(8).ShardOfPair(1, modelShards)); err != nil {
			t.Fatal(err)
		}
		if gone, err := d.Delete(blob(7), nil); !gone || err != nil {
			t.Fatal(gone, err)
		}
	}
	set := func(versions map[int]int) {
		mu.Lock()
		defer mu.Unlock()
		for i := range 3 {
			versions[i] = lastVersion
		}
	}
	set(live.attempted)
	if err := d.ApplyAll(lastUpdates()); err != nil {
		t.Fatal(err)
	}
	set(live.acknowledged)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cuts", len(cuts))
	every := 1
	if testing.Short() {
		every = 5 // of them: an odd number, so that both kinds of cuts are among them
	}
	for i := 0; i < len(cuts); i += every {
		c := cuts[i]
		c.m.check(t, c.clone, c.what)
	}
}

func TestFailedStoreStillReads(t *testing.T) {
	mem := vfs.NewMem()
	var broken atomic.Bool
	injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errorfs.ErrInjected
		}
		return nil
	})
	d, err := store.Open("store", store.Options{FS: errorfs.Wrap(mem, injector)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(blob(1), update(1, 1)); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	small := store.Update{Records: map[store.Record][]byte{store.Metadata: []byte("m")}}
	if err := d.Apply(blob(2), small); !errors.Is(err, store.ErrFailed) {
		t.Fatal(err)
	}
	broken.Store(false)
	if err := d.Apply(blob(2), small); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("a failed store takes writes: %v", err)
	}
	if d.Failed() == nil {
		t.Fatal("no reason")
	}
	for _, s := range update(1, 1).Slivers {
		if got, err := d.Read(nil, blob(1), s.Ref, 0, -1); err != nil || !bytes.Equal(got, s.Data) {
			t.Fatalf("%v: %v", s.Ref, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
