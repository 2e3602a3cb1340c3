package s3

import (
	"context"
	"errors"

	"github.com/versity/versitygw/s3err"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/ledger"
)

func noBucket(name string) error { return s3err.GetBucketErr(s3err.ErrNoSuchBucket, name) }
func noKey() error               { return s3err.GetAPIError(s3err.ErrNoSuchKey) }
func notImplemented() error      { return s3err.GetAPIError(s3err.ErrNotImplemented) }

// explain returns the error of S3 that one of the cluster is. What may pass is SlowDown:
// clients try it again.
func explain(err error) error {
	switch {
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, context.DeadlineExceeded),
		ledger.RuleOf(err) == ledger.RuleCapacity:
		return s3err.GetAPIError(s3err.ErrSlowDown)
	case errors.Is(err, client.ErrNotFound):
		return noKey() // its epochs have passed
	}
	return err
}

// missing reports whether an error says that there is no such bucket or object.
func missing(err error) bool {
	var e s3err.S3Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.BaseError().Code
	return code == "NoSuchKey" || code == "NoSuchBucket"
}
