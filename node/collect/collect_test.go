package collect_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/collect"
	"github.com/redstuff-go/redstuff/node/store"
)

// fake is a store of blobs with an end.
type fake struct {
	mu        sync.Mutex
	ends      map[commit.BlobID]uint32
	compacted int
	fail      error
}

func (f *fake) Expired(epoch uint32, limit int) (ids []commit.BlobID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, end := range f.ends {
		if end != 0 && end <= epoch && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, f.fail
}

func (f *fake) Delete(id commit.BlobID, when func(store.Info) bool) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end, ok := f.ends[id]
	if !ok || !when(store.Info{End: end}) {
		return false, f.fail
	}
	delete(f.ends, id)
	return true, f.fail
}

func (f *fake) Compact(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compacted++
	return nil
}

func (f *fake) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ends)
}

// TestRate: a collector removes no more blobs in a second than it may, and only those that
// have ended.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ends: make(map[commit.BlobID]uint32)}
		for i := range 300 {
			f.ends[commit.BlobID{byte(i), byte(i >> 8)}] = 3
		}
		for i := range 10 {
			f.ends[commit.BlobID{9, 9, 9, byte(i)}] = uint32(4 * (i % 2)) // later, and never
		}
		c, err := collect.New(collect.Config{Store: f, Epoch: func() uint32 { return 3 }, Rate: 10})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { c.Run(ctx) })
		time.Sleep(10*time.Second + time.Millisecond)
		if gone := 310 - f.left(); gone < 90 || gone > 111 {
			t.Errorf("%d blobs are gone after 10 s at 10 a second", gone)
		}
		time.Sleep(time.Minute)
		if left := f.left(); left != 10 || c.Removed() != 300 || f.compactions() != 1 {
			t.Errorf("%d blobs are left, %d removed, %d times compacted; want 10, 300 and 1", left, c.Removed(), f.compactions())
		}
		cancel()
		done.Wait()
	})
}

// TestFailure: what fails is tried again.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ends: map[commit.BlobID]uint32{{1}: 1}, fail: errors.New("no disk")}
		c, err := collect.New(collect.Config{Store: f, Epoch: func() uint32 { return 3 }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { c.Run(ctx) })
		time.Sleep(time.Second)
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		time.Sleep(10 * time.Second)
		if left := f.left(); left != 0 {
			t.Errorf("%d blobs are left when the disk is back, want none", left)
		}
		cancel()
		done.Wait()
	})
}

// TestGivenMoreTime: a blob that is given more time after it was listed stays.
func TestGivenMoreTime(t *testing.T) {
	d, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	id := commit.BlobID{1}
	end := uint32(2)
	if err := d.Apply(id, store.Update{Records: map[store.Record][]byte{store.Registered: nil}, End: &end}); err != nil {
		t.Fatal(err)
	}
	late := &lateStore{Disk: d, id: id}
	c, err := collect.New(collect.Config{Store: late, Epoch: func() uint32 { return 2 }})
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := c.Collect(t.Context()); removed != 0 || err != nil {
		t.Errorf("%d removed (%v), want none", removed, err)
	}
	if info, err := d.Info(id); err != nil || info.End != 9 {
		t.Errorf("end %d (%v), want 9", info.End, err)
	}
}

// lateStore gives a blob more time when it has been listed.
type lateStore struct {
	*store.Disk
	id commit.BlobID
}

func (l *lateStore) Expired(epoch uint32, limit int) ([]commit.BlobID, error) {
	ids, err := l.Disk.Expired(epoch, limit)
	return ids, errors.Join(err, l.Apply(l.id, store.Update{AtLeast: 9}))
}

func (f *fake) compactions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.compacted
}
