package s3

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestMany lists 10^5 objects in pages.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const count = 100_000
	fs := vfs.NewMem()
	x, err := openIndex("index", fs)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.apply(func(c change) error {
		for i := range count {
			if err := c.put(objectKey("bucket", fmt.Sprintf("%03d/%06d", i/1000, i)), object{Size: int64(i), ETag: `"x"`}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, memory: newMemory(), fs: fs}
	s.blobs = s.memory
	s.start(Options{})
	s.bucket("bucket")
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
