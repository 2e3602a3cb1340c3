package s3

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// maxCopy is the longest object that is copied in one request, as S3 has it.
const maxCopy = 5 << 30

// CopyObject copies a record: the blobs are shared.
func (o objects) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	fromBucket, fromKey, version, err := backend.ParseCopySource(text(in.CopySource))
	if err != nil {
		return out, err
	}
	if other(version) {
		return out, notImplemented()
	}
	bucket, key := *in.Bucket, *in.Key
	tags, err := checkWrite(key, in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Tagging)
	if err != nil {
		return out, err
	}
	if err := o.isOf(fromBucket, in.ExpectedSourceBucketOwner); err != nil {
		return out, err
	}
	found, blobs, err := o.findHeld(fromBucket, fromKey, backend.PreConditions{
		IfMatch: in.CopySourceIfMatch, IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince, IfUnmodeSince: in.CopySourceIfUnmodifiedSince,
	})
	if err != nil {
		return out, err
	}
	defer blobs.release()
	if found.Size > maxCopy {
		return out, s3err.GetCopySourceObjectTooLargeErr(maxCopy)
	}
	replace := in.MetadataDirective == types.MetadataDirectiveReplace
	if fromBucket == bucket && fromKey == key && !replace {
		return out, s3err.GetAPIError(s3err.ErrInvalidCopyDest)
	}
	next := *found
	next.Upload, next.Note = "", ""
	next.Headers.Redirect = text(in.WebsiteRedirectLocation) // which is not copied
	if replace {
		next.Metadata = in.Metadata
		next.Headers = headersOf(in.ContentType, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.CacheControl, in.Expires, in.WebsiteRedirectLocation)
	}
	if in.TaggingDirective == types.TaggingDirectiveReplace {
		next.Tags = tags
	}
	if want := string(in.ChecksumAlgorithm); want != "" && (want != next.Checksum.Algorithm || next.Checksum.Composite) {
		if next.Checksum, err = o.content.sum(found, want); err != nil {
			return out, err
		}
	}
	again, err := o.lastingCopy(ctx, bucket, key, &next)
	if err != nil {
		return out, err
	}
	defer again.release()
	if err := o.publish(bucket, key, nil, nil, &next, nil); err != nil {
		return out, err
	}
	all := next.Checksum.fields()
	return s3response.CopyObjectOutput{CopyObjectResult: &s3response.CopyObjectResult{
		ETag: &next.ETag, LastModified: &next.Modified, ChecksumType: next.Checksum.kind(),
		ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA1: all["SHA1"],
		ChecksumSHA256: all["SHA256"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
		ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
	}}, nil
}

// lastingCopy stores a copy's blobs again if they are not stored for as long as the copy is to
// last: it has blobs of its own then, which are held.
func (o objects) lastingCopy(ctx context.Context, bucket, key string, next *object) (*held, error) {
	nothing := &held{collector: o.content.collector}
	if o.content.epochs == nil || next.End == 0 {
		return nothing, nil
	}
	to, err := o.index.bucket(bucket)
	if err != nil {
		return nothing, err
	}
	how, err := o.content.putFor(ctx, to, key, next.Tags)
	if err != nil {
		return nothing, err
	}
	now, err := o.content.epochs(ctx)
	if err != nil {
		return nothing, explain(err)
	}
	if uint64(next.End) >= uint64(now.Current)+uint64(how.Epochs) {
		return nothing, nil
	}
	body, err := o.content.open(o.content.hold(next.Pieces), next.Pieces, 0, next.Size)
	if err != nil {
		return nothing, err
	}
	defer body.Close()
	got, err := o.content.store(io.Reader(body), sums{}, how)
	if err != nil {
		return nothing, err
	}
	next.Pieces, next.End = got.pieces, got.end
	return got.held, nil
}

// isOf returns an error if a bucket is another's than a request expects.
func (o objects) isOf(name string, expected *string) error {
	if text(expected) == "" {
		return nil
	}
	b, err := o.index.bucket(name)
	if err == nil && owner(b) != *expected {
		err = s3err.GetAPIError(s3err.ErrAccessDenied)
	}
	return err
}
