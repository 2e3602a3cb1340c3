package client

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

const (
	uploadShards = 8
	uploadLimit  = 3 << 20
	uploadSliver = 1 << 20
	uploadPiece  = uploadSliver / 4
)

// testUpload returns an upload to four nodes with two shards each.
func testUpload(t *testing.T, patience time.Duration) *upload {
	t.Helper()
	var members []committee.Member
	for i, s := range committee.Spread(uploadShards, 4) {
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("127.0.0.1:", i+1), identity.GenerateKey(), s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: uploadShards, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	control, err := fixed.New(c)
	if err != nil {
		t.Fatal(err)
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true})
	t.Cleanup(set.Close)
	view := set.View(control.View(), committee.NodeID{})
	return newUpload(view, commit.BlobID{}, []byte("metadata"), placement.Sizes{uploadSliver, uploadSliver}, 4, uploadLimit, patience)
}

// write writes all slivers, the primary ones in pieces.
func (u *upload) write(t *testing.T) error {
	data := make([]byte, uploadSliver)
	for i := range uploadShards {
		for off := 0; off < uploadSliver; off += uploadPiece {
			if err := u.WriteSliverAt(rs2d.SliverRef{Axis: rs2d.Primary, Index: i}, data[:uploadPiece], int64(off)); err != nil {
				return err
			}
			u.mu.Lock()
			if u.queued > uploadLimit+api.FrameHeaderSize {
				t.Errorf("%d bytes are queued, want at most %d and a header", u.queued, uploadLimit)
			}
			u.mu.Unlock()
		}
		if err := u.WriteSliverAt(rs2d.SliverRef{Axis: rs2d.Secondary, Index: i}, data, 0); err != nil {
			return err
		}
	}
	return nil
}

// TestUploadWaitsForNodes queues no more than its limit, and each node gets all that was
// announced to it.
func TestUploadWaitsForNodes(t *testing.T) {
	u := testUpload(t, time.Hour)
	var nodes sync.WaitGroup
	for i, o := range u.outlets {
		nodes.Go(func() {
			got, err := io.Copy(io.Discard, u.body(i))
			if err != nil || got != o.length {
				t.Errorf("node %d got %d bytes, %v, want %d", i, got, err, o.length)
			}
			if !u.begun(i) {
				t.Errorf("node %d has begun with nothing", i)
			}
			if _, err := u.body(i).Read(make([]byte, 1)); !errors.Is(err, errSent) {
				t.Errorf("node %d gets it once more: %v, want errSent", i, err)
			}
			u.done(i, nil)
		})
	}
	if err := u.write(t); err != nil {
		t.Fatal(err)
	}
	u.close(nil)
	nodes.Wait()
	if u.queued != 0 {
		t.Errorf("%d bytes are queued at the end", u.queued)
	}
}

// TestUploadGivesUpTheSlow goes on without a node that takes nothing, and not without two,
// which are too many.
func TestUploadGivesUpTheSlow(t *testing.T) {
	for stalled := 1; stalled <= 2; stalled++ {
		t.Run(fmt.Sprint(stalled), func(t *testing.T) {
			u := testUpload(t, time.Nanosecond)
			var nodes sync.WaitGroup
			for i := range u.outlets[stalled:] {
				nodes.Go(func() { _, _ = io.Copy(io.Discard, u.body(stalled+i)) })
			}
			written := make(chan error)
			go func() { written <- u.write(t) }()
			if stalled == 2 {
				for i := range 2 { // which fail by themselves
					u.done(i, io.ErrClosedPipe)
				}
			}
			err := <-written
			if stalled == 1 && (err != nil || !errors.Is(u.outlets[0].err, errSlow)) {
				t.Errorf("%v, and the slow node ended with %v, want errSlow", err, u.outlets[0].err)
			}
			if stalled == 2 && !errors.Is(err, errFewLeft) {
				t.Errorf("error %v, want errFewLeft", err)
			}
			u.close(err)
			nodes.Wait()
		})
	}
}

// TestUploadReaderEnds ends a reader that waits for what does not come, and one of a node
// that is given up.
func TestUploadReaderEnds(t *testing.T) {
	u := testUpload(t, time.Hour)
	r := u.body(0)
	if _, err := io.ReadFull(r, make([]byte, api.FrameHeaderSize+len("metadata"))); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := r.Read(make([]byte, 1)); ended <- err }()
	if err := r.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errSent) {
		t.Errorf("error %v, want errSent", err)
	}
	other := u.body(1)
	u.done(1, io.ErrClosedPipe)
	if _, err := other.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want why the node was given up", err)
	}
}
