package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/versity/versitygw/s3response"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// await waits until there are so many blobs.
func (m *memory) await(t *testing.T, want int, after string) {
	t.Helper()
	got := 0
	for range 6000 {
		m.mu.Lock()
		got = len(m.blobs)
		m.mu.Unlock()
		if got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: %d blobs, want %d", after, got, want)
}

// TestFree ends what nothing uses any more, and nothing else.
func TestFree(t *testing.T) {
	s := serve(t, Options{PieceSize: 100})
	s.bucket("bucket")
	ctx, bucket := t.Context(), aws.String("bucket")
	remove := func(key string) {
		t.Helper()
		if _, err := s.aws.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	s.put("bucket", "a", some(1, 250))
	s.put("bucket", "same", some(1, 250))
	s.memory.await(t, 3, "two objects of the same bytes")
	remove("a")
	s.put("bucket", "b", some(2, 150))
	s.memory.await(t, 5, "one of the two removed, and another one put")
	s.expect("bucket", "same", some(1, 250))
	if _, err := s.aws.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("bucket/same")}); err != nil {
		t.Fatal(err)
	}
	remove("same")
	s.put("bucket", "b", some(3, 50))
	s.memory.await(t, 4, "an object overwritten")
	s.expect("bucket", "copy", some(1, 250))

	up, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("up")})
	if err != nil {
		t.Fatal(err)
	}
	part := func(data []byte) *awss3.UploadPartOutput {
		out, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: bucket, Key: aws.String("up"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	part(some(4, 80))
	s.memory.await(t, 5, "a part")
	last := part(some(5, 90))
	s.memory.await(t, 5, "a part once more")
	if _, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: aws.String("up"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: last.ETag}}},
	}); err != nil {
		t.Fatal(err)
	}
	s.expect("bucket", "up", some(5, 90))

	if up, err = s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("up")}); err != nil {
		t.Fatal(err)
	}
	part(some(6, 80))
	if _, err := s.aws.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: bucket, Key: aws.String("up"), UploadId: up.UploadId}); err != nil {
		t.Fatal(err)
	}
	s.memory.await(t, 5, "an upload that was given up")
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: bucket, Key: aws.String("wrong"), Body: bytes.NewReader(some(7, 250)), ChecksumCRC32: aws.String("AAAAAA==")}); err == nil {
		t.Error("a wrong checksum was taken")
	}
	s.memory.await(t, 5, "a body that was refused")

	// What cannot be ended now is ended by a server that starts later.
	failure := errors.New("the ledger is out of reach")
	s.memory.fail(failure)
	remove("copy")
	remove("up")
	s.stop()
	s.memory.fail(nil)
	s.start(Options{PieceSize: 100})
	s.memory.await(t, 1, "objects removed while nothing could be ended")
	s.expect("bucket", "b", some(3, 50))
	remove("b")
	s.memory.await(t, 0, "all objects removed")
}

// TestUpgrade: a database of before there were references gets them.
func TestUpgrade(t *testing.T) {
	fs := vfs.NewMem()
	m := newMemory()
	s := &served{t: t, memory: m, blobs: m, fs: fs}
	s.start(Options{})
	s.bucket("bucket")
	s.put("bucket", "a", some(1, 10))
	s.put("bucket", "b", some(1, 10))
	s.stop()
	x, err := openIndex("index", fs)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.apply(func(c change) error {
		all := []byte{kindReference}
		return errors.Join(c.batch.DeleteRange(all, after(all), nil), c.remove([]byte{kindForm}))
	}); err != nil {
		t.Fatal(err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	s.start(Options{})
	for i, key := range []string{"a", "b"} {
		s.expect("bucket", key, some(1, 10))
		if _, err := s.aws.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}); err != nil {
			t.Fatal(err)
		}
		m.await(t, 1-i, "removed "+key)
	}
}

// TestFreeCrowd has many put, read, copy and remove objects of a few contents at once: no
// object lacks its bytes at any time, and no blob stays in the end.
func TestFreeCrowd(t *testing.T) {
	m := newMemory()
	b := openBucket(t, m, Options{PieceSize: 10, ReadSize: 10})
	defer b.Close()
	ctx, bucket := t.Context(), aws.String("bucket")
	const keys, contents = 6, 3
	var crowd sync.WaitGroup
	for who := range 4 {
		crowd.Go(func() {
			for i := range 150 {
				key, other := fmt.Sprint((who+i)%keys), fmt.Sprint((who*i)%keys)
				switch (i + who) % 4 {
				case 0, 1:
					if err := putTo(b, key, some(byte((i*7+who)%contents), 35)); err != nil {
						t.Errorf("put: %v", err)
					}
				case 2:
					if _, err := b.CopyObject(ctx, copyInput(key, other)); err != nil && !says(err, "NoSuchKey") && !says(err, "InvalidRequest") {
						t.Errorf("copy: %v", err)
					}
					_, err := b.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: &other})
					if err != nil {
						t.Errorf("delete: %v", err)
					}
				case 3:
					out, err := b.GetObject(ctx, &awss3.GetObjectInput{Bucket: bucket, Key: &key})
					if err != nil {
						if found, _ := b.all.index.object("bucket", key); found != nil && !says(err, "NoSuchKey") {
							t.Errorf("get: %v", err)
						}
						continue
					}
					data, err := io.ReadAll(out.Body)
					if err != nil || len(data) != 35 {
						t.Errorf("read: %d bytes (%v)", len(data), err)
					}
					out.Body.Close()
				}
			}
		})
	}
	crowd.Wait()
	for key := range keys {
		out, err := b.GetObject(ctx, &awss3.GetObjectInput{Bucket: bucket, Key: aws.String(fmt.Sprint(key))})
		if err == nil {
			if data, err := io.ReadAll(out.Body); err != nil || len(data) != 35 {
				t.Errorf("object %d in the end: %d bytes (%v)", key, len(data), err)
			}
			out.Body.Close()
		} else if found, _ := b.all.index.object("bucket", fmt.Sprint(key)); found != nil {
			t.Errorf("object %d in the end: %v", key, err)
		}
		if _, err := b.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: aws.String(fmt.Sprint(key))}); err != nil {
			t.Error(err)
		}
	}
	m.await(t, 0, "all objects removed")
}

func putTo(b *Backend, key string, data []byte) error {
	_, err := b.PutObject(context.Background(), s3response.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader(data)})
	return err
}

func copyInput(to, from string) s3response.CopyObjectInput {
	return s3response.CopyObjectInput{Bucket: aws.String("bucket"), Key: &to, CopySource: aws.String("bucket/" + from)}
}

func says(err error, code string) bool { return strings.Contains(err.Error(), "<Code>"+code+"<") }

// TestFreeAgain puts a blob while its registration is ended: the registration that the first
// attempt makes is the gateway's, too.
func TestFreeAgain(t *testing.T) {
	m := newMemory()
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := &slowFree{memory: m, entered: entered, leave: leave}
	b := openBucket(t, slow, Options{})
	defer b.Close()
	remove := func() {
		t.Helper()
		if _, err := b.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := putTo(b, "key", some(1, 10)); err != nil {
		t.Fatal(err)
	}
	remove()
	<-entered // the registration has ended, and the collector has not noted it yet
	done := make(chan error, 1)
	go func() { done <- putTo(b, "key", some(1, 10)) }()
	m.await(t, 1, "put while a registration was ended") // by the first attempt
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	remove()
	m.await(t, 0, "removed again")
}

// slowFree is blobs whose Free ends a registration, and then waits the first time. A blob that
// is there already is not new, as on a ledger.
type slowFree struct {
	*memory
	once           sync.Once
	entered, leave chan struct{}
}

func (s *slowFree) Put(ctx context.Context, blob []byte, o daemon.PutOptions) (*daemon.Stored, error) {
	s.mu.Lock()
	before := len(s.blobs)
	s.mu.Unlock()
	got, err := s.memory.Put(ctx, blob, o)
	if err == nil {
		got.New = before == 0
	}
	return got, err
}

func (s *slowFree) Free(ctx context.Context, id commit.BlobID, object daemon.ObjectID) error {
	err := s.memory.Free(ctx, id, object)
	s.once.Do(func() {
		close(s.entered)
		<-s.leave
	})
	return err
}
