package s3

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// open opens a backend before blobs, in memory unless the options say where. Whoever opens it
// closes it.
func open(t testing.TB, blobs Blobs, o Options) *Backend {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	b, err := Open("index", blobs, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openBucket is open for one that gets a bucket of the name "bucket".
func openBucket(t testing.TB, blobs Blobs, o Options) *Backend {
	t.Helper()
	b := open(t, blobs, o)
	if err := b.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("bucket")}, nil); err != nil {
		t.Fatal(err)
	}
	return b
}
