package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// putAll puts objects at once, and returns the errors.
func putAll(b *Backend, data [][]byte) error {
	all, putting := make([]error, len(data)), sync.WaitGroup{}
	for i := range data {
		putting.Go(func() { all[i] = putTo(b, fmt.Sprint(i), data[i]) })
	}
	putting.Wait()
	return errors.Join(all...)
}

// getRange returns bytes of an object.
func getRange(t *testing.T, b *Backend, key, asked string) []byte {
	t.Helper()
	out, err := b.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, Range: &asked})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return got
}

// TestPack packs small objects that come at once, reads them, and frees a quilt when the last of
// its objects is removed.
func TestPack(t *testing.T) {
	m := newMemory()
	// Nobody waits in vain: packs are full.
	b := openBucket(t, m, Options{PieceSize: 1000, ReadSize: 100, PackBelow: 500, PackWait: time.Hour, Writes: 2})
	defer b.Close()
	ctx, bucket := t.Context(), aws.String("bucket")
	most := b.all.content.packer.most
	data := make([][]byte, 3*most)
	for i := range data {
		data[i] = some(byte(i), 1+500*i/len(data))
	}
	if err := putAll(b, data); err != nil {
		t.Fatal(err)
	}
	m.await(t, 3, "three quilts full of objects")
	for i := range data {
		if got := getRange(t, b, fmt.Sprint(i), ""); !bytes.Equal(got, data[i]) {
			t.Errorf("object %d: %d bytes, want the %d that were put", i, len(got), len(data[i]))
		}
	}
	last := data[len(data)-1]
	if got := getRange(t, b, fmt.Sprint(len(data)-1), "bytes=150-349"); !bytes.Equal(got, last[150:350]) {
		t.Errorf("a range: %d bytes, want 200 of the object", len(got))
	}
	if err := putTo(b, "long", some(1, 501)); err != nil { // does not wait
		t.Fatal(err)
	}
	if err := putTo(b, "empty", nil); err != nil {
		t.Fatal(err)
	}
	m.await(t, 4, "an object that is not small")

	// A copy shares the quilt; a part of an upload can be of it.
	if _, err := b.CopyObject(ctx, copyInput("copy", "0")); err != nil {
		t.Fatal(err)
	}
	remove := func(key string) {
		t.Helper()
		if _, err := b.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range data {
		remove(fmt.Sprint(i))
	}
	m.await(t, 2, "all but a copy removed")
	if got := getRange(t, b, "copy", ""); !bytes.Equal(got, data[0]) {
		t.Errorf("the copy: %d bytes, want %d", len(got), len(data[0]))
	}
	remove("copy")
	remove("long")
	m.await(t, 0, "all removed")
}

// TestPackAlone stores one that nobody joins as a blob by itself, and says what cannot be stored.
func TestPackAlone(t *testing.T) {
	m := newMemory()
	b := openBucket(t, m, Options{PackBelow: 500, PackWait: time.Millisecond})
	defer b.Close()
	if err := putTo(b, "a", some(1, 100)); err != nil {
		t.Fatal(err)
	}
	if err := putTo(b, "b", some(1, 100)); err != nil {
		t.Fatal(err)
	}
	m.await(t, 1, "two objects of the same bytes")
	if o, err := b.all.index.object("bucket", "a"); err != nil || o.Pieces[0].Quilt != 0 {
		t.Errorf("%+v (%v), want a blob by itself", o, err)
	}
	failure := errors.New("no nodes")
	m.fail(failure)
	if err := putAll(b, [][]byte{some(2, 100), some(3, 100), some(4, 100)}); !errors.Is(err, failure) {
		t.Errorf("nothing can be stored: %v, want %v", err, failure)
	}
	if _, err := Open("other", struct{ Blobs }{m}, Options{FS: vfs.NewMem(), PackBelow: 500}); err == nil {
		t.Error("blobs without columns were taken")
	}
}

// TestPackOnLedger packs objects into a quilt of nodes on a ledger, with their notes beside each
// other, makes the database again of these, and ends the quilt with its last object.
func TestPackOnLedger(t *testing.T) {
	p := newPlace(t)
	o := Options{FS: vfs.NewMem(), Account: p.account, Sealer: sealerOf(t, p.key), Put: daemon.PutOptions{Epochs: 2}, PackBelow: 5000, PackWait: time.Minute}
	b := openBucket(t, p.blobs, o)
	data := make([][]byte, b.all.content.packer.most)
	for i := range data {
		data[i] = some(byte(i), 1000*(1+i%5))
	}
	if err := putAll(b, data); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := len(p.listed(t)), 2; got != want { // and the bucket's note
		t.Errorf("%d blobs on the ledger, want %d", got, want)
	}
	o.FS = vfs.NewMem()
	if got, err := Rebuild(t.Context(), "index", p.blobs, o, access, false); err != nil || got.Objects != len(data) || len(got.Lost) != 0 {
		t.Fatalf("rebuilt %+v (%v), want %d objects", got, err, len(data))
	}
	b = open(t, p.blobs, o)
	defer b.Close()
	for i := range data {
		key := fmt.Sprint(i)
		if got := getRange(t, b, key, ""); !bytes.Equal(got, data[i]) {
			t.Errorf("object %d: %d bytes, want the %d that were put", i, len(got), len(data[i]))
		}
		if _, err := b.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	p.awaitBlobs(t, 1)
}

// BenchmarkPack puts 60 objects of 4 KiB at once to nodes on a ledger, packed and one by one.
func BenchmarkPack(b *testing.B) {
	for _, below := range []int64{0, 4096} {
		b.Run(fmt.Sprintf("below=%d", below), func(b *testing.B) {
			p := newPlaceWith(b, 100, func(*ledger.Genesis) {})
			s := openBucket(b, p.blobs, Options{Account: p.account, Sealer: sealerOf(b, p.key), Put: daemon.PutOptions{Epochs: 2}, PackBelow: below})
			defer s.Close()
			data := make([][]byte, maxPacked)
			round := 0
			for b.Loop() {
				for i := range data {
					data[i] = bytes.Repeat([]byte{byte(round), byte(round >> 8), byte(i), 1}, 1024)
				}
				round++
				if err := putAll(s, data); err != nil {
					b.Fatal(err)
				}
			}
			stored := uint64(0)
			for _, o := range p.listed(b) {
				stored += o.Storage.Size
			}
			b.ReportMetric(float64(stored)/float64(round*maxPacked*4096), "stored/byte")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(round*maxPacked), "ms/object")
		})
	}
}
