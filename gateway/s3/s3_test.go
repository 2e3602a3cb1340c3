package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
)

const (
	access = "access"
	secret = "a secret that nobody guesses"
)

// memory is blobs in memory, named by a hash that is no blob id.
type memory struct {
	mu    sync.Mutex
	blobs map[commit.BlobID][]byte
	puts  int
	freed []commit.BlobID
	count byte  // of registrations
	err   error // of all calls
}

func newMemory() *memory { return &memory{blobs: make(map[commit.BlobID][]byte)} }

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) Put(_ context.Context, blob []byte, _ daemon.PutOptions) (*daemon.Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	m.puts++
	sum := md5.Sum(blob)
	var id commit.BlobID
	copy(id[:], sum[:])
	m.blobs[id] = bytes.Clone(blob)
	m.count++
	return &daemon.Stored{Object: daemon.Object{ID: daemon.ObjectID{m.count}, Blob: id, Size: uint64(len(blob))}, New: true}, nil
}

func (m *memory) Free(_ context.Context, id commit.BlobID, object daemon.ObjectID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	delete(m.blobs, id)
	m.freed = append(m.freed, id)
	return nil
}

// blob returns what is stored, which does not change.
func (m *memory) blob(id commit.BlobID) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blob, ok := m.blobs[id]
	if m.err != nil {
		return nil, m.err
	}
	if !ok {
		return nil, client.ErrNotFound
	}
	return blob, nil
}

func (m *memory) ReadRange(_ context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	blob, err := m.blob(id)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(blob[off:][:n]), nil
}

// Params are those of a code in which quilts of a few objects can be.
func (m *memory) Params() commit.Params {
	p, err := commit.NewParams(10)
	if err != nil {
		panic(err)
	}
	return p
}

func (m *memory) ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error) {
	blob, err := m.blob(id)
	if err != nil {
		return nil, err
	}
	return quilt.ColumnsOf(m.Params(), blob)(ctx, from, to)
}

// served is a server before blobs.
type served struct {
	t      *testing.T
	memory *memory // nil if there are nodes
	blobs  Blobs
	fs     vfs.FS
	at     string // host and port
	aws    *awss3.Client
	minio  *minio.Client
	stop   func()

	backend *Backend
}

// serveBlobs starts a server before blobs.
func serveBlobs(t *testing.T, blobs Blobs, o Options) *served {
	t.Helper()
	s := &served{t: t, blobs: blobs, fs: vfs.NewMem()}
	s.start(o)
	return s
}

func serve(t *testing.T, o Options) *served {
	t.Helper()
	s := &served{t: t, memory: newMemory(), fs: vfs.NewMem()}
	s.blobs = s.memory
	s.start(o)
	return s
}

// start starts a server on what is there.
func (s *served) start(o Options) {
	t := s.t
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.at = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o.FS = s.fs
	b := open(t, s.blobs, o)
	s.backend = b
	server, err := NewServer(b, ServerOptions{Address: s.at, Access: access, Secret: secret, Domain: "s3.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	<-server.Ready()
	s.stop = sync.OnceFunc(func() {
		cancel()
		done.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	s.aws = awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.at), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), RetryMaxAttempts: 1,
	})
	if s.minio, err = minio.New(s.at, &minio.Options{Creds: miniocredentials.NewStaticV4(access, secret, ""), MaxRetries: 1}); err != nil {
		t.Fatal(err)
	}
}

func some(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// code returns the code of an error of S3.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if answer := minio.ToErrorResponse(err); answer.Code != "" {
		return answer.Code
	}
	return fmt.Sprint(err)
}

func (s *served) bucket(name string) {
	s.t.Helper()
	if _, err := s.aws.CreateBucket(s.t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) put(bucket, key string, data []byte) *awss3.PutObjectOutput {
	s.t.Helper()
	out, err := s.aws.PutObject(s.t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)})
	if err != nil {
		s.t.Fatalf("%s: %v", key, err)
	}
	return out
}

func (s *served) expect(bucket, key string, want []byte) {
	s.t.Helper()
	out, err := s.aws.GetObject(s.t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		s.t.Fatalf("%s: %v", key, err)
	}
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, want) {
		s.t.Errorf("%s: %d bytes (%v), want the %d that were put", key, len(got), err, len(want))
	}
}

// TestBuckets makes, lists and removes buckets.
func TestBuckets(t *testing.T) {
	s := serve(t, Options{})
	ctx := t.Context()
	for _, name := range []string{"second", "first", "third"} {
		s.bucket(name)
	}
	if _, err := s.aws.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("first")}); code(err) != "BucketAlreadyOwnedByYou" {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.aws.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("No")}); code(err) != "InvalidBucketName" {
		t.Errorf("no name: %v", err)
	}
	all, err := s.minio.ListBuckets(ctx)
	if err != nil || len(all) != 3 || all[0].Name != "first" || all[2].Name != "third" || all[1].CreationDate.IsZero() {
		t.Fatalf("buckets %+v (%v)", all, err)
	}
	s.put("first", "a", []byte("x"))
	if _, err := s.aws.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("first")}); code(err) != "BucketNotEmpty" {
		t.Errorf("with an object: %v", err)
	}
	if err := s.minio.RemoveBucket(ctx, "second"); err != nil {
		t.Error(err)
	}
	if ok, err := s.minio.BucketExists(ctx, "second"); ok || err != nil {
		t.Errorf("removed, and there: %t (%v)", ok, err)
	}
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("second"), Key: aws.String("a"), Body: strings.NewReader("x")}); code(err) != "NoSuchBucket" {
		t.Errorf("into no bucket: %v", err)
	}
	set, err := tags.NewTags(map[string]string{"k": "v"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.minio.SetBucketTagging(ctx, "first", set); err != nil {
		t.Error(err)
	}
	if got, err := s.minio.GetBucketTagging(ctx, "first"); err != nil || got.ToMap()["k"] != "v" {
		t.Errorf("tags %v (%v)", got, err)
	}
	if _, err := s.aws.PutBucketVersioning(ctx, &awss3.PutBucketVersioningInput{Bucket: aws.String("first"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); code(err) != "NotImplemented" {
		t.Errorf("versions: %v", err)
	}
}

// TestObjects puts and gets objects around the boundaries of pieces, in both clients' ways.
func TestObjects(t *testing.T) {
	const size = 1000
	s := serve(t, Options{PieceSize: size, ReadSize: 300})
	s.bucket("bucket")
	ctx := t.Context()
	for _, n := range []int{0, 1, size - 1, size, size + 1, 3*size + 17} {
		data := some(byte(n), n)
		key := fmt.Sprintf("dir/%d ü", n)
		out := s.put("bucket", key, data)
		if want := fmt.Sprintf(`"%x"`, md5.Sum(data)); *out.ETag != want {
			t.Errorf("%d bytes: tag %s, want %s", n, *out.ETag, want)
		}
		s.expect("bucket", key, data)
		// minio signs each chunk of the body.
		if _, err := s.minio.PutObject(ctx, "bucket", key, bytes.NewReader(data), int64(n), minio.PutObjectOptions{ContentType: "text/x", UserMetadata: map[string]string{"colour": "blue"}, UserTags: map[string]string{"t": "u"}}); err != nil {
			t.Fatal(err)
		}
		info, err := s.minio.StatObject(ctx, "bucket", key, minio.StatObjectOptions{})
		if err != nil || info.Size != int64(n) || info.ContentType != "text/x" || info.UserMetadata["Colour"] != "blue" || info.UserTagCount != 1 {
			t.Errorf("%d bytes: %+v (%v)", n, info, err)
		}
	}
	if got := s.memory.puts; got != 2*(0+1+1+1+2+4) {
		t.Errorf("%d blobs, want those of two times six objects", got)
	}
	data := some(byte(3*size+17-256*((3*size+17)/256)), 3*size+17)
	key := fmt.Sprintf("dir/%d ü", 3*size+17)
	for _, c := range []struct {
		asked    string
		from, to int
	}{
		{"bytes=0-0", 0, 1}, {"bytes=999-1000", 999, 1001}, {"bytes=10-", 10, len(data)}, {"bytes=-20", len(data) - 20, len(data)}, {"bytes=500-2999", 500, 3000}, {"bytes=3000-9999", 3000, len(data)},
	} {
		out, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, Range: &c.asked})
		if err != nil {
			t.Fatalf("%s: %v", c.asked, err)
		}
		got, err := io.ReadAll(out.Body)
		if want := fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, len(data)); err != nil || !bytes.Equal(got, data[c.from:c.to]) || *out.ContentRange != want {
			t.Errorf("%s: %d bytes, %s (%v), want %s", c.asked, len(got), *out.ContentRange, err, want)
		}
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, Range: aws.String("bytes=99999-")}); code(err) != "InvalidRange" {
		t.Errorf("beyond the end: %v", err)
	}

	// Conditions.
	head, err := s.aws.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bucket"), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, IfMatch: aws.String(`"x"`)}); code(err) != "PreconditionFailed" {
		t.Errorf("if-match: %v", err)
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, IfNoneMatch: head.ETag}); code(err) != "NotModified" {
		t.Errorf("if-none-match: %v", err)
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, IfModifiedSince: head.LastModified}); code(err) != "NotModified" {
		t.Errorf("if-modified-since: %v", err)
	}
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")}); code(err) != "PreconditionFailed" {
		t.Errorf("put if there is none: %v", err)
	}
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("x"), IfMatch: aws.String(`"abc"`)}); code(err) != "PreconditionFailed" {
		t.Errorf("put if it is another: %v", err)
	}
	s.expect("bucket", key, data)

	// Copies share blobs.
	before := s.memory.puts
	if _, err := s.minio.CopyObject(ctx, minio.CopyDestOptions{Bucket: "bucket", Object: "copy"}, minio.CopySrcOptions{Bucket: "bucket", Object: key}); err != nil {
		t.Fatal(err)
	}
	s.expect("bucket", "copy", data)
	if _, err := s.minio.CopyObject(ctx, minio.CopyDestOptions{Bucket: "bucket", Object: "copy", ReplaceMetadata: true, UserMetadata: map[string]string{"colour": "red"}}, minio.CopySrcOptions{Bucket: "bucket", Object: "copy"}); err != nil {
		t.Error(err)
	}
	if info, err := s.minio.StatObject(ctx, "bucket", "copy", minio.StatObjectOptions{}); err != nil || info.UserMetadata["Colour"] != "red" {
		t.Errorf("metadata %v (%v)", info.UserMetadata, err)
	}
	if s.memory.puts != before {
		t.Error("a copy stores blobs")
	}

	// Tags, and the end.
	set, err := tags.NewTags(map[string]string{"a": "b", "c": "d"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.minio.PutObjectTagging(ctx, "bucket", "copy", set, minio.PutObjectTaggingOptions{}); err != nil {
		t.Error(err)
	}
	if got, err := s.minio.GetObjectTagging(ctx, "bucket", "copy", minio.GetObjectTaggingOptions{}); err != nil || len(got.ToMap()) != 2 {
		t.Errorf("tags %v (%v)", got, err)
	}
	if err := s.minio.RemoveObjectTagging(ctx, "bucket", "copy", minio.RemoveObjectTaggingOptions{}); err != nil {
		t.Error(err)
	}
	for range 2 { // once more is no error
		if _, err := s.aws.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("copy")}); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("copy")}); code(err) != "NoSuchKey" {
		t.Errorf("removed: %v", err)
	}
	s.expect("bucket", key, data)
	out, err := s.aws.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &key}, {Key: aws.String("none")}}}})
	if err != nil || len(out.Deleted) != 2 || len(out.Errors) != 0 {
		t.Errorf("many at once: %+v (%v)", out, err)
	}
}

// TestDamagedBodies: of a body that is not what its client says, nothing is kept.
func TestDamagedBodies(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx := t.Context()
	key := aws.String("k")
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: key, Body: strings.NewReader("x"), ChecksumSHA256: aws.String("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")}); code(err) != "BadDigest" {
		t.Errorf("another checksum: %v", err)
	}
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: key, Body: strings.NewReader("x"), ContentMD5: aws.String("AAAAAAAAAAAAAAAAAAAAAA==")}); code(err) != "BadDigest" {
		t.Errorf("another MD5: %v", err)
	}
	if _, err := s.aws.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bucket"), Key: key}); code(err) != "NotFound" {
		t.Errorf("it is there: %v", err)
	}
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("x")}); code(err) != "KeyTooLongError" {
		t.Errorf("a long key: %v", err)
	}
	// A checksum that is right comes back.
	for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc64nvme} {
		if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: key, Body: strings.NewReader("some text"), ChecksumAlgorithm: algorithm}); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		out, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(out.Body); err != nil || string(got) != "some text" || out.ChecksumType != types.ChecksumTypeFullObject {
			t.Errorf("%s: %q, %s (%v)", algorithm, got, out.ChecksumType, err)
		}
	}
	bad := awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.at), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(access, "another secret of some length", ""), RetryMaxAttempts: 1})
	if _, err := bad.ListBuckets(ctx, &awss3.ListBucketsInput{}); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("another secret: %v", err)
	}
	if answer, err := http.Get("http://" + s.at + "/bucket/k"); err != nil || answer.StatusCode != 403 {
		t.Errorf("nobody: %v (%v)", answer, err)
	}
	s.memory.fail(client.ErrUnavailable)
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("l"), Body: strings.NewReader("x")}); code(err) != "SlowDown" {
		t.Errorf("nodes are away: %v", err)
	}
	if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: key}); code(err) != "SlowDown" {
		t.Errorf("nodes are away: %v", err)
	}
}

// TestMultipart uploads parts in any order, some twice.
func TestMultipart(t *testing.T) {
	s := serve(t, Options{PieceSize: 2 << 20})
	s.bucket("bucket")
	ctx := t.Context()
	b, key := aws.String("bucket"), aws.String("big")
	began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key, ContentType: aws.String("text/x"), Metadata: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	parts := [][]byte{some(1, 5<<20), some(2, 5<<20+1), some(3, 77)}
	tag := make(map[int]*string)
	for _, i := range []int{2, 0, 1, 0} {
		out, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: key, UploadId: began.UploadId, PartNumber: aws.Int32(int32(10*i + 1)), Body: bytes.NewReader(parts[i])})
		if err != nil {
			t.Fatal(err)
		}
		tag[i] = out.ETag
	}
	listed, err := s.aws.ListParts(ctx, &awss3.ListPartsInput{Bucket: b, Key: key, UploadId: began.UploadId, MaxParts: aws.Int32(2)})
	if err != nil || len(listed.Parts) != 2 || *listed.Parts[1].PartNumber != 11 || !*listed.IsTruncated {
		t.Errorf("parts %+v (%v)", listed, err)
	}
	pending, err := s.aws.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: b})
	if err != nil || len(pending.Uploads) != 1 || *pending.Uploads[0].UploadId != *began.UploadId {
		t.Errorf("uploads %+v (%v)", pending, err)
	}
	complete := func(numbers ...int) error {
		var list []types.CompletedPart
		for _, i := range numbers {
			list = append(list, types.CompletedPart{PartNumber: aws.Int32(int32(10*i + 1)), ETag: tag[i]})
		}
		_, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: b, Key: key, UploadId: began.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}})
		return err
	}
	if err := complete(1, 0); code(err) != "InvalidPartOrder" {
		t.Errorf("out of order: %v", err)
	}
	if err := complete(2, 1); code(err) != "InvalidPartOrder" {
		t.Errorf("out of order: %v", err)
	}
	if _, err := s.aws.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: b, Key: key}); code(err) != "NotFound" {
		t.Errorf("not complete, and there: %v", err)
	}
	for range 2 { // again is the same
		if err := complete(0, 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("bucket", "big", slices.Concat(parts...))
	one, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: b, Key: key, PartNumber: aws.Int32(2)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(one.Body); err != nil || !bytes.Equal(got, parts[1]) || *one.PartsCount != 3 {
		t.Errorf("part 2: %d bytes of %d (%v)", len(got), *one.PartsCount, err)
	}
	if head, err := s.aws.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: b, Key: key}); err != nil || *head.ContentType != "text/x" || head.Metadata["a"] != "b" || !strings.HasSuffix(*head.ETag, `-3"`) {
		t.Errorf("head %+v (%v)", head, err)
	}
	if pending, err := s.aws.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: b}); err != nil || len(pending.Uploads) != 0 {
		t.Errorf("uploads %+v (%v)", pending.Uploads, err)
	}
	// minio does all of it by itself.
	data := some(9, 12<<20)
	if _, err := s.minio.PutObject(ctx, "bucket", "other", bytes.NewReader(data), -1, minio.PutObjectOptions{PartSize: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	s.expect("bucket", "other", data)
	// Parts of another object.
	again, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: aws.String("copied")})
	if err != nil {
		t.Fatal(err)
	}
	copied, err := s.aws.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: b, Key: aws.String("copied"), UploadId: again.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("bucket/other"), CopySourceRange: aws.String("bytes=100-999")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: b, Key: aws.String("copied"), UploadId: again.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: copied.CopyPartResult.ETag}}}}); err != nil {
		t.Fatal(err)
	}
	s.expect("bucket", "copied", data[100:1000])
	// One that is given up leaves nothing.
	gone, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: b, Key: key, UploadId: gone.UploadId}); err != nil {
		t.Error(err)
	}
	if _, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: key, UploadId: gone.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")}); code(err) != "NoSuchUpload" {
		t.Errorf("a part of no upload: %v", err)
	}
}

// TestListing lists with prefixes and delimiters, in pages of every size.
func TestListing(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.bucket("bucket-other")
	keys := []string{"a", "a/", "a/b", "a/b/c", "a/c", "a0", "b/1", "b/2", "c", "ä/x"}
	for _, key := range keys {
		s.put("bucket", key, []byte(key))
		s.put("bucket-other", key, nil)
	}
	slices.Sort(keys)
	for _, c := range []struct{ prefix, delimiter string }{{"", ""}, {"a", ""}, {"", "/"}, {"a/", "/"}, {"a", "/"}, {"b", "/"}, {"x", "/"}, {"", "b"}, {"", "//"}} {
		var want, wantPrefixes []string
		for _, key := range keys {
			rest, ok := strings.CutPrefix(key, c.prefix)
			if !ok {
				continue
			}
			if at := strings.Index(rest, c.delimiter); c.delimiter != "" && at >= 0 {
				if p := c.prefix + rest[:at+len(c.delimiter)]; !slices.Contains(wantPrefixes, p) {
					wantPrefixes = append(wantPrefixes, p)
				}
				continue
			}
			want = append(want, key)
		}
		for _, size := range []int32{1, 2, 3, 1000} {
			var got, prefixes []string
			in := &awss3.ListObjectsV2Input{Bucket: aws.String("bucket"), Prefix: &c.prefix, MaxKeys: &size}
			if c.delimiter != "" {
				in.Delimiter = &c.delimiter
			}
			for pages := awss3.NewListObjectsV2Paginator(s.aws, in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if int32(len(page.Contents)+len(page.CommonPrefixes)) > size {
					t.Errorf("%d entries in a page of %d", len(page.Contents)+len(page.CommonPrefixes), size)
				}
				for _, o := range page.Contents {
					got = append(got, *o.Key)
				}
				for _, p := range page.CommonPrefixes {
					prefixes = append(prefixes, *p.Prefix)
				}
			}
			if !slices.Equal(got, want) || !slices.Equal(prefixes, wantPrefixes) {
				t.Errorf("prefix %q, delimiter %q, pages of %d: %q and %q, want %q and %q", c.prefix, c.delimiter, size, got, prefixes, want, wantPrefixes)
			}
		}
	}
	out, err := s.aws.ListObjects(t.Context(), &awss3.ListObjectsInput{Bucket: aws.String("bucket"), Marker: aws.String("a/b"), MaxKeys: aws.Int32(2)})
	if err != nil || len(out.Contents) != 2 || *out.Contents[0].Key != "a/b/c" || !*out.IsTruncated {
		t.Errorf("after a marker: %+v (%v)", out, err)
	}
	after, err := s.aws.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("bucket"), StartAfter: aws.String("b/1")})
	if err != nil || len(after.Contents) != 3 || *after.Contents[0].Key != "b/2" {
		t.Errorf("start after: %+v (%v)", after, err)
	}
	if _, err := s.aws.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("bucket"), ContinuationToken: aws.String("base64:%%%")}); err == nil {
		t.Error("a token that nobody gave is taken")
	}
}

// hosts returns a client for which buckets are hosts.
func (s *served) hosts() *awss3.Client {
	return awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://s3.localhost"), Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.at)
		}}},
	})
}

// TestStyles: buckets as hosts, and signatures in the query.
func TestStyles(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.put("bucket", "k", []byte("some text"))
	get := &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")}
	signed, err := awss3.NewPresignClient(s.aws).PresignGetObject(t.Context(), get)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(url string) (int, string) {
		t.Helper()
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if code, text := fetch(signed.URL); code != 200 || text != "some text" {
		t.Errorf("presigned: %d, %s", code, text)
	}
	if code, text := fetch(strings.Replace(signed.URL, "/k?", "/l?", 1)); code != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("presigned for something else: %d, %s", code, text)
	}
	out, err := s.hosts().GetObject(t.Context(), get)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(out.Body); err != nil || string(text) != "some text" {
		t.Errorf("by its host: %q (%v)", text, err)
	}
}

// TestKill loses the process in the middle of writes, with all that is not durable: what was
// acknowledged is there.
func TestKill(t *testing.T) {
	s := &served{t: t, memory: newMemory()}
	s.blobs = s.memory
	crash := vfs.NewCrashableMem()
	s.fs = crash
	s.start(Options{})
	s.bucket("bucket")
	var mu sync.Mutex
	acknowledged, done := make(map[string][]byte), make(chan struct{})
	var writers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key, data := fmt.Sprintf("%d/%d", w, i), some(byte(i), 500)
				if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader(data)}); err != nil {
					continue
				}
				mu.Lock()
				acknowledged[key] = data
				mu.Unlock()
				select {
				case done <- struct{}{}:
				case <-ctx.Done():
				}
			}
		})
	}
	for range 100 {
		<-done
	}
	mu.Lock() // what is acknowledged from now on comes too late
	image := crash.CrashClone(vfs.CrashCloneCfg{})
	kept := len(acknowledged)
	want := make(map[string][]byte, kept)
	for key, data := range acknowledged {
		want[key] = data
	}
	mu.Unlock()
	cancel()
	writers.Wait()
	s.stop()
	s.fs = image
	s.start(Options{})
	for key, data := range want {
		s.expect("bucket", key, data)
	}
	if kept < 100 {
		t.Errorf("%d writes before the crash, want 100", kept)
	}
}
