package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// TestClose closes a backend under requests, as the end of a server does that cuts them off:
// what they do then fails, and brings nothing down.
func TestClose(t *testing.T) {
	m := newMemory()
	b := openBucket(t, m, Options{PieceSize: 10, ReadSize: 10})
	put := func(key string) error {
		_, err := b.PutObject(t.Context(), s3response.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader(some(1, 100))})
		return err
	}
	if err := put("key"); err != nil {
		t.Fatal(err)
	}
	open, err := b.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	if err != nil {
		t.Fatal(err)
	}
	requests := map[string]func() error{
		"put": func() error { return put("key") },
		"head": func() error {
			_, err := b.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
			return err
		},
		"list": func() error {
			_, err := b.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("bucket")})
			return err
		},
		"begin an upload": func() error {
			_, err := b.CreateMultipartUpload(t.Context(), s3response.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
			return err
		},
		"delete": func() error {
			_, err := b.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("none")})
			return err
		},
	}
	var under sync.WaitGroup
	started := make(chan struct{}, len(requests))
	for name, request := range requests {
		under.Go(func() {
			err := request()
			started <- struct{}{}
			for err == nil { // until the backend is closed
				err = request()
			}
			if !errors.Is(err, errClosed) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s while it is closed: %v, want %v", name, err, errClosed)
			}
		})
	}
	for range requests {
		<-started
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	under.Wait()
	for name, request := range requests {
		if err := request(); !errors.Is(err, errClosed) {
			t.Errorf("%s after it was closed: %v, want %v", name, err, errClosed)
		}
	}
	if n, err := io.Copy(io.Discard, open.Body); !errors.Is(err, errClosed) {
		t.Errorf("an open body gives %d bytes (%v) after it was closed, want %v", n, err, errClosed)
	}
	if err := b.Close(); !errors.Is(err, errClosed) {
		t.Errorf("closed twice: %v, want %v", err, errClosed)
	}
}

// watched is blobs that keep the contexts they are called with, as a client does that goes on
// sending to slow nodes.
type watched struct {
	*memory
	contexts []context.Context
}

func (w *watched) Put(ctx context.Context, blob []byte, o daemon.PutOptions) (*daemon.Stored, error) {
	w.contexts = append(w.contexts, ctx)
	return w.memory.Put(ctx, blob, o)
}

// TestContext stores blobs with no context of a request: the server uses that for another one
// when it has answered.
func TestContext(t *testing.T) {
	w := &watched{memory: newMemory()}
	b := openBucket(t, w, Options{})
	defer b.Close()
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "the request's"))
	cancel()
	if _, err := b.PutObject(ctx, s3response.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key"), Body: bytes.NewReader(some(1, 100))}); err != nil {
		t.Fatal(err)
	}
	up, err := b.CreateMultipartUpload(ctx, s3response.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	if err != nil {
		t.Fatal(err)
	}
	for number, put := range map[int32]func(*int32) error{
		1: func(n *int32) error {
			_, err := b.UploadPart(ctx, &awss3.UploadPartInput{Bucket: aws.String("bucket"), Key: aws.String("key"), UploadId: &up.UploadId, PartNumber: n, Body: bytes.NewReader(some(2, 100))})
			return err
		},
		2: func(n *int32) error {
			_, err := b.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: aws.String("bucket"), Key: aws.String("key"), UploadId: &up.UploadId, PartNumber: n, CopySource: aws.String("bucket/key")})
			return err
		},
	} {
		if err := put(&number); err != nil {
			t.Errorf("part %d: %v", number, err)
		}
	}
	if len(w.contexts) != 3 {
		t.Errorf("%d blobs were put, want 3", len(w.contexts))
	}
	for _, ctx := range w.contexts {
		if ctx.Value(key{}) != nil {
			t.Error("a blob was put with the context of its request")
		}
	}
}

// TestSilentClient ends a server although a client has a connection on which it never asked for
// anything: that is not waited for until the server's patience is over.
func TestSilentClient(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	silent, err := net.Dial("tcp", s.at)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s.put("bucket", "key", []byte("the server has taken the connection before this one's"))
	began := time.Now()
	s.stop()
	if took := time.Since(began); took >= 10*time.Second {
		t.Errorf("the end took %v", took)
	}
}
