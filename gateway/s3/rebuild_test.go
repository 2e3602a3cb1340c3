package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// contents returns all that a client sees of what is stored.
func (s *served) contents() string {
	s.t.Helper()
	ctx := s.t.Context()
	var b strings.Builder
	all, err := s.aws.ListBuckets(ctx, &awss3.ListBucketsInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, bucket := range all.Buckets {
		fmt.Fprintf(&b, "bucket %s of %v\n", *bucket.Name, bucket.CreationDate)
		if tags, err := s.aws.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: bucket.Name}); err == nil {
			fmt.Fprintf(&b, "\ttag %s=%s\n", *tags.TagSet[0].Key, *tags.TagSet[0].Value)
		}
		if policy, err := s.aws.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: bucket.Name}); err == nil {
			fmt.Fprintf(&b, "\tpolicy %s\n", *policy.Policy)
		}
		list, err := s.aws.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: bucket.Name})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, o := range list.Contents {
			got, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: bucket.Name, Key: o.Key, ChecksumMode: types.ChecksumModeEnabled})
			if err != nil {
				s.t.Fatalf("%s: %v", *o.Key, err)
			}
			data, err := io.ReadAll(got.Body)
			if err != nil {
				s.t.Fatalf("%s: %v", *o.Key, err)
			}
			got.Body.Close()
			tags, err := s.aws.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: bucket.Name, Key: o.Key})
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(&b, "\t%q %s %d %v %s %v %v %s", *o.Key, *o.ETag, *o.Size, *o.LastModified, text(got.ContentType), got.Metadata, text(got.ChecksumCRC64NVME), text(got.CacheControl))
			for _, tag := range tags.TagSet {
				fmt.Fprintf(&b, " %s=%s", *tag.Key, *tag.Value)
			}
			fmt.Fprintf(&b, " %x\n", data)
		}
	}
	return b.String()
}

func sealerOf(t testing.TB, key *identity.Key) *Sealer {
	t.Helper()
	s, err := NewSealer(key.Account())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRebuild loses the database, and makes it again of what is on the ledger: the same
// buckets, objects and bytes, of which each is ended when it is removed.
func TestRebuild(t *testing.T) {
	p := newPlace(t)
	writer := p.key
	options := Options{PieceSize: 3000, Account: p.account, Sealer: sealerOf(t, writer), Put: daemon.PutOptions{Epochs: 3}}
	s := &served{t: t, blobs: p.blobs, fs: vfs.NewMem()}
	s.start(options)
	ctx, bucket := t.Context(), aws.String("bucket")
	s.bucket("bucket")
	s.bucket("empty")
	if _, err := s.aws.PutBucketTagging(ctx, &awss3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}); err != nil {
		t.Fatal(err)
	}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}`
	if _, err := s.aws.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	s.put("bucket", "small", some(1, 10))
	s.put("bucket", "nothing", nil)
	// One whose note does not fit into an attribute.
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: bucket, Key: aws.String(fmt.Sprintf("long/%x", some(9, 400))), Body: bytes.NewReader(some(2, 75_000)), Metadata: map[string]string{"long": fmt.Sprintf("%x", some(10, 900))},
	}); err != nil {
		t.Fatal(err)
	}
	s.put("bucket", "same", some(1, 10))
	s.put("bucket", "over", some(3, 100))
	s.put("bucket", "over", some(4, 100))
	s.put("bucket", "gone", some(5, 100))
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: bucket, Key: aws.String("dir/ü"), Body: bytes.NewReader(some(6, 4000)), ContentType: aws.String("text/x"), CacheControl: aws.String("no-cache"),
		Metadata: map[string]string{"colour": strings.Repeat("blue", 300)}, Tagging: aws.String("t=u"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("bucket/dir/ü")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{Bucket: bucket, Key: aws.String("small"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("later"), Value: aws.String("tag")}}}}); err != nil {
		t.Fatal(err)
	}
	up, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("parts")})
	if err != nil {
		t.Fatal(err)
	}
	part, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: bucket, Key: aws.String("parts"), UploadId: up.UploadId, PartNumber: aws.Int32(3), Body: bytes.NewReader(some(7, 7000))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: aws.String("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(3), ETag: part.ETag}}},
	}); err != nil {
		t.Fatal(err)
	}
	const most = 3
	s.backend.all.notes.most = most
	for i := range 2 * most { // more than a registration has room for
		s.put("empty", fmt.Sprint(i), some(8, 10))
	}
	if _, err := s.aws.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: aws.String("gone")}); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if got, want := p.notes(t), 2+8+2*most; got != want {
		t.Errorf("%d notes on the ledger, want %d", got, want)
	}
	want := s.contents()
	s.stop()

	rebuild := func(fs vfs.FS, o Options) (*Rebuilt, error) {
		o.FS = fs
		return Rebuild(ctx, "index", p.blobs, o, access, false)
	}
	if _, err := rebuild(s.fs, options); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a database that is there: %v, want it refused", err)
	}
	s.fs = vfs.NewMem()
	got, err := rebuild(s.fs, options)
	if err != nil {
		t.Fatal(err)
	}
	if got.Buckets != 2 || got.Objects != 8+2*most || got.Foreign != 0 || got.Older != 0 || len(got.Lost) != 0 {
		t.Errorf("rebuilt %+v, want 2 buckets and %d objects", got, 8+2*most)
	}
	s.start(options)
	if got := s.contents(); got != want {
		t.Errorf("what was made again is\n%s\nwant\n%s", got, want)
	}
	// All of it can be removed, and then there is nothing left on the ledger.
	for _, b := range []string{"bucket", "empty"} {
		list, err := s.aws.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: &b})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Contents {
			if _, err := s.aws.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &b, Key: o.Key}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.aws.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: &b}); err != nil {
			t.Fatal(err)
		}
	}
	p.awaitBlobs(t, 0)
}

// listed returns what is registered.
func (p *place) listed(t testing.TB) (all []ledger.Blob) {
	t.Helper()
	if err := chain.ListAll(t.Context(), p.ledger, ledger.BlobKey(ledger.ObjectID{})[:1], func(pair chain.Pair) error {
		var b ledger.Blob
		err := ledger.Read(pair.Value, &b)
		all = append(all, b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func (p *place) awaitBlobs(t *testing.T, want int) {
	t.Helper()
	got := -1
	for range 6000 {
		if got = len(p.listed(t)); got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d blobs on the ledger, want %d", got, want)
}

// notes returns how many notes are on the ledger.
func (p *place) notes(t *testing.T) (n int) {
	t.Helper()
	for _, b := range p.listed(t) {
		n += len(b.Attributes)
	}
	return n
}

// settle waits until nothing is left to be looked into.
func (s *served) settle() {
	s.t.Helper()
	left := ""
	for range 6000 {
		left = ""
		for _, kind := range []byte{kindDoubt, kindIdle, kindIntent} {
			if err := s.backend.all.index.each([]byte{kind}, []byte{kind}, func(key, _ []byte, _ func([]byte)) (bool, error) {
				left = fmt.Sprintf("%q", key)
				return false, nil
			}); err != nil {
				s.t.Fatal(err)
			}
		}
		if left == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s is not looked into", left)
}

// TestRebuildWhat makes a database of notes of which some are not to be believed: made by somebody
// else, of before, elsewhere than they were, or of blobs that are gone.
func TestRebuildWhat(t *testing.T) {
	p := newPlace(t)
	o := Options{Account: p.account, Sealer: sealerOf(t, p.key), Put: daemon.PutOptions{Epochs: 3}, FS: vfs.NewMem()}
	ctx := t.Context()
	b := openBucket(t, p.blobs, o)
	for i, key := range []string{"a", "b", "lost"} {
		if err := putTo(b, key, some(byte(i), 100)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := b.all.index.object("bucket", "a")
	if err != nil {
		t.Fatal(err)
	}
	// An older note of the same object, and one of a bucket that has none of its own.
	older := *a
	older.ETag, older.Noted = "older", a.Noted.Add(-time.Hour)
	for _, where := range []string{"bucket", "other"} {
		if _, err := b.all.notes.ofObject(where, "a", &older); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	find := func(data []byte) chain.Registration {
		t.Helper()
		id, err := p.client.Code().ID(data)
		if err != nil {
			t.Fatal(err)
		}
		found, err := p.ledger.Blob(ctx, id)
		if err != nil || len(found.Registrations) != 1 {
			t.Fatalf("%+v (%v), want one registration", found, err)
		}
		return found.Registrations[0]
	}
	one, two, lost := find(some(0, 100)), find(some(1, 100)), find(some(2, 100))
	moved := one.Attributes[0]
	do := func(action ledger.Action) {
		t.Helper()
		if _, err := p.account.Do(ctx, action); err != nil {
			t.Fatal(err)
		}
	}
	do(ledger.SetAttributes{Blob: two.Object, Attributes: []ledger.Attribute{
		moved, {Name: newNoteName(), Value: "nonsense"}, {Name: newNoteName(), Value: two.Attributes[0].Value}, {Name: noteAttribute + "other", Value: "of somebody else"},
	}})
	// The note of what is lost is elsewhere than its blob.
	var kept *note
	seal := o.Sealer
	if kept, err = seal.read(lost.Attributes[0].Value, placeOf(lost.Attributes[0].Name, daemon.ObjectID(lost.Object))); err != nil {
		t.Fatal(err)
	}
	packed, err := kept.pack()
	if err != nil {
		t.Fatal(err)
	}
	name := newNoteName()
	value, _ := seal.value(packed, placeOf(name, daemon.ObjectID(one.Object)))
	do(ledger.SetAttributes{Blob: one.Object, Attributes: []ledger.Attribute{{Name: name, Value: value}}})
	do(ledger.DeleteBlob{Blob: lost.Object})

	cut, cancel := context.WithCancel(ctx)
	cancel()
	o.FS = vfs.NewMem()
	if _, err := Rebuild(cut, "index", p.blobs, o, access, false); err == nil {
		t.Error("a rebuild that was cut off succeeded")
	}
	for range 2 { // once it has begun, it begins anew
		x, err := openIndex("index", o.FS)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.apply(func(c change) error { return c.put([]byte{kindRebuilding}, true) }); err != nil {
			t.Fatal(err)
		}
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open("index", p.blobs, o); err == nil || !strings.Contains(err.Error(), "once more") {
			t.Errorf("what is half made was opened: %v", err)
		}
		got, err := Rebuild(ctx, "index", p.blobs, o, access, false)
		if err != nil {
			t.Fatal(err)
		}
		if got.Objects != 3 || got.Buckets != 2 || got.Older != 1 || got.Foreign != 3 || len(got.Lost) != 1 || got.Lost[0].Key != "lost" {
			t.Errorf("rebuilt %+v, want 3 objects in 2 buckets, 1 older, 3 foreign and one that is lost", got)
		}
	}
	b = open(t, p.blobs, o)
	defer b.Close()
	if now, err := b.all.index.object("bucket", "a"); err != nil || now.ETag != a.ETag || !now.Modified.Equal(a.Modified) {
		t.Errorf("a is %+v (%v), want the later one, %+v", now, err, a)
	}
	if buckets, err := b.ListBucketsAndOwners(ctx); err != nil || len(buckets) != 2 || buckets[1].Name != "other" || buckets[1].Owner != access {
		t.Errorf("buckets %+v (%v), want one besides that is %s's", buckets, err, access)
	}
	other := o
	other.Sealer, other.FS = sealerOf(t, identity.GenerateKey()), vfs.NewMem()
	if got, err := Rebuild(ctx, "index", p.blobs, other, access, false); err != nil || got.Objects+got.Buckets != 0 || got.Foreign == 0 {
		t.Errorf("with another key: %+v (%v), want nothing that it has made", got, err)
	}
	if _, err := Rebuild(ctx, "index", p.blobs, Options{FS: vfs.NewMem()}, access, false); err == nil {
		t.Error("a rebuild without a ledger succeeded")
	}
}

// FuzzNote opens whatever is on the ledger: it is refused, or it is what was sealed.
func FuzzNote(f *testing.F) {
	seal := sealerOf(f, identity.GenerateKey())
	where := placeOf("name", daemon.ObjectID{1})
	for _, n := range []note{
		{Bucket: "bucket", Key: []byte("\xff"), Object: &object{Pieces: []piece{{Size: 3, Quilt: 9, Start: 1, End: 2}}}, Made: [][]daemon.ObjectID{{{7}}}},
		{Bucket: "bucket", Key: []byte("key"), ID: "id", Number: 3, Upload: &upload{Metadata: map[string]string{"a": "b"}}, Part: &part{ETag: "x", Pieces: []piece{{}}}},
		{Bucket: "bucket", Record: &bucket{Settings: map[string][]byte{"cors": {1}}}},
		{Bucket: "bucket", Parts: []piece{{Size: 1}}},
	} {
		data, err := n.pack()
		if err != nil {
			f.Fatal(err)
		}
		good, _ := seal.value(data, where)
		f.Add(good, data)
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		if n, err := seal.read(text, where); err == nil && n.Bucket != "bucket" {
			t.Errorf("%q is read as %+v", text, n)
		}
		// What is sealed is checked nevertheless. A few bytes can become very many: that takes long,
		// and shows no more than these.
		n, err := unpackNote(data, 1<<14)
		if err != nil {
			return
		}
		if n.whole() {
			_, _ = n.user(), n.pieces()
		}
		once, err := json.Marshal(n)
		if err != nil {
			t.Fatalf("%+v was read, and cannot be written: %v", n, err)
		}
		again := new(note)
		if err := json.Unmarshal(once, again); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s, written again, is %s (%v)", once, twice, err)
		}
	})
}
