package s3

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// uploads are those requests that bring an object in parts.
type uploads struct{ objects }

// upload returns an upload. The error is ErrNoSuchUpload of S3, or that there is no bucket.
func (u uploads) upload(bucket, key, id string) (*upload, error) {
	if _, err := u.index.bucket(bucket); err != nil {
		return nil, err
	}
	found, err := get[upload](u.index, uploadKey(bucket, key, id))
	if err == nil && found == nil {
		err = s3err.GetNoSuchUploadErr(id)
	}
	return found, err
}

func (u uploads) CreateMultipartUpload(_ context.Context, in s3response.CreateMultipartUploadInput) (out s3response.InitiateMultipartUploadResult, err error) {
	bucket, key := *in.Bucket, *in.Key
	tags, err := checkWrite(key, in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Tagging)
	if err != nil {
		return out, err
	}
	random, err := uuid.NewV7() // in the order in which uploads begin, which is that of listings
	if err != nil {
		return out, err
	}
	id := random.String()
	unlock, err := u.index.lock(bucket, key)
	if err != nil {
		return out, err
	}
	defer unlock()
	next := upload{
		Started: time.Now().UTC(), Metadata: in.Metadata, Tags: tags,
		Headers:  headersOf(in.ContentType, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.CacheControl, in.Expires, in.WebsiteRedirectLocation),
		Checksum: checksum{Algorithm: string(in.ChecksumAlgorithm), Composite: in.ChecksumType == types.ChecksumTypeComposite},
	}
	if err := u.index.apply(func(c change) error { return c.put(uploadKey(bucket, key, id), next) }); err != nil {
		return out, err
	}
	return s3response.InitiateMultipartUploadResult{Bucket: bucket, Key: key, UploadId: id}, nil
}

// keep keeps a part of an upload that goes on still.
func (u uploads) keep(bucket, key, id string, began *upload, number int32, next *part) error {
	user := partKey(bucket, id, number)
	defer u.notes.turn(user)()
	before, err := get[part](u.index, user)
	if err != nil {
		return err
	}
	next.Modified = later(before.lastNoted())
	w, err := u.notes.ofPart(note{Bucket: bucket, Key: []byte(key), ID: id, Upload: began, Number: number, Part: next})
	if err != nil {
		return err
	}
	defer w.release()
	unlock, err := u.index.lock(bucket, key)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := u.upload(bucket, key, id); err != nil {
		return err
	}
	if before, err = get[part](u.index, user); err != nil {
		return err
	}
	defer u.content.hurry()
	return u.index.apply(func(c change) error {
		if before != nil {
			if err := errors.Join(c.unuse(user, before.Pieces), c.idle(before.Note)); err != nil {
				return err
			}
		}
		return errors.Join(c.adopt(next.Note), c.use(user, next.Pieces), c.put(user, next))
	})
}

func (u uploads) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	bucket, key, id := *in.Bucket, *in.Key, *in.UploadId
	began, err := u.upload(bucket, key, id)
	if err != nil {
		return nil, err
	}
	how, err := u.how(ctx, bucket, key, began)
	if err != nil {
		return nil, err
	}
	got, err := u.content.store(in.Body, sumsOfPart(in, began.Checksum), how)
	if err != nil {
		return nil, err
	}
	defer got.release()
	next := &part{Size: got.size, ETag: got.etag(), Pieces: got.pieces, End: got.end, CRC64: got.crc64}
	if began.Checksum.Algorithm != "" {
		next.Checksum = got.checksum
	}
	if err := u.keep(bucket, key, id, began, *in.PartNumber, next); err != nil {
		return nil, err
	}
	all := got.checksum.fields()
	return &s3.UploadPartOutput{
		ETag: &next.ETag, ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumSHA1: all["SHA1"],
		ChecksumSHA256: all["SHA256"], ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
		ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
	}, nil
}

// how returns how the blobs of an upload are to be stored.
func (u uploads) how(ctx context.Context, bucket, key string, began *upload) (daemon.PutOptions, error) {
	b, err := u.index.bucket(bucket)
	if err != nil {
		return daemon.PutOptions{}, err
	}
	return u.content.putFor(ctx, b, key, began.Tags)
}

// UploadPartCopy makes a part of a range of an object, which is read and stored again: the
// range need not be of whole blobs.
func (u uploads) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (out s3response.CopyPartResult, err error) {
	bucket, key, id := *in.Bucket, *in.Key, *in.UploadId
	began, err := u.upload(bucket, key, id)
	if err != nil {
		return out, err
	}
	fromBucket, fromKey, version, err := backend.ParseCopySource(text(in.CopySource))
	if err == nil && other(version) {
		err = notImplemented()
	}
	if err == nil {
		err = u.isOf(fromBucket, in.ExpectedSourceBucketOwner)
	}
	if err != nil {
		return out, err
	}
	found, blobs, err := u.findHeld(fromBucket, fromKey, backend.PreConditions{
		IfMatch: in.CopySourceIfMatch, IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince, IfUnmodeSince: in.CopySourceIfUnmodifiedSince,
	})
	if err != nil {
		return out, err
	}
	off, n, err := backend.ParseCopySourceRange(found.Size, text(in.CopySourceRange))
	if err != nil {
		blobs.release()
		return out, err
	}
	n = min(n, found.Size-off)
	body, err := u.content.open(blobs, found.Pieces, off, n)
	if err != nil {
		return out, err
	}
	defer body.Close()
	how, err := u.how(ctx, bucket, key, began)
	if err != nil {
		return out, err
	}
	got, err := u.content.store(io.Reader(body), sums{want: began.Checksum.Algorithm, crc64: began.Checksum.Algorithm == ""}, how)
	if err != nil {
		return out, err
	}
	defer got.release()
	next := &part{Size: got.size, ETag: got.etag(), Pieces: got.pieces, End: got.end, Checksum: got.checksum, CRC64: got.crc64}
	if err := u.keep(bucket, key, id, began, *in.PartNumber, next); err != nil {
		return out, err
	}
	all := got.checksum.fields()
	return s3response.CopyPartResult{
		ETag: &next.ETag, LastModified: next.Modified,
		ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA1: all["SHA1"],
		ChecksumSHA256: all["SHA256"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
		ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
	}, nil
}

// parts calls f with the parts of an upload, in their order, after a number.
func (u uploads) parts(bucket, id string, from int32, f func(number int32, p *part) bool) error {
	prefix := named(kindPart, bucket, id, "")
	return u.index.each(prefix, partKey(bucket, id, from+1), func(key, value []byte, _ func([]byte)) (bool, error) {
		p := new(part)
		if err := json.Unmarshal(value, p); err != nil {
			return false, err
		}
		return f(int32(binary.BigEndian.Uint32(key[len(prefix):])), p), nil
	})
}

func (u uploads) ListParts(_ context.Context, in *s3.ListPartsInput) (out s3response.ListPartsResult, err error) {
	bucket, key, id := *in.Bucket, *in.Key, *in.UploadId
	began, err := u.upload(bucket, key, id)
	if err != nil {
		return out, err
	}
	marker := 0
	if asked := text(in.PartNumberMarker); asked != "" {
		if marker, err = strconv.Atoi(asked); err != nil || marker < 0 || marker > math.MaxInt32-1 {
			return out, s3err.GetInvalidArgMaxLimiter("part-number-marker", asked)
		}
	}
	n := most(in.MaxParts)
	out = s3response.ListPartsResult{
		Bucket: bucket, Key: key, UploadID: id, PartNumberMarker: marker, MaxParts: int(n), StorageClass: types.StorageClassStandard, Parts: []s3response.Part{},
		ChecksumAlgorithm: types.ChecksumAlgorithm(began.Checksum.Algorithm), ChecksumType: began.Checksum.asked(),
	}
	if began.Checksum.Algorithm == "" {
		out.ChecksumAlgorithm, out.ChecksumType = "null", "null" // as S3 has it
	}
	err = u.parts(bucket, id, int32(marker), func(number int32, p *part) bool {
		if int32(len(out.Parts)) == n {
			out.IsTruncated = true
			return false
		}
		all := p.Checksum.fields()
		out.Parts = append(out.Parts, s3response.Part{
			PartNumber: int(number), LastModified: p.Modified, ETag: p.ETag, Size: p.Size,
			ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumSHA1: all["SHA1"], ChecksumSHA256: all["SHA256"],
			ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
			ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
		})
		out.NextPartNumberMarker = int(number)
		return true
	})
	return out, err
}

// drop removes an upload with its parts.
func (u uploads) drop(c change, bucket, key, id string) error {
	if err := u.index.dropParts(c, named(kindPart, bucket, id, "")); err != nil {
		return err
	}
	return c.remove(uploadKey(bucket, key, id))
}

// prune removes those parts of an upload that are gone, and the upload with the last of them. It
// returns how many are left.
func (u uploads) prune(bucket, key, id string, gone func(number int32, p *part) bool) (left int, err error) {
	err = u.index.applyLater(func(c change) error {
		removed, failed := false, error(nil)
		err := u.parts(bucket, id, 0, func(number int32, p *part) bool {
			if !gone(number, p) {
				left++
				return true
			}
			removed, failed = true, c.dropPart(partKey(bucket, id, number), p)
			return failed == nil
		})
		if removed && left == 0 {
			failed = errors.Join(failed, c.remove(uploadKey(bucket, key, id)))
		}
		return errors.Join(err, failed)
	})
	return left, err
}

// expire removes the parts of an upload that are not stored any more: it cannot be completed with
// them.
func (u uploads) expire(bucket, key, id string, now Epochs) error {
	unlock, err := u.index.lock(bucket, key)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	defer u.content.hurry()
	_, err = u.prune(bucket, key, id, func(_ int32, p *part) bool { return p.End != 0 && now.Current >= p.End })
	return err
}

func (u uploads) AbortMultipartUpload(_ context.Context, in *s3.AbortMultipartUploadInput) error {
	bucket, key, id := *in.Bucket, *in.Key, *in.UploadId
	unlock, err := u.index.lock(bucket, key)
	if err != nil {
		return err
	}
	defer unlock()
	began, err := u.upload(bucket, key, id)
	if err != nil {
		return err
	}
	if at := in.IfMatchInitiatedTime; at != nil && at.Before(time.Now()) && at.Unix() != began.Started.Unix() {
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatchInitiatedTime)
	}
	defer u.content.hurry()
	return u.index.apply(func(c change) error { return u.drop(c, bucket, key, id) })
}

// CompleteMultipartUpload makes an object of parts: of their blobs, which stay where they
// are. Once more with the same parts, it answers the same.
func (u uploads) CompleteMultipartUpload(_ context.Context, in *s3.CompleteMultipartUploadInput) (out s3response.CompleteMultipartUploadResult, version string, err error) {
	next, err := u.complete(in)
	if err == nil {
		return completed(in, next), "", nil
	}
	now, _ := get[object](u.index, objectKey(*in.Bucket, *in.Key))
	if now != nil && now.Upload == *in.UploadId { // another request was faster
		return completed(in, now), "", nil
	}
	return out, "", err
}

// complete makes an object of the parts that a request names, and puts it in its place.
func (u uploads) complete(in *s3.CompleteMultipartUploadInput) (*object, error) {
	bucket, key, id := *in.Bucket, *in.Key, *in.UploadId
	began, err := u.upload(bucket, key, id)
	if err != nil {
		return nil, err
	}
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if kind := began.Checksum.asked(); in.ChecksumType != "" && in.ChecksumType != kind {
		if kind == "" {
			kind = "null"
		}
		return nil, s3err.GetChecksumTypeMismatchOnMpErr(kind)
	}
	next, err := u.join(bucket, id, began.Checksum, in.MultipartUpload.Parts)
	if err != nil {
		return nil, err
	}
	if in.MpuObjectSize != nil && next.Size != *in.MpuObjectSize {
		return nil, s3err.GetIncorrectMpObjectSizeErr(next.Size, *in.MpuObjectSize)
	}
	if given := wholeSum(in, began.Checksum.Algorithm); given != "" && given != next.Checksum.Value && !(next.Checksum.Composite && strings.HasPrefix(next.Checksum.Value, given+"-")) {
		return nil, s3err.GetChecksumBadDigestErr(types.ChecksumAlgorithm(began.Checksum.Algorithm))
	}
	next.Headers, next.Metadata, next.Tags, next.Upload = began.Headers, began.Metadata, began.Tags, id
	defer u.content.hurry()
	return next, u.publish(bucket, key, in.IfMatch, in.IfNoneMatch, next, func(c change) error {
		if _, err := u.upload(bucket, key, id); err != nil {
			return err
		}
		again, err := u.join(bucket, id, began.Checksum, in.MultipartUpload.Parts)
		if err != nil {
			return err
		}
		if !slices.Equal(again.Pieces, next.Pieces) { // a part came again, and the blobs of the one before may be gone
			return s3err.GetInvalidPartErr(id, *in.MultipartUpload.Parts[0].PartNumber, *in.MultipartUpload.Parts[0].ETag)
		}
		return u.drop(c, bucket, key, id)
	})
}

// completed is the answer for an object that came in parts.
func completed(in *s3.CompleteMultipartUploadInput, o *object) s3response.CompleteMultipartUploadResult {
	all, kind := o.Checksum.fields(), o.Checksum.kind()
	out := s3response.CompleteMultipartUploadResult{
		Bucket: in.Bucket, Key: in.Key, ETag: &o.ETag,
		ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumSHA1: all["SHA1"], ChecksumSHA256: all["SHA256"],
		ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
		ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
	}
	if kind != "" {
		out.ChecksumType = &kind
	}
	return out
}

// join makes an object of the parts of an upload that are named, with the checksum that it is
// to have.
func (u uploads) join(bucket, id string, want checksum, named []types.CompletedPart) (*object, error) {
	before := int32(0)
	for _, p := range named {
		if p.PartNumber == nil || p.ETag == nil {
			return nil, s3err.GetAPIError(s3err.ErrMalformedXML)
		}
		if *p.PartNumber < 1 {
			return nil, s3err.GetInvalidArgumentErr(s3err.InvalidArgCompleteMpPartNumber, fmt.Sprint(*p.PartNumber))
		}
		if *p.PartNumber <= before {
			return nil, s3err.GetAPIError(s3err.ErrInvalidPartOrder)
		}
		before = *p.PartNumber
	}
	o, digest := new(object), md5.New()
	usual := want.Algorithm == ""
	if usual {
		want = checksum{Algorithm: usualSum}
	}
	sum, err := newJoined(want)
	if err != nil {
		return nil, err
	}
	for i, p := range named {
		found, err := get[part](u.index, partKey(bucket, id, *p.PartNumber))
		if err != nil {
			return nil, err
		}
		if found == nil || !backend.AreEtagsSame(found.ETag, *p.ETag) {
			return nil, s3err.GetInvalidPartErr(id, *p.PartNumber, *p.ETag)
		}
		if i < len(named)-1 && found.Size < backend.MinPartSize {
			return nil, s3err.GetEntityTooSmallErr(found.Size, backend.MinPartSize)
		}
		if usual {
			// What the client says of other checksums is not known to be wrong.
			p = types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag}
			found.Checksum = checksum{Algorithm: usualSum, Value: found.CRC64}
		}
		if found.Checksum.Value == "" { // it came before the usual one was made
			sum = new(joined)
		}
		if err := sum.add(id, p, found); err != nil {
			return nil, err
		}
		tag, err := hex.DecodeString(strings.Trim(found.ETag, `"`))
		if err != nil {
			return nil, err
		}
		digest.Write(tag)
		o.Size, o.End = o.Size+found.Size, earlier(o.End, found.End)
		o.Pieces, o.Ends = append(o.Pieces, found.Pieces...), append(o.Ends, o.Size)
	}
	o.ETag, o.Checksum = fmt.Sprintf(`"%x-%d"`, digest.Sum(nil), len(named)), sum.checksum()
	return o, nil
}
