package s3

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// objects are those requests that read and write objects whole.
type objects struct {
	index   *index
	content *content
	notes   *notes
}

// maxKey is the longest key of an object, bytes.
const maxKey = 1024

// checkKey returns an error if no object can have the key.
func checkKey(key string) error {
	if len(key) > maxKey {
		return s3err.GetKeyTooLongErr(int64(len(key)), maxKey)
	}
	if strings.ContainsRune(key, 0) {
		return s3err.GetAPIError(s3err.ErrInvalidURI)
	}
	return nil
}

// checkWrite returns the tags of an object that is to be written, or why it cannot be.
func checkWrite(key string, lock types.ObjectLockMode, hold types.ObjectLockLegalHoldStatus, tags *string) (map[string]string, error) {
	if lock != "" || hold == types.ObjectLockLegalHoldStatusOn {
		return nil, s3err.GetAPIError(s3err.ErrMissingObjectLockConfigurationNoSpaces)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return backend.ParseObjectTags(text(tags))
}

// headersOf returns what a request says of an object's bytes.
func headersOf(kind, encoding, disposition, language, cache, expires, redirect *string) headers {
	return headers{
		Type: text(kind), Encoding: text(encoding), Disposition: text(disposition), Language: text(language),
		Cache: text(cache), Expires: text(expires), Redirect: text(redirect),
	}
}

// other reports whether a request names a version that there is none of: an object has one, which
// is called null.
func other(version string) bool { return version != "" && version != onlyVersion }

func text(s *string) string { return backend.GetStringFromPtr(s) }

func pointer(s string) *string { return backend.GetPtrFromString(s) }

// publish puts an object in its place, if the conditions of the request are met by what is
// there now.
func (o objects) publish(bucket, key string, ifMatch, ifNoneMatch *string, next *object, more func(change) error) error {
	user := objectKey(bucket, key)
	defer o.notes.turn(user)()
	if err := o.meets(bucket, key, ifMatch, ifNoneMatch); err != nil {
		return err // nothing is noted in vain
	}
	before, err := get[object](o.index, user)
	if err != nil {
		return err
	}
	next.Modified = later(before.lastNoted())
	next.Noted = next.Modified
	w, err := o.notes.ofObject(bucket, key, next)
	if err != nil {
		return err
	}
	defer w.release()
	unlock, err := o.index.lock(bucket, key)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.meets(bucket, key, ifMatch, ifNoneMatch); err != nil { // it may have been removed
		return err
	}
	if before, err = get[object](o.index, user); err != nil {
		return err
	}
	return o.index.apply(func(c change) error {
		if before != nil {
			if err := errors.Join(c.unuse(user, before.Pieces), c.idle(before.Note)); err != nil {
				return err
			}
		}
		if err := c.adopt(next.Note); err != nil {
			return err
		}
		if more != nil {
			if err := more(c); err != nil {
				return err
			}
		}
		if err := c.use(user, next.Pieces); err != nil {
			return err
		}
		return c.put(user, next)
	})
}

// meets evaluates the conditions of a write.
func (o objects) meets(bucket, key string, ifMatch, ifNoneMatch *string) error {
	now, err := get[object](o.index, objectKey(bucket, key))
	if err != nil {
		return err
	}
	etag := ""
	if now != nil {
		etag = now.ETag
	}
	return backend.EvaluateObjectPutPreconditions(etag, ifMatch, ifNoneMatch, now != nil)
}

func (o objects) PutObject(ctx context.Context, in s3response.PutObjectInput) (out s3response.PutObjectOutput, err error) {
	bucket, key := *in.Bucket, *in.Key
	tags, err := checkWrite(key, in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Tagging)
	if err != nil {
		return out, err
	}
	// Nothing is stored in vain if it is known that nobody wants it.
	into, err := o.index.bucket(bucket)
	if err != nil {
		return out, err
	}
	if err := o.meets(bucket, key, in.IfMatch, in.IfNoneMatch); err != nil {
		return out, err
	}
	how, err := o.content.putFor(ctx, into, key, tags)
	if err != nil {
		return out, err
	}
	got, err := o.content.storePacked(in.Body, sumsOfObject(&in), how)
	if err != nil {
		return out, err
	}
	defer got.release()
	next := &object{
		Size: got.size, ETag: got.etag(), Metadata: in.Metadata, Tags: tags, Pieces: got.pieces, End: got.end, Checksum: got.checksum,
		Headers: headersOf(in.ContentType, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.CacheControl, in.Expires, in.WebsiteRedirectLocation),
	}
	if err := o.publish(bucket, key, in.IfMatch, in.IfNoneMatch, next, nil); err != nil {
		return out, err
	}
	out = s3response.PutObjectOutput{ETag: next.ETag, Size: &next.Size}
	all := next.Checksum.fields()
	out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumSHA1, out.ChecksumSHA256 = all["CRC32"], all["CRC32C"], all["SHA1"], all["SHA256"]
	out.ChecksumCRC64NVME, out.ChecksumSHA512, out.ChecksumMD5 = all["CRC64NVME"], all["SHA512"], all["MD5"]
	out.ChecksumXXHASH64, out.ChecksumXXHASH3, out.ChecksumXXHASH128 = all["XXHASH64"], all["XXHASH3"], all["XXHASH128"]
	out.ChecksumType = next.Checksum.kind()
	return out, nil
}

// fields returns the checksum by its algorithm, if there is one.
func (c checksum) fields() map[string]*string {
	if c.Value == "" {
		return nil
	}
	return map[string]*string{c.Algorithm: &c.Value}
}

// kind returns of what the checksum is, if there is one.
func (c checksum) kind() types.ChecksumType {
	switch {
	case c.Value == "":
		return ""
	case c.Composite:
		return types.ChecksumTypeComposite
	}
	return types.ChecksumTypeFullObject
}

// span is what is read of an object.
type span struct {
	off, n int64
	shown  *string // as Content-Range
	parts  *int32
}

// spanOf returns what a request wants of an object: a part, a range, or all of it.
func spanOf(o *object, number *int32, asked string) (s span, err error) {
	s.n = o.Size
	ranged := false
	switch {
	case number != nil:
		count := int32(max(1, len(o.Ends)))
		if *number < 1 || *number > count {
			return s, s3err.GetInvalidPartNumberRangeErr(count, *number)
		}
		if len(o.Ends) > 0 {
			s.parts = &count
			if *number > 1 {
				s.off = o.Ends[*number-2]
			}
			s.n = o.Ends[*number-1] - s.off
		}
		ranged = s.n > 0
	case asked != "":
		if s.off, s.n, ranged, err = backend.ParseObjectRange(o.Size, asked); err != nil {
			return s, err
		}
	}
	if ranged {
		s.shown = pointer(fmt.Sprintf("bytes %d-%d/%d", s.off, s.off+s.n-1, o.Size))
	}
	return s, nil
}

// find returns an object that meets the conditions of a read.
func (o objects) find(bucket, key string, c backend.PreConditions) (*object, error) {
	found, err := o.index.object(bucket, key)
	if err != nil {
		return nil, err
	}
	return found, backend.EvaluatePreconditions(found.ETag, found.Modified.Truncate(time.Second), c)
}

// findHeld is find for who needs the object's blobs, which are held until they are released.
func (o objects) findHeld(bucket, key string, c backend.PreConditions) (*object, *held, error) {
	for {
		found, err := o.find(bucket, key, c)
		if err != nil {
			return nil, nil, err
		}
		h := o.content.hold(found.Pieces)
		again, err := get[object](o.index, objectKey(bucket, key))
		if err == nil && again != nil && slices.Equal(again.Pieces, found.Pieces) {
			return found, h, nil
		}
		h.release() // its blobs may be gone: there is another one in its place, or none
		if err != nil {
			return nil, nil, err
		}
	}
}

func (o objects) GetObject(_ context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	if other(text(in.VersionId)) {
		return nil, notImplemented()
	}
	found, blobs, err := o.findHeld(*in.Bucket, *in.Key, backend.PreConditions{
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince,
	})
	if err != nil {
		return nil, err
	}
	s, err := spanOf(found, in.PartNumber, text(in.Range))
	if err != nil {
		blobs.release()
		return nil, err
	}
	body, err := o.content.open(blobs, found.Pieces, s.off, s.n)
	if err != nil {
		return nil, err
	}
	h := describe(found, s, in.ChecksumMode)
	return &s3.GetObjectOutput{
		Body: body, AcceptRanges: h.AcceptRanges, ContentLength: h.ContentLength, ContentRange: h.ContentRange, PartsCount: h.PartsCount,
		ContentType: h.ContentType, ContentEncoding: h.ContentEncoding, ContentDisposition: h.ContentDisposition,
		ContentLanguage: h.ContentLanguage, CacheControl: h.CacheControl, ExpiresString: h.ExpiresString,
		WebsiteRedirectLocation: h.WebsiteRedirectLocation, ETag: h.ETag, LastModified: h.LastModified, Metadata: h.Metadata,
		StorageClass: h.StorageClass, TagCount: h.TagCount, ChecksumType: h.ChecksumType,
		ChecksumCRC32: h.ChecksumCRC32, ChecksumCRC32C: h.ChecksumCRC32C, ChecksumCRC64NVME: h.ChecksumCRC64NVME,
		ChecksumSHA1: h.ChecksumSHA1, ChecksumSHA256: h.ChecksumSHA256, ChecksumSHA512: h.ChecksumSHA512, ChecksumMD5: h.ChecksumMD5,
		ChecksumXXHASH64: h.ChecksumXXHASH64, ChecksumXXHASH3: h.ChecksumXXHASH3, ChecksumXXHASH128: h.ChecksumXXHASH128,
	}, nil
}

func (o objects) HeadObject(_ context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	if other(text(in.VersionId)) {
		return nil, notImplemented()
	}
	found, err := o.find(*in.Bucket, *in.Key, backend.PreConditions{
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince,
	})
	if err != nil {
		return nil, err
	}
	s, err := spanOf(found, in.PartNumber, text(in.Range))
	if err != nil {
		return nil, err
	}
	return describe(found, s, in.ChecksumMode), nil
}

// describe returns what the answer to a read says of an object and the span of it.
func describe(found *object, s span, checksums types.ChecksumMode) *s3.HeadObjectOutput {
	h, tags := found.Headers, int32(len(found.Tags))
	out := &s3.HeadObjectOutput{
		AcceptRanges: pointer("bytes"), ContentLength: &s.n, ContentRange: s.shown, PartsCount: s.parts,
		ContentType: pointer(h.Type), ContentEncoding: pointer(h.Encoding), ContentDisposition: pointer(h.Disposition),
		ContentLanguage: pointer(h.Language), CacheControl: pointer(h.Cache), ExpiresString: pointer(h.Expires),
		WebsiteRedirectLocation: pointer(h.Redirect), ETag: &found.ETag, LastModified: &found.Modified, Metadata: found.Metadata,
		StorageClass: types.StorageClassStandard,
	}
	if tags > 0 {
		out.TagCount = &tags
	}
	if checksums == types.ChecksumModeEnabled && s.shown == nil {
		all := found.Checksum.fields()
		out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumSHA1, out.ChecksumSHA256 = all["CRC32"], all["CRC32C"], all["SHA1"], all["SHA256"]
		out.ChecksumCRC64NVME, out.ChecksumType = all["CRC64NVME"], found.Checksum.kind()
		out.ChecksumSHA512, out.ChecksumMD5 = all["SHA512"], all["MD5"]
		out.ChecksumXXHASH64, out.ChecksumXXHASH3, out.ChecksumXXHASH128 = all["XXHASH64"], all["XXHASH3"], all["XXHASH128"]
	}
	return out
}

func (o objects) GetObjectAttributes(_ context.Context, in *s3.GetObjectAttributesInput) (out s3response.GetObjectAttributesResponse, err error) {
	found, err := o.index.object(*in.Bucket, *in.Key)
	if err != nil {
		return out, err
	}
	out = s3response.GetObjectAttributesResponse{
		ETag: pointer(strings.Trim(found.ETag, `"`)), ObjectSize: &found.Size, StorageClass: types.StorageClassStandard, LastModified: &found.Modified,
	}
	if all := found.Checksum.fields(); all != nil {
		out.Checksum = &types.Checksum{
			ChecksumType: found.Checksum.kind(), ChecksumCRC32: all["CRC32"], ChecksumCRC32C: all["CRC32C"], ChecksumSHA1: all["SHA1"],
			ChecksumSHA256: all["SHA256"], ChecksumCRC64NVME: all["CRC64NVME"], ChecksumSHA512: all["SHA512"], ChecksumMD5: all["MD5"],
			ChecksumXXHASH64: all["XXHASH64"], ChecksumXXHASH3: all["XXHASH3"], ChecksumXXHASH128: all["XXHASH128"],
		}
	}
	return out, nil
}

// errStays is what keeps an object that was to be removed.
var errStays = errors.New("s3: the object stays")

// remove removes an object, if there is one that meets the conditions.
func (o objects) remove(bucket, key string, c backend.ObjectDeletePreconditions) error {
	return o.removeIf(bucket, key, func(now *object) error {
		return backend.EvaluateObjectDeletePreconditions(now.ETag, now.Modified, now.Size, c)
	})
}

// removeIf removes an object, if there is one, unless there is an error, which it returns but for
// errStays. Its blobs are gone soon, but for those that others have, too.
func (o objects) removeIf(bucket, key string, check func(*object) error) error {
	unlock, err := o.index.lock(bucket, key)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := get[object](o.index, objectKey(bucket, key))
	if err != nil || now == nil {
		return err
	}
	if err := check(now); errors.Is(err, errStays) {
		return nil
	} else if err != nil {
		return err
	}
	defer o.content.hurry()
	user := objectKey(bucket, key)
	return o.index.apply(func(c change) error {
		if err := errors.Join(c.unuse(user, now.Pieces), c.idle(now.Note)); err != nil {
			return err
		}
		return c.remove(user)
	})
}

func (o objects) DeleteObject(_ context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	if other(text(in.VersionId)) {
		return nil, notImplemented()
	}
	err := o.remove(*in.Bucket, *in.Key, backend.ObjectDeletePreconditions{
		IfMatch: in.IfMatch, IfMatchLastModTime: in.IfMatchLastModifiedTime, IfMatchSize: in.IfMatchSize,
	})
	return &s3.DeleteObjectOutput{}, err
}

func (o objects) DeleteObjects(_ context.Context, in *s3.DeleteObjectsInput) (out s3response.DeleteResult, err error) {
	if _, err := o.index.bucket(*in.Bucket); err != nil {
		return out, err
	}
	out.Deleted, out.Error = []types.DeletedObject{}, []types.Error{}
	for _, one := range in.Delete.Objects {
		err := error(nil)
		if other(text(one.VersionId)) {
			err = notImplemented()
		} else {
			err = o.remove(*in.Bucket, text(one.Key), backend.ObjectDeletePreconditions{
				IfMatch: one.ETag, IfMatchLastModTime: one.LastModifiedTime, IfMatchSize: one.Size,
			})
		}
		if err != nil {
			out.Error = append(out.Error, s3err.ObjectDeleteError(one.Key, one.VersionId, err))
			continue
		}
		out.Deleted = append(out.Deleted, types.DeletedObject{Key: one.Key})
	}
	return out, nil
}

// tagging are those requests that are of objects' tags.
type tagging struct {
	index *index
	notes *notes
}

func (t tagging) set(bucket, key, version string, tags map[string]string) error {
	if other(version) {
		return notImplemented()
	}
	return t.notes.rewrite(bucket, key, func(o *object) bool {
		o.Tags = maps.Clone(tags)
		return true
	})
}

func (t tagging) PutObjectTagging(_ context.Context, bucket, key, version string, tags map[string]string) error {
	return t.set(bucket, key, version, tags)
}

func (t tagging) DeleteObjectTagging(_ context.Context, bucket, key, version string) error {
	return t.set(bucket, key, version, nil)
}

func (t tagging) GetObjectTagging(_ context.Context, bucket, key, version string) (map[string]string, error) {
	if other(version) {
		return nil, notImplemented()
	}
	o, err := t.index.object(bucket, key)
	if err != nil {
		return nil, err
	}
	return o.Tags, nil
}
