package s3

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/versity/versitygw/s3response"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// sending is a client that sends parts to a backend.
type sending struct {
	t *testing.T
	b *Backend
}

func (s sending) begin(key string) (id string) {
	s.t.Helper()
	up, err := s.b.CreateMultipartUpload(s.t.Context(), s3response.CreateMultipartUploadInput{
		Bucket: aws.String("bucket"), Key: &key, ContentType: aws.String("text/x"), Metadata: map[string]string{"colour": "blue"}, Tagging: aws.String("t=u"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return up.UploadId
}

func (s sending) part(key, id string, number int32, data []byte) types.CompletedPart {
	s.t.Helper()
	out, err := s.b.UploadPart(s.t.Context(), &awss3.UploadPartInput{Bucket: aws.String("bucket"), Key: &key, UploadId: &id, PartNumber: &number, Body: bytes.NewReader(data)})
	if err != nil {
		s.t.Fatalf("part %d of %q: %v", number, key, err)
	}
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag}
}

func (s sending) complete(key, id string, parts ...types.CompletedPart) {
	s.t.Helper()
	if _, _, err := s.b.CompleteMultipartUpload(s.t.Context(), &awss3.CompleteMultipartUploadInput{
		Bucket: aws.String("bucket"), Key: &key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}); err != nil {
		s.t.Fatalf("completing %q: %v", key, err)
	}
}

// list returns the uploads that go on, with their parts.
func (s sending) list() string {
	s.t.Helper()
	var b strings.Builder
	all, err := s.b.ListMultipartUploads(s.t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String("bucket")})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, up := range all.Uploads {
		fmt.Fprintf(&b, "%q %s since %v:", up.Key, up.UploadID, up.Initiated)
		parts, err := s.b.ListParts(s.t.Context(), &awss3.ListPartsInput{Bucket: aws.String("bucket"), Key: &up.Key, UploadId: &up.UploadID})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range parts.Parts {
			fmt.Fprintf(&b, " %d %s %d %v", p.PartNumber, p.ETag, p.Size, p.LastModified)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestRebuildUploads loses the database while uploads go on: their parts are there again, they can
// be completed, and nothing is left of those that were, or were given up.
func TestRebuildUploads(t *testing.T) {
	p := newPlace(t)
	o := Options{FS: vfs.NewMem(), PieceSize: 3000, Account: p.account, Sealer: sealerOf(t, p.key), Put: daemon.PutOptions{Epochs: 3}}
	s := sending{t, openBucket(t, p.blobs, o)}
	const odd = "dir/\xff\xfe" // no text
	one, made, never, empty := s.begin(odd), s.begin("made"), s.begin("never"), s.begin("empty")
	s.part(odd, one, 7, some(1, 100))
	seven := s.part(odd, one, 7, some(2, 7000)) // in place of the one before
	s.part(odd, one, 9, nil)
	same := s.part("made", made, 1, some(3, 100))
	s.complete("made", made, same)
	s.part("never", never, 1, some(4, 100))
	if err := s.b.AbortMultipartUpload(t.Context(), &awss3.AbortMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String("never"), UploadId: &never}); err != nil {
		t.Fatal(err)
	}
	(&served{t: t, backend: s.b}).settle()
	if got, want := p.notes(t), 1+2+1; got != want { // of the bucket, two parts, and an object
		t.Errorf("%d notes on the ledger, want %d", got, want)
	}
	want := s.list()
	// As a gateway leaves it that is killed as soon as an upload is completed.
	object, err := s.b.all.index.object("bucket", "made")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.b.all.notes.ofPart(note{Bucket: "bucket", Key: []byte("made"), ID: made, Upload: &upload{}, Number: 1, Part: &part{Modified: object.Modified, Pieces: object.Pieces, End: object.End}}); err != nil {
		t.Fatal(err)
	}
	// And one that is killed while it stores something.
	if _, err := p.blobs.Put(t.Context(), some(9, 100), daemon.PutOptions{Epochs: 3}); err != nil {
		t.Fatal(err)
	}
	if err := s.b.Close(); err != nil {
		t.Fatal(err)
	}
	o.FS = vfs.NewMem()
	if got, err := Rebuild(t.Context(), "index", p.blobs, o, access, true); err != nil || got.Uploads != 1 || got.Objects != 1 || got.Unknown != 1 || len(got.Lost) != 0 {
		t.Fatalf("rebuilt %+v (%v), want an upload, an object, and a registration that nobody knows", got, err)
	}
	s.b = open(t, p.blobs, o)
	defer s.b.Close()
	// One without parts had nothing to lose.
	if got := s.list(); !strings.Contains(want, empty) || !strings.Contains(want, got) || !strings.HasPrefix(got, fmt.Sprintf("%q", odd)) || strings.Count(got, "\n") != 1 {
		t.Errorf("what was made again is\n%s\nof\n%s", got, want)
	}
	s.complete(odd, one, seven)
	if got := getRange(t, s.b, odd, ""); !bytes.Equal(got, some(2, 7000)) {
		t.Errorf("%d bytes of what was completed, want the 7000 of its part", len(got))
	}
	if again, err := s.b.all.index.object("bucket", odd); err != nil || again.Headers.Type != "text/x" || again.Metadata["colour"] != "blue" || again.Tags["t"] != "u" {
		t.Errorf("%+v (%v), want it as the upload began", again, err)
	}
	for _, key := range []string{odd, "made"} {
		if _, err := s.b.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	p.awaitBlobs(t, 1) // the bucket's note
}

// TestUploadsEnd ends parts with the epochs for which they are stored, and the upload with them.
func TestUploadsEnd(t *testing.T) {
	a := newAging()
	s := sending{t, openBucket(t, a, Options{Epochs: a.epochs, Put: daemon.PutOptions{Epochs: 2}})}
	defer s.b.Close()
	first, second := s.begin("first"), s.begin("second")
	s.part("first", first, 1, some(1, 100))
	s.part("second", second, 1, some(2, 100))
	a.pass(7*day, 1)
	s.part("second", second, 2, some(3, 100))
	a.pass(7*day, 1)
	now, _ := a.epochs(t.Context())
	if err := (&expirer{all: s.b.all}).scan(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if got := s.list(); strings.Contains(got, first) || !strings.Contains(got, second) || !strings.Contains(got, ": 2 ") {
		t.Errorf("after two epochs there is %s, want the second part of the second upload", got)
	}
	a.memory.await(t, 1, "what is over is freed")
}
