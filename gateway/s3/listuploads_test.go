package s3

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
)

// TestUploadPages lists uploads in pages of every size, while some end between two pages.
func TestUploadPages(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx, b := t.Context(), aws.String("bucket")
	var all, ids []string
	for _, key := range []string{"a", "b", "b", "b", "c/x", "c/y", "d"} {
		out, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		all, ids = append(all, key+" "+*out.UploadId), append(ids, *out.UploadId)
	}
	for size := int32(1); size <= 8; size++ {
		var got []string
		pages := awss3.NewListMultipartUploadsPaginator(s.aws, &awss3.ListMultipartUploadsInput{Bucket: b, MaxUploads: &size})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range page.Uploads {
				got = append(got, *one.Key+" "+*one.UploadId)
			}
		}
		if !slices.Equal(got, all) {
			t.Errorf("pages of %d: %q, want %q", size, got, all)
		}
	}
	if _, err := s.aws.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: b, Key: aws.String("b"), UploadId: &ids[2]}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, key, id, delimiter string
		want                     []int // of all
		prefixes                 int
		code                     string
	}{
		{"after a key", "b", "", "", []int{4, 5, 6}, 0, ""},
		{"after an upload", "b", ids[1], "", []int{3, 4, 5, 6}, 0, ""},
		{"after one that has ended", "b", ids[2], "", []int{3, 4, 5, 6}, 0, ""},
		{"after one of the next key", "aa", ids[1], "", []int{3, 4, 5, 6}, 0, ""},
		{"after one of another key", "a", ids[4], "", nil, 0, "InvalidArgument"},
		{"after none", "a", uuid.NewString(), "", nil, 0, "InvalidArgument"},
		{"after what is no id", "a", "x", "", nil, 0, "InvalidArgument"},
		{"an id alone says nothing", "", ids[5], "", []int{0, 1, 3, 4, 5, 6}, 0, ""},
		{"with a delimiter", "", "", "/", []int{0, 1, 3, 6}, 1, ""},
		{"below a common prefix", "c/", ids[5], "/", []int{6}, 0, ""},
	} {
		in := &awss3.ListMultipartUploadsInput{Bucket: b, KeyMarker: &c.key, UploadIdMarker: &c.id}
		if c.delimiter != "" {
			in.Delimiter = &c.delimiter
		}
		out, err := s.aws.ListMultipartUploads(ctx, in)
		if c.code != "" || err != nil {
			if code(err) != c.code {
				t.Errorf("%s: %v, want %s", c.name, err, c.code)
			}
			continue
		}
		var got, want []string
		for _, one := range out.Uploads {
			got = append(got, *one.Key+" "+*one.UploadId)
		}
		for _, i := range c.want {
			want = append(want, all[i])
		}
		if !slices.Equal(got, want) || len(out.CommonPrefixes) != c.prefixes {
			t.Errorf("%s: %q and %s, want %q and %d", c.name, got, fmt.Sprint(out.CommonPrefixes), want, c.prefixes)
		}
	}
}

// TestVersions: an object has one version, which is called null.
func TestVersions(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx, b := t.Context(), aws.String("bucket")
	for _, key := range []string{"a", "b", "c"} {
		s.put("bucket", key, []byte(key))
	}
	var got []string
	for pages := awss3.NewListObjectVersionsPaginator(s.aws, &awss3.ListObjectVersionsInput{Bucket: b, MaxKeys: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			got = append(got, *v.Key+" "+*v.VersionId)
			if _, err := s.aws.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: b, Key: v.Key, VersionId: v.VersionId}); err != nil {
				t.Errorf("remove %s: %v", *v.Key, err)
			}
		}
	}
	if want := []string{"a null", "b null", "c null"}; !slices.Equal(got, want) {
		t.Errorf("versions %q, want %q", got, want)
	}
	if _, err := s.aws.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: b}); err != nil {
		t.Errorf("the bucket is not empty: %v", err)
	}
}

// TestTokens: a token stands for any key, and XML has its characters.
func TestTokens(t *testing.T) {
	for _, key := range []string{"a", "ä/x", "base64:x", "\x01 \x7f", "\xff", "a\nb", "\ufffe", "\ufffd", "<&>"} {
		token := keyToken(key)
		back, err := tokenKey(token)
		if err != nil || back != key {
			t.Errorf("%q has the token %q, which is of %q (%v)", key, token, back, err)
		}
		if !utf8.ValidString(token) || strings.ContainsAny(token, "\x01\x7f\n\ufffe\ufffd") {
			t.Errorf("%q has the token %q, for which XML has no characters", key, token)
		}
	}
}
