package s3

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// serveIndex returns a server with a bucket, and with what fill puts into the index.
func serveIndex(t *testing.T, fill func(change) error) *served {
	t.Helper()
	fs := vfs.NewMem()
	x, err := openIndex("index", fs)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.apply(fill); err != nil {
		t.Fatal(err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, memory: newMemory(), fs: fs}
	s.blobs = s.memory
	s.start(Options{})
	s.bucket("bucket")
	return s
}

// TestMany lists 10^5 objects in pages.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const count = 100_000
	s := serveIndex(t, func(c change) error {
		for i := range count {
			if err := c.put(objectKey("bucket", fmt.Sprintf("%03d/%06d", i/1000, i)), object{Size: int64(i), ETag: `"x"`}); err != nil {
				return err
			}
		}
		return nil
	})
	pages, seen, last := 0, 0, ""
	for p := awss3.NewListObjectsV2Paginator(s.aws, &awss3.ListObjectsV2Input{Bucket: aws.String("bucket")}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			if *o.Key <= last {
				t.Fatalf("%s after %s", *o.Key, last)
			}
			last, seen = *o.Key, seen+1
		}
	}
	if seen != count || pages != count/pageSize {
		t.Errorf("%d objects in %d pages, want %d in %d", seen, pages, count, count/pageSize)
	}
	out, err := s.aws.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("bucket"), Delimiter: aws.String("/")})
	if err != nil || len(out.CommonPrefixes) != count/1000 {
		t.Errorf("%d folders (%v), want %d", len(out.CommonPrefixes), err, count/1000)
	}
}

// FuzzListing lists with whatever is asked for: in order, within the prefix, no more than a
// page, and no key twice.
func FuzzListing(f *testing.F) {
	x, err := openIndex("index", vfs.NewMem())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = x.close() })
	if err := x.apply(func(c change) error {
		for _, key := range []string{"a", "a/", "a/b", "a/b/c", "a0", "b/1", "b/2", "ä/x", "\xff"} {
			if err := c.put(objectKey("bucket", key), object{}); err != nil {
				return err
			}
		}
		return c.put(bucketKey("bucket"), bucket{})
	}); err != nil {
		f.Fatal(err)
	}
	f.Add("a", "/", "a/b", 2)
	f.Fuzz(func(t *testing.T, prefix, delimiter, marker string, most int) {
		seen, from := map[string]bool{}, marker
		for range 20 {
			p, err := listings{x}.page("bucket", prefix, delimiter, from, int32(most&7))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.objects)+len(p.prefixes) > most&7 {
				t.Fatalf("%d entries in a page of %d", len(p.objects)+len(p.prefixes), most&7)
			}
			for _, o := range p.objects {
				if seen[*o.Key] || *o.Key <= marker {
					t.Fatalf("%q twice, or not after %q", *o.Key, marker)
				}
				seen[*o.Key] = true
			}
			for _, c := range p.prefixes {
				if seen["prefix "+*c.Prefix] {
					t.Fatalf("prefix %q twice", *c.Prefix)
				}
				seen["prefix "+*c.Prefix] = true
			}
			if !p.more {
				return
			}
			if p.last == from {
				t.Fatalf("no way on from %q", from)
			}
			from = p.last
		}
		t.Fatal("no end")
	})
}

// FuzzRange reads whatever part or range is asked for of an object: no more than there is of it.
func FuzzRange(f *testing.F) {
	f.Add(int64(100), int32(0), "bytes=10-19")
	f.Add(int64(100), int32(2), "")
	f.Add(int64(0), int32(1), "bytes=-5")
	f.Fuzz(func(t *testing.T, size int64, number int32, asked string) {
		o := &object{Size: max(0, size)}
		if size&1 == 1 {
			o.Ends = []int64{o.Size / 3, o.Size / 2, o.Size}
		}
		var which *int32
		if number != 0 {
			which = &number
		}
		s, err := spanOf(o, which, asked)
		if err == nil && (s.off < 0 || s.n < 0 || s.off > o.Size || s.n > o.Size-s.off) {
			t.Errorf("part %d, %q of %d bytes is %d from %d on", number, asked, o.Size, s.n, s.off)
		}
	})
}

// TestManyUploads lists 10^4 open uploads of one key in pages. The last one of each page ends before the next
// page is asked for.
func TestManyUploads(t *testing.T) {
	const count = 10_000
	s := serveIndex(t, func(c change) error {
		for range count {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			if err := c.put(uploadKey("bucket", "key", id.String()), upload{Started: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	pages, seen, last := 0, 0, ""
	for p := awss3.NewListMultipartUploadsPaginator(s.aws, &awss3.ListMultipartUploadsInput{Bucket: aws.String("bucket")}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Uploads {
			if *one.UploadId <= last {
				t.Fatalf("%s after %s", *one.UploadId, last)
			}
			last, seen = *one.UploadId, seen+1
		}
		if _, err := s.aws.AbortMultipartUpload(t.Context(), &awss3.AbortMultipartUploadInput{
			Bucket: aws.String("bucket"), Key: aws.String("key"), UploadId: &last,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if seen != count || pages != count/pageSize {
		t.Errorf("%d uploads in %d pages, want %d in %d", seen, pages, count, count/pageSize)
	}
}
